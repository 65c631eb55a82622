package gmmspec

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
)

// counted is a source that counts how often it is looked at, and is lost after so many times, unless that is 0.
type counted struct {
	looks     atomic.Int64
	lostAfter int64
}

var errLost = errors.New("lost")

func (c *counted) Guard(read func()) {
	if looks := c.looks.Add(1); c.lostAfter == 0 || looks <= c.lostAfter {
		read()
	}
}

func (c *counted) Intact() error {
	if c.lostAfter > 0 && c.looks.Load() > c.lostAfter {
		return errLost
	}
	return nil
}

// TestEventsInASource: events that lie in a source are fitted and scored with the same bits as those in memory, sorted into buckets or
// not, whatever their type and stride.
func TestEventsInASource(t *testing.T) {
	const n, d, m, gap = 6000, 3, 4, 2
	onAll(t, func(t *testing.T, on tried) {
		for _, apart := range []float64{1, 30} {
			sample := corpus.Random(3, n, m, d, Full)
			start := sample.Start.Clone()
			wide, narrow := make([]float64, n*(d+gap)), make([]float32, n*(d+gap))
			for i := range n {
				for j := range d {
					x := sample.X[i*d+j] + apart*float64(i%m*(j+1))
					wide[i*(d+gap)+j], narrow[i*(d+gap)+j] = x, float32(x)
				}
			}
			for c := range m {
				for j := range d {
					start.Means[c*d+j] = wide[c*(d+gap)+j]
				}
			}
			for _, events := range []Events{
				must(Float32Stride(narrow, n, d, d+gap)), must(Float64Stride(wide, n, d, d+gap)), must(Float64(wide, n, d)), must(Float32(narrow, n, d)),
			} {
				of := func(events Events) []float64 {
					model := on.model(t, m, d, WithParameters(start), WithTolerance(0), WithIterations(0, 6))
					result := on.train(t, model, events)
					scores, responsibilities, err := model.Eval(t.Context(), events)
					if err != nil {
						t.Fatal(err)
					}
					return slices.Concat(numbersOf(model.Parameters()), result.History, scores, responsibilities.RawMatrix().Data)
				}
				source := &counted{}
				mustEqual(t, "results", of(mixture.From(events, source)), of(events))
				if source.looks.Load() == 0 {
					t.Error("numbers of a source were not looked at by its Guard")
				}
			}
		}
	})
}

// TestLostEvents: whenever a source is lost, a fit or a score is the source's error, and a model is left as it was.
func TestLostEvents(t *testing.T) {
	events, start := small(t)
	onAll(t, func(t *testing.T, on tried) {
		all := &counted{}
		options := []Option{WithParameters(start), WithTolerance(0), WithIterations(0, 3)}
		model := on.model(t, start.M, start.D, options...)
		on.train(t, model, mixture.From(events, all))
		model = on.model(t, start.M, start.D, options...)
		for lostAfter := int64(1); lostAfter < all.looks.Load(); lostAfter++ {
			if _, err := model.Train(t.Context(), mixture.From(events, &counted{lostAfter: lostAfter})); !errors.Is(err, errLost) {
				t.Fatalf("lost after %d looks of %d: %v", lostAfter, all.looks.Load(), err)
			}
			mustEqual(t, "parameters", numbersOf(model.Parameters()), numbersOf(start))
		}
		if _, err := model.Score(t.Context(), mixture.From(events, &counted{lostAfter: 1})); !errors.Is(err, errLost) {
			t.Errorf("Score: %v", err)
		}
	})
}
