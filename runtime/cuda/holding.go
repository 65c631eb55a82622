package cuda

import (
	"context"
	"errors"

	"github.com/gmmspec/gmmspec/runtime"
)

// holding is events on a device, in the layouts that kernels read.
type holding struct {
	capacity int // events that there is room for
	// events and byDimension are the same numbers in the two layouts, each empty where no kernel reads it.
	events, byDimension buffer
	// weights is empty for weights of 1.
	weights buffer
}

// pitch is how many numbers lie between the dimensions of an event by dimension: the events held, in whole lines of memory.
func (h *holding) pitch() int { return roundUp(h.capacity, lineNumbers) }

// free gives the device's memory back.
func (h *holding) free(c *Context) error {
	return errors.Join(h.events.free(c), h.byDimension.free(c), h.weights.free(c))
}

// span is consecutive events on the device.
type span struct {
	from, n                      int
	events, byDimension, weights DevicePtr
	pitch                        int // between the dimensions of byDimension
}

// spanIn returns n events from one on that a holding has at a place. What the holding has not is null.
func (r *resident[T]) spanIn(h *holding, at, from, n int) span {
	place := func(b buffer, numbers int) DevicePtr {
		if b.ptr == 0 {
			return 0
		}
		return b.ptr + DevicePtr(at*numbers*numberBytes[T]())
	}
	return span{
		from: from, n: n, pitch: h.pitch(),
		events: place(h.events, r.engine.program.Dimensions), byDimension: place(h.byDimension, 1), weights: place(h.weights, 1),
	}
}

// grow makes room in a holding for so many events.
func (r *resident[T]) grow(h *holding, events int) error {
	h.capacity = events
	program, c := r.engine.program, r.engine.context
	bytes := h.pitch() * numberBytes[T]() * program.Dimensions
	if program.Reads(runtime.ByEvent) {
		if err := h.events.grow(c, bytes); err != nil {
			return err
		}
	}
	if program.Reads(runtime.ByDimension) {
		if err := h.byDimension.grow(c, bytes); err != nil {
			return err
		}
	}
	if r.data.Weights != nil {
		if err := h.weights.grow(c, events*numberBytes[T]()); err != nil {
			return err
		}
	}
	// What lies between a dimension's last event and the next dimension is fetched with the events, though not used.
	return r.engine.stream.MemsetD8(h.byDimension.ptr, 0, h.byDimension.bytes)
}

// eventBytes is what an event takes in a holding.
func (r *resident[T]) eventBytes() int {
	layouts := 0
	for _, layout := range []string{runtime.ByEvent, runtime.ByDimension} {
		if r.engine.program.Reads(layout) {
			layouts++
		}
	}
	bytes := numberBytes[T]() * r.engine.program.Dimensions * max(1, layouts)
	if r.data.Weights != nil {
		bytes += numberBytes[T]()
	}
	return bytes
}

// bring makes what stays on the device be events first … first+n, with room for so many, unless it is. What it took on the host for that is given
// back where all events stay.
func (r *resident[T]) bring(ctx context.Context, first, n, capacity int) error {
	if r.first == first {
		return nil
	}
	r.first = -1
	if err := r.grow(&r.stay, capacity); err != nil {
		return err
	}
	carried, err := r.carry(ctx, first, n)
	if err == nil && !carried {
		err = r.uploadAll(ctx, first, n)
	}
	if err != nil {
		return err
	}
	r.first = first
	if r.chunk == r.data.Events.Len() {
		return errors.Join(r.upload.close(), r.conveyor.close())
	}
	return nil
}

// carry brings events that stay as those come that do not. It reports whether it has: few are brought without, where the driver's compiler would take
// longer, and so are those beside which there is no more room.
func (r *resident[T]) carry(ctx context.Context, first, n int) (bool, error) {
	if n*r.conveyor.packing.eventBytes() < leastCarried || r.conveyor.broken {
		return false, nil
	}
	chunk := max(1, stagingBytes/r.conveyor.packing.eventBytes()) // for a pass that comes once, page-locking more would take longer than it does
	switch err := r.conveyor.open(chunk); {
	case cannotCompile(err):
		r.conveyor.broken = true
		return false, nil
	case errors.Is(err, ErrOutOfMemory):
		return false, r.conveyor.close()
	case err != nil:
		return false, err
	}
	t := r.conveyor.start(first, n, chunk)
	var err error
	for at := 0; at < n && err == nil; at += chunk {
		if err = ctx.Err(); err != nil {
			break
		}
		err = t.bring(r.spanIn(&r.stay, at, first+at, t.size(t.brought)))
		if err == nil {
			err = errors.Join(t.ahead(), t.release())
		}
	}
	return true, errors.Join(err, t.end(), r.engine.stream.Sync())
}

// uploadAll brings events that stay through little memory of the host's, whose processors convert them.
func (r *resident[T]) uploadAll(ctx context.Context, first, n int) error {
	if err := r.upload.open(n); err != nil {
		return err
	}
	if r.engine.program.Reads(runtime.ByEvent) {
		if err := r.upload.events(ctx, r.stay.events.ptr, first, n); err != nil {
			return err
		}
	}
	if r.engine.program.Reads(runtime.ByDimension) {
		if err := r.upload.byDimension(ctx, r.stay.byDimension.ptr, r.stay.pitch(), first, n); err != nil {
			return err
		}
	}
	if r.data.Weights != nil {
		return r.upload.weights(ctx, r.stay.weights.ptr, first, n)
	}
	return nil
}

// each calls visit for spans of at most limit events that cover them all, in order. Of events that do not fit, the next ones are on their way
// while visit works on some, and by the time that it waits for a result (see [resident.fetch]).
func (r *resident[T]) each(ctx context.Context, limit int, visit func(s span) error) (err error) {
	n := r.data.Events.Len()
	if err := r.depart(ctx); err != nil {
		return err
	}
	first := 0
	if r.trip != nil {
		defer func() {
			err = errors.Join(err, r.trip.end())
			r.trip = nil
		}()
		if err := r.eachSpan(ctx, &r.stay, 0, r.kept, limit, visit); err != nil {
			return err
		}
		first = r.kept
	}
	for ; first < n; first += r.chunk {
		size := min(r.chunk, n-first)
		if r.trip == nil {
			err = r.bring(ctx, first, size, r.chunk)
		} else {
			err = r.trip.bring(r.spanIn(&r.passing, 0, first, size))
		}
		if err != nil {
			return err
		}
		if err := r.eachSpan(ctx, r.holder(), first, size, limit, visit); err != nil {
			return err
		}
		if r.trip == nil {
			continue
		}
		if err := errors.Join(r.trip.ahead(), r.trip.release()); err != nil {
			return err
		}
	}
	return nil
}

// holder is what has the events of a chunk.
func (r *resident[T]) holder() *holding {
	if r.trip == nil {
		return &r.stay
	}
	return &r.passing
}

// eachSpan calls visit for spans of the n events from first on that a holding has.
func (r *resident[T]) eachSpan(ctx context.Context, h *holding, first, n, limit int, visit func(s span) error) error {
	for at := 0; at < n; at += limit {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(r.spanIn(h, at, first+at, min(limit, n-at))); err != nil {
			return err
		}
	}
	return nil
}

// depart begins a trip where events do not fit the device, of those that do not stay. Without a compiler in the driver there is none, nothing stays, and
// chunks come one after the other.
func (r *resident[T]) depart(ctx context.Context) error {
	if r.chunk == r.data.Events.Len() {
		return nil
	}
	if r.conveyor.broken {
		if r.kept == 0 {
			return nil
		}
		return r.unkeep()
	}
	if err := r.bringKept(ctx); err != nil {
		return err
	}
	if err := r.grow(&r.passing, r.chunk); err != nil {
		return err
	}
	err := r.conveyor.open(r.chunk)
	if cannotCompile(err) {
		r.conveyor.broken = true
		return r.unkeep()
	}
	if err == nil {
		r.trip = r.conveyor.start(r.kept, r.data.Events.Len()-r.kept, r.chunk)
	}
	return err
}

// unkeep has no events stay, for what comes beside them needs a compiler.
func (r *resident[T]) unkeep() error {
	r.kept, r.first = 0, -1
	return errors.Join(r.stay.free(r.engine.context), r.passing.free(r.engine.context), r.conveyor.close())
}

// bringKept brings the events that stay where others do not.
func (r *resident[T]) bringKept(ctx context.Context) error {
	if r.kept == 0 {
		return nil
	}
	return r.bring(ctx, 0, r.kept, r.kept)
}

// Streamed is how many of the events do not fit the device, and come there in every pass.
func (r *resident[T]) Streamed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.data.Events.Len(); r.chunk < n {
		return n - r.kept
	}
	return 0
}
