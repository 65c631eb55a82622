package cuda

import "unsafe"

// Number is a type whose values are the same bytes on the host and on a device.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Bytes returns the memory of a slice as bytes, to copy from or to. It shares the
// slice's memory.
func Bytes[T Number](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// View returns page-locked memory as a slice of numbers, as many as fit. It shares
// the memory, and must not be used after Free.
func View[T Number](m *HostMemory) []T {
	var zero T
	count := len(m.bytes) / int(unsafe.Sizeof(zero))
	if count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&m.bytes[0])), count)
}
