package runtimetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// testWeightZero: a component of weight 0 takes no part, and leaves exact zeros.
func testWeightZero(b *bench) {
	if b.problem.M == 1 {
		return // its one component has weight 1
	}
	j := b.job(middling)
	absent := b.problem.M - 1
	p := j.parameters
	share := 1 - p.Weights[absent]
	for m := range p.Weights {
		p.Weights[m] /= share
	}
	p.Weights[absent] = 0
	loaded, judged := b.load(b.device, b.data(j)), b.load(b.judge, b.data(j))

	scores := b.score(loaded, j.n, p)
	b.checkScores(scores, b.score(judged, j.n, p), j.totalWeight(), p.M)
	for n := range j.n {
		if r := scores.Responsibilities[n*p.M+absent]; r != 0 {
			b.Fatalf("event %d: responsibility %v of a component of weight 0", n, r)
		}
	}
	statistics := b.accumulate(loaded, p)
	b.tolerances().statistics.Check(b, compare.Statistics(statistics, b.accumulate(judged, p), p)...)
	sums := append([]float64{statistics.Weights[absent]}, statistics.First[absent*p.D:][:p.D]...)
	if size := p.Covariance.SecondLen(1, p.D); p.Covariance != mixture.Tied {
		sums = append(sums, statistics.Second[absent*size:][:size]...)
	}
	compare.Exact().Check(b, compare.Absolute("sums of a component of weight 0", sums, make([]float64, len(sums))))
}

// testWeights: an event of weight w counts as w equal events, and one of weight 0 as none.
func testWeights(b *bench) {
	if !b.problem.Weighted {
		return // OtherProblems holds that weights are then refused, or counted
	}
	j := b.job(middling)
	var repeated, ones []float64
	for n := range j.weights {
		times := n % 4
		j.weights[n] = float64(times)
		for range times {
			repeated = append(repeated, j.x[n*j.d:][:j.d]...)
			ones = append(ones, 1)
		}
	}
	got := b.accumulate(b.load(b.device, b.data(j)), j.parameters)
	want := b.accumulate(b.load(b.device, b.using(b.float64s(repeated, j.d), ones)), j.parameters)
	if want.Events != int64(len(ones)) || got.Events != int64(j.n) {
		b.Errorf("%d and %d events: want %d and %d", got.Events, want.Events, j.n, len(ones))
	}
	want.Events = got.Events
	b.tolerances().statistics.Check(b, compare.Statistics(got, want, j.parameters)...)
}

// testPartsAdd: the statistics of parts of the events, loaded apart, add to those of the whole.
func testPartsAdd(b *bench) {
	j := b.job(middling)
	want := b.accumulate(b.load(b.judge, b.data(j)), j.parameters)
	var sum *mixture.Statistics
	for _, part := range [][2]int{{0, 1}, {1, 130}, {130, j.n}} {
		from, to := part[0], part[1]
		var weights []float64
		if j.weights != nil {
			weights = j.weights[from:to]
		}
		s := b.accumulate(b.load(b.device, b.using(b.float64s(j.x[from*j.d:to*j.d], j.d), weights)), j.parameters)
		if sum == nil {
			sum = s
		} else if err := sum.Add(s); err != nil {
			b.Fatal(err)
		}
	}
	b.tolerances().statistics.Check(b, compare.Statistics(sum, want, j.parameters)...)
}

// far returns distances, in standard deviations or so, whose squares the precision holds.
func far(precision string) []float64 {
	if precision == runtime.Float64 {
		return []float64{1e4, 1e15, mixture.MaxMagnitude}
	}
	return []float64{1e4, 1e15}
}

// testFarEvents: an event far from every component has finite scores, responsibilities that sum to 1, and finite
// statistics.
func testFarEvents(b *bench) {
	for _, distance := range far(b.problem.Precision) {
		b.Run(fmt.Sprintf("%g", distance), func(t *testing.T) {
			b := b.sub(t)
			j := b.job(33)
			for i := range j.d {
				j.x[i] = math.Copysign(distance, float64(1-2*(i%2)))
			}
			loaded := b.load(b.device, b.data(j))
			scores := b.score(loaded, j.n, j.parameters)
			statistics := b.accumulate(loaded, j.parameters)
			for _, values := range [][]float64{
				scores.LogLikelihoods, scores.Responsibilities,
				{scores.Total},
				statistics.Weights, statistics.First, statistics.Second,
				{statistics.LogLikelihood},
			} {
				for i, v := range values {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						b.Fatalf("%v at %d of %v", v, i, values)
					}
				}
			}
			b.tolerances().sums.Check(b, rowSums(scores.Responsibilities, b.problem.M))
		})
	}
}

// testUpdate: a device's own M-step is mixture's.
func testUpdate(b *bench) {
	j := b.job(middling)
	loaded := b.load(b.device, b.data(j))
	updater, ok := loaded.(mixture.Updater)
	if !ok {
		return // mixture.Update serves it
	}
	prior := mixture.Prior{Ridge: slices.Repeat([]float64{1e-6}, j.d), Floor: slices.Repeat([]float64{1e-6}, j.d)}
	statistics := b.accumulate(loaded, j.parameters)
	want, wantReport, err := mixture.Update(statistics, prior, j.parameters)
	if err != nil {
		b.Fatal(err)
	}
	got, report, err := updater.Update(statistics, prior, j.parameters)
	if err != nil {
		b.Fatal(err)
	}
	b.tolerances().statistics.Check(b, compare.Parameters(got, want)...)
	if !slices.Equal(report.Empty, wantReport.Empty) || !slices.Equal(report.Floored, wantReport.Floored) {
		b.Errorf("report %+v: want %+v", report, wantReport)
	}
}

// few events show what a device makes of a problem that is not its own.
const few = 67

// testOtherProblems hands over what the device was not opened for: it refuses it, or does it right.
func testOtherProblems(b *bench) {
	for _, other := range []struct {
		name   string
		change func(p *Problem)
	}{
		{"weighted", func(p *Problem) { p.Weighted = true }},
		{"hard", func(p *Problem) { p.Hard = true }},
		{"missing", func(p *Problem) { p.Missing = true }},
		{"one component more", func(p *Problem) { p.M++ }},
		{"one component less", func(p *Problem) { p.M = max(1, p.M-1) }},
		{"full", func(p *Problem) { p.Covariance = mixture.Full }},
		{"spherical", func(p *Problem) { p.Covariance = mixture.Spherical }},
	} {
		b.Run(other.name, func(t *testing.T) {
			b := b.sub(t)
			other.change(&b.problem)
			j := b.job(few)
			data := b.data(j)
			loaded, err := b.device.Load(b.Context(), data)
			if err != nil {
				return
			}
			defer func() {
				if err := loaded.Close(); err != nil {
					b.Error(err)
				}
			}()
			judged := b.load(b.judge, data)
			if got, err := loaded.Accumulate(b.Context(), j.parameters); err == nil {
				b.tolerances().statistics.Check(b, compare.Statistics(got, b.accumulate(judged, j.parameters), j.parameters)...)
			}
			out := poisoned(j.n, b.problem.M)
			if err := loaded.Score(b.Context(), j.parameters, out); err == nil {
				b.checkScores(out, b.score(judged, j.n, j.parameters), j.totalWeight(), b.problem.M)
			}
		})
	}
}
