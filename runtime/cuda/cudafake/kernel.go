package cudafake

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// Kernel is a kernel as a Go function.
type Kernel struct {
	Name string
	// Params holds a value of each parameter's type: cuda.DevicePtr(0), int32(0),
	// uint32(0), int64(0), uint64(0), float32(0) or float64(0).
	Params []any
	// Attributes is what the driver says of the kernel. Zero MaxThreadsPerBlock means
	// as many as the device takes.
	Attributes cuda.FunctionAttributes
	// Run does what the whole grid does. It must not call the driver. ErrAccess, or an
	// error around it, becomes an illegal address, any other a failed launch.
	Run func(*Launch) error
}

// Launch is one launch of a kernel.
type Launch struct {
	Kernel      string
	Grid, Block cuda.Dim3
	SharedBytes int   // dynamic
	Args        []any // of the types in Kernel.Params
	// Took is the time the kernel takes on the device's clock, which events show. It
	// is a microsecond unless Run sets it.
	Took time.Duration

	device  *device
	globals module
}

// Global returns where a variable of the kernel's module lies.
func (l *Launch) Global(name string) (cuda.DevicePtr, error) {
	ptr, ok := l.globals[name]
	if !ok {
		return 0, fmt.Errorf("%w: no variable %q", ErrAccess, name)
	}
	return ptr, nil
}

// Slice returns n numbers of device memory at an address, to read and to write.
// They must lie in one allocation, and the address must suit their type.
func Slice[T cuda.Number](l *Launch, ptr cuda.DevicePtr, n int) ([]T, error) {
	var zero T
	size := unsafe.Sizeof(zero)
	if n == 0 {
		return nil, nil
	}
	if n < 0 || uintptr(ptr)%size != 0 {
		return nil, fmt.Errorf("%w: %d numbers of %d bytes at %#x", ErrAccess, n, size, uint64(ptr))
	}
	bytes, err := l.device.at(ptr, uint64(n)*uint64(size))
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&bytes[0])), n), nil
}

// faultResult returns the result with which a kernel's error ends the context.
func faultResult(err error) cuda.Result {
	if errors.Is(err, ErrAccess) {
		return cuda.ResultIllegalAddress
	}
	return cuda.ResultLaunchFailed
}

// paramBytes returns the size of a parameter, 0 if it is of no type that a kernel
// takes.
func paramBytes(param any) uintptr {
	switch param.(type) {
	case int32, uint32, float32:
		return 4
	case cuda.DevicePtr, int64, uint64, float64:
		return 8
	default:
		return 0
	}
}

// read returns the argument that a pointer in a launch's array points to.
func read(param any, from unsafe.Pointer) any {
	switch param.(type) {
	case cuda.DevicePtr:
		return *(*cuda.DevicePtr)(from)
	case int32:
		return *(*int32)(from)
	case uint32:
		return *(*uint32)(from)
	case int64:
		return *(*int64)(from)
	case uint64:
		return *(*uint64)(from)
	case float32:
		return *(*float32)(from)
	case float64:
		return *(*float64)(from)
	default:
		return nil
	}
}
