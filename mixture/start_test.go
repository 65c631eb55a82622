package mixture_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// first returns the first parameters of m components by the rule, and fails where they are no mixture.
func first(t *testing.T, r mixture.Start, data mixture.Data, c mixture.Covariance, m int, seed uint64) *mixture.Parameters {
	t.Helper()
	s, err := mixture.Summarize(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	p := r.First(data, s, c, m, seed, mixture.RelativePrior(s))
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if p.Covariance != c || p.M != m || p.D != data.Events.Dims() {
		t.Errorf("got %s, M=%d, D=%d", p.Covariance, p.M, p.D)
	}
	return p
}

func TestParseStart(t *testing.T) {
	for _, r := range []mixture.Start{mixture.StartRandomFromData, mixture.StartEven} {
		if got, err := mixture.ParseStart(string(r)); got != r || err != nil {
			t.Errorf("%s: got %s, %v", r, got, err)
		}
	}
	_, err := mixture.ParseStart("k-means++")
	wantError(t, err, `mixture: unknown start "k-means++"`, "random_from_data or even")
}

// TestFirstCovariances: whatever the rule, weights are 1/M and covariances the data's unbiased variances over M.
func TestFirstCovariances(t *testing.T) {
	const n, m, d = 41, 4, 3
	random := rand.New(rand.NewPCG(1, 0))
	x := normals(random, n*d)
	variances := make([]float64, d)
	for j := range variances {
		variances[j] = stat.Variance(mat.Col(nil, j, mat.NewDense(n, d, x)), nil) / m
	}
	average := (variances[0] + variances[1] + variances[2]) / 3
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		for _, r := range []mixture.Start{mixture.StartRandomFromData, mixture.StartEven} {
			p := first(t, r, mixture.Data{Events: float64s(t, x, d)}, c, m, 1)
			for i := range m {
				if p.Weights[i] != 1./m {
					t.Errorf("weights are %v", p.Weights)
				}
				for a := range d {
					for b := range d {
						want := 0.0
						switch {
						case a == b && c == mixture.Spherical:
							want = average
						case a == b:
							want = variances[a]
						}
						rounding().Check(t, compare.Absolute(fmt.Sprintf("%s: entry (%d,%d)", r, a, b),
							[]float64{p.Matrix(i).At(a, b)}, []float64{want}))
					}
				}
			}
		}
	})
}

// TestFirstFloor: a dimension that never changes has the prior's floor for variance.
func TestFirstFloor(t *testing.T) {
	p := first(t, mixture.StartEven, mixture.Data{Events: float64s(t, []float64{1, 7, 2, 7, 3, 7}, 2)}, mixture.Diag, 2, 0)
	rounding().Check(t, compare.Absolute("variances", p.Covariances[:2], []float64{0.5, 7e-7 * 7e-7}))
}

// TestEven: the events are 0, 1, 2, …, so that a mean is the number of the event that it is.
func TestEven(t *testing.T) {
	for _, test := range []struct {
		n, m int
		want []float64
	}{
		{10, 3, []float64{4.5, 3, 6}},
		{11, 3, []float64{5, 3, 6}},
		{12, 4, []float64{5.5, 3, 6, 9}},
		{3, 3, []float64{1, 1, 2}},
		{5, 1, []float64{2}},
		{1, 1, []float64{0}},
		{1, 3, []float64{0, 0, 0}},
		{2, 5, []float64{0.5, 0, 0, 1, 1}},
	} {
		x := make([]float64, test.n)
		for i := range x {
			x[i] = float64(i)
		}
		p := first(t, mixture.StartEven, mixture.Data{Events: float64s(t, x, 1)}, mixture.Diag, test.m, 0)
		if !slices.Equal(p.Means, test.want) {
			t.Errorf("N=%d, M=%d: means %v, want %v", test.n, test.m, p.Means, test.want)
		}
	}
}

// TestFirstMissing: what an event lacks is replaced by its dimension's mean.
func TestFirstMissing(t *testing.T) {
	nan := math.NaN()
	data := mixture.Data{Events: float64s(t, []float64{1, nan, 2, 4, nan, 6, 3, 5}, 2), Missing: true}
	p := first(t, mixture.StartEven, data, mixture.Diag, 4, 0)
	if want := []float64{2, 5, 2, 4, 2, 6, 3, 5}; !slices.Equal(p.Means, want) {
		t.Errorf("even: means %v, want %v", p.Means, want)
	}
	p = first(t, mixture.StartRandomFromData, data, mixture.Diag, 4, 0)
	got := rowsOf(p)
	slices.SortFunc(got, slices.Compare)
	if want := [][]float64{{1, 5}, {2, 4}, {2, 6}, {3, 5}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("random: means %v, want %v", got, want)
	}
}

// rowsOf returns the means.
func rowsOf(p *mixture.Parameters) [][]float64 {
	rows := make([][]float64, p.M)
	for m := range rows {
		rows[m] = p.Mean(m)
	}
	return rows
}

// different counts the different means.
func different(p *mixture.Parameters) int {
	rows := rowsOf(p)
	slices.SortFunc(rows, slices.Compare)
	return len(slices.CompactFunc(rows, slices.Equal))
}

// TestRandomStart: means are different events, the same for the same seed, others for another.
func TestRandomStart(t *testing.T) {
	const n, m, d = 200, 8, 2
	x := normals(rand.New(rand.NewPCG(1, 0)), n*d)
	data := mixture.Data{Events: float64s(t, x, d)}
	var seen [][]float64
	for seed := range uint64(5) {
		p := first(t, mixture.StartRandomFromData, data, mixture.Full, m, seed)
		if again := first(t, mixture.StartRandomFromData, data, mixture.Full, m, seed); !slices.Equal(p.Means, again.Means) {
			t.Errorf("seed %d: means %v and then %v", seed, p.Means, again.Means)
		}
		if different(p) != m {
			t.Errorf("seed %d: means %v repeat", seed, p.Means)
		}
		for i := range m {
			isEvent := func(from int) bool { return slices.Equal(x[from*d:][:d], p.Mean(i)) }
			if !slices.ContainsFunc(indices(n), isEvent) {
				t.Errorf("seed %d: mean %v is no event", seed, p.Mean(i))
			}
		}
		if slices.ContainsFunc(seen, func(means []float64) bool { return slices.Equal(means, p.Means) }) {
			t.Errorf("seed %d: the means of another seed", seed)
		}
		seen = append(seen, p.Means)
	}
}

// indices returns 0, …, n-1.
func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestRandomStartIsReproducible pins the events that a seed leads to: fits of today can be had again tomorrow.
func TestRandomStartIsReproducible(t *testing.T) {
	x := make([]float64, 100)
	for i := range x {
		x[i] = float64(i)
	}
	p := first(t, mixture.StartRandomFromData, mixture.Data{Events: float64s(t, x, 1)}, mixture.Diag, 4, 42)
	if want := []float64{85, 96, 15, 11}; !slices.Equal(p.Means, want) {
		t.Errorf("seed 42: means %v, want %v", p.Means, want)
	}
}

// TestRandomStartIsFair: each of ten events is drawn for one of two components by a fifth of the seeds: 200 of 1000, of
// which the standard deviation is 13.
func TestRandomStartIsFair(t *testing.T) {
	x := make([]float64, 10)
	for i := range x {
		x[i] = float64(i)
	}
	data := mixture.Data{Events: float64s(t, x, 1)}
	counts := make([]int, len(x))
	for seed := range uint64(1000) {
		for _, v := range first(t, mixture.StartRandomFromData, data, mixture.Diag, 2, seed).Means {
			counts[int(v)]++
		}
	}
	for i, n := range counts {
		if n < 140 || n > 260 {
			t.Errorf("event %d was drawn %d times of 1000, want about 200", i, n)
		}
	}
}

// TestRandomStartFindsDifferentVectors: one vector a thousand times, 0 once more with the other sign, and four others: five
// components take all five.
func TestRandomStartFindsDifferentVectors(t *testing.T) {
	x := make([]float64, 1000)
	copy(x[300:], []float64{1, 2, math.Copysign(0, -1), 3, 4})
	data := mixture.Data{Events: float64s(t, x, 1)}
	for seed := range uint64(20) {
		p := first(t, mixture.StartRandomFromData, data, mixture.Diag, 5, seed)
		if different(p) != 5 {
			t.Errorf("seed %d: means %v, want 0 to 4", seed, p.Means)
		}
	}
}

// TestRandomStartTellsTinyVectors: vectors differ by their bits, however small they are.
func TestRandomStartTellsTinyVectors(t *testing.T) {
	p := first(t, mixture.StartRandomFromData, mixture.Data{Events: float64s(t, []float64{1e-40, 2e-40, 3e-40}, 1)}, mixture.Diag, 3, 0)
	if different(p) != 3 {
		t.Errorf("means %v repeat", p.Means)
	}
}

// TestRandomStartRepeats: with fewer vectors than components, each comes as often as any other.
func TestRandomStartRepeats(t *testing.T) {
	for seed := range uint64(20) {
		p := first(t, mixture.StartRandomFromData, mixture.Data{Events: float64s(t, []float64{1, 2, 1, 2, 1}, 1)}, mixture.Diag, 6, seed)
		slices.Sort(p.Means)
		if want := []float64{1, 1, 1, 2, 2, 2}; !slices.Equal(p.Means, want) {
			t.Errorf("seed %d: means %v, want %v", seed, p.Means, want)
		}
	}
}

// TestRandomStartPassesOverWeightsOfZero: of a thousand events three have a weight, two of them equal.
func TestRandomStartPassesOverWeightsOfZero(t *testing.T) {
	x := make([]float64, 1000)
	for i := range x {
		x[i] = float64(i)
	}
	x[700] = 500
	weights := make([]float64, len(x))
	weights[100], weights[500], weights[700] = 1, 0.5, 2
	data := mixture.Data{Events: float64s(t, x, 1), Weights: weights}
	for seed := range uint64(20) {
		p := first(t, mixture.StartRandomFromData, data, mixture.Diag, 3, seed)
		slices.Sort(p.Means)
		if p.Means[0] != 100 || p.Means[2] != 500 || different(p) != 2 {
			t.Errorf("seed %d: means %v, want 100 and 500", seed, p.Means)
		}
	}
}

// TestRandomStartWithoutWeight: where no event has a weight, which Summarize refuses, the mean is all there is.
func TestRandomStartWithoutWeight(t *testing.T) {
	data := mixture.Data{Events: float64s(t, []float64{1, 2, 6}, 1)}
	s, err := mixture.Summarize(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	data.Weights = make([]float64, 3)
	p := mixture.StartRandomFromData.First(data, s, mixture.Diag, 2, 0, mixture.RelativePrior(s))
	if !slices.Equal(p.Means, []float64{3, 3}) {
		t.Errorf("means %v, want 3", p.Means)
	}
}
