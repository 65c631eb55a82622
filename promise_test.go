package gmmspec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
	"gonum.org/v1/gonum/mat"
)

// iterated is what one iteration makes of some parameters of a sample of the corpus.
type iterated struct {
	corpus.Case
	sample        *corpus.Sample
	later         bool // and not from the start
	events        Events
	options       []Option // that begin there
	before, after *Parameters
}

// eachIteration visits the adversarial corpus: an iteration from the start and one from where the reference is after some, as the
// reference does it, without a ridge, which would hide errors.
func eachIteration(t *testing.T, visit func(t *testing.T, i iterated)) {
	t.Helper()
	judge := tried{device: DeviceReference, precision: PrecisionFloat64}
	for _, c := range corpus.Cases() {
		for _, covariance := range c.Covariances {
			s := c.Sample(1, corpusEvents, covariance)
			events, err := s.Events()
			if err != nil {
				t.Fatal(err)
			}
			after := func(iterations int, options ...Option) *Parameters {
				model := judge.corpusModel(t, s, append(options, WithRidge(0), WithIterations(0, iterations))...)
				judge.train(t, model, events)
				return model.Parameters()
			}
			for _, iterations := range []int{0, corpusIterations} {
				i := iterated{Case: c, sample: s, later: iterations > 0, events: events, before: after(iterations)}
				i.options = []Option{WithParameters(i.before), WithRidge(0)}
				i.after = after(1, i.options...)
				t.Run(fmt.Sprintf("%s/%s/after=%d", c.Name, covariance, iterations), func(t *testing.T) { visit(t, i) })
			}
		}
	}
}

// error is the worst entry of the covariances that a device makes, and the precision that it did so in.
func (i iterated) error(t *testing.T, on tried, options ...Option) (compare.Measure, variants.Precision) {
	t.Helper()
	model := on.corpusModel(t, i.sample, slices.Concat(i.options, []Option{WithIterations(0, 1)}, options)...)
	result, err := model.Train(t.Context(), i.events)
	if err != nil {
		t.Fatal(err)
	}
	measures := compare.Covariances(model.Parameters(), i.after)
	return measures[slices.IndexFunc(measures, func(m compare.Measure) bool { return strings.Contains(m.What, "entries") })], result.Plan.Problem.Precision
}

// TestPromise: on the whole adversarial corpus, at the start and later on, an iteration with auto is within what is allowed. It logs the
// errors and the precisions.
func TestPromise(t *testing.T) {
	w := newWorkshop()
	for _, device := range []string{DeviceCC, DeviceCUDA} {
		t.Run("device="+device, func(t *testing.T) {
			require.Have(t, device, available(w, variants.Backend(device)))
			var table strings.Builder
			columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
			single := 0
			eachIteration(t, func(t *testing.T, i iterated) {
				for _, most := range []float64{DefaultMaxError, 1e-8} {
					measure, precision := i.error(t, tried{device: device, precision: PrecisionAuto}, WithMaxError(most))
					if !(measure.Error <= most) {
						t.Errorf("in %s, at most %g: %v", precision, most, measure)
					}
					if precision == variants.Float32 {
						single++
						if most < LeastFloat32MaxError {
							t.Errorf("float32 where at most %g is allowed", most)
						}
					}
					fmt.Fprintf(columns, "%s\t%s\tlater %v\t%g\t%.1g\t%s\t\n", i.Name, i.sample.Covariance, i.later, most, measure.Error, precision)
				}
			})
			if single == 0 {
				t.Error("float32 is never chosen")
			}
			if err := columns.Flush(); err != nil {
				t.Fatal(err)
			}
			t.Logf("an iteration with auto on %s:\n%s", device, &table)
		})
	}
}

// TestEstimates: what is estimated of sums about the means is no less than what is measured on the corpus; nor, for log-densities and
// for what they do to covariances, a hundred times as much, but of components without a width of their own, whose events are
// their mean.
func TestEstimates(t *testing.T) {
	require.Have(t, DeviceCC, available(newWorkshop(), variants.CC))
	const times, least = 100, 2e-7 // an error that is less is luck
	on := tried{device: DeviceCC, precision: PrecisionFloat32}
	eachIteration(t, func(t *testing.T, i iterated) {
		lanes := fmt.Sprintf("accumulate-%s-lanes", variants.Covariance(i.sample.Covariance).Kernel())
		measure, _ := i.error(t, on, WithVariant(lanes))
		summary, err := mixture.Summarize(t.Context(), mixture.Data{Events: i.events})
		if err != nil {
			t.Fatal(err)
		}
		frame := runtime.CentredFrame(summary)
		factors, err := i.before.Factor()
		if err != nil {
			t.Fatal(err)
		}
		promised := runtime.Program{Precision: runtime.Float32, Promised: true, MaxError: measure.Error}
		if i.wide() && measure.Error > 0 && promised.CheckDirect(frame, i.before, factors) == nil && i.keeps(t, promised, frame) {
			t.Errorf("estimated to be less: %v", measure)
		}
		if e := frame.DensityErrors(i.before, factors).Covariances(); i.wide() && !(e <= times*math.Max(measure.Error, least)) {
			t.Errorf("log-densities alone are estimated to put covariances %.2g off: %v", e, measure)
		}
		i.densities(t, on, frame, factors, times)
	})
}

// keeps reports whether what the iteration has led to is what float32 can tell from where the events are.
func (i iterated) keeps(t *testing.T, promised runtime.Program, frame runtime.Frame) bool {
	t.Helper()
	factors, err := i.after.Factor()
	if err != nil {
		t.Fatal(err)
	}
	return promised.CheckDirect(frame, i.after, factors) == nil
}

// wide reports whether components have a width of their own, and not only the ridge's.
func (i iterated) wide() bool { return !strings.Contains(i.Warns, "variance") }

// densities holds the errors of log p of the events, but of those further than nearly all are, to the formula of
// [runtime.DensityErrors] for the components that they belong to, in the mean of squares.
func (i iterated) densities(t *testing.T, on tried, frame runtime.Frame, factors *mixture.Factors, times float64) {
	t.Helper()
	model := func(on tried) *Model { return on.corpusModel(t, i.sample, i.options...) }
	got, err := model(on).Score(t.Context(), i.events)
	if err != nil {
		t.Fatal(err)
	}
	labels, want, err := model(tried{device: DeviceReference, precision: PrecisionFloat64}).Decode(t.Context(), i.events)
	if err != nil {
		t.Fatal(err)
	}
	const rounding = 0.8 * 0x1p-24
	d, near := float64(i.sample.D), 0.0
	radius := math.Sqrt(d) + 3
	measured, estimated := 0.0, 0.0
	for n, label := range labels {
		c := factors.Constants[label]
		if want[n] < c-radius*radius/2 {
			continue
		}
		near++
		measured += (got[n] - want[n]) * (got[n] - want[n])
		kappa := runtime.Conditioning(i.before, factors, label, frame.Shift)
		estimated += rounding * rounding * ((d/3+3)*kappa + d*d*d/12 + 2*c*c + 20)
	}
	measured, estimated = math.Sqrt(measured/max(1, near)), math.Sqrt(estimated/max(1, near))
	if !(measured <= estimated) || i.wide() && near > 0 && !(estimated <= times*measured) {
		t.Errorf("log p of %v events is %.2g off, estimated %.2g", near, measured, estimated)
	}
}

// TestFewPlaces: errors of events that are at few places, far from the centre of all, where two components share them, do not average
// out; what is promised of them holds.
func TestFewPlaces(t *testing.T) {
	require.Have(t, DeviceCC, available(newWorkshop(), variants.CC))
	const seeds = 10
	for _, test := range []struct {
		d, places, n int
		away         float64 // in standard deviations
	}{{2, 4, 200, 10}, {2, 4, 200, 20}, {2, 4, 20_000, 30}, {8, 12, 400, 3}, {8, 12, 20_000, 30}} {
		for _, covariance := range []Covariance{Full, Diag} {
			t.Run(fmt.Sprintf("d=%d/n=%d/away=%g/%s", test.d, test.n, test.away, covariance), func(t *testing.T) {
				for seed := range uint64(seeds) {
					random := rand.New(rand.NewPCG(seed, 2))
					p := mixture.NewParameters(covariance, 3, test.d)
					p.Weights = []float64{0.2, 0.3, 0.5}
					places := make([]float64, test.places*test.d)
					for j := range test.d {
						p.Mean(0)[j] = test.away + random.NormFloat64()/2
						p.Mean(1)[j] = test.away + random.NormFloat64()/2
						p.Mean(2)[j] = -test.away
						for i := range test.places {
							places[i*test.d+j] = test.away + random.NormFloat64()
						}
					}
					identity := mat.NewDiagDense(test.d, slices.Repeat([]float64{1}, test.d))
					for m := range p.M {
						setCovariance(p, m, identity)
					}
					x := make([]float64, 0, test.n*test.d)
					for i := range test.n / 2 {
						x = append(x, places[i%test.places*test.d:][:test.d]...)
					}
					for range test.n / 2 * test.d {
						x = append(x, -test.away+random.NormFloat64())
					}
					events := viewed(t, x, test.n, test.d)
					var fits [2]*Parameters
					for i, on := range []tried{{device: DeviceCC, precision: PrecisionAuto}, {device: DeviceReference, precision: PrecisionFloat64}} {
						model := on.model(t, 3, test.d, WithParameters(p), WithRidge(0), WithTolerance(0), WithIterations(0, 1))
						mustTrain(t, model, events)
						fits[i] = model.Parameters()
					}
					for _, measure := range compare.Covariances(fits[0], fits[1])[1:2] {
						if !(measure.Error <= DefaultMaxError) {
							t.Errorf("seed %d: %v", seed, measure)
						}
					}
				}
			})
		}
	}
}
