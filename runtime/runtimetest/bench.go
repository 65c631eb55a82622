package runtimetest

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// bench is one check under way.
type bench struct {
	*testing.T
	problem Problem
	open    Open
	judge   mixture.Device
	device  mixture.Device
}

// another opens the device under test once more.
func (b *bench) another() mixture.Device {
	b.Helper()
	device, err := b.open(b.T, b.problem)
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	b.Cleanup(func() {
		if err := device.Close(); err != nil {
			b.Errorf("close: %v", err)
		}
	})
	return device
}

func (b *bench) tolerances() tolerances { return tolerancesOf(b.problem.Precision) }

// job is events for the problem, how to use them, and parameters to pass over them with.
type job struct {
	n, d       int
	x          []float64
	weights    []float64 // nil unless the problem is weighted
	parameters *mixture.Parameters
}

// seed is of every random sample of the suite.
const seed = 1

// job returns n events. Their coordinates are exact in float32, and so no layout rounds them. No two components have the same
// weight, so that events of which nothing is known have one most likely component.
func (b *bench) job(n int) *job {
	p := b.problem
	s := corpus.Random(seed, n, p.M, p.D, p.Covariance)
	j := &job{n: n, d: p.D, x: s.X, parameters: s.Start}
	copy(j.parameters.Weights, s.Truth.Weights)
	if p.Missing {
		for i := range j.x {
			if missing(i/p.D, i%p.D) {
				j.x[i] = math.NaN()
			}
		}
	}
	if p.Weighted {
		j.weights = make([]float64, n)
		for i := range j.weights {
			j.weights[i] = weight(i)
		}
	}
	return j
}

// missing says which coordinates are missing: of every 11th event all, of the others various ones or none.
func missing(n, dimension int) bool { return n%11 == 10 || n%3 == 0 && (n/3+dimension)%3 == 0 }

// weight is an event's weight: among each four a 0, and fractions.
func weight(n int) float64 { return float64((n+1)%4) * 0.75 }

// data is the job's events and how the problem uses them.
func (b *bench) data(j *job) mixture.Data { return b.using(b.float64s(j.x, j.d), j.weights) }

// using is events as the problem uses them.
func (b *bench) using(events mixture.Events, weights []float64) mixture.Data {
	return mixture.Data{Events: events, Weights: weights, Hard: b.problem.Hard, Missing: b.problem.Missing}
}

func (b *bench) float64s(x []float64, d int) mixture.Events {
	b.Helper()
	events, err := mixture.Float64(x, len(x)/d, d, 0)
	if err != nil {
		b.Fatal(err)
	}
	return events
}

// load loads events until the end of the check, and poisons what kernels write.
func (b *bench) load(device mixture.Device, data mixture.Data) mixture.Loaded {
	b.Helper()
	loaded, err := device.Load(b.Context(), data)
	if err != nil {
		b.Fatalf("%s: load: %v", device.Name(), err)
	}
	b.Cleanup(func() {
		if err := loaded.Close(); err != nil {
			b.Errorf("%s: close: %v", device.Name(), err)
		}
	})
	if kernels, ok := loaded.(runtime.Poisoner); ok {
		kernels.Poison()
	}
	return loaded
}

func (b *bench) accumulate(loaded mixture.Loaded, p *mixture.Parameters) *mixture.Statistics {
	b.Helper()
	s, err := loaded.Accumulate(b.Context(), p)
	if err != nil {
		b.Fatalf("accumulate: %v", err)
	}
	return s
}

// guard is how many numbers behind each output are watched.
const guard = 8

// poisoned returns scores for n events and m components, filled with what no result is.
func poisoned(n, m int) *mixture.Scores {
	out := &mixture.Scores{
		LogLikelihoods:   make([]float64, n+guard),
		Labels:           make([]int, n+guard),
		Responsibilities: make([]float64, n*m+guard),
		Total:            math.NaN(),
	}
	for _, values := range [][]float64{out.LogLikelihoods, out.Responsibilities} {
		for i := range values {
			values[i] = math.NaN()
		}
	}
	for i := range out.Labels {
		out.Labels[i] = -1
	}
	out.LogLikelihoods = out.LogLikelihoods[:n]
	out.Labels = out.Labels[:n]
	out.Responsibilities = out.Responsibilities[:n*m]
	return out
}

// score asks for everything, into poisoned outputs, and checks that nothing was written behind them.
func (b *bench) score(loaded mixture.Loaded, n int, p *mixture.Parameters) *mixture.Scores {
	b.Helper()
	out := poisoned(n, p.M)
	if err := loaded.Score(b.Context(), p, out); err != nil {
		b.Fatalf("score: %v", err)
	}
	for i, v := range out.LogLikelihoods[n : n+guard] {
		if !math.IsNaN(v) {
			b.Errorf("score wrote %v, %d places behind the log-likelihoods", v, i)
		}
	}
	for i, v := range out.Labels[n : n+guard] {
		if v != -1 {
			b.Errorf("score wrote %v, %d places behind the labels", v, i)
		}
	}
	for i, v := range out.Responsibilities[n*p.M : n*p.M+guard] {
		if !math.IsNaN(v) {
			b.Errorf("score wrote %v, %d places behind the responsibilities", v, i)
		}
	}
	return out
}

// checkScores holds scores to the judge's.
func (b *bench) checkScores(got, want *mixture.Scores, weight float64, m int) {
	b.Helper()
	t := b.tolerances()
	t.logDensities.Check(b,
		compare.LogDensities(got.LogLikelihoods, want.LogLikelihoods),
		compare.Absolute("responsibilities", got.Responsibilities, want.Responsibilities),
		compare.Labels(got.Labels, want.Responsibilities, m),
	)
	t.sums.Check(b, rowSums(got.Responsibilities, m))
	t.statistics.Check(b, compare.Absolute("total a unit of weight", []float64{got.Total / weight}, []float64{want.Total / weight}))
}

// rowSums measures how far rows of responsibilities are from summing to 1.
func rowSums(responsibilities []float64, m int) compare.Measure {
	got, want := make([]float64, len(responsibilities)/m), make([]float64, len(responsibilities)/m)
	for i, r := range responsibilities {
		got[i/m] += r
		want[i/m] = 1
	}
	return compare.Absolute("sum of responsibilities", got, want)
}

// totalWeight returns Σ w_n.
func (j *job) totalWeight() float64 {
	if j.weights == nil {
		return float64(j.n)
	}
	total := 0.0
	for _, w := range j.weights {
		total += w
	}
	return total
}
