package cuda

import "unsafe"

// HostMemory is page-locked host memory, which a device copies to and from
// directly and while kernels run. It lies outside Go's heap.
type HostMemory struct {
	context *Context
	bytes   []byte
	closed  bool // read and written on the context's thread alone
}

// AllocHost reserves page-locked memory, usable from every device, aligned to a
// page. What it holds is not defined. Page-locked memory is taken from the whole
// machine: reserve staging buffers, not data sets.
func (c *Context) AllocHost(bytes int) (*HostMemory, error) {
	if bytes <= 0 {
		return nil, argument("AllocHost: %d bytes", bytes)
	}
	m := &HostMemory{context: c}
	err := c.Run(func() error {
		var ptr unsafe.Pointer
		if err := c.explain(check("cuMemHostAlloc", c.api.MemHostAlloc(&ptr, uintptr(bytes), memHostPortable)), bytes); err != nil {
			return err
		}
		m.bytes = unsafe.Slice((*byte)(ptr), bytes)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Bytes returns the memory. It must not be used after Free, nor after the
// context's Close.
func (m *HostMemory) Bytes() []byte { return m.bytes }

// Free gives the memory back; no copy to or from it may be under way. A second
// Free does nothing.
func (m *HostMemory) Free() error {
	return closing(m.context, &m.closed, func() error {
		return check("cuMemFreeHost", m.context.api.MemFreeHost(unsafe.Pointer(&m.bytes[0])))
	})
}
