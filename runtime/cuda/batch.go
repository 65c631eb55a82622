package cuda

import (
	"context"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// mostBatched is how many mixtures are fitted in one launch at most, and batchBytes about how much memory their events take.
	mostBatched = 1 << 15
	batchBytes  = 1 << 30
	// lineNumbers is the numbers of a line of memory.
	lineNumbers = 32
)

// TrainBatch fits mixtures in one launch, a block each. It returns nothing where the program has no kernel for that.
func (e *Engine) TrainBatch(ctx context.Context, jobs []mixture.Job) ([]mixture.Batched, error) {
	k, ok := e.kernels[runtime.Fit]
	if !ok || e.program.Weighted || e.program.Precision != runtime.Float32 {
		return nil, nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, mixture.ErrClosed
	}
	b := &batch{engine: e, jobs: jobs, fits: make([]*fitted, len(jobs)), batched: make([]mixture.Batched, len(jobs))}
	if err := each(len(jobs), func(i int) (err error) {
		b.fits[i], err = b.prepare(ctx, i)
		return err
	}); err != nil {
		return nil, err
	}
	b.fitter.engine, b.fitter.kernel = e, k
	b.fitter.room = func(b *buffer, bytes int) error { return b.grow(e.context, bytes) }
	err := b.trainAll(ctx)
	for _, buffer := range append(b.fitter.buffers(), &b.events) {
		if failed := buffer.free(e.context); err == nil {
			err = failed
		}
	}
	return b.batched, err
}

// batch is mixtures that are fitted together.
type batch struct {
	engine  *Engine
	jobs    []mixture.Job
	fits    []*fitted // nil for those that are not for the device
	batched []mixture.Batched
	fitter  fitter[float32]
	events  buffer
}

// each calls do for every number up to n, side by side, and returns the first error of theirs.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	runtime.SideBySide(n, func(i int) { errs[i] = do(i) })
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// prepare looks at a job, and returns nil where it is not for the device.
func (b *batch) prepare(ctx context.Context, i int) (*fitted, error) {
	j, program := &b.jobs[i], b.engine.program
	if err := program.CheckData(j.Data); err != nil {
		return nil, err
	}
	if err := program.CheckParameters(j.Start); err != nil {
		return nil, err
	}
	summary, err := j.Data.Summarized(ctx)
	if err != nil {
		return nil, err
	}
	factors, err := j.Start.Factor()
	if err != nil || len(j.Prior.Ridge) != program.Dimensions {
		return nil, nil // which the caller finds out
	}
	frame := runtime.NewFrame(summary, program.Precision)
	m := &fitted{
		frame: frame, events: j.Data.Events.Len(), weight: summary.EventWeight, start: j.Start, prior: j.Prior,
		base: slices.Max(factors.Constants), conditioning: b.engine.conditioningOf(frame, j.Start, factors),
		limits: mixture.Limits{
			Passes: j.Options.MaxIterations + 1, Tolerance: j.Options.Tolerance * summary.EventWeight, Previous: math.Inf(1),
			Least: j.Options.MinIterations + 1,
		},
	}
	if m.conditioning == 0 {
		return nil, nil
	}
	return m, nil
}

// trainAll fits as many mixtures at once as there is room for.
func (b *batch) trainAll(ctx context.Context) error {
	var all []int
	events := 0
	flush := func() error {
		defer func() { all, events = nil, 0 }()
		if len(all) == 0 {
			return nil
		}
		return b.train(ctx, all, events)
	}
	most := batchBytes / (4 * b.engine.program.Dimensions)
	for i, m := range b.fits {
		if m == nil {
			continue
		}
		if len(all) == mostBatched || len(all) > 0 && events+m.events > most {
			if err := flush(); err != nil {
				return err
			}
		}
		m.first = events
		events += m.events
		all = append(all, i)
	}
	return flush()
}

// train fits some of the mixtures, which have so many events together.
func (b *batch) train(ctx context.Context, all []int, events int) error {
	d := b.engine.program.Dimensions
	pitch := roundUp(events, lineNumbers)
	numbers := make([]float32, d*pitch)
	if err := each(len(all), func(i int) error {
		m := b.fits[all[i]]
		rows := make([]float32, m.events*d)
		runtime.Read(m.frame, rows, b.jobs[all[i]].Data.Events, 0, make([]float64, len(rows)))
		for k, v := range rows {
			numbers[k%d*pitch+m.first+k/d] = v
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	if err := b.events.grow(b.engine.context, len(Bytes(numbers))); err != nil {
		return err
	}
	if err := b.engine.stream.CopyHtoD(b.events.ptr, Bytes(numbers)); err != nil {
		return err
	}
	totals := make(map[int][]float64, len(all))
	for len(all) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		fits, work := make([]*fitted, len(all)), 0.0
		for k, i := range all {
			fits[k] = b.fits[i]
			work += float64(fits[k].events) * float64(b.engine.program.Components) * float64(b.engine.program.Cells())
		}
		for _, m := range fits { // so that all can be cancelled
			m.limits.Passes = min(m.limits.Passes, max(1, int(loopProducts/work)))
		}
		if err := b.engine.context.Run(func() error { return b.fitter.run(fits, 1, b.events.ptr, pitch, 0) }); err != nil {
			return err
		}
		var more []int
		for _, i := range all {
			m, j := b.fits[i], &b.jobs[i]
			if before := totals[i]; len(before) > 0 && len(m.totals) > 0 {
				m.totals = slices.Concat(before[:len(before)-1], m.totals) // the last pass was made once more
			}
			stopped := m.stop != loopDone
			b.batched[i] = j.Reached(m.reached, m.totals, m.weight, stopped)
			if !stopped && !b.batched[i].Whole {
				totals[i], m.start = m.totals, m.reached
				m.limits.Passes, m.limits.Least = j.Options.MaxIterations+2-len(m.totals), max(0, j.Options.MinIterations+2-len(m.totals))
				more = append(more, i)
			}
		}
		all = more
	}
	return nil
}
