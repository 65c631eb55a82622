package cudatest

import (
	_ "embed" // for the kernels' text
	"math"
	"time"

	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
)

//go:embed kernels.ptx.txt
var image string

// Image returns the kernels' text.
func Image() []byte { return []byte(image) }

// Kernels returns the kernels as Go functions. kernels.ptx.txt says what each does.
func Kernels() []cudafake.Kernel {
	// What the assembler of CUDA 13.0 reports for sm_90.
	attributes := func(registers, sharedBytes int) cuda.FunctionAttributes {
		return cuda.FunctionAttributes{Registers: registers, SharedBytes: sharedBytes, PTXVersion: 50, BinaryVersion: 90}
	}
	const ptr = cuda.DevicePtr(0)
	return []cudafake.Kernel{
		{
			Name:       "arguments",
			Params:     []any{ptr, int32(0), uint32(0), int64(0), uint64(0), float32(0), float64(0)},
			Attributes: attributes(18, 0),
			Run:        arguments,
		},
		{Name: "scale", Params: []any{ptr, int64(0), float32(0)}, Attributes: attributes(8, 0), Run: scale},
		{Name: "places", Params: []any{ptr}, Attributes: attributes(16, 0), Run: places},
		{Name: "shared", Params: []any{ptr, uint32(0)}, Attributes: attributes(10, sharedStaticBytes), Run: shared},
		{Name: "spin", Params: []any{ptr, uint64(0), uint32(0)}, Attributes: attributes(8, 0), Run: spin},
		{Name: "stray", Attributes: attributes(6, 0), Run: stray},
	}
}

// Globals returns the variables of the kernels' module and their bytes.
func Globals() map[string]int { return map[string]int{"table": tableBytes} }

// tableBytes is the size of the variable table.
const tableBytes = 40

// sharedStaticBytes is the static shared memory of the kernel shared.
const sharedStaticBytes = 16

func arguments(l *cudafake.Launch) error {
	out, err := cudafake.Slice[uint64](l, l.Args[0].(cuda.DevicePtr), 6)
	if err != nil {
		return err
	}
	copy(out, []uint64{
		uint64(l.Args[1].(int32)), uint64(l.Args[2].(uint32)), uint64(l.Args[3].(int64)), l.Args[4].(uint64),
		uint64(math.Float32bits(l.Args[5].(float32))), math.Float64bits(l.Args[6].(float64)),
	})
	return nil
}

func scale(l *cudafake.Launch) error {
	n := min(l.Args[1].(int64), int64(l.Grid.X)*int64(l.Block.X))
	x, err := cudafake.Slice[float32](l, l.Args[0].(cuda.DevicePtr), int(n))
	for i := range x {
		x[i] *= l.Args[2].(float32)
	}
	return err
}

func places(l *cudafake.Launch) error {
	g, b := l.Grid, l.Block
	out, err := cudafake.Slice[uint32](l, l.Args[0].(cuda.DevicePtr), g.X*g.Y*g.Z*b.X*b.Y*b.Z)
	for i := range out {
		n, place := i, 0
		for axis, size := range [...]int{b.X, b.Y, b.Z, g.X, g.Y, g.Z} {
			place |= n % size << (4 * axis)
			n /= size
		}
		out[i] = uint32(place)
	}
	return err
}

func shared(l *cudafake.Launch) error {
	out, err := cudafake.Slice[uint32](l, l.Args[0].(cuda.DevicePtr), 2)
	copy(out, []uint32{uint32(l.SharedBytes), l.Args[1].(uint32)})
	return err
}

func spin(l *cudafake.Launch) error {
	l.Took = time.Duration(l.Args[1].(uint64))
	out, err := cudafake.Slice[uint32](l, l.Args[0].(cuda.DevicePtr), 1)
	copy(out, []uint32{l.Args[2].(uint32)})
	return err
}

func stray(l *cudafake.Launch) error {
	const nowhere = 0x10
	_, err := cudafake.Slice[uint32](l, nowhere, 1)
	return err
}
