package gmmspec

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// TestTightness: components just short of too tight for sums about the centre, and of all tightnesses beyond, are within what is
// promised, of events at the corners of a cube about each component, whose rounding errors are the same every time and do not average
// out. What float32 cannot do better: an event √κ standard deviations from the centre is rounded by 2⁻²⁴ of that, its square by twice.
func TestTightness(t *testing.T) {
	const events, dimensions, components = 20_000, 3, 4
	// What is in a tile of events: all components and one corner after another, one component and all corners, one of either.
	arrangements := []func(i int) (m, corner int){
		func(i int) (m, corner int) { return i % components, i / components },
		func(i int) (m, corner int) { return i / (events / components), i },
		func(i int) (m, corner int) { return i / (events / components), i / (events / components / 8) },
	}
	onAll(t, func(t *testing.T, on tried) {
		for _, tightness := range []float64{2, 3, 12, 24, 1e3, 4.9e4, 1e6} {
			within := max(1e-5, 2*0x1p-24*math.Sqrt(tightness))
			if on.precision == PrecisionFloat64 {
				within = 1e-10
			}
			deviation := 1 / math.Sqrt(tightness-1)
			p := mixture.NewParameters(Full, components, dimensions)
			x := make([]float64, events*dimensions)
			for m := range components {
				p.Weights[m] = 1.0 / components
				for d := range dimensions {
					p.Mean(m)[d] = 1 - 2*float64(m>>d&1) + 0.1*float64(m)
					p.Covariances[(m*dimensions+d)*dimensions+d] = deviation * deviation
				}
			}
			for arrangement, at := range arrangements {
				for i := range events {
					m, corner := at(i)
					for d := range dimensions {
						x[i*dimensions+d] = p.Mean(m)[d] + deviation*float64(1-2*(corner>>d&1))
					}
				}
				data := viewed(t, x, events, dimensions)
				var fits [2]*Parameters
				for i, on := range []tried{on, {device: DeviceReference, precision: PrecisionFloat64}} {
					model := on.model(t, components, dimensions, WithParameters(p), WithTolerance(0), WithIterations(0, 1), WithRidge(0))
					on.train(t, model, data)
					fits[i] = model.Parameters()
				}
				for _, measure := range compare.Parameters(fits[0], fits[1]) {
					if !(measure.Error <= within) {
						t.Errorf("tightness %g, arrangement %d: %v: want at most %g", tightness, arrangement, measure, within)
					}
				}
			}
		}
	})
}
