package cuda

import (
	"context"
	"errors"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// shelfBytes is about how much memory the events of a shelf take in each layout.
const shelfBytes = 1 << 30

// shelf is many small sets of events that came to a device in one copy, side by side in one piece of memory for each layout. It is freed with
// the last of them.
type shelf struct {
	context             *Context
	events, byDimension buffer

	mu    sync.Mutex
	users int
}

// release takes a user from a shelf, if there is one.
func (s *shelf) release() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return s.free()
}

func (s *shelf) free() error {
	return errors.Join(s.events.free(s.context), s.byDimension.free(s.context))
}

// alignment is that of each set of events, in numbers: what memory is reserved at has it in bytes.
const alignment = 64

// eventsOf is a set of events, and the frame that they are taken into.
type eventsOf struct {
	events mixture.Events
	frame  runtime.Frame
}

// shelve copies sets of events to the device, and returns where each begins, in numbers, in either layout. One user has the shelf.
func (e *Engine) shelve(ctx context.Context, all []eventsOf) (s *shelf, byEvent, byDimension []int, err error) {
	s = &shelf{context: e.context, users: 1}
	if byEvent, byDimension, err = e.fill(ctx, s, all); err != nil {
		return nil, nil, nil, errors.Join(err, s.free())
	}
	return s, byEvent, byDimension, nil
}

// fill puts sets of events on a shelf, in the layouts that the program's kernels read.
func (e *Engine) fill(ctx context.Context, s *shelf, all []eventsOf) (byEvent, byDimension []int, err error) {
	d := e.program.Dimensions
	for _, layout := range []struct {
		name   string
		to     *buffer
		places *[]int
		size   func(n int) int
		write  func(numbers, rows []float32, n int)
	}{
		{runtime.ByEvent, &s.events, &byEvent, func(n int) int { return n * d }, func(numbers, rows []float32, _ int) { copy(numbers, rows) }},
		{runtime.ByDimension, &s.byDimension, &byDimension, func(n int) int { return roundUp(n, lineNumbers) * d }, func(numbers, rows []float32, n int) {
			transpose(numbers, rows, roundUp(n, lineNumbers), d)
		}},
	} {
		if !e.program.Reads(layout.name) {
			continue
		}
		total := 0
		for _, of := range all {
			*layout.places = append(*layout.places, total)
			total += roundUp(layout.size(of.events.Len()), alignment)
		}
		numbers := make([]float32, total)
		if err := each(len(all), func(i int) error {
			n := all[i].events.Len()
			rows := make([]float32, n*d)
			runtime.Read(all[i].frame, rows, all[i].events, 0, make([]float64, len(rows)))
			layout.write(numbers[(*layout.places)[i]:][:layout.size(n)], rows, n)
			return ctx.Err()
		}); err != nil {
			return nil, nil, err
		}
		if err := layout.to.grow(e.context, len(Bytes(numbers))); err != nil {
			return nil, nil, err
		}
		if err := e.context.Run(func() error { return errors.Join(e.stream.CopyHtoD(layout.to.ptr, Bytes(numbers)), e.stream.Sync()) }); err != nil {
			return nil, nil, err
		}
	}
	return byEvent, byDimension, nil
}

// transpose puts rows of d numbers by dimension, pitch numbers apart.
func transpose[T runtime.Real](numbers, rows []T, pitch, d int) {
	for j := range d {
		column := numbers[j*pitch:]
		for i := range len(rows) / d {
			column[i] = rows[i*d+j]
		}
	}
}

// LoadBatch uploads many small sets of events together, where the program has a kernel that fits many mixtures in one launch. What the
// device has no room for is an error, ErrOutOfMemory.
func (e *Engine) LoadBatch(ctx context.Context, data []mixture.Data) ([]mixture.Loaded, error) {
	if !e.fitsTogether() {
		return nil, nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, mixture.ErrClosed
	}
	loaded := make([]mixture.Loaded, 0, len(data))
	for len(data) > 0 {
		count, numbers := 0, 0
		for count < len(data) && (count == 0 || numbers < shelfBytes/4) {
			numbers += data[count].Events.Len() * e.program.Dimensions
			count++
		}
		some, err := e.loadOn(ctx, data[:count])
		if err != nil {
			return nil, errors.Join(err, e.letGo(loaded))
		}
		loaded, data = append(loaded, some...), data[count:]
	}
	return loaded, nil
}

// letGo closes what was loaded.
func (e *Engine) letGo(all []mixture.Loaded) error {
	var failed []error
	for _, loaded := range all {
		r := loaded.(*resident[float32])
		e.hold(r, false)
		failed = append(failed, r.release())
	}
	return errors.Join(failed...)
}

// loadOn uploads sets of events to a shelf of their own.
func (e *Engine) loadOn(ctx context.Context, data []mixture.Data) ([]mixture.Loaded, error) {
	all := make([]*resident[float32], len(data))
	sets := make([]eventsOf, len(data))
	if err := each(len(data), func(i int) error {
		if err := e.program.CheckData(data[i]); err != nil {
			return err
		}
		summary, err := data[i].Summarized(ctx)
		if err != nil {
			return err
		}
		all[i] = newResident[float32](e, data[i], summary)
		sets[i] = eventsOf{data[i].Events, all[i].frame}
		return nil
	}); err != nil {
		return nil, err
	}
	s, byEvent, byDimension, err := e.shelve(ctx, sets)
	if err != nil {
		return nil, err
	}
	if err := all[0].findRoom(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.users = len(all)
	loaded := make([]mixture.Loaded, len(all))
	for i, r := range all {
		r.shelf, r.borrowed, r.lent, r.first, r.chunk, r.spanBytes = s, true, true, 0, data[i].Events.Len(), all[0].spanBytes
		r.stay.capacity = r.chunk
		if byEvent != nil {
			r.stay.events.ptr = s.events.ptr + DevicePtr(4*byEvent[i])
		}
		if byDimension != nil {
			r.stay.byDimension.ptr = s.byDimension.ptr + DevicePtr(4*byDimension[i])
		}
		e.hold(r, true)
		loaded[i] = r
	}
	return loaded, nil
}

// Lends reports whether what was loaded is on the engine's device for good, in the precision and the layout that fits in one launch read.
func (e *Engine) Lends(loaded mixture.Loaded) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	r, ok := loaded.(*resident[float32])
	if ok {
		_, _, ok = r.lend(e)
	}
	return ok
}

// lend, to an engine that is held for reading, returns where all events are on the device, which is where they stay until they are closed, and the frame that they are in; or false,
// where they are not all there, or not by dimension, or somewhere else.
func (r *resident[T]) lend(e *Engine) (where placed, f runtime.Frame, ok bool) {
	leave, err := r.enterFrom(e)
	if err != nil {
		return placed{}, f, false
	}
	defer leave()
	if r.engine.context != e.context || !r.engine.program.Reads(runtime.ByDimension) || r.data.Weights != nil || r.first != 0 || r.chunk != r.data.Events.Len() {
		return placed{}, f, false
	}
	r.lent = true
	return placed{r.stay.byDimension.ptr, r.stay.pitch()}, r.frame, true
}
