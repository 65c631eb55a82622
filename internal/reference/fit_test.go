package reference_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
)

// variant is one way to use events.
type variant struct {
	name                    string
	weighted, hard, missing bool
}

func variants() []variant {
	return []variant{
		{name: "plain"},
		{name: "weighted", weighted: true},
		{name: "hard", hard: true},
		{name: "missing", missing: true},
		{name: "all", weighted: true, hard: true, missing: true},
	}
}

// eachVariant runs a test for every covariance type and way to use events.
func eachVariant(t *testing.T, n, m, d int, test func(t *testing.T, s *corpus.Sample, data mixture.Data)) {
	t.Helper()
	for _, c := range mixture.Covariances() {
		for _, v := range variants() {
			t.Run(fmt.Sprintf("%s/%s", c, v.name), func(t *testing.T) {
				s := corpus.Random(9, n, m, d, c)
				x := s.X
				if v.missing {
					x = withHoles(s)
				}
				data := mixture.Data{Events: float64s(t, x, d), Hard: v.hard, Missing: v.missing}
				if v.weighted {
					data.Weights = weightsFor(n)
				}
				test(t, s, data)
			})
		}
	}
}

// weightsFor returns weights of which some are 0.
func weightsFor(n int) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = float64(i%4) / 2
	}
	return weights
}

func priorFor(t *testing.T, data mixture.Data) mixture.Prior {
	t.Helper()
	summary, err := mixture.Summarize(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return mixture.RelativePrior(summary)
}

// TestFitAgainstTrain: the judge's M-step, from the events about the new means, and mixture's, from statistics about the
// old ones, are the same formulas computed in different ways.
func TestFitAgainstTrain(t *testing.T) {
	eachVariant(t, 700, 3, 3, func(t *testing.T, s *corpus.Sample, data mixture.Data) {
		const iterations = 5
		prior := priorFor(t, data)
		judged, err := mixture.Train(t.Context(), load(t, data), s.Start, prior, mixture.TrainOptions{MaxIterations: iterations})
		if err != nil {
			t.Fatal(err)
		}
		result, err := reference.Fit(data, s.Start, prior, iterations)
		if err != nil {
			t.Fatal(err)
		}
		rounding().Check(t, compare.Parameters(judged.Parameters, result.Parameters)...)
		rounding().Check(t, compare.Relative("history", judged.History, result.History))
	})
}

// TestLikelihoodNeverFalls: EM's defining property, up to the ridge, which is left out here.
func TestLikelihoodNeverFalls(t *testing.T) {
	eachVariant(t, 400, 3, 3, func(t *testing.T, s *corpus.Sample, data mixture.Data) {
		result, err := reference.Fit(data, s.Start, mixture.Prior{Ridge: make([]float64, s.D)}, 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.History) != 21 {
			t.Fatalf("history of %d: want 21", len(result.History))
		}
		risen := slices.Clone(result.History)
		for i := 1; i < len(risen); i++ {
			risen[i] = max(risen[i], risen[i-1])
		}
		rounding().Check(t, compare.Relative("history without falls", result.History, risen))
	})
}

// TestFitEmpty: a component that no event belongs to keeps its mean, and takes weight 0 and the ridge.
func TestFitEmpty(t *testing.T) {
	for _, c := range mixture.Covariances() {
		t.Run(string(c), func(t *testing.T) {
			s := corpus.Random(10, 100, 2, 2, c)
			far := []float64{1e6, -1e6}
			copy(s.Start.Mean(1), far)
			data := mixture.Data{Events: float64s(t, s.X, s.D)}
			prior := priorFor(t, data)
			result, err := reference.Fit(data, s.Start, prior, 1)
			if err != nil {
				t.Fatal(err)
			}
			got := result.Parameters
			compare.Exact().Check(
				t,
				compare.Absolute("weights", got.Weights, []float64{1, 0}),
				compare.Absolute("mean", got.Mean(1), far),
			)
			fit, err := mixture.Train(t.Context(), load(t, data), s.Start, prior, mixture.TrainOptions{MaxIterations: 1})
			if err != nil {
				t.Fatal(err)
			}
			rounding().Check(t, compare.Parameters(fit.Parameters, got)...)
		})
	}
}

// TestFitRefuses: without a ridge, a component that collapses onto repeated points is an error of the judge's.
func TestFitRefuses(t *testing.T) {
	data := mixture.Data{Events: float64s(t, []float64{1, 1, 1, 1}, 1)}
	start := &mixture.Parameters{
		Covariance: mixture.Full, M: 1, D: 1,
		Weights: []float64{1}, Means: []float64{0}, Covariances: []float64{1},
	}
	result, err := reference.Fit(data, start, mixture.Prior{Ridge: []float64{0}}, 3)
	if parameter, ok := errors.AsType[*mixture.ParameterError](err); !ok || parameter.Field != "covariances" {
		t.Fatalf("error %v: want one about covariances", err)
	}
	if len(result.History) != 1 {
		t.Errorf("history of %d: want only the start's", len(result.History))
	}
}

// TestSameBits: the number of processors decides nothing, and nothing differs from one pass to the next.
func TestSameBits(t *testing.T) {
	eachVariant(t, 3000, 4, 5, func(t *testing.T, s *corpus.Sample, data mixture.Data) {
		before := goruntime.GOMAXPROCS(1)
		defer goruntime.GOMAXPROCS(before)
		want, wantScores := accumulate(t, data, s.Start), score(t, data, s.Start)
		goruntime.GOMAXPROCS(4)
		got, gotScores := accumulate(t, data, s.Start), score(t, data, s.Start)
		compare.Exact().Check(
			t,
			compare.Bits("weights", got.Weights, want.Weights),
			compare.Bits("first", got.First, want.First),
			compare.Bits("second", got.Second, want.Second),
			compare.Bits("total", []float64{got.LogLikelihood}, []float64{want.LogLikelihood}),
			compare.Bits("log-likelihoods", gotScores.LogLikelihoods, wantScores.LogLikelihoods),
			compare.Bits("responsibilities", gotScores.Responsibilities, wantScores.Responsibilities),
			compare.Bits("total of scores", []float64{gotScores.Total}, []float64{wantScores.Total}),
		)
		if !slices.Equal(gotScores.Labels, wantScores.Labels) {
			t.Error("labels differ")
		}
	})
}

// TestPermuted: the order of events and of components does not matter.
func TestPermuted(t *testing.T) {
	eachVariant(t, 1000, 3, 3, func(t *testing.T, s *corpus.Sample, data mixture.Data) {
		s.Start.Weights = s.Truth.Weights // no two equal: a tie would go to the lowest
		want := accumulate(t, data, s.Start)
		random := rand.New(rand.NewPCG(1, 2))
		order := random.Perm(s.N)
		x, row := make([]float64, s.N*s.D), make([]float64, s.D)
		var weights []float64
		for to, from := range order {
			data.Events.Read(row, from)
			copy(x[to*s.D:], row)
			if data.Weights != nil {
				weights = append(weights, data.Weights[from])
			}
		}
		data.Events, data.Weights = float64s(t, x, s.D), weights

		p, components := s.Start.Clone(), []int{2, 0, 1}
		size := s.Covariance.Len(1, s.D)
		for to, from := range components {
			p.Weights[to] = s.Start.Weights[from]
			copy(p.Mean(to), s.Start.Mean(from))
			if s.Covariance != mixture.Tied {
				copy(p.Covariances[to*size:][:size], s.Start.Covariances[from*size:])
			}
		}
		got := accumulate(t, data, p)
		back := mixture.NewStatistics(s.Covariance, s.M, s.D, s.Start.Means)
		back.LogLikelihood, back.Events, back.EventWeight = got.LogLikelihood, got.Events, got.EventWeight
		second := s.Covariance.SecondLen(1, s.D)
		copy(back.Second, got.Second)
		for to, from := range components {
			back.Weights[from] = got.Weights[to]
			copy(back.First[from*s.D:][:s.D], got.First[to*s.D:])
			if s.Covariance != mixture.Tied {
				copy(back.Second[from*second:][:second], got.Second[to*second:])
			}
		}
		rounding().Check(t, compare.Statistics(back, want, s.Start)...)
	})
}

// TestHardIsSoftOfFarApart: where components are far apart, every responsibility is 0 or 1, so the two assignments agree.
func TestHardIsSoftOfFarApart(t *testing.T) {
	for _, c := range mixture.Covariances() {
		t.Run(string(c), func(t *testing.T) {
			s := corpus.Random(11, 200, 3, 2, c)
			for m := range s.M {
				for j := range s.Start.Mean(m) {
					s.Start.Mean(m)[j] = 1000 * float64(m)
				}
			}
			for n := range s.N {
				for j := range s.D {
					s.X[n*s.D+j] += 1000 * float64(n%s.M)
				}
			}
			events := float64s(t, s.X, s.D)
			soft := accumulate(t, mixture.Data{Events: events}, s.Start)
			hard := accumulate(t, mixture.Data{Events: events, Hard: true}, s.Start)
			rounding().Check(t, compare.Statistics(hard, soft, s.Start)...)
		})
	}
}

// TestHardTotal: the total of hard assignment is of the most likely components alone, in both operations.
func TestHardTotal(t *testing.T) {
	s := corpus.Random(12, 50, 3, 2, mixture.Full)
	data := mixture.Data{Events: float64s(t, s.X, s.D), Hard: true}
	out := score(t, data, s.Start)
	want := 0.0
	for n, l := range out.LogLikelihoods {
		want += l + math.Log(out.Responsibilities[n*s.M+out.Labels[n]])
	}
	statistics := accumulate(t, data, s.Start)
	rounding().Check(
		t,
		compare.Relative("total", []float64{out.Total}, []float64{want}),
		compare.Relative("log-likelihood", []float64{statistics.LogLikelihood}, []float64{want}),
	)
}
