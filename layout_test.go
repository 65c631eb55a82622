package gmmspec

import (
	"fmt"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
)

// TestLayouts: package runtime, which programs generated ahead of time need, and package variants, which they must not, agree
// on the names of layouts, on how many numbers describe a component to a kernel, on how many sums it makes of one, and on how
// events are cut.
func TestLayouts(t *testing.T) {
	for theirs, ours := range map[string]string{
		runtime.ByEvent: string(variants.ByEvent), runtime.ByDimension: string(variants.ByDimension),
		runtime.Packed: string(variants.Packed), runtime.Square: string(variants.Square), runtime.Diagonal: string(variants.Diagonal),
	} {
		if theirs != ours {
			t.Errorf("%q in runtime is %q in variants", theirs, ours)
		}
	}
	for _, c := range mixture.Covariances() {
		for _, d := range []int{1, 2, 19, 256} {
			t.Run(fmt.Sprintf("cov=%s/d=%d", c, d), func(t *testing.T) {
				program, kernels := runtime.Program{Components: 1, Dimensions: d, Covariance: c}, variants.Covariance(c)
				layouts := []variants.CovarianceLayout{variants.Packed, variants.Square}
				if !c.Correlated() {
					layouts = []variants.CovarianceLayout{variants.Diagonal}
				}
				for _, layout := range layouts {
					if got, want := program.Record(string(layout)), layout.Record(d); got != want {
						t.Errorf("%s: records of %d numbers: variants has %d", layout, got, want)
					}
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
	if l := variants.NewMatrixLayout(); l.Passes != runtime.LoopPasses || l.Batch != runtime.BatchEvents {
		t.Errorf("a loop of %d passes and batches of %d events: variants has %d and %d", runtime.LoopPasses, runtime.BatchEvents, l.Passes, l.Batch)
	}
	for _, r := range []variants.Resources{
		{Tile: 64, Blocks: 1, BlocksPerUnit: 16}, {Tile: 64, Blocks: 7, BlocksPerUnit: 2}, {Tile: 64, Blocks: 1000}, {Tile: 64, Blocks: 1000, BlocksPerUnit: 1},
	} {
		launch := runtime.Launch{Tile: r.Tile, Blocks: r.Blocks, BlocksPerUnit: r.BlocksPerUnit}
		for _, n := range []int{1, 64, 65, 1_000_000} {
			const units = 132
			if got, want := launch.Slices(n, units), r.Slices(int64(n), units); got != want {
				t.Errorf("%d events for %+v: %d slices: variants has %d", n, r, got, want)
			}
		}
	}
}
