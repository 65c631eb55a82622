package mixture_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// lossy is a source that can be taken away.
type lossy struct {
	lost    error
	guarded int // how often it was read
}

func (l *lossy) Guard(read func()) {
	l.guarded++
	if l.lost == nil {
		read()
	}
}

func (l *lossy) Intact() error { return l.lost }

func TestEventsFromASource(t *testing.T) {
	of := func(events mixture.Events, err error) mixture.Events {
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	x := []float64{1, 2, 3, 4, 5, 6}
	for name, events := range map[string]mixture.Events{
		"float32": of(mixture.Float32([]float32{1, 2, 3, 4, 5, 6}, 3, 2, 0)),
		"float64": of(mixture.Float64(x, 3, 2, 0)),
	} {
		source := &lossy{}
		from := mixture.From(events, source)
		got := make([]float64, 4)
		from.Read(got, 1)
		if !slices.Equal(got, x[2:]) || source.guarded != 1 || mixture.Intact(from) != nil {
			t.Errorf("%s: read %v within %d guards, then %v", name, got, source.guarded, mixture.Intact(from))
		}
		source.lost = errors.New("gone")
		if _, err := mixture.Summarize(t.Context(), mixture.Data{Events: from}); !errors.Is(err, source.lost) {
			t.Errorf("%s: Summarize: %v", name, err)
		}
		if err := mixture.Intact(events); err != nil {
			t.Errorf("%s: events that were there before: %v", name, err)
		}
	}
	others := of(mixture.Matrix(mat.NewSymDense(2, []float64{1, 2, 2, 3})))
	if mixture.From(others, &lossy{}) != others || mixture.Intact(others) != nil {
		t.Error("events that are no rows have a source")
	}
}

// TestTrainOfALostSource: what has become of the events stands for what came of a pass, and the last iteration before it is kept.
func TestTrainOfALostSource(t *testing.T) {
	gone := errors.New("gone")
	for _, after := range []int{0, 1, 3} {
		s := &script{totals: []float64{-10, -6, -4, -3, -2.5}, weight: 4}
		fit, err := s.train(t, mixture.TrainOptions{MaxIterations: 4, Intact: func() error {
			if len(s.passes) > after {
				return gone
			}
			return nil
		}})
		if !errors.Is(err, gone) || len(s.passes) != after+1 {
			t.Errorf("error %v after %d passes, want %v after %d", err, len(s.passes), gone, after+1)
		}
		if after == 0 && fit == nil {
			continue
		}
		s.wantIteration(t, fit, after-1)
	}
}
