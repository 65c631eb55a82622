package cc

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Time runs a stage's kernel over all events under p, once for warming up and then repeats times, and returns the seconds of
// each. Moments come after the E-step of each block, as they do in a fit: their time is what the workers spend on them, shared
// among the workers.
func (l *loaded[T]) Time(ctx context.Context, stage string, p *mixture.Parameters, repeats int) ([]float64, error) {
	packed, err := l.begin(ctx, p)
	if err != nil {
		return nil, err
	}
	defer l.device.mu.RUnlock()
	var spent atomic.Int64 // on what is timed apart from the pass that it is part of, in nanoseconds
	visit, length, err := l.timed(packed, stage, p, &spent)
	if err != nil {
		return nil, err
	}
	times := make([]float64, 0, repeats)
	for i := range repeats + 1 {
		spent.Store(0)
		began := time.Now()
		if _, err := l.pass(ctx, length, visit); err != nil {
			return nil, err
		}
		took := time.Since(began)
		if stage == runtime.Moments {
			took = time.Duration(spent.Load()) / time.Duration(l.sharers(l.blocks(), length))
		}
		if i > 0 {
			times = append(times, took.Seconds())
		}
	}
	return times, nil
}

// timed returns a pass that runs a stage's kernel, and the number of its sums.
func (l *loaded[T]) timed(packed *runtime.PackedModel[T], stage string, p *mixture.Parameters, spent *atomic.Int64) (visit func(*worker[T], block[T], []float64), length int, err error) {
	program := l.device.program
	if _, ok := l.device.kernels[stage]; !ok && !(stage == runtime.Accumulate && l.device.centred != nil) {
		return nil, 0, &runtime.MissingStageError{Stage: stage}
	}
	switch stage {
	case runtime.Accumulate:
		if l.device.centred != nil {
			return l.producer(packed, p), l.productSums(), nil
		}
		visit, err = l.accumulator(packed)
		return visit, program.Sums(), err
	case runtime.Moments:
		estep, err := l.estep(packed)
		if err != nil {
			return nil, 0, err
		}
		moments := l.moments(packed)
		return func(w *worker[T], b block[T], sums []float64) {
			estep(w, b, sums[len(sums)-1:])
			began := time.Now()
			moments(w, b, sums)
			spent.Add(int64(time.Since(began)))
		}, program.Sums(), nil
	case runtime.EStep:
		visit, err = l.estep(packed)
		return visit, 1, err
	default:
		visit, err = l.scorer(packed, p.M, &mixture.Scores{})
		return visit, 1, err
	}
}
