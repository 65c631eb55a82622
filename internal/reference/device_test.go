package reference_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// TestRefusesParameters: parameters that are no mixture, or not of these events, are typed errors.
func TestRefusesParameters(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *mixture.Parameters)
		field  string // "" for a shape error
	}{
		{"dimensions", func(p *mixture.Parameters) { p.D = 3 }, ""},
		{"components", func(p *mixture.Parameters) { p.M = 3 }, ""},
		{"no components", func(p *mixture.Parameters) { *p = *mixture.NewParameters(mixture.Full, 0, 2) }, ""},
		{"covariance type", func(p *mixture.Parameters) { p.Covariance = "round" }, ""},
		{"covariance of another type", func(p *mixture.Parameters) { p.Covariance = mixture.Diag }, ""},
		{"negative weight", func(p *mixture.Parameters) { p.Weights[1] = -1 }, "weights"},
		{"weights 0", func(p *mixture.Parameters) { clear(p.Weights) }, "weights"},
		{"mean", func(p *mixture.Parameters) { p.Means[2] /= 0 * p.Means[2] }, "means"},
		{"indefinite", func(p *mixture.Parameters) { p.Covariances[5] = 1e9; p.Covariances[6] = 1e9 }, "covariances"},
		{"zero", func(p *mixture.Parameters) { clear(p.Covariances) }, "covariances"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := corpus.Random(1, 10, 2, 2, mixture.Full)
			p := s.Start
			c.change(p)
			loaded := load(t, mixture.Data{Events: float64s(t, s.X, 2)})
			_, accumulated := loaded.Accumulate(t.Context(), p)
			scored := loaded.Score(t.Context(), p, &mixture.Scores{})
			for _, err := range []error{accumulated, scored} {
				_, shape := errors.AsType[*mixture.ShapeError](err)
				parameter, ok := errors.AsType[*mixture.ParameterError](err)
				switch {
				case c.field == "" && !shape:
					t.Errorf("error %v: want a *mixture.ShapeError", err)
				case c.field != "" && (!ok || parameter.Field != c.field):
					t.Errorf("error %v: want a *mixture.ParameterError of %s", err, c.field)
				}
			}
		})
	}
}

// TestCancelled: a pass over many events stops soon after its context is cancelled.
func TestCancelled(t *testing.T) {
	s := corpus.Random(1, 200, 32, 32, mixture.Full)
	const n = 1 << 30 // some days of work: event i is event i mod 200's data
	events, err := mixture.Matrix(endless{s, n})
	if err != nil {
		t.Fatal(err)
	}
	loaded := load(t, mixture.Data{Events: events})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := loaded.Accumulate(ctx, s.Start); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Accumulate: %v: want the deadline", err)
	}
	if err := loaded.Score(ctx, s.Start, &mixture.Scores{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Score: %v: want the deadline", err)
	}
	if _, err := reference.New().Load(ctx, mixture.Data{Events: events}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Load: %v: want the deadline", err)
	}
}

// endless is a matrix of n events, those of a sample again and again.
type endless struct {
	s *corpus.Sample
	n int
}

func (e endless) Dims() (r, c int)    { return e.n, e.s.D }
func (e endless) At(i, j int) float64 { return e.s.X[(i%e.s.N)*e.s.D+j] }
func (e endless) T() mat.Matrix       { return mat.Transpose{Matrix: e} }

// BenchmarkAccumulate times an E-step of a small and a middling problem.
func BenchmarkAccumulate(b *testing.B) {
	for _, c := range []struct{ n, m, d int }{{272, 2, 2}, {10000, 5, 19}} {
		for _, covariance := range mixture.Covariances() {
			s := corpus.Random(1, c.n, c.m, c.d, covariance)
			b.Run(s.String(), func(b *testing.B) {
				events, err := s.Events()
				if err != nil {
					b.Fatal(err)
				}
				loaded, err := reference.New().Load(b.Context(), mixture.Data{Events: events})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := loaded.Accumulate(b.Context(), s.Start); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
