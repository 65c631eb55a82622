package cuda

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// memoryShare is how much of the rest events may take.
	memoryShare = 0.9
	// leastChunk is the number of events at which out of memory is final, where none stay.
	leastChunk = 256
	// leastKept is how many chunks must fit for some of the events to stay where not all do.
	leastKept = 2
	// leastCarried is from how much on events are unpacked on the device though they stay: that the driver compiles a kernel for it, in 10 ms,
	// must be worth it.
	leastCarried = 64 << 20
	// maxPartialBytes bounds what the blocks of a pass leave for the reduction.
	maxPartialBytes = 256 << 20
	// leastSpanBytes is what kernels may leave of the events of a span in any case, responsibilities or scores, and what they leave at once
	// where fewer would fill the device.
	leastSpanBytes = 128 << 20
	// roundsOfSpan is how many tiles each block has in a span that fills the device: what the last of them wait for each other is little
	// beside that.
	roundsOfSpan = 4
	// memoryReserve is left of the device's free memory for what passes allocate later, or half of it where there is less.
	memoryReserve = maxPartialBytes + 2*leastSpanBytes + matrixBytes
)

// resident is events on a device: all of them, or a chunk at a time.
type resident[T runtime.Real] struct {
	engine *Engine
	data   mixture.Data
	weight float64 // Σ w_n
	frame  runtime.Frame
	upload *uploader[T]
	// conveyor brings what does not fit, and trip is the pass over it that is under way.
	conveyor conveyor[T]
	trip     *trip[T]

	mu     sync.Mutex // one pass at a time
	closed bool
	// chunk is how many events a pass goes on by: all, or as many as come at a time where they do not fit. Then the first kept ones stay.
	chunk, kept int
	first       int // of the events that stay, -1 for none
	// borrowed events are freed by somebody else, and lent ones stay where they are until they are closed.
	borrowed, lent bool
	shelf          *shelf // whose events these are, with others', or nil
	stay, passing  holding

	records map[string]*buffer // by layout of factors

	spanBytes int // that kernels may leave of the events of a span: see [resident.spanOf]
	spanFirst int // spanBytes of borrowed events, before memory was found to be too small

	// Of the matrix form.
	summary           *mixture.Summary
	gain              float64
	workspace, spread buffer
	loop              buffer // the state of a loop on the device
	buckets           buckets
	load              float64 // up to which log-densities are accurate enough in a loop
	direct            bool    // it is not used
	resting, rest     int     // passes in which it is not tried, as components were too tight, and how many those were to be

	fitter                                   fitter[T]
	poisoned                                 bool // what kernels write is filled with ones before
	partial, sums, totals, update            buffer
	responsibilities, logLikelihoods, labels buffer
}

func newResident[T runtime.Real](e *Engine, data mixture.Data, s *mixture.Summary) *resident[T] {
	r := &resident[T]{
		engine: e, data: data, weight: s.EventWeight, summary: s, gain: gainOf(data.Weights), load: e.program.Allowed() / errorByLoad, frame: runtime.NewFrame(s, e.program.Precision), first: -1,
		records: map[string]*buffer{},
	}
	r.upload = &uploader[T]{context: e.context, stream: e.stream, frame: r.frame, data: data}
	r.conveyor = conveyor[T]{context: e.context, compute: e.stream, packing: newPacking[T](r.frame, data)}
	return r
}

// labelBytes is the size of a label.
const labelBytes = 4

// open decides how many events are to be on the device at once, and uploads those that stay.
func (r *resident[T]) open(ctx context.Context) error {
	free, _, err := r.engine.context.MemInfo()
	if err != nil {
		return err
	}
	r.share(int(memoryShare * float64(free-min(free/2, memoryReserve))))
	if err := r.within(func() error {
		if n := r.data.Events.Len(); r.chunk == n {
			return r.bring(ctx, 0, n, n)
		}
		return r.bringKept(ctx)
	}); err != nil {
		return err
	}
	return r.findRoom()
}

// share divides so much memory between events that stay and those that come.
func (r *resident[T]) share(room int) {
	n, stays := r.data.Events.Len(), r.eventBytes()
	r.chunk = min(n, max(leastChunk, room/stays))
	if r.chunk == n {
		return
	}
	comes := stays + arrivals*r.conveyor.packing.eventBytes()
	r.chunk = min(r.conveyor.packing.most(), max(leastChunk, room/comes))
	r.keep(min(n-r.chunk, (room-r.chunk*comes)/stays))
}

// keep has so many events stay, if that is worth it.
func (r *resident[T]) keep(events int) {
	r.kept = events / runtime.BatchEvents * runtime.BatchEvents
	if r.kept < leastKept*r.chunk {
		r.kept = 0
	}
}

// findRoom decides how much kernels may leave of the events of a span, now that the events are where they are: in a workspace as much as in
// responsibilities, so that there is room for both, and for all else.
func (r *resident[T]) findRoom() error {
	free, _, err := r.engine.context.MemInfo()
	r.spanBytes = int(max(matrixBytes, (free-min(free, 2*memoryReserve))/2))
	return err
}

// within calls pass, and again with less for as long as the device's memory is too small: with half the room for what kernels leave of a
// span, down to what that has in any case, and then with half as many events that stay, and half as many at once when none does.
func (r *resident[T]) within(pass func() error) error {
	for {
		err := pass()
		if !errors.Is(err, ErrOutOfMemory) {
			return err
		}
		switch {
		case r.spanBytes > leastSpanBytes:
			r.spanBytes = max(leastSpanBytes, r.spanBytes/2)
			err = r.freePasses()
		case (r.chunk > leastChunk || r.kept > 0) && !r.borrowed && !r.lent:
			r.fewer()
			err = r.free()
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
}

// fewer has fewer events be on the device.
func (r *resident[T]) fewer() {
	stay, n := r.kept, r.data.Events.Len()
	switch {
	case r.chunk == n: // all stay
		r.chunk, stay = min(r.conveyor.packing.most(), max(leastChunk, (n+1)/2)), n
	case stay == 0:
		r.chunk = max(leastChunk, (r.chunk+1)/2)
	}
	r.keep(stay / 2)
}

// begin checks that a pass under p can be made, and lays p out. Where it can, the caller must call end.
func (r *resident[T]) begin(ctx context.Context, p *mixture.Parameters) (*runtime.PackedModel[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := r.engine.program.CheckParameters(p); err != nil {
		return nil, err
	}
	packed, err := runtime.Pack[T](r.engine.program, r.frame, p)
	if err != nil {
		return nil, err
	}
	return packed, r.enter()
}

// take puts a model's records on the device, before whatever the stream is given next, with room for those that a loop makes.
func (r *resident[T]) take(records map[string][]T) error {
	copies := 1
	if r.engine.matrix != nil {
		copies = loopModels
	}
	for layout, numbers := range records {
		if r.records[layout] == nil {
			r.records[layout] = &buffer{}
		}
		if err := r.records[layout].grow(r.engine.context, copies*len(Bytes(numbers))); err != nil {
			return err
		}
		if err := r.engine.stream.CopyHtoD(r.records[layout].ptr, Bytes(numbers)); err != nil {
			return err
		}
	}
	return nil
}

// Poison has what kernels write filled with ones before.
func (r *resident[T]) Poison() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.poisoned = true
}

// room makes a buffer hold what the next kernel on the stream writes, poisoned where that was asked for.
func (r *resident[T]) room(b *buffer, bytes int) error {
	if err := b.grow(r.engine.context, bytes); err != nil || !r.poisoned {
		return err
	}
	return r.engine.stream.MemsetD8(b.ptr, 0xFF, b.bytes)
}

func (r *resident[T]) enter() error {
	r.engine.mu.RLock()
	r.mu.Lock()
	if r.closed {
		r.end()
		return mixture.ErrClosed
	}
	return nil
}

func (r *resident[T]) end() {
	r.mu.Unlock()
	r.engine.mu.RUnlock()
}

// Close frees the events' memory.
func (r *resident[T]) Close() error {
	if r.enter() != nil {
		return nil // it was closed, by itself or with the engine
	}
	defer r.end()
	r.engine.hold(r, false)
	return r.release()
}

// release frees everything; no pass is under way.
func (r *resident[T]) release() error {
	r.closed = true
	return errors.Join(r.upload.close(), r.free(), r.conveyor.close(), r.shelf.release())
}

// free gives the device's memory back.
func (r *resident[T]) free() error {
	all := []error{r.freePasses(), r.conveyor.free()}
	if !r.borrowed {
		r.first = -1
		all = append(all, r.stay.free(r.engine.context), r.passing.free(r.engine.context))
	}
	return errors.Join(all...)
}

// freePasses gives back all memory but that of the events.
func (r *resident[T]) freePasses() error {
	r.buckets.count = 0
	var all []error
	for _, b := range r.passBuffers() {
		all = append(all, b.free(r.engine.context))
	}
	return errors.Join(all...)
}

// passBuffers lists all memory but that of the events.
func (r *resident[T]) passBuffers() []*buffer {
	all := append(slices.Collect(maps.Values(r.records)),
		&r.partial, &r.sums, &r.totals, &r.update, &r.responsibilities, &r.logLikelihoods, &r.labels, &r.workspace, &r.spread, &r.loop)
	return append(append(all, r.buckets.buffers()...), r.fitter.buffers()...)
}
