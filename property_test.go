package gmmspec

import (
	"fmt"
	"math"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/variants"
)

// tried is a device and precision on which properties must hold.
type tried struct {
	device, precision string
	// logDensities and fits bound differences that properties allow: of single events, and of parameters after some
	// iterations, by natural scales.
	logDensities, fits float64
}

// allTried lists the devices and precisions.
func allTried() []tried {
	const (
		exact64, exact32 = 1e-10, 2e-4
		fit64, fit32     = 1e-8, 1e-3
	)
	return []tried{
		{DeviceReference, PrecisionFloat64, exact64, fit64},
		{DeviceCC, PrecisionFloat64, exact64, fit64},
		{DeviceCC, PrecisionFloat32, exact32, fit32},
		{DeviceCUDA, PrecisionFloat64, exact64, fit64},
		{DeviceCUDA, PrecisionFloat32, exact32, fit32},
	}
}

// onAll runs a test on every device that is here.
func onAll(t *testing.T, test func(t *testing.T, on tried)) {
	t.Helper()
	w := newWorkshop()
	for _, on := range allTried() {
		t.Run(fmt.Sprintf("device=%s/precision=%s", on.device, on.precision), func(t *testing.T) {
			if on.device != DeviceReference {
				require.Have(t, on.device, available(w, variants.Backend(on.device)))
			}
			test(t, on)
		})
	}
}

// model returns a model on the device, with further options.
func (on tried) model(t *testing.T, m, d int, options ...Option) *Model {
	t.Helper()
	return mustNew(t, m, d, append([]Option{WithDevice(on.device), WithPrecision(on.precision)}, options...)...)
}

// propertyCases are mixtures of every covariance type, of several tiles and blocks of events.
func propertyCases() []*corpus.Sample {
	const events, components, dimensions = 15_000, 3, 4
	var samples []*corpus.Sample
	for i, c := range []Covariance{Full, Diag, Tied, Spherical} {
		samples = append(samples, corpus.Random(uint64(i), events, components, dimensions, c))
	}
	return samples
}

// onSamples runs a test on every device and sample.
func onSamples(t *testing.T, test func(t *testing.T, on tried, s *corpus.Sample)) {
	t.Helper()
	onAll(t, func(t *testing.T, on tried) {
		for seed, s := range propertyCases() {
			t.Run(fmt.Sprintf("%v/seed=%d", s, seed), func(t *testing.T) { test(t, on, s) })
		}
	})
}

func viewed(t *testing.T, x []float64, n, d int) Events {
	t.Helper()
	events, err := Float64(x, n, d)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// propertyIterations move a fit, and do not converge.
const propertyIterations = 6

// fitted trains a model from a start for some iterations.
func (on tried) fitted(t *testing.T, start *Parameters, events Events, options ...Option) (*Model, *Result) {
	t.Helper()
	model := on.model(t, start.M, start.D, append([]Option{
		WithParameters(start), WithTolerance(0), WithIterations(0, propertyIterations),
	}, options...)...)
	return model, on.train(t, model, events)
}

// train trains a model, and makes sure that the device did it.
func (on tried) train(t *testing.T, model *Model, events Events) *Result {
	t.Helper()
	result := mustTrain(t, model, events)
	if device, _, _ := strings.Cut(result.Plan.Device, ":"); device != on.device || string(result.Plan.Problem.Precision) != on.precision {
		t.Fatalf("trained by %s in %s: %q", result.Plan.Device, result.Plan.Problem.Precision, result.Warnings)
	}
	return result
}

// sameFit holds a model to another one.
func (on tried) sameFit(t *testing.T, got, want *Parameters) {
	t.Helper()
	tolerance := compare.Tolerance{Warn: on.fits, Fail: on.fits}
	tolerance.Check(t, compare.Parameters(got, want)...)
}

func (on tried) sameLogDensities(t *testing.T, got, want []float64) {
	t.Helper()
	tolerance := compare.Tolerance{Warn: on.logDensities, Fail: on.logDensities}
	tolerance.Check(t, compare.LogDensities(got, want))
}

// TestLogLikelihoodNeverFalls: without a ridge every iteration is uphill, but for rounding.
func TestLogLikelihoodNeverFalls(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		events, start := sampled(t, s)
		_, result := on.fitted(t, start, events, WithRidge(0), WithIterations(0, 30))
		for i := 1; i < len(result.History); i++ {
			fall := (result.History[i-1] - result.History[i]) / float64(s.N)
			if !(fall <= on.logDensities) {
				t.Errorf("iteration %d: the mean log-likelihood falls by %g", i, fall)
			}
		}
		if rise := result.History[len(result.History)-1] - result.History[0]; !(rise > 0) {
			t.Errorf("30 iterations gain %g", rise)
		}
	})
}

// TestPermutedEvents: the order of the events does not matter.
func TestPermutedEvents(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		events, start := sampled(t, s)
		want, _ := on.fitted(t, start, events)
		order := rand.New(rand.NewPCG(1, 2)).Perm(s.N)
		permuted := make([]float64, 0, len(s.X))
		for _, i := range order {
			permuted = append(permuted, s.X[i*s.D:][:s.D]...)
		}
		got, _ := on.fitted(t, start, viewed(t, permuted, s.N, s.D))
		on.sameFit(t, got.Parameters(), want.Parameters())
	})
}

// permuteComponents returns p with its components in another order.
func permuteComponents(p *Parameters, order []int) *Parameters {
	q := p.Clone()
	size := p.Covariance.Len(1, p.D)
	for to, from := range order {
		q.Weights[to] = p.Weights[from]
		copy(q.Mean(to), p.Mean(from))
		if p.Covariance != Tied {
			copy(q.Covariances[to*size:][:size], p.Covariances[from*size:][:size])
		}
	}
	return q
}

// TestPermutedComponents: the order of the components does not matter.
func TestPermutedComponents(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		events, start := sampled(t, s)
		order := []int{2, 0, 1}
		want, _ := on.fitted(t, start, events)
		got, _ := on.fitted(t, permuteComponents(start, order), events)
		on.sameFit(t, got.Parameters(), permuteComponents(want.Parameters(), order))
	})
}

// TestTranslation: events elsewhere have their components elsewhere, and the same log-likelihoods.
func TestTranslation(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		const away = 1 << 10 // exact, and so are sums with it but for their last bits
		events, start := sampled(t, s)
		want, wantResult := on.fitted(t, start, events)
		moved, movedStart := slices.Clone(s.X), start.Clone()
		for i := range moved {
			moved[i] += away
		}
		for i := range movedStart.Means {
			movedStart.Means[i] += away
		}
		got, gotResult := on.fitted(t, movedStart, viewed(t, moved, s.N, s.D))
		expected := want.Parameters()
		for i := range expected.Means {
			expected.Means[i] += away
		}
		on.sameFit(t, got.Parameters(), expected)
		n := float64(s.N)
		on.sameLogDensities(t, []float64{gotResult.LogLikelihood / n}, []float64{wantResult.LogLikelihood / n})
	})
}

// TestScaling: events on another scale have covariances on its square, and log-likelihoods less its logarithm in every
// dimension. Powers of two change no digit.
func TestScaling(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		const scale = 1 << 20
		events, start := sampled(t, s)
		want, wantResult := on.fitted(t, start, events, WithRidge(0))
		scaled, scaledStart := slices.Clone(s.X), start.Clone()
		for i := range scaled {
			scaled[i] *= scale
		}
		up := func(p *Parameters) {
			for i := range p.Means {
				p.Means[i] *= scale
			}
			for i := range p.Covariances {
				p.Covariances[i] *= scale * scale
			}
		}
		up(scaledStart)
		got, gotResult := on.fitted(t, scaledStart, viewed(t, scaled, s.N, s.D), WithRidge(0))
		expected := want.Parameters()
		up(expected)
		on.sameFit(t, got.Parameters(), expected)
		n, less := float64(s.N), float64(s.D)*math.Log(scale)
		on.sameLogDensities(t, []float64{gotResult.LogLikelihood/n + less}, []float64{wantResult.LogLikelihood / n})
	})
}

// TestWeightsOfTwo: an event of weight 2 is an event that comes twice.
func TestWeightsOfTwo(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		events, start := sampled(t, s)
		weights := make([]float64, s.N)
		var doubled []float64
		for i := range weights {
			weights[i] = 1
			doubled = append(doubled, s.X[i*s.D:][:s.D]...)
			if i%3 == 0 {
				weights[i] = 2
				doubled = append(doubled, s.X[i*s.D:][:s.D]...)
			}
		}
		got, gotResult := on.fitted(t, start, events, WithWeights(weights))
		scored, err := got.Score(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for i, v := range scored {
			total += weights[i] * v // the scores themselves know no weights
		}
		want, wantResult := on.fitted(t, start, viewed(t, doubled, len(doubled)/s.D, s.D))
		on.sameFit(t, got.Parameters(), want.Parameters())
		n := float64(len(doubled) / s.D)
		on.sameLogDensities(t, []float64{gotResult.LogLikelihood / n, total / n},
			[]float64{wantResult.LogLikelihood / n, wantResult.LogLikelihood / n})
	})
}

// TestScoresAgree: rows of responsibilities sum to 1, labels are their largest, log-likelihoods are the same from every verb
// and sum to what Train returns, and parts of the events score as in the whole.
func TestScoresAgree(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		events, start := sampled(t, s)
		model, result := on.fitted(t, start, events)
		ctx := t.Context()
		logLikelihoods, responsibilities, err := model.Eval(ctx, events)
		if err != nil {
			t.Fatal(err)
		}
		labels, decoded, err := model.Decode(ctx, events)
		if err != nil {
			t.Fatal(err)
		}
		predicted, err := model.Predict(ctx, events)
		if err != nil {
			t.Fatal(err)
		}
		scored, err := model.Score(ctx, events)
		if err != nil {
			t.Fatal(err)
		}
		compare.Exact().Check(t, compare.LogDensities(scored, decoded), compare.LogDensities(logLikelihoods, decoded))
		if !slices.Equal(labels, predicted) {
			t.Error("Predict and Decode have other labels")
		}
		total := 0.0
		for i, row := range logLikelihoods {
			total += row
			sum, largest := 0.0, 0.0
			for m := range start.M {
				sum += responsibilities.At(i, m)
				largest = math.Max(largest, responsibilities.At(i, m))
			}
			if !(math.Abs(sum-1) <= on.logDensities) || !(responsibilities.At(i, labels[i]) >= largest-on.logDensities) {
				t.Fatalf("event %d: responsibilities sum to %v, the label's is %v, the largest %v", i, sum, responsibilities.At(i, labels[i]), largest)
			}
		}
		n := float64(s.N)
		on.sameLogDensities(t, []float64{total / n}, []float64{result.LogLikelihood / n})

		const part = 1001
		first, err := model.Score(ctx, viewed(t, s.X[:part*s.D], part, s.D))
		if err != nil {
			t.Fatal(err)
		}
		rest, err := model.Score(ctx, viewed(t, s.X[part*s.D:], s.N-part, s.D))
		if err != nil {
			t.Fatal(err)
		}
		on.sameLogDensities(t, append(first, rest...), scored)
	})
}

// TestSameBits: the same seed, events and device give the same bits, whatever the number of processors; another seed does not.
func TestSameBits(t *testing.T) {
	onSamples(t, func(t *testing.T, on tried, s *corpus.Sample) {
		events, _ := sampled(t, s)
		fit := func(seed uint64, processors int) []float64 {
			defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(processors))
			model := on.model(t, s.M, s.D, WithSeed(seed), WithCovariance(s.Covariance), WithTolerance(0), WithIterations(0, propertyIterations))
			result := on.train(t, model, events)
			scores, responsibilities, err := model.Eval(t.Context(), events)
			if err != nil {
				t.Fatal(err)
			}
			p := model.Parameters()
			return slices.Concat(p.Weights, p.Means, p.Covariances, result.History, scores, responsibilities.RawMatrix().Data)
		}
		want := fit(1, 1)
		for _, processors := range []int{1, 2, 7} {
			compare.Exact().Check(t, compare.Bits(fmt.Sprintf("%d processors", processors), fit(1, processors), want))
		}
		if other := fit(2, 1); compare.Bits("another seed", other, want).Error == 0 {
			t.Error("another seed has the same bits")
		}
	})
}
