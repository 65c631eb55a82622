package runtimetest

import (
	"fmt"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/reference/sklearn"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// RunFixtures fits scikit-learn's fixtures on devices of one precision: their parameters, log-likelihoods and lower bounds
// after 1, 5 and 20 iterations must be scikit-learn's. Of the options it heeds Refuses.
func RunFixtures(t *testing.T, open Open, precision string, options Options) {
	t.Helper()
	fixtures, err := sklearn.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fixtures {
		for _, fit := range f.Fits {
			p := Problem{M: f.M, D: f.D, Covariance: fit.Start.Covariance, Precision: precision}
			t.Run(p.String(), func(t *testing.T) {
				if reason, refused := options.refused(p); refused {
					checkRefused(t, open, p, reason)
					return
				}
				b := &bench{T: t, problem: p, open: open}
				b.device = b.another()
				testFixture(b, &f, &fit)
			})
		}
	}
}

// fixtureTolerance is what fits agree to after 20 iterations, by natural scales.
func fixtureTolerance(precision string) compare.Tolerance {
	if precision == runtime.Float64 {
		return compare.Tolerance{Warn: 1e-10, Fail: 1e-9}
	}
	return compare.Tolerance{Warn: 2e-5, Fail: 1e-4}
}

func testFixture(b *bench, f *sklearn.Fixture, fit *sklearn.Fit) {
	tolerance := fixtureTolerance(b.problem.Precision)
	data := mixture.Data{Events: b.float64s(f.X, f.D)}
	summary, err := mixture.Summarize(b.Context(), data)
	if err != nil {
		b.Fatal(err)
	}
	prior := mixture.AbsolutePrior(summary, fit.Ridge)
	loaded := b.load(b.device, data)
	for _, want := range fit.After {
		b.Run(fmt.Sprintf("iterations=%d", want.Iterations), func(t *testing.T) {
			got, err := mixture.Train(t.Context(), loaded, fit.Start, prior, mixture.TrainOptions{MaxIterations: want.Iterations})
			if err != nil {
				t.Fatal(err)
			}
			scores := mixture.Scores{LogLikelihoods: make([]float64, f.N)}
			if err := loaded.Score(t.Context(), got.Parameters, &scores); err != nil {
				t.Fatal(err)
			}
			bound := got.History[want.Iterations-1] / float64(f.N)
			tolerance.Check(t, compare.Parameters(got.Parameters, want.Parameters)...)
			tolerance.Check(t,
				compare.LogDensities(scores.LogLikelihoods, want.LogLikelihoods),
				compare.Absolute("lower bound", []float64{bound}, []float64{want.LowerBound}),
			)
		})
	}
}
