package cuda

import (
	"context"
	"errors"
	"sync"
	"unsafe"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// memoryShare is how much of the rest events may take.
	memoryShare = 0.9
	// leastChunk is the number of events below which out of memory is final.
	leastChunk = 256
	// maxPartialBytes bounds what the blocks of a pass leave for the reduction.
	maxPartialBytes = 256 << 20
	// maxSpanBytes bounds the responsibilities, or the scores, that are on the device at once.
	maxSpanBytes = 128 << 20
	// memoryReserve is left of the device's free memory for what passes allocate later.
	memoryReserve = maxPartialBytes + 2*maxSpanBytes
)

// resident is events on a device: all of them, or a chunk at a time.
type resident[T runtime.Real] struct {
	engine *Engine
	data   mixture.Data
	weight float64 // Σ w_n
	frame  runtime.Frame
	upload *uploader[T]

	mu     sync.Mutex // one pass at a time
	closed bool
	chunk  int // events that the buffers hold
	first  int // of the events that they hold now, -1 for none
	events buffer
	// weights is empty for weights of 1.
	weights buffer

	records, partial, sums, totals           buffer
	responsibilities, logLikelihoods, labels buffer
}

func newResident[T runtime.Real](e *Engine, data mixture.Data, s *mixture.Summary) *resident[T] {
	r := &resident[T]{
		engine: e, data: data, weight: s.EventWeight, frame: runtime.NewFrame(s, e.program.Precision), first: -1,
	}
	r.upload = &uploader[T]{context: e.context, stream: e.stream, frame: r.frame, data: data}
	return r
}

// numberBytes is the size of a kernel's number.
func numberBytes[T runtime.Real]() int {
	var number T
	return int(unsafe.Sizeof(number))
}

// open takes memory for as many events as fit, and uploads them if that is all.
func (r *resident[T]) open(ctx context.Context) error {
	each := numberBytes[T]() * r.engine.program.Dimensions
	if r.data.Weights != nil {
		each += numberBytes[T]()
	}
	free, _, err := r.engine.context.MemInfo()
	if err != nil {
		return err
	}
	fit := leastChunk
	if free > memoryReserve {
		fit = max(fit, int(memoryShare*float64(free-memoryReserve))/each)
	}
	n := r.data.Events.Len()
	for r.chunk = min(n, fit); ; r.chunk = (r.chunk + 1) / 2 {
		err := r.takeChunk()
		if err == nil {
			break
		}
		if !errors.Is(err, ErrOutOfMemory) || r.chunk <= leastChunk {
			return err
		}
	}
	if err := r.upload.open(); err != nil {
		return err
	}
	if r.chunk == n {
		return r.bring(ctx, 0, n)
	}
	return nil
}

func (r *resident[T]) takeChunk() error {
	if r.data.Weights != nil {
		if err := r.weights.grow(r.engine.context, r.chunk*numberBytes[T]()); err != nil {
			return err
		}
	}
	return r.events.grow(r.engine.context, r.chunk*r.engine.program.Dimensions*numberBytes[T]())
}

// bring makes the buffers hold events first … first+n.
func (r *resident[T]) bring(ctx context.Context, first, n int) error {
	if r.first == first {
		return nil
	}
	r.first = -1
	if err := r.upload.events(ctx, r.events.ptr, first, n); err != nil {
		return err
	}
	if r.data.Weights != nil {
		if err := r.upload.weights(r.weights.ptr, first, n); err != nil {
			return err
		}
	}
	r.first = first
	return nil
}

// span is consecutive events on the device.
type span struct {
	from, n         int
	events, weights DevicePtr
}

// each calls visit for spans of at most limit events that cover them all, in order.
func (r *resident[T]) each(ctx context.Context, limit int, visit func(s span) error) error {
	n := r.data.Events.Len()
	for first := 0; first < n; first += r.chunk {
		size := min(r.chunk, n-first)
		if err := r.bring(ctx, first, size); err != nil {
			return err
		}
		for from := 0; from < size; from += limit {
			if err := ctx.Err(); err != nil {
				return err
			}
			s := span{from: first + from, n: min(limit, size-from)}
			s.events = r.events.ptr + DevicePtr(from*r.engine.program.Dimensions*numberBytes[T]())
			if r.data.Weights != nil {
				s.weights = r.weights.ptr + DevicePtr(from*numberBytes[T]())
			}
			if err := visit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin checks that a pass under p can be made and uploads p. Where it can, the caller must call end.
func (r *resident[T]) begin(ctx context.Context, p *mixture.Parameters) (origins []float64, err error) {
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
	if err := r.enter(); err != nil {
		return nil, err
	}
	err = r.records.grow(r.engine.context, len(packed.Records)*numberBytes[T]())
	if err == nil {
		err = r.engine.context.CopyHtoD(r.records.ptr, Bytes(packed.Records))
	}
	if err != nil {
		r.end()
		return nil, err
	}
	return packed.Origins, nil
}

func (r *resident[T]) enter() error {
	r.engine.mu.RLock()
	r.mu.Lock()
	if r.engine.closed || r.closed {
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
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	if r.engine.closed || r.closed {
		return nil
	}
	delete(r.engine.held, r)
	return r.release()
}

// release frees everything; the engine's lock is held.
func (r *resident[T]) release() error {
	r.closed = true
	err := r.upload.close()
	for _, b := range []*buffer{
		&r.events, &r.weights, &r.records, &r.partial, &r.sums, &r.totals,
		&r.responsibilities, &r.logLikelihoods, &r.labels,
	} {
		err = errors.Join(err, b.free(r.engine.context))
	}
	return err
}
