package sklearn_test

import (
	"fmt"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/internal/reference/sklearn"
	"github.com/gmmspec/gmmspec/mixture"
)

// equal is what two float64 implementations agree to after 20 iterations, by natural scales.
func equal() compare.Tolerance { return compare.Tolerance{Warn: 1e-10, Fail: 1e-9} }

// TestJudge: the judge's own EM is scikit-learn's.
func TestJudge(t *testing.T) {
	fixtures, err := sklearn.Load()
	if err != nil {
		t.Fatal(err)
	}
	fits := 0
	for _, f := range fixtures {
		events, err := f.Events()
		if err != nil {
			t.Fatal(err)
		}
		data := mixture.Data{Events: events}
		for _, fit := range f.Fits {
			fits++
			t.Run(fmt.Sprintf("%s/%s", f.Name, fit.Start.Covariance), func(t *testing.T) {
				ridge := make([]float64, f.D)
				for j := range ridge {
					ridge[j] = fit.Ridge
				}
				for _, want := range fit.After {
					got, err := reference.Fit(data, fit.Start, mixture.Prior{Ridge: ridge}, want.Iterations)
					if err != nil {
						t.Fatal(err)
					}
					equal().Check(t, compare.Parameters(got.Parameters, want.Parameters)...)
					mean := got.History[want.Iterations-1] / float64(f.N)
					equal().Check(t, compare.Absolute("lower bound", []float64{mean}, []float64{want.LowerBound}))
				}
			})
		}
	}
	if want := 4 * 3 * 4; fits != want { // dimensions, components, covariance types
		t.Errorf("%d fits: want %d", fits, want)
	}
}
