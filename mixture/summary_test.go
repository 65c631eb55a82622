package mixture_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	goruntime "runtime"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// severalChunks is more events than Summarize reads at once, and no multiple of that.
const severalChunks = 3*2048 + 5

func summarize(t *testing.T, data mixture.Data) *mixture.Summary {
	t.Helper()
	s, err := mixture.Summarize(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSummarize against gonum's weighted, biased moments of each column.
func TestSummarize(t *testing.T) {
	for _, n := range []int{1, 2, 2047, 2048, 2049, severalChunks} {
		eachSeed(t, 2, func(t *testing.T, random *rand.Rand) {
			const d = 2
			x, weights := normals(random, n*d), make([]float64, n)
			for i := range weights {
				weights[i] = random.Float64() + 0.1
			}
			for _, w := range [][]float64{nil, weights} {
				s := summarize(t, mixture.Data{Events: float64s(t, x, d), Weights: w})
				total := float64(n)
				if w != nil {
					total = 0
					for _, v := range w {
						total += v
					}
				}
				var mean, variance, low, high []float64
				for j := range d {
					column := mat.Col(nil, j, mat.NewDense(n, d, x))
					m, v := stat.PopMeanVariance(column, w)
					mean, variance = append(mean, m), append(variance, v)
					low, high = append(low, column[0]), append(high, column[0])
					for _, v := range column {
						low[j], high[j] = math.Min(low[j], v), math.Max(high[j], v)
					}
				}
				if s.N != n || s.D != d {
					t.Errorf("got N=%d, D=%d, want %d, %d", s.N, s.D, n, d)
				}
				rounding().Check(t,
					compare.Absolute("mean", s.Mean, mean),
					compare.Absolute("variance", s.Variance, variance),
					compare.Relative("event weight", []float64{s.EventWeight}, []float64{total}))
				compare.Exact().Check(t, compare.Bits("low", s.Low, low), compare.Bits("high", s.High, high))
			}
		})
	}
}

func TestMaxAbs(t *testing.T) {
	s := &mixture.Summary{Low: []float64{-3, 1}, High: []float64{2, 4}}
	if s.MaxAbs(0) != 3 || s.MaxAbs(1) != 4 {
		t.Errorf("got %v and %v, want 3 and 4", s.MaxAbs(0), s.MaxAbs(1))
	}
}

// TestSummarizeFarFromTheOrigin: the variance of events at 1e9 ± 1 is as good as their mean, which a float64 holds to 1.2e-7,
// also where the first event, from which one might measure, has no weight or lacks the coordinate.
func TestSummarizeFarFromTheOrigin(t *testing.T) {
	spacing := compare.Tolerance{Warn: 1.2e-7, Fail: 2.4e-7}
	for _, test := range []struct {
		name  string
		first float64
	}{{"like the rest", 1e9 + 1}, {"at the origin, without weight", 0}, {"missing", math.NaN()}} {
		x, weights := make([]float64, severalChunks), make([]float64, severalChunks)
		x[0] = test.first
		for i := range x[1:] {
			x[i+1], weights[i+1] = 1e9+float64(i%2*2-1), 1
		}
		s := summarize(t, mixture.Data{Events: float64s(t, x, 1), Weights: weights, Missing: true})
		spacing.Check(t,
			compare.Absolute(test.name+": variance", s.Variance, []float64{1}),
			compare.Absolute(test.name+": mean", s.Mean, []float64{1e9}))
	}
}

// TestSummarizeMissing: moments are over what is present; bounds are over all events, whatever their weight.
func TestSummarizeMissing(t *testing.T) {
	nan := math.NaN()
	data := mixture.Data{
		Events:  float64s(t, []float64{1, nan, nan, 10, 3, 20, 7, 90}, 2),
		Weights: []float64{1, 1, 3, 0},
		Missing: true,
	}
	s := summarize(t, data)
	rounding().Check(t,
		compare.Absolute("mean", s.Mean, []float64{2.5, 17.5}),
		compare.Absolute("variance", s.Variance, []float64{0.75, 18.75}),
		compare.Absolute("event weight", []float64{s.EventWeight}, []float64{5}))
	compare.Exact().Check(t, compare.Bits("low", s.Low, []float64{1, 10}), compare.Bits("high", s.High, []float64{7, 90}))
}

func TestSummarizeRefusesEvents(t *testing.T) {
	for _, test := range []struct {
		value   float64
		missing bool
	}{
		{math.NaN(), false}, {math.Inf(1), false}, {math.Inf(-1), true}, {1.1e150, false}, {-1.1e150, true},
	} {
		x := make([]float64, 2*severalChunks)
		for _, n := range []int{severalChunks - 1, 2500, 2600} { // the first of these is told, not the first to be found
			x[2*n+1] = test.value
		}
		_, err := mixture.Summarize(t.Context(), mixture.Data{Events: float64s(t, x, 2), Missing: test.missing})
		var e *mixture.EventError
		if !errors.As(err, &e) {
			t.Errorf("%v: error %v: want an *EventError", test.value, err)
			continue
		}
		if e.Event != 2500 || e.Dimension != 1 || math.Float64bits(e.Value) != math.Float64bits(test.value) {
			t.Errorf("%v: error %q", test.value, e)
		}
	}
}

func TestSummarizeAcceptsTheLargest(t *testing.T) {
	s := summarize(t, mixture.Data{Events: float64s(t, []float64{1e150, -1e150}, 1)})
	rounding().Check(t, compare.Relative("variance", s.Variance, []float64{1e300}))
}

func TestSummarizeRefuses(t *testing.T) {
	two := float64s(t, []float64{1, 2}, 1)
	nan := math.NaN()
	for _, test := range []struct {
		name string
		data mixture.Data
		want string
	}{
		{"no events", mixture.Data{}, "there are no events"},
		{"weights' number", mixture.Data{Events: two, Weights: []float64{1}}, "number of event weights: got 1, want 2"},
		{"no weights", mixture.Data{Events: two, Weights: []float64{}}, "number of event weights: got 0, want 2"},
		{"negative weight", mixture.Data{Events: two, Weights: []float64{1, -1}}, "weight of event 1 is -1"},
		{"NaN weight", mixture.Data{Events: two, Weights: []float64{nan, 1}}, "weight of event 0 is NaN"},
		{"infinite weight", mixture.Data{Events: two, Weights: []float64{1, math.Inf(1)}}, "weight of event 1 is +Inf"},
		{"weight too large", mixture.Data{Events: two, Weights: []float64{1e151, 1}}, "weight of event 0 is 1e+151"},
		{"weights of 0", mixture.Data{Events: two, Weights: []float64{0, 0}}, "weights of all 2 events are 0"},
		{
			"dimension missing",
			mixture.Data{Events: float64s(t, []float64{1, nan, 2, nan}, 2), Missing: true},
			"dimension 1 is missing in every event",
		},
		{
			"dimension missing where there is weight",
			mixture.Data{Events: float64s(t, []float64{1, nan, 2, 3}, 2), Weights: []float64{1, 0}, Missing: true},
			"dimension 1 is missing in every event that has a weight",
		},
		{
			"overflow",
			mixture.Data{Events: float64s(t, []float64{1e150, -1e150}, 1), Weights: []float64{1e10, 1e10}},
			"dimension 0: its weighted squares overflow",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := mixture.Summarize(t.Context(), test.data)
			wantError(t, err, "mixture: ", test.want)
			if s != nil {
				t.Error("a summary besides an error")
			}
		})
	}
}

// TestSummarizeIsDeterministic: any number of processors leads to the same bits.
func TestSummarizeIsDeterministic(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	data := mixture.Data{Events: float64s(t, normals(random, 3*severalChunks), 3)}
	before := goruntime.GOMAXPROCS(0)
	defer goruntime.GOMAXPROCS(before)
	var want *mixture.Summary
	for _, processors := range []int{1, 2, 3, 8} {
		goruntime.GOMAXPROCS(processors)
		s := summarize(t, data)
		if want == nil {
			want = s
		}
		compare.Exact().Check(t, compare.Bits("mean", s.Mean, want.Mean), compare.Bits("variance", s.Variance, want.Variance))
	}
}

func TestSummarizeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := mixture.Summarize(ctx, mixture.Data{Events: float64s(t, make([]float64, severalChunks), 1)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
