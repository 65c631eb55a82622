package gmmspec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// TestSeparated: fits of components that are apart, and move far before they are where they stay, end where the reference's do, and by
// the same totals: what is left out of a pass has no part in it.
func TestSeparated(t *testing.T) {
	const n, m, d, iterations = 6000, 5, 3, 12
	onAll(t, func(t *testing.T, on tried) {
		for seed, test := range []struct {
			covariance Covariance
			apart      float64 // in standard deviations
			nested     bool    // one component is within another
			weighted   bool
		}{
			{Full, 8, false, false},
			{Full, 40, false, true},
			{Full, 1000, false, false},
			{Full, 40, true, false},
			{Diag, 12, false, false},
			{Diag, 100, true, true},
			{Tied, 30, false, false},
			{Spherical, 30, false, true},
		} {
			t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
				random := rand.New(rand.NewPCG(uint64(seed), 3))
				truth, x, weights := make([]float64, m*d), make([]float64, n*d), make([]float64, n)
				for i := range truth {
					truth[i] = test.apart * random.NormFloat64()
				}
				deviation := []float64{1, 1, 1, 1, 1}
				if test.nested {
					copy(truth[d:2*d], truth[:d])
					deviation[1] = 1e-2
				}
				for i := range n {
					c := i * m / n // in runs, as of a recording
					for j := range d {
						x[i*d+j] = 100 + truth[c*d+j] + deviation[c]*random.NormFloat64()
					}
					weights[i] = 1 + float64(i%3)
				}
				start := mixture.NewParameters(test.covariance, m, d)
				for c := range m {
					start.Weights[c] = 1.0 / m
					for j := range d {
						start.Mean(c)[j] = 100 + truth[c*d+j] + 0.5*deviation[c]*random.NormFloat64()
					}
				}
				for i := range start.Covariances {
					if matrix := d * d; test.covariance == Diag || test.covariance == Spherical || i%matrix%(d+1) == 0 {
						start.Covariances[i] = 0.25 * test.apart * test.apart // wider than it is going to be
					}
				}
				if test.nested {
					shrink(start, 1, 1e-4)
				}
				options := []Option{WithCovariance(test.covariance), WithParameters(start), WithTolerance(0), WithIterations(0, iterations), WithRidge(0)}
				if test.weighted {
					options = append(options, WithWeights(weights))
				}
				data := viewed(t, x, n, d)
				var fits [2]*Result
				var models [2]*Model
				for i, on := range []tried{on, {device: DeviceReference, precision: PrecisionFloat64}} {
					models[i] = on.model(t, m, d, options...)
					fits[i] = on.train(t, models[i], data)
				}
				within := compare.Tolerance{Warn: 1e-5, Fail: 1e-4}
				if on.precision == PrecisionFloat64 {
					within = compare.Tolerance{Warn: 1e-10, Fail: 1e-9}
				}
				within.Check(t, compare.Parameters(models[0].Parameters(), models[1].Parameters())...)
				for i, total := range fits[0].History {
					if want := fits[1].History[i]; !(math.Abs(total-want) <= within.Fail*math.Abs(want)) {
						t.Errorf("iteration %d: total %v: want %v", i, total, want)
					}
				}
			})
		}
	})
}

// shrink multiplies a component's covariance.
func shrink(p *mixture.Parameters, m int, by float64) {
	size := len(p.Covariances) / p.M
	for i := range size {
		p.Covariances[m*size+i] *= by
	}
}
