package cuda

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// batchBytes is about how much memory the states of mixtures take that are fitted together, on the device and, page-locked, on the host;
	// it is kept for the next batch. mostInLaunch is how many are in one launch at most.
	batchBytes   = 64 << 20
	mostInLaunch = 1 << 15
	// batchStreams is how many launches are under way at once, each of a block for a multiprocessor: more than a multiprocessor holds blocks,
	// so that it goes on with another when one is done, and the host makes the states of some meanwhile and takes what has become of others.
	batchStreams = 8
	// lineNumbers is the numbers of a line of memory.
	lineNumbers = 32
)

// batches is what an engine keeps for mixtures that are fitted together: memory that is dear to come by, for one batch after the other.
type batches struct {
	turn    chan struct{} // full while there is a batch
	fitter  fitter[float32]
	states  *HostMemory
	streams []*Stream
}

func newBatches() batches { return batches{turn: make(chan struct{}, 1)} }

// open makes room for so many fits.
func (b *batches) open(e *Engine, count int) error {
	b.fitter.engine, b.fitter.kernel = e, e.kernels[runtime.Fit]
	b.fitter.room = func(b *buffer, bytes int) error { return b.grow(e.context, bytes) }
	for len(b.streams) < batchStreams {
		stream, err := e.context.NewStream()
		if err != nil {
			return err
		}
		b.streams = append(b.streams, stream)
	}
	bytes := count * b.fitter.layout().bytes
	if b.states == nil || len(b.states.Bytes()) < bytes {
		if err := b.freeStates(); err != nil {
			return err
		}
		var err error
		if b.states, err = e.context.AllocHost(bytes); err != nil {
			return err
		}
	}
	return b.fitter.reserve(count, 1)
}

func (b *batches) freeStates() error {
	if b.states == nil {
		return nil
	}
	states := b.states
	b.states = nil
	return states.Free()
}

// close lets go of everything; nothing is under way.
func (b *batches) close(c *Context) error {
	all := []error{b.freeStates()}
	for _, buffer := range b.fitter.buffers() {
		all = append(all, buffer.free(c))
	}
	for _, stream := range b.streams {
		all = append(all, stream.Close())
	}
	b.streams = nil
	return errors.Join(all...)
}

// fitsTogether reports whether the program has a kernel that fits many mixtures in one launch.
func (e *Engine) fitsTogether() bool {
	_, ok := e.kernels[runtime.Fit]
	return ok && !e.program.Weighted && e.program.Precision == runtime.Float32
}

// TrainBatch fits mixtures in a launch, or a few that follow each other, a block each. It returns nothing where the program has no kernel for
// that. Events that are on the device stay there, others come for the time of the call.
func (e *Engine) TrainBatch(ctx context.Context, jobs []mixture.Job) ([]mixture.Batched, error) {
	if !e.fitsTogether() {
		return nil, nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, mixture.ErrClosed
	}
	select {
	case e.batches.turn <- struct{}{}:
		defer func() { <-e.batches.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b := &batch{engine: e, jobs: jobs, fits: make([]fitted, len(jobs)), batched: make([]mixture.Batched, len(jobs))}
	return b.batched, b.trainAll(ctx)
}

// batch is mixtures that are fitted together.
type batch struct {
	engine  *Engine
	jobs    []mixture.Job
	fits    []fitted
	batched []mixture.Batched
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

// trainAll fits as many mixtures at once as there is room for.
func (b *batch) trainAll(ctx context.Context) error {
	if err := each(len(b.jobs), func(i int) error { return b.look(ctx, i) }); err != nil {
		return err
	}
	d := b.engine.program.Dimensions
	room := fitter[float32]{engine: b.engine}
	most := max(1, batchBytes/room.layout().bytes)
	for first := 0; first < len(b.jobs); {
		last, numbers := first, 0
		for last < len(b.jobs) && last-first < most && (last == first || numbers < shelfBytes/4) {
			if b.fits[last].placed.events == 0 {
				numbers += b.fits[last].events * d
			}
			last++
		}
		if err := b.train(ctx, first, last); err != nil {
			return err
		}
		first = last
	}
	return nil
}

// look looks at a job, and finds its events, where they are on the device.
func (b *batch) look(ctx context.Context, i int) error {
	j, m, program := &b.jobs[i], &b.fits[i], b.engine.program
	if err := program.CheckData(j.Data); err != nil {
		return err
	}
	if err := program.CheckParameters(j.Start); err != nil {
		return err
	}
	summary, err := j.Data.Summarized(ctx)
	if err != nil {
		return err
	}
	m.events, m.weight, m.start, m.prior = j.Data.Events.Len(), summary.EventWeight, j.Start, j.Prior
	m.limits = mixture.Limits{
		Passes: j.Options.MaxIterations + 1, Tolerance: j.Options.Tolerance * summary.EventWeight, Previous: math.Inf(1),
		Least: j.Options.MinIterations + 1,
	}
	if r, ok := j.Loaded.(*resident[float32]); ok {
		if m.placed, m.frame, ok = r.lend(b.engine); ok {
			return nil
		}
	}
	m.frame = runtime.NewFrame(summary, program.Precision)
	return nil
}

// train fits the mixtures from first to last-1.
func (b *batch) train(ctx context.Context, first, last int) (err error) {
	var sets []eventsOf
	var of []int
	for i := first; i < last; i++ {
		if m := &b.fits[i]; m.placed.events == 0 {
			sets, of = append(sets, eventsOf{b.jobs[i].Data.Events, m.frame}), append(of, i)
		}
	}
	if len(sets) > 0 {
		shelf, _, places, failed := b.engine.shelve(ctx, sets)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, shelf.release()) }()
		for k, i := range of {
			b.fits[i].placed = placed{shelf.byDimension.ptr + DevicePtr(4*places[k]), roundUp(b.fits[i].events, lineNumbers)}
		}
	}
	if err := b.engine.batches.open(b.engine, last-first); err != nil {
		return err
	}
	all := make([]int, last-first)
	work := 0.0
	for k := range all {
		all[k] = first + k
		work += float64(b.fits[first+k].events) * float64(b.engine.program.Components) * float64(b.engine.program.Cells())
	}
	passes := max(2, int(loopProducts/work)) // so that all can be cancelled; a launch makes the last pass of the one before once more
	for round := 0; len(all) > 0; round++ {
		if all, err = b.round(ctx, all, passes, round == 0); err != nil {
			return err
		}
	}
	return nil
}

// lot is mixtures of one launch: their numbers, and their states in page-locked memory.
type lot struct {
	of     []int
	states []byte
}

// round has mixtures go as far as a launch does, and returns those that are to go on from there. A stream has one launch after the other, and
// the host is at work on one lot while others are under way.
func (b *batch) round(ctx context.Context, all []int, passes int, begin bool) (more []int, err error) {
	room, c := &b.engine.batches, b.engine.context
	streams := room.streams
	defer func() {
		if err != nil { // what is under way must be done with the memory
			for _, stream := range streams {
				err = errors.Join(err, stream.Sync())
			}
		}
	}()
	under, turn, place := make([]lot, len(streams)), 0, 0
	for some := range slices.Chunk(all, min(mostInLaunch, max(1, c.Device().Multiprocessors))) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		next, done := b.lay(some, place, passes, begin), under[turn]
		under[turn] = next
		if err := c.Run(func() error { return b.follow(streams[turn], next, place) }); err != nil {
			return nil, err
		}
		more = append(more, b.take(done)...)
		place += len(next.of)
		turn = (turn + 1) % len(streams)
	}
	for range streams {
		if err := streams[turn].Sync(); err != nil {
			return nil, err
		}
		more = append(more, b.take(under[turn])...)
		turn = (turn + 1) % len(streams)
	}
	return more, nil
}

// lay makes the states of a lot, which takes the places from one on. A mixture that is not for the device is left out of the first.
func (b *batch) lay(some []int, place, passes int, begin bool) lot {
	room := &b.engine.batches
	bytes := room.fitter.layout().bytes
	if begin {
		runtime.SideBySide(len(some), func(i int) { b.begin(some[i]) })
		some = slices.DeleteFunc(slices.Clone(some), func(i int) bool { return b.fits[i].conditioning == 0 })
	}
	l := lot{some, room.states.Bytes()[place*bytes:][:len(some)*bytes]}
	runtime.SideBySide(len(some), func(i int) {
		m := &b.fits[some[i]]
		m.limits.Passes = min(m.limits.Passes, passes)
		room.fitter.state(l.states[i*bytes:][:bytes], m)
	})
	return l
}

// begin finds how a fit starts: its conditioning is 0 where it is not for the device.
func (b *batch) begin(i int) {
	m := &b.fits[i]
	factors, err := m.start.Factor()
	if err != nil || len(m.prior.Ridge) != b.engine.program.Dimensions {
		return // which the caller finds out
	}
	m.base, m.conditioning = slices.Max(factors.Constants), b.engine.conditioningOf(m.frame, m.start, factors)
}

// follow waits for what a stream has, and puts a lot on it. The device's thread is at hand.
func (b *batch) follow(stream *Stream, l lot, place int) error {
	if err := stream.Sync(); err != nil || len(l.of) == 0 {
		return err
	}
	return b.engine.batches.fitter.launch(stream, l.states, place, 1, 0)
}

// take fills in what has become of a lot that is done, and returns what is to go on.
func (b *batch) take(l lot) (more []int) {
	room := &b.engine.batches
	bytes := room.fitter.layout().bytes
	goOn := make([]bool, len(l.of))
	runtime.SideBySide(len(l.of), func(k int) {
		i := l.of[k]
		m, j := &b.fits[i], &b.jobs[i]
		before := m.totals
		room.fitter.take(l.states[k*bytes:][:bytes], m)
		if len(before) > 0 && len(m.totals) > 0 {
			m.totals = slices.Concat(before[:len(before)-1], m.totals) // the last pass was made once more
		}
		stopped := m.stop != loopDone
		b.batched[i] = j.Reached(m.reached, m.totals, m.weight, stopped)
		if goOn[k] = !stopped && !b.batched[i].Whole; goOn[k] {
			m.start = m.reached
			m.limits.Passes, m.limits.Least = j.Options.MaxIterations+2-len(m.totals), max(0, j.Options.MinIterations+2-len(m.totals))
		}
	})
	for k, i := range l.of {
		if goOn[k] {
			more = append(more, i)
		}
	}
	return more
}
