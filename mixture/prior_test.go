package mixture_test

import (
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// TestPriors has one dimension for each rule of the default ridge: its variance's share, its largest coordinate's, and the
// least of all.
func TestPriors(t *testing.T) {
	s := &mixture.Summary{
		D:        3,
		Variance: []float64{4, 1e-10, 0},
		Low:      []float64{-3, -2000, 0},
		High:     []float64{5, 1000, 0},
	}
	want := []float64{4e-6, 4e-8, 1e-12}
	p := mixture.RelativePrior(s)
	rounding().Check(t, compare.Relative("ridge", p.Ridge, want), compare.Relative("floor", p.Floor, want))
	for j, v := range want {
		rounding().Check(t, compare.Relative("ridge of one dimension", p.Ridge[j:][:1], []float64{v}))
	}
	p = mixture.AbsolutePrior(s, 0.5)
	if !slices.Equal(p.Ridge, []float64{0.5, 0.5, 0.5}) {
		t.Errorf("absolute ridge is %v, want 0.5", p.Ridge)
	}
	rounding().Check(t, compare.Relative("floor", p.Floor, want))
}
