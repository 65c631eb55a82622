package cuda

import (
	"errors"
	"fmt"
	"unsafe"
)

// DevicePtr is an address in a device's memory, CUdeviceptr in cuda.h. Zero is no
// address. Adding n to it moves it by n bytes.
type DevicePtr uint64

// Alloc reserves memory on the device, aligned to 256 bytes at least. What it
// holds is not defined. If it does not fit the error is ErrOutOfMemory and says
// what was asked and what there is.
func (c *Context) Alloc(bytes int) (DevicePtr, error) {
	if bytes <= 0 {
		return 0, argument("Alloc: %d bytes", bytes)
	}
	var ptr DevicePtr
	err := c.Run(func() error {
		return c.explain(check("cuMemAlloc", c.api.MemAlloc(&ptr, uintptr(bytes))), bytes)
	})
	return ptr, err
}

// explain adds to a failed allocation what was asked and what there is.
func (c *Context) explain(err error, bytes int) error {
	failed, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	failed.Detail = fmt.Sprintf("%d bytes asked", bytes)
	if free, total, err := c.memInfo(); err == nil {
		failed.Detail += fmt.Sprintf(", %d of %d free", free, total)
	}
	return failed
}

// Free gives memory from Alloc back, waiting for the device if it must. Freeing
// address 0 does nothing.
func (c *Context) Free(ptr DevicePtr) error {
	if ptr == 0 {
		return nil
	}
	return c.Run(func() error { return check("cuMemFree", c.api.MemFree(ptr)) })
}

// CopyHtoD copies host bytes to the device and returns when src may be reused.
//
// The three copies of Context are in the order of the default stream, which
// streams from NewStream do not wait for, nor it for them: synchronize such a
// stream before copying what it computes, or use its own copies.
func (c *Context) CopyHtoD(dst DevicePtr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return c.Run(func() error {
		return check("cuMemcpyHtoD", c.api.MemcpyHtoD(dst, unsafe.Pointer(&src[0]), uintptr(len(src))))
	})
}

// CopyDtoH copies device bytes to the host and returns when dst holds them.
func (c *Context) CopyDtoH(dst []byte, src DevicePtr) error {
	if len(dst) == 0 {
		return nil
	}
	return c.Run(func() error {
		return check("cuMemcpyDtoH", c.api.MemcpyDtoH(unsafe.Pointer(&dst[0]), src, uintptr(len(dst))))
	})
}

// CopyDtoD copies bytes within the device. It may return before they are copied;
// what follows on the default stream sees them.
func (c *Context) CopyDtoD(dst, src DevicePtr, bytes int) error {
	if bytes < 0 {
		return argument("CopyDtoD: %d bytes", bytes)
	}
	if bytes == 0 {
		return nil
	}
	return c.Run(func() error { return check("cuMemcpyDtoD", c.api.MemcpyDtoD(dst, src, uintptr(bytes))) })
}
