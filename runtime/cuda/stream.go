package cuda

import "unsafe"

// Stream is a queue of work on a device: what is put on it runs in order, beside
// what other streams run. A nil *Stream, where one is asked for, is the device's
// default stream.
type Stream struct {
	context *Context
	handle  CUstream
	closed  bool // read and written on the context's thread alone
}

// NewStream makes a stream that does not wait for the default stream.
func (c *Context) NewStream() (*Stream, error) {
	s := &Stream{context: c}
	err := c.Run(func() error { return check("cuStreamCreate", c.api.StreamCreate(&s.handle, streamNonBlocking)) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// run calls a function with the stream's handle on the context's thread.
func (s *Stream) run(f func(api *API, stream CUstream) error) error {
	return s.context.Run(func() error {
		handle, err := s.on(s.context)
		if err != nil {
			return err
		}
		return f(s.context.api, handle)
	})
}

// on returns the handle, for use on a context: the stream must be open and belong
// to it. It must be called on the context's thread.
func (s *Stream) on(c *Context) (CUstream, error) {
	switch {
	case s == nil:
		return 0, nil
	case s.context != c:
		return 0, argument("the stream belongs to %v, not to %v", s.context.device, c.device)
	case s.closed:
		return 0, ErrClosed
	}
	return s.handle, nil
}

// Sync waits until everything on the stream is done, and returns the error of
// whatever failed since the last. It keeps the context's thread busy: other
// goroutines' calls on the context wait too.
func (s *Stream) Sync() error {
	return s.run(func(api *API, stream CUstream) error {
		return check("cuStreamSynchronize", api.StreamSynchronize(stream))
	})
}

// Wait makes what is put on the stream from now on wait for an event's last
// record. The host does not wait. An event that was never recorded is not waited for.
func (s *Stream) Wait(event *Event) error {
	return s.run(func(api *API, stream CUstream) error {
		handle, err := event.on(s.context)
		if err != nil {
			return err
		}
		return check("cuStreamWaitEvent", api.StreamWaitEvent(stream, handle, 0))
	})
}

// CopyHtoD puts a copy from the host on the stream.
//
// Page-locked src must stay as it is until the stream has passed the copy. From
// any other memory the call returns once src has been read, and the copy overlaps
// nothing.
func (s *Stream) CopyHtoD(dst DevicePtr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return s.run(func(api *API, stream CUstream) error {
		return check("cuMemcpyHtoDAsync", api.MemcpyHtoDAsync(dst, unsafe.Pointer(&src[0]), uintptr(len(src)), stream))
	})
}

// CopyDtoH puts a copy to the host on the stream.
//
// Page-locked dst holds the bytes once the stream has passed the copy. To any
// other memory the call returns when they are there.
func (s *Stream) CopyDtoH(dst []byte, src DevicePtr) error {
	if len(dst) == 0 {
		return nil
	}
	return s.run(func(api *API, stream CUstream) error {
		return check("cuMemcpyDtoHAsync", api.MemcpyDtoHAsync(unsafe.Pointer(&dst[0]), src, uintptr(len(dst)), stream))
	})
}

// CopyDtoD puts a copy within the device on the stream.
func (s *Stream) CopyDtoD(dst, src DevicePtr, bytes int) error {
	if bytes < 0 {
		return argument("CopyDtoD: %d bytes", bytes)
	}
	if bytes == 0 {
		return nil
	}
	return s.run(func(api *API, stream CUstream) error {
		return check("cuMemcpyDtoDAsync", api.MemcpyDtoDAsync(dst, src, uintptr(bytes), stream))
	})
}

// MemsetD8 puts the setting of count bytes to a value on the stream.
func (s *Stream) MemsetD8(dst DevicePtr, value uint8, count int) error {
	if count < 0 {
		return argument("MemsetD8: count %d", count)
	}
	if count == 0 {
		return nil
	}
	return s.run(func(api *API, stream CUstream) error {
		return check("cuMemsetD8Async", api.MemsetD8Async(dst, value, uintptr(count), stream))
	})
}

// MemsetD32 puts the setting of count 4-byte words to a value on the stream. dst
// must be a multiple of 4.
func (s *Stream) MemsetD32(dst DevicePtr, value uint32, count int) error {
	if count < 0 {
		return argument("MemsetD32: count %d", count)
	}
	if count == 0 {
		return nil
	}
	return s.run(func(api *API, stream CUstream) error {
		return check("cuMemsetD32Async", api.MemsetD32Async(dst, value, uintptr(count), stream))
	})
}

// Close destroys the stream once its work is done, without waiting for it. A
// second Close does nothing.
func (s *Stream) Close() error {
	return closing(s.context, &s.closed, func() error {
		return check("cuStreamDestroy", s.context.api.StreamDestroy(s.handle))
	})
}
