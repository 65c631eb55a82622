package cuda

// buffer is device memory that grows.
type buffer struct {
	ptr   DevicePtr
	bytes int
}

// grow makes the buffer hold at least that many bytes; what it held is lost where it did not.
func (b *buffer) grow(c *Context, bytes int) error {
	if bytes <= b.bytes {
		return nil
	}
	if err := b.free(c); err != nil {
		return err
	}
	ptr, err := c.Alloc(bytes)
	if err != nil {
		return err
	}
	b.ptr, b.bytes = ptr, bytes
	return nil
}

func (b *buffer) free(c *Context) error {
	if b.bytes == 0 {
		return nil
	}
	ptr := b.ptr
	*b = buffer{}
	return c.Free(ptr)
}
