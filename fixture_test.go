package gmmspec

import (
	"fmt"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/reference/sklearn"
)

// fixtureTolerance is what fits agree to with scikit-learn's, by natural scales.
func (on tried) fixtureTolerance() compare.Tolerance {
	if on.precision == PrecisionFloat64 {
		return compare.Tolerance{Warn: 1e-9, Fail: 1e-9}
	}
	return compare.Tolerance{Warn: 1e-4, Fail: 1e-4}
}

// TestFixtures goes on training from iteration to iteration: at each that a fixture knows, parameters and log-likelihoods are
// scikit-learn's.
func TestFixtures(t *testing.T) {
	fixtures, err := sklearn.Load()
	if err != nil || len(fixtures) == 0 {
		t.Fatalf("%d fixtures, error %v", len(fixtures), err)
	}
	onAll(t, func(t *testing.T, on tried) {
		for _, f := range fixtures {
			events, err := f.Events()
			if err != nil {
				t.Fatal(err)
			}
			for _, fit := range f.Fits {
				t.Run(fmt.Sprintf("%s/%s", f.Name, fit.Start.Covariance), func(t *testing.T) {
					model := on.model(t, f.M, f.D, WithParameters(fit.Start), WithRidge(fit.Ridge), WithTolerance(0))
					done := 0
					for _, want := range fit.After {
						model.settings.max = want.Iterations - done
						on.train(t, model, events)
						done = want.Iterations
						scores, err := model.Score(t.Context(), events)
						if err != nil {
							t.Fatal(err)
						}
						tolerance := on.fixtureTolerance()
						tolerance.Check(t, compare.Parameters(model.Parameters(), want.Parameters)...)
						tolerance.Check(t, compare.LogDensities(scores, want.LogLikelihoods))
					}
				})
			}
		}
	})
}
