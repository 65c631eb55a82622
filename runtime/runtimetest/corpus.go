package runtimetest

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// corpusEvents is how many events a case has: several tiles and chunks.
	corpusEvents = 1000
	// corpusIterations are enough for components to collapse, empty and recover.
	corpusIterations = 10
)

// RunCorpus trains devices of one precision on the adversarial corpus: every case must end as it may, in a fit of which every
// number is finite, or where less than float64 cannot hold it in an error. Of the options it heeds Refuses.
func RunCorpus(t *testing.T, open Open, precision string, options Options) {
	t.Helper()
	for _, c := range corpus.Cases() {
		for _, covariance := range c.Covariances {
			s := c.Sample(seed, corpusEvents, covariance)
			p := Problem{M: s.M, D: s.D, Covariance: covariance, Precision: precision}
			t.Run(c.Name+"/"+p.String(), func(t *testing.T) {
				if reason, refused := options.refused(p); refused {
					checkRefused(t, open, p, reason)
					return
				}
				b := &bench{T: t, problem: p, open: open}
				b.device = b.another()
				if err := b.train(s); err != nil && (c.Accept != corpus.FiniteOrError || precision == runtime.Float64) {
					b.Errorf("%v: %s", err, c.Reason)
				}
			})
		}
	}
}

// train trains on a sample. Its error is the device's refusal; a fit that ends is checked.
func (b *bench) train(s *corpus.Sample) error {
	b.Helper()
	data := mixture.Data{Events: b.float64s(s.X, s.D)}
	summary, err := mixture.Summarize(b.Context(), data)
	if err != nil {
		return err
	}
	prior := mixture.RelativePrior(summary)
	start := s.Start
	if start == nil {
		start = mixture.StartRandomFromData.First(data, summary, s.Covariance, s.M, seed, prior)
	}
	loaded, err := b.device.Load(b.Context(), data)
	if err != nil {
		return err
	}
	defer func() {
		if err := loaded.Close(); err != nil {
			b.Error(err)
		}
	}()
	fit, err := mixture.Train(b.Context(), loaded, start, prior, mixture.TrainOptions{MaxIterations: corpusIterations})
	if err != nil {
		return err
	}
	for i, l := range fit.History {
		if math.IsNaN(l) || math.IsInf(l, 0) {
			b.Errorf("log-likelihood %v after %d iterations", l, i)
		}
	}
	if err := fit.Parameters.Validate(); err != nil {
		b.Error(err)
	}
	return nil
}
