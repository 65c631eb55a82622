package gmmspec

import (
	"fmt"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
)

// TestLayouts: package runtime, which programs generated ahead of time need, and package variants, which they must not, agree
// on how many numbers describe a component to a kernel, and how many sums it makes of one.
func TestLayouts(t *testing.T) {
	for _, c := range mixture.Covariances() {
		for _, d := range []int{1, 2, 19, 256} {
			t.Run(fmt.Sprintf("cov=%s/d=%d", c, d), func(t *testing.T) {
				program, kernels := runtime.Program{Components: 1, Dimensions: d, Covariance: c}, variants.Covariance(c)
				if got, want := program.Record(), kernels.Record(d); got != want {
					t.Errorf("records of %d numbers: variants has %d", got, want)
				}
				if got, want := program.Cells(), kernels.CellCount(d); got != want {
					t.Errorf("%d cells: variants has %d", got, want)
				}
				if got, want := len(kernels.Cells(d)), kernels.CellCount(d); got != want {
					t.Errorf("variants lists %d cells and counts %d", got, want)
				}
			})
		}
	}
}
