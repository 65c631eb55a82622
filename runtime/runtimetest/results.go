package runtimetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// edges are numbers of events at, below and above what kernels take at a time: vectors, warps, blocks, tiles, chunks.
func edges() []int {
	return []int{1, 2, 15, 16, 17, 31, 33, 127, 128, 129, 255, 257, 511, 513, 1025, 2051}
}

// middling is a number of events that is no multiple of anything that kernels take at a time, and of a few of it.
const middling = 601

func testName(b *bench) {
	if b.device.Name() == "" {
		b.Error("the device has no name")
	}
}

// testAccumulate holds statistics to the judge's for every edge.
func testAccumulate(b *bench) {
	for _, n := range edges() {
		b.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) {
			b := b.sub(t)
			j := b.job(n)
			got := b.accumulate(b.load(b.device, b.data(j)), j.parameters)
			want := b.accumulate(b.load(b.judge, b.data(j)), j.parameters)
			b.tolerances().statistics.Check(b, compare.Statistics(got, want, j.parameters)...)
		})
	}
}

// sub returns b for a sub-test.
func (b *bench) sub(t *testing.T) *bench {
	t.Helper()
	c := *b
	c.T = t
	return &c
}

// testScore holds scores to the judge's for every edge.
func testScore(b *bench) {
	for _, n := range edges() {
		b.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) {
			b := b.sub(t)
			j := b.job(n)
			got := b.score(b.load(b.device, b.data(j)), n, j.parameters)
			want := b.score(b.load(b.judge, b.data(j)), n, j.parameters)
			b.checkScores(got, want, j.totalWeight(), b.problem.M)
		})
	}
}

// testScoreParts asks for one output at a time, and for none: each is what it is when all are asked for.
func testScoreParts(b *bench) {
	j := b.job(middling)
	loaded := b.load(b.device, b.data(j))
	want := b.score(b.load(b.judge, b.data(j)), j.n, j.parameters)
	for name, keep := range map[string]func(out *mixture.Scores){
		"log-likelihoods":  func(out *mixture.Scores) { out.Labels, out.Responsibilities = nil, nil },
		"labels":           func(out *mixture.Scores) { out.LogLikelihoods, out.Responsibilities = nil, nil },
		"responsibilities": func(out *mixture.Scores) { out.LogLikelihoods, out.Labels = nil, nil },
		"total":            func(out *mixture.Scores) { *out = mixture.Scores{Total: out.Total} },
	} {
		b.Run(name, func(t *testing.T) {
			b := b.sub(t)
			out := poisoned(j.n, b.problem.M)
			keep(out)
			if err := loaded.Score(b.Context(), j.parameters, out); err != nil {
				b.Fatal(err)
			}
			if out.LogLikelihoods == nil {
				out.LogLikelihoods = want.LogLikelihoods
			}
			if out.Labels == nil {
				out.Labels = want.Labels
			}
			if out.Responsibilities == nil {
				out.Responsibilities = want.Responsibilities
			}
			b.checkScores(out, want, j.totalWeight(), b.problem.M)
		})
	}
}

// plain is a matrix that offers only its entries.
type plain struct{ mat.Matrix }

// testLayouts hands the same events over in every type and layout. Between rows there are NaN, which belong to no event.
func testLayouts(b *bench) {
	j := b.job(middling)
	want := b.accumulate(b.load(b.judge, b.data(j)), j.parameters)
	wantScores := b.score(b.load(b.judge, b.data(j)), j.n, j.parameters)
	const gap = 3
	stride := j.d + gap
	wide := mat.NewDense(j.n, stride, spaced[float64](j, stride))
	for _, layout := range []struct {
		name string
		view func() (mixture.Events, error)
	}{
		{"float64", func() (mixture.Events, error) { return mixture.Float64(spaced[float64](j, j.d), j.n, j.d, 0) }},
		{"float64 strided", func() (mixture.Events, error) { return mixture.Float64(spaced[float64](j, stride), j.n, j.d, stride) }},
		{"float32", func() (mixture.Events, error) { return mixture.Float32(spaced[float32](j, j.d), j.n, j.d, 0) }},
		{"float32 strided", func() (mixture.Events, error) { return mixture.Float32(spaced[float32](j, stride), j.n, j.d, stride) }},
		{"float32 ending with the last event", func() (mixture.Events, error) {
			x := spaced[float32](j, stride)
			return mixture.Float32(slices.Clip(x[:len(x)-gap]), j.n, j.d, stride)
		}},
		{"dense", func() (mixture.Events, error) { return mixture.Matrix(mat.NewDense(j.n, j.d, spaced[float64](j, j.d))) }},
		{"part of a dense", func() (mixture.Events, error) { return mixture.Matrix(wide.Slice(0, j.n, 0, j.d)) }},
		{"any matrix", func() (mixture.Events, error) {
			return mixture.Matrix(plain{mat.NewDense(j.n, j.d, spaced[float64](j, j.d))})
		}},
	} {
		b.Run(layout.name, func(t *testing.T) {
			b := b.sub(t)
			events, err := layout.view()
			if err != nil {
				b.Fatal(err)
			}
			loaded := b.load(b.device, b.using(events, j.weights))
			b.tolerances().statistics.Check(b, compare.Statistics(b.accumulate(loaded, j.parameters), want, j.parameters)...)
			b.checkScores(b.score(loaded, j.n, j.parameters), wantScores, j.totalWeight(), b.problem.M)
		})
	}
}
