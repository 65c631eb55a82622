package cuda

import (
	"context"
	"errors"
	"fmt"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Borrow returns events that another engine of the same context has loaded, for this engine's kernels: nothing is uploaded.
// It must be closed before they are. What does not fit the device at once cannot be borrowed, nor can a layout that was not
// loaded.
func (e *Engine) Borrow(loaded mixture.Loaded) (mixture.Loaded, error) {
	if r, ok := loaded.(*resident[float32]); ok && e.program.Precision == runtime.Float32 {
		return borrow(e, r)
	}
	if r, ok := loaded.(*resident[float64]); ok && e.program.Precision == runtime.Float64 {
		return borrow(e, r)
	}
	return nil, fmt.Errorf("cuda: events that were loaded as %T cannot be borrowed for %s", loaded, e.program.Precision)
}

func borrow[T runtime.Real](e *Engine, from *resident[T]) (mixture.Loaded, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, mixture.ErrClosed
	}
	leave, err := from.enterFrom(e)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := e.program.CheckData(from.data); err != nil {
		return nil, err
	}
	owner := from.engine
	switch {
	case owner.context != e.context:
		return nil, errors.New("cuda: events of another context cannot be borrowed")
	case from.first != 0 || from.chunk != from.data.Events.Len():
		return nil, errors.New("cuda: events that are not all on the device cannot be borrowed")
	case e.program.Reads(runtime.ByEvent) && !owner.program.Reads(runtime.ByEvent),
		e.program.Reads(runtime.ByDimension) && !owner.program.Reads(runtime.ByDimension):
		return nil, errors.New("cuda: the events were not loaded in every layout that is read")
	}
	r := &resident[T]{
		engine: e, data: from.data, weight: from.weight, summary: from.summary, gain: from.gain, frame: from.frame, upload: &uploader[T]{}, borrowed: true,
		spanBytes: from.spanBytes, spanFirst: from.spanBytes, load: e.program.Allowed() / errorByLoad,
		chunk: from.chunk, first: 0, stay: from.stay,
		records: map[string]*buffer{},
	}
	from.lent = true
	e.hold(r, true)
	return r, nil
}

// Time runs a stage's kernel over all events under p, once for warming up and then repeats times, and returns the seconds that
// the device took for each. Moments come after an E-step, which is not counted, as they do in a fit; memory is as warm as one
// pass leaves it for the next.
func (r *resident[T]) Time(ctx context.Context, stage string, p *mixture.Parameters, repeats int) ([]float64, error) {
	packed, err := r.begin(ctx, p)
	if err != nil {
		return nil, err
	}
	defer r.end()
	k, ok := r.engine.kernels[stage]
	if matrix := r.engine.matrix; matrix != nil && matrix.Stage == stage {
		k, ok = *matrix, true
	}
	if !ok {
		return nil, &runtime.MissingStageError{Stage: stage}
	}
	clock, err := newStopwatch(r.engine)
	if err != nil {
		return nil, err
	}
	var times []float64
	err = r.within(func() (err error) {
		times, err = r.time(ctx, k, packed, p, clock, repeats)
		return err
	})
	return times, errors.Join(err, clock.close())
}

func (r *resident[T]) time(ctx context.Context, k engineKernel, packed *runtime.PackedModel[T], p *mixture.Parameters, clock *stopwatch, repeats int) ([]float64, error) {
	if err := r.take(packed.Records); err != nil {
		return nil, err
	}
	limit := r.data.Events.Len()
	switch {
	case k.Centred:
		limit = r.spanOfMatrix(k)
	case k.Stage == runtime.EStep || k.Stage == runtime.Moments:
		limit = r.spanOfSplit()
	case k.Stage == runtime.Score:
		limit = r.spanOfScore()
	}
	times := make([]float64, 0, repeats)
	for i := range repeats + 1 {
		seconds := 0.0
		err := r.each(ctx, limit, func(s span) error {
			launch, err := r.timed(k, s, p, packed.Factors)
			if err != nil {
				return err
			}
			took, err := clock.time(launch)
			seconds += took
			return err
		})
		if err != nil {
			return nil, err
		}
		if i > 0 {
			times = append(times, seconds)
		}
	}
	return times, nil
}

// timed prepares a kernel's run over a span, and returns what is to be timed.
func (r *resident[T]) timed(k engineKernel, s span, p *mixture.Parameters, factors *mixture.Factors) (launch func() error, err error) {
	sums := r.engine.program.Sums()
	switch k.Stage {
	case runtime.Accumulate:
		if k.Centred {
			s = r.bucketed(s)
			if err := r.startAlone(factors.Constants); err != nil {
				return nil, err
			}
			args, err := r.prepareMatrix(k, s, p)
			return func() error { return r.launchMatrix(k, s, k.pass(), args) }, err
		}
		return func() error { return r.launchSum(k, s, sums, r.fused(k, s)) }, nil
	case runtime.Moments:
		if _, err := r.estep(s); err != nil {
			return nil, err
		}
		return func() error { return r.launchSum(k, s, sums, r.moments(k, s)) }, nil
	}
	var own []any
	switch k.Stage {
	case runtime.Score:
		err = errors.Join(r.growLogLikelihoods(s), r.growLabels(s))
		own = []any{r.logLikelihoods.ptr, r.labels.ptr}
	case runtime.EStep:
		own, err = r.growResponsibilities(s)
	default: // takes other arguments
		return nil, &runtime.MissingStageError{Stage: k.Stage}
	}
	return func() error {
		_, err := r.launchTotal(k, s, own...)
		return err
	}, err
}

// stopwatch times what is put on a stream.
type stopwatch struct {
	stream     *Stream
	start, end *Event
}

func newStopwatch(e *Engine) (*stopwatch, error) {
	start, err := e.context.NewEvent()
	if err != nil {
		return nil, err
	}
	end, err := e.context.NewEvent()
	if err != nil {
		return nil, errors.Join(err, start.Close())
	}
	return &stopwatch{e.stream, start, end}, nil
}

// time returns the seconds that the device took for what launch puts on the stream.
func (w *stopwatch) time(launch func() error) (float64, error) {
	if err := w.stream.context.Run(func() error {
		if err := w.start.Record(w.stream); err != nil {
			return err
		}
		if err := launch(); err != nil {
			return err
		}
		return w.end.Record(w.stream)
	}); err != nil {
		return 0, err
	}
	if err := w.end.Sync(); err != nil {
		return 0, err
	}
	took, err := Elapsed(w.start, w.end)
	return took.Seconds(), err
}

func (w *stopwatch) close() error { return errors.Join(w.start.Close(), w.end.Close()) }
