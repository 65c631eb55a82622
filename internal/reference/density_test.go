package reference_test

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distmv"
)

// rounding is for results that two ways of computing in float64 agree on but for rounding: some hundred operations, each
// wrong by 1e-16, on numbers of at most a hundred.
func rounding() compare.Tolerance { return compare.Tolerance{Warn: 1e-12, Fail: 1e-11} }

func load(t *testing.T, data mixture.Data) mixture.Loaded {
	t.Helper()
	device := reference.New()
	loaded, err := device.Load(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
	return loaded
}

func float64s(t *testing.T, x []float64, d int) mixture.Events {
	t.Helper()
	events, err := mixture.Float64(x, len(x)/d, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func score(t *testing.T, data mixture.Data, p *mixture.Parameters) *mixture.Scores {
	t.Helper()
	n := data.Events.Len()
	out := &mixture.Scores{
		LogLikelihoods: make([]float64, n), Labels: make([]int, n), Responsibilities: make([]float64, n*p.M),
	}
	if err := load(t, data).Score(t.Context(), p, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func accumulate(t *testing.T, data mixture.Data, p *mixture.Parameters) *mixture.Statistics {
	t.Helper()
	statistics, err := load(t, data).Accumulate(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return statistics
}

// TestScoreByHand: π = (¼, ¾), μ = (0, 2), σ² = 1, at x = 1. Both components are one standard deviation away, so both have
// N(x) = e^-½/√(2π); the mixture has the same density, and the responsibilities are the weights.
func TestScoreByHand(t *testing.T) {
	p := &mixture.Parameters{
		Covariance: mixture.Full, M: 2, D: 1,
		Weights: []float64{0.25, 0.75}, Means: []float64{0, 2}, Covariances: []float64{1, 1},
	}
	out := score(t, mixture.Data{Events: float64s(t, []float64{1}, 1)}, p)
	rounding().Check(
		t,
		compare.LogDensities(out.LogLikelihoods, []float64{-0.5 - 0.5*math.Log(2*math.Pi)}),
		compare.Absolute("responsibilities", out.Responsibilities, []float64{0.25, 0.75}),
		compare.Absolute("total", []float64{out.Total}, out.LogLikelihoods),
	)
	if out.Labels[0] != 1 {
		t.Errorf("label %d: want 1", out.Labels[0])
	}
}

// TestAccumulateByHand: one component at o = (1, 0), the events (1, 1), (3, 2) and (2, -1) with weights 1, 1, 2. Their
// deviations from o are (0, 1), (2, 2), (1, -1), so First = (0+2+2, 1+2-2) = (4, 1), and Second's entries are
// 00: 4 + 2·1 = 6; 10: 2·2 - 2·1 = 2; 11: 1 + 4 + 2·1 = 7.
func TestAccumulateByHand(t *testing.T) {
	data := mixture.Data{Events: float64s(t, []float64{1, 1, 3, 2, 2, -1}, 2), Weights: []float64{1, 1, 2}}
	for _, c := range []struct {
		covariance          mixture.Covariance
		covariances, second []float64
	}{
		{mixture.Full, []float64{1, 0, 0, 1}, []float64{6, 2, 7}},
		{mixture.Tied, []float64{1, 0, 0, 1}, []float64{6, 2, 7}},
		{mixture.Diag, []float64{1, 1}, []float64{6, 7}},
		{mixture.Spherical, []float64{1}, []float64{13}},
	} {
		t.Run(string(c.covariance), func(t *testing.T) {
			s := accumulate(t, data, &mixture.Parameters{
				Covariance: c.covariance, M: 1, D: 2,
				Weights: []float64{1}, Means: []float64{1, 0}, Covariances: c.covariances,
			})
			compare.Exact().Check(
				t,
				compare.Absolute("origins", s.Origins, []float64{1, 0}),
				compare.Absolute("weights", s.Weights, []float64{4}),
				compare.Absolute("first", s.First, []float64{4, 1}),
				compare.Absolute("second", s.Second, c.second),
				compare.Absolute("event weight", []float64{s.EventWeight}, []float64{4}),
			)
			// Σ w ‖δ‖² = 13, as the trace of Second, so Σ w log N = -½ (13 + 4·2 log 2π).
			want := -0.5 * (13 + 8*math.Log(2*math.Pi))
			rounding().Check(t, compare.Absolute("log-likelihood", []float64{s.LogLikelihood}, []float64{want}))
			if s.Events != 3 {
				t.Errorf("%d events: want 3", s.Events)
			}
		})
	}
}

// TestDensityAgainstGonum compares with gonum's normal distribution, which has its own factors and solves.
func TestDensityAgainstGonum(t *testing.T) {
	for _, c := range mixture.Covariances() {
		for _, d := range []int{1, 2, 3, 7, 19} {
			s := corpus.Random(1, 50, 3, d, c)
			t.Run(s.String(), func(t *testing.T) {
				out := score(t, mixture.Data{Events: float64s(t, s.X, d)}, s.Start)
				logLikelihoods := make([]float64, s.N)
				responsibilities := make([]float64, s.N*s.M)
				for n := range s.N {
					logits := responsibilities[n*s.M:][:s.M]
					for m := range s.M {
						normal, ok := distmv.NewNormal(s.Start.Mean(m), s.Start.Matrix(m), nil)
						if !ok {
							t.Fatalf("component %d is not positive definite", m)
						}
						logits[m] = math.Log(s.Start.Weights[m]) + normal.LogProb(s.X[n*d:][:d])
					}
					sum := 0.0
					for m, l := range logits {
						logits[m] = math.Exp(l)
						sum += logits[m]
					}
					logLikelihoods[n] = math.Log(sum)
					for m := range logits {
						logits[m] /= sum
					}
				}
				rounding().Check(
					t,
					compare.LogDensities(out.LogLikelihoods, logLikelihoods),
					compare.Absolute("responsibilities", out.Responsibilities, responsibilities),
					compare.Labels(out.Labels, responsibilities, s.M),
				)
			})
		}
	}
}

// TestOneComponent: with M = 1 the M-step is the sample's mean and covariance, which gonum computes; gonum's divides by
// N - 1.
func TestOneComponent(t *testing.T) {
	s := corpus.Random(2, 300, 1, 4, mixture.Full)
	data := mixture.Data{Events: float64s(t, s.X, s.D)}
	result, err := reference.Fit(data, s.Start, mixture.Prior{Ridge: make([]float64, s.D)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := mat.NewDense(s.N, s.D, s.X)
	want := mixture.NewParameters(mixture.Full, 1, s.D)
	want.Weights[0] = 1
	for j := range s.D {
		want.Means[j] = stat.Mean(mat.Col(nil, j, x), nil)
	}
	var covariance mat.SymDense
	stat.CovarianceMatrix(&covariance, x, nil)
	for a := range s.D {
		for b := range s.D {
			want.Covariances[a*s.D+b] = covariance.At(a, b) * float64(s.N-1) / float64(s.N)
		}
	}
	rounding().Check(t, compare.Parameters(result.Parameters, want)...)
}

// TestFarEvents: an event beyond any distance that float64 can square has finite scores, and responsibilities.
func TestFarEvents(t *testing.T) {
	for _, c := range mixture.Covariances() {
		t.Run(string(c), func(t *testing.T) {
			s := corpus.Random(3, 1, 2, 2, c)
			p := s.Truth
			for i := range p.Covariances {
				p.Covariances[i] *= 1e-20
			}
			x := []float64{mixture.MaxMagnitude, -mixture.MaxMagnitude}
			data := mixture.Data{Events: float64s(t, x, 2)}
			out := score(t, data, p)
			finite(t, "log-likelihood", out.LogLikelihoods)
			finite(t, "responsibilities", out.Responsibilities)
			statistics := accumulate(t, data, p)
			finite(t, "first", statistics.First)
			finite(t, "second", statistics.Second)
		})
	}
}

func finite(t *testing.T, what string, values []float64) {
	t.Helper()
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("%s: %v at %d", what, v, i)
		}
	}
}

// TestWeightZero: a component of weight 0 has no part in the mixture.
func TestWeightZero(t *testing.T) {
	s := corpus.Random(4, 40, 2, 3, mixture.Full)
	data := mixture.Data{Events: float64s(t, s.X, s.D)}
	p := s.Truth
	p.Weights = []float64{0, 1}
	alone := &mixture.Parameters{
		Covariance: mixture.Full, M: 1, D: 3,
		Weights: []float64{1}, Means: p.Mean(1), Covariances: p.Covariances[9:],
	}
	got, want := score(t, data, p), score(t, data, alone)
	compare.Exact().Check(t, compare.LogDensities(got.LogLikelihoods, want.LogLikelihoods))
	statistics := accumulate(t, data, p)
	compare.Exact().Check(
		t,
		compare.Absolute("weights", statistics.Weights, []float64{0, float64(s.N)}),
		compare.Absolute("first", statistics.First[:3], make([]float64, 3)),
		compare.Absolute("second", statistics.Second[:6], make([]float64, 6)),
	)
}
