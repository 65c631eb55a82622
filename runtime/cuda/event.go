package cuda

import (
	"errors"
	"time"
)

// Event is a mark on a stream, with the time the device passed it.
type Event struct {
	context *Context
	handle  CUevent
	closed  bool // read and written on the context's thread alone
}

// NewEvent makes an event that measures time.
func (c *Context) NewEvent() (*Event, error) {
	e := &Event{context: c}
	err := c.Run(func() error { return check("cuEventCreate", c.api.EventCreate(&e.handle, eventDefault)) })
	if err != nil {
		return nil, err
	}
	return e, nil
}

// run calls a function with the event's handle on the context's thread.
func (e *Event) run(f func(api *API, event CUevent) error) error {
	return e.context.Run(func() error {
		handle, err := e.on(e.context)
		if err != nil {
			return err
		}
		return f(e.context.api, handle)
	})
}

// on returns the handle, for use on a context: the event must be open and belong
// to it. It must be called on the context's thread.
func (e *Event) on(c *Context) (CUevent, error) {
	switch {
	case e.context != c:
		return 0, argument("the event belongs to %v, not to %v", e.context.device, c.device)
	case e.closed:
		return 0, ErrClosed
	}
	return e.handle, nil
}

// Record puts the mark on a stream, in place of any earlier one. A nil stream is
// the default stream.
func (e *Event) Record(stream *Stream) error {
	return e.run(func(api *API, event CUevent) error {
		handle, err := stream.on(e.context)
		if err != nil {
			return err
		}
		return check("cuEventRecord", api.EventRecord(event, handle))
	})
}

// Done reports whether the device has passed the mark. An event that was never
// recorded is done.
func (e *Event) Done() (bool, error) {
	err := e.run(func(api *API, event CUevent) error { return check("cuEventQuery", api.EventQuery(event)) })
	if errors.Is(err, ResultNotReady) {
		return false, nil
	}
	return err == nil, err
}

// Sync waits until the device has passed the mark. It keeps the context's thread
// busy: other goroutines' calls on the context wait too.
func (e *Event) Sync() error {
	return e.run(func(api *API, event CUevent) error {
		return check("cuEventSynchronize", api.EventSynchronize(event))
	})
}

// Elapsed returns the device's time from one mark to another, to about half a
// microsecond. Both must have been passed: call end.Sync before, or the error is
// ResultNotReady.
func Elapsed(start, end *Event) (time.Duration, error) {
	var milliseconds float32
	err := start.run(func(api *API, from CUevent) error {
		to, err := end.on(start.context)
		if err != nil {
			return err
		}
		return check("cuEventElapsedTime", api.EventElapsedTime(&milliseconds, from, to))
	})
	return time.Duration(float64(milliseconds) * float64(time.Millisecond)), err
}

// Close destroys the event. A second Close does nothing.
func (e *Event) Close() error {
	return closing(e.context, &e.closed, func() error {
		return check("cuEventDestroy", e.context.api.EventDestroy(e.handle))
	})
}

// closing marks something of a context's as closed and destroys it, if neither it
// nor the context was closed before.
func closing(c *Context, closed *bool, destroy func() error) error {
	err := c.Run(func() error {
		if *closed {
			return nil
		}
		*closed = true
		return destroy()
	})
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}
