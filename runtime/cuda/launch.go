package cuda

import (
	"cmp"
	"fmt"
	"math"
	goruntime "runtime"
	"unsafe"
)

// Dim3 counts blocks in a grid or threads in a block, along three axes. Zero for Y
// or Z means one, so Dim3{X: n} is n in a row.
type Dim3 struct {
	X, Y, Z int
}

// String returns "X×Y×Z".
func (d Dim3) String() string {
	n := d.counts()
	return fmt.Sprintf("%d×%d×%d", n[0], n[1], n[2])
}

// counts returns the three counts, with one for zero where that is meant.
func (d Dim3) counts() [3]int { return [3]int{d.X, cmp.Or(d.Y, 1), cmp.Or(d.Z, 1)} }

// maxParams is the most parameters of a launch: CUDA's least limit, 4 KiB of
// parameters, holds no more of 8 bytes.
const maxParams = 4096 / 8

// params is where a launch's arguments lie while the driver reads them: it takes
// an array of pointers, one to each value. A context has one, which its thread
// alone uses. All pointers are set, so that a launch with too few arguments, which
// a driver before CUDA 12.4 cannot tell us of, reads a wrong value and no wrong
// address.
type params struct {
	pointers [maxParams]unsafe.Pointer // pointers[i] = &values[i]
	values   [maxParams]uint64
}

// newParams returns a block whose pointers are set.
func newParams() *params {
	p := new(params)
	for i := range p.pointers {
		p.pointers[i] = unsafe.Pointer(&p.values[i])
	}
	return p
}

// set writes one argument and returns its size, or 0 for a type that no kernel
// takes. A value of 4 bytes fills the first 4 of its 8: hosts with CUDA are
// little-endian.
func (p *params) set(i int, arg any) (bytes int) {
	switch v := arg.(type) {
	case DevicePtr:
		p.values[i] = uint64(v)
	case int32:
		p.values[i] = uint64(uint32(v))
		return 4
	case uint32:
		p.values[i] = uint64(v)
		return 4
	case float32:
		p.values[i] = uint64(math.Float32bits(v))
		return 4
	case int64:
		p.values[i] = uint64(v)
	case uint64:
		p.values[i] = v
	case float64:
		p.values[i] = math.Float64bits(v)
	default:
		return 0
	}
	return 8
}

// Launch puts a run of the kernel on a stream, nil for the default stream, with
// that many bytes of dynamic shared memory a block. It returns before the kernel
// has run; what goes wrong while it runs is the error of a later call.
//
// An argument is a DevicePtr, int32, uint32, int64, uint64, float32 or float64,
// and of the very size the kernel declares: their number and sizes are compared
// with the kernel's before it is launched (with a driver of CUDA 12.4 or newer,
// which tells them). Arguments are copied before Launch returns.
func (f *Function) Launch(grid, block Dim3, sharedBytes int, stream *Stream, args ...any) error {
	return f.launch("cuLaunchKernel", launchShape{grid, block, sharedBytes}, stream, args, func(api *API, s rawShape, stream CUstream, params *unsafe.Pointer) Result {
		return api.LaunchKernel(f.handle, s.grid[0], s.grid[1], s.grid[2], s.block[0], s.block[1], s.block[2], s.sharedBytes, stream, params, nil)
	})
}

// LaunchCooperative is Launch for a kernel whose blocks wait for each other: they
// are all on the device at once, or it is an error, ResultCooperativeLaunchTooLarge
// where the grid has more blocks than the device's multiprocessors hold together
// (see Occupancy). Only a Device that is Cooperative takes it.
func (f *Function) LaunchCooperative(grid, block Dim3, sharedBytes int, stream *Stream, args ...any) error {
	return f.launch("cuLaunchCooperativeKernel", launchShape{grid, block, sharedBytes}, stream, args, func(api *API, s rawShape, stream CUstream, params *unsafe.Pointer) Result {
		return api.LaunchCooperativeKernel(f.handle, s.grid[0], s.grid[1], s.grid[2], s.block[0], s.block[1], s.block[2], s.sharedBytes, stream, params)
	})
}

// rawShape is a launch's shape as the driver takes it.
type rawShape struct {
	grid, block [3]uint32
	sharedBytes uint32
}

// launch packs the arguments and has the driver called with them.
func (f *Function) launch(call string, shape launchShape, stream *Stream, args []any, start func(api *API, s rawShape, stream CUstream, params *unsafe.Pointer) Result) error {
	c := f.module.context
	return f.run(func(api *API) error {
		handle, err := stream.on(c)
		if err != nil {
			return err
		}
		if err := f.pack(c.params, args); err != nil {
			return err
		}
		if !shape.valid() {
			return argument("kernel %q: %v", f.name, shape)
		}
		var pinner goruntime.Pinner
		pinner.Pin(c.params)
		defer pinner.Unpin()
		result := start(api, shape.raw(), handle, &c.params.pointers[0])
		if result == Success {
			return nil
		}
		return &Error{Call: call, Result: result, Detail: fmt.Sprintf("kernel %q: %v", f.name, shape)}
	})
}

// launchShape is how a launch is spread over the device.
type launchShape struct {
	grid, block Dim3
	sharedBytes int
}

// String returns the shape as messages give it.
func (s launchShape) String() string {
	return fmt.Sprintf("grid %v, block %v, %d bytes of shared memory", s.grid, s.block, s.sharedBytes)
}

// raw returns a valid shape for the driver.
func (s launchShape) raw() rawShape {
	raw := rawShape{sharedBytes: uint32(s.sharedBytes)}
	grid, block := s.grid.counts(), s.block.counts()
	for i := range grid {
		raw.grid[i], raw.block[i] = uint32(grid[i]), uint32(block[i])
	}
	return raw
}

// valid reports whether every count is one that the driver can be handed. Which of
// them the device takes is the driver's to say.
func (s launchShape) valid() bool {
	for _, d := range []Dim3{s.grid, s.block} {
		for _, n := range d.counts() {
			if n < 1 || n > math.MaxInt32 {
				return false
			}
		}
	}
	return s.sharedBytes >= 0 && s.sharedBytes <= math.MaxInt32
}

// pack writes the arguments, if they are the kernel's.
func (f *Function) pack(p *params, args []any) error {
	if len(args) > maxParams {
		return argument("kernel %q: %d arguments, at most %d", f.name, len(args), maxParams)
	}
	if f.paramBytes != nil && len(args) != len(f.paramBytes) {
		return argument("kernel %q: %d arguments, it takes %d", f.name, len(args), len(f.paramBytes))
	}
	for i, arg := range args {
		bytes := p.set(i, arg)
		if bytes == 0 {
			return argument("kernel %q: argument %d is a %T, not a DevicePtr, int32, uint32, int64, uint64, float32 or float64", f.name, i, arg)
		}
		if f.paramBytes != nil && bytes != f.paramBytes[i] {
			return argument("kernel %q: argument %d is a %T of %d bytes, it takes %d", f.name, i, arg, bytes, f.paramBytes[i])
		}
	}
	return nil
}
