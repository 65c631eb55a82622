package cuda

import (
	"errors"
	"fmt"
)

// Context is a device made ready for use: its primary context, which the whole
// process shares, current on a thread of its own. Every call on it and on what
// belongs to it (memory, streams, events, modules, functions) is made from that
// one thread, in the order they arrive. It is safe for use by several goroutines.
//
// A call from outside switches goroutines, and threads, twice, which takes longer
// than most calls do; [Context.Run] makes many calls for the price of one.
type Context struct {
	api      *API
	driver   *Driver
	device   Device
	executor *executor
	handle   CUcontext
	params   *params
}

// Open makes the device ready. Close the context when it is no longer needed; one
// a device is enough for a process.
func (d Device) Open() (*Context, error) {
	if d.driver == nil {
		return nil, argument("a Device comes from Driver.Devices, this one has no driver")
	}
	c := &Context{api: d.driver.api, driver: d.driver, device: d, executor: newExecutor(), params: newParams()}
	err := c.Run(func() error {
		err := c.retain()
		if err != nil {
			c.executor.end()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cuda: opening %v: %w", d, err)
	}
	return c, nil
}

// retain takes a share in the primary context and makes it current here.
func (c *Context) retain() error {
	if err := check("cuDevicePrimaryCtxRetain", c.api.DevicePrimaryCtxRetain(&c.handle, c.device.handle)); err != nil {
		return err
	}
	if err := check("cuCtxSetCurrent", c.api.CtxSetCurrent(c.handle)); err != nil {
		return errors.Join(err, check("cuDevicePrimaryCtxRelease", c.api.DevicePrimaryCtxRelease(c.device.handle)))
	}
	return nil
}

// Device returns the device the context was opened on.
func (c *Context) Device() Device { return c.device }

// Run calls a function on the context's own thread and returns its error. Calls
// on the context inside it are made at once, without another switch:
//
//	err := ctx.Run(func() error {
//		if err := estep.Launch(grid, block, 0, stream, events, n); err != nil {
//			return err
//		}
//		return done.Record(stream)
//	})
//
// The function must not wait for another goroutine that uses the context, and
// must return (runtime.Goexit, which testing.T's FailNow calls, ends the context).
// A panic in it continues in the caller.
func (c *Context) Run(f func() error) error { return c.executor.do(f) }

// Sync waits until everything asked of the device, on every stream, is done.
func (c *Context) Sync() error {
	return c.Run(func() error { return check("cuCtxSynchronize", c.api.CtxSynchronize()) })
}

// MemInfo returns the device's free and total memory in bytes, of all processes
// together.
func (c *Context) MemInfo() (free, total uint64, err error) {
	err = c.Run(func() error {
		free, total, err = c.memInfo()
		return err
	})
	return free, total, err
}

// memInfo is MemInfo on the context's thread.
func (c *Context) memInfo() (free, total uint64, err error) {
	var f, t uintptr
	err = check("cuMemGetInfo", c.api.MemGetInfo(&f, &t))
	return uint64(f), uint64(t), err
}

// Close gives the share in the primary context back. Everything made on the
// context ends with the last share, so close or free it before. Calls after Close
// return ErrClosed, a second Close does nothing.
func (c *Context) Close() error {
	err := c.Run(func() error {
		c.executor.end()
		return errors.Join(
			check("cuCtxSetCurrent", c.api.CtxSetCurrent(0)),
			check("cuDevicePrimaryCtxRelease", c.api.DevicePrimaryCtxRelease(c.device.handle)),
		)
	})
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}
