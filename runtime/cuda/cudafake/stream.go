package cudafake

import (
	"maps"
	"slices"
	"time"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// stream is a queue of work that is done when something waits for it.
type stream struct {
	device *device
	queue  []work
}

// work is one thing on a stream: something to do, or an event's mark.
type work struct {
	run  func() cuda.Result // nil for a mark
	mark *mark
}

// mark is one record of an event.
type mark struct {
	stream *stream
	passed bool
	at     time.Duration // when the device passed it
}

// event is an event with its last mark, nil if it was never recorded.
type event struct {
	last *mark
}

// step does the first thing in the queue. A failure loses the context.
func (s *stream) step() cuda.Result {
	w := s.queue[0]
	s.queue = s.queue[1:]
	if w.mark != nil {
		w.mark.passed, w.mark.at = true, s.device.clock
		return cuda.Success
	}
	result := w.run()
	if result != cuda.Success {
		s.device.lost = result
	}
	return result
}

// drain does everything in the queue.
func (s *stream) drain() cuda.Result {
	for len(s.queue) > 0 {
		if result := s.step(); result != cuda.Success {
			return result
		}
	}
	return cuda.Success
}

// pass does what is in a mark's stream up to the mark.
func (m *mark) pass() cuda.Result {
	for !m.passed {
		if result := m.stream.step(); result != cuda.Success {
			return result
		}
	}
	return cuda.Success
}

// drain does everything on every stream, the oldest stream's first.
func (d *device) drain() cuda.Result {
	for _, handle := range slices.Sorted(maps.Keys(d.streams)) {
		if result := d.streams[handle].drain(); result != cuda.Success {
			return result
		}
	}
	return cuda.Success
}

// enqueue puts something to do on a stream.
func (d *device) enqueue(handle cuda.CUstream, run func() cuda.Result) cuda.Result {
	s, ok := d.streams[handle]
	if !ok {
		return cuda.ResultInvalidHandle
	}
	s.queue = append(s.queue, work{run: run})
	return cuda.Success
}

// synchronize does everything on one stream.
func (d *device) synchronize(handle cuda.CUstream) cuda.Result {
	s, ok := d.streams[handle]
	if !ok {
		return cuda.ResultInvalidHandle
	}
	return s.drain()
}

// record puts an event's mark on a stream.
func (d *device) record(handle cuda.CUevent, on cuda.CUstream) cuda.Result {
	e, s := d.events[handle], d.streams[on]
	if e == nil || s == nil {
		return cuda.ResultInvalidHandle
	}
	e.last = &mark{stream: s}
	s.queue = append(s.queue, work{mark: e.last})
	return cuda.Success
}

// wait makes a stream wait for an event's last mark.
func (d *device) wait(on cuda.CUstream, handle cuda.CUevent) cuda.Result {
	e := d.events[handle]
	if e == nil {
		return cuda.ResultInvalidHandle
	}
	if e.last == nil {
		return cuda.Success
	}
	return d.enqueue(on, e.last.pass)
}

// query reports whether an event's mark was passed, and lets the device do one
// more thing if not, so that asking again and again comes to an end.
func (d *device) query(handle cuda.CUevent) cuda.Result {
	e := d.events[handle]
	switch {
	case e == nil:
		return cuda.ResultInvalidHandle
	case e.last == nil || e.last.passed:
		return cuda.Success
	}
	if result := e.last.stream.step(); result != cuda.Success {
		return result
	}
	return cuda.ResultNotReady
}

// await does what is before an event's mark.
func (d *device) await(handle cuda.CUevent) cuda.Result {
	e := d.events[handle]
	switch {
	case e == nil:
		return cuda.ResultInvalidHandle
	case e.last == nil:
		return cuda.Success
	}
	return e.last.pass()
}

// elapsed returns the time between two events' marks.
func (d *device) elapsed(milliseconds *float32, start, end cuda.CUevent) cuda.Result {
	from, to := d.events[start], d.events[end]
	switch {
	case from == nil || to == nil || from.last == nil || to.last == nil:
		return cuda.ResultInvalidHandle
	case !from.last.passed || !to.last.passed:
		return cuda.ResultNotReady
	}
	*milliseconds = float32(float64(to.last.at-from.last.at) / float64(time.Millisecond))
	return cuda.Success
}

// copyIn copies from the host, later if that memory is page-locked. Other memory is
// read at once, as the driver stages it.
func (d *device) copyIn(dst cuda.DevicePtr, src unsafe.Pointer, bytes uintptr, on cuda.CUstream) cuda.Result {
	to, err := d.at(dst, uint64(bytes))
	if err != nil {
		return cuda.ResultInvalidValue
	}
	from := unsafe.Slice((*byte)(src), bytes)
	if !d.isPinned(src) {
		from = append([]byte(nil), from...)
	}
	return d.enqueue(on, func() cuda.Result { copy(to, from); return cuda.Success })
}

// copyOut copies to the host, later if that memory is page-locked. To other memory
// the bytes are there on return.
func (d *device) copyOut(dst unsafe.Pointer, src cuda.DevicePtr, bytes uintptr, on cuda.CUstream) cuda.Result {
	from, err := d.at(src, uint64(bytes))
	if err != nil {
		return cuda.ResultInvalidValue
	}
	to := unsafe.Slice((*byte)(dst), bytes)
	result := d.enqueue(on, func() cuda.Result { copy(to, from); return cuda.Success })
	if result != cuda.Success || d.isPinned(dst) {
		return result
	}
	return d.synchronize(on)
}

// copyWithin copies within the device.
func (d *device) copyWithin(dst, src cuda.DevicePtr, bytes uintptr, on cuda.CUstream) cuda.Result {
	to, errTo := d.at(dst, uint64(bytes))
	from, errFrom := d.at(src, uint64(bytes))
	if errTo != nil || errFrom != nil {
		return cuda.ResultInvalidValue
	}
	return d.enqueue(on, func() cuda.Result { copy(to, from); return cuda.Success })
}

// set fills memory with count copies of a little-endian value of a few bytes.
func (d *device) set(dst cuda.DevicePtr, value []byte, count uintptr, on cuda.CUstream) cuda.Result {
	size := uintptr(len(value))
	to, err := d.at(dst, uint64(count*size))
	if err != nil || uintptr(dst)%size != 0 {
		return cuda.ResultInvalidValue
	}
	return d.enqueue(on, func() cuda.Result {
		for i := range count {
			copy(to[i*size:], value)
		}
		return cuda.Success
	})
}
