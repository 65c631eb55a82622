package runtimetest

import (
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// testSameBits: the same events and parameters give the same bits, in another pass and after loading again.
func testSameBits(b *bench) {
	j := b.job(middling)
	loaded, again := b.load(b.device, b.data(j)), b.load(b.device, b.data(j))
	statistics, scores := b.accumulate(loaded, j.parameters), b.score(loaded, j.n, j.parameters)
	for _, l := range []mixture.Loaded{loaded, again} {
		b.sameStatistics(b.accumulate(l, j.parameters), statistics)
		b.sameScores(b.score(l, j.n, j.parameters), scores)
	}
}

// testConcurrent runs both operations on two sets of loaded events at once: each result has the bits that it has alone.
func testConcurrent(b *bench) {
	const times = 4
	jobs := []*job{b.job(middling), b.job(2*middling + 1)}
	var wait sync.WaitGroup
	for _, j := range jobs {
		loaded := b.load(b.device, b.data(j))
		statistics, scores := b.accumulate(loaded, j.parameters), b.score(loaded, j.n, j.parameters)
		for range times {
			wait.Go(func() {
				got, err := loaded.Accumulate(b.Context(), j.parameters)
				if err != nil {
					b.Error(err)
					return
				}
				b.sameStatistics(got, statistics)
			})
			wait.Go(func() {
				out := poisoned(j.n, b.problem.M)
				if err := loaded.Score(b.Context(), j.parameters, out); err != nil {
					b.Error(err)
					return
				}
				b.sameScores(out, scores)
			})
		}
	}
	wait.Wait()
}

func (b *bench) sameStatistics(got, want *mixture.Statistics) {
	b.Helper()
	compare.Exact().Check(b,
		compare.Bits("origins", got.Origins, want.Origins),
		compare.Bits("weights", got.Weights, want.Weights),
		compare.Bits("first moments", got.First, want.First),
		compare.Bits("second moments", got.Second, want.Second),
		compare.Bits("totals", []float64{got.LogLikelihood, got.EventWeight}, []float64{want.LogLikelihood, want.EventWeight}),
	)
}

func (b *bench) sameScores(got, want *mixture.Scores) {
	b.Helper()
	compare.Exact().Check(b,
		compare.Bits("log-likelihoods", got.LogLikelihoods, want.LogLikelihoods),
		compare.Bits("responsibilities", got.Responsibilities, want.Responsibilities),
		compare.Bits("total", []float64{got.Total}, []float64{want.Total}),
	)
	if !slices.Equal(got.Labels, want.Labels) {
		b.Error("labels differ")
	}
}
