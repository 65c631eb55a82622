package runtime

import (
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
)

// Frame is the coordinates u = T(x - c) in which events are handed to kernels: T is diagonal, of powers of two, so that only
// the subtraction rounds. In float32, with c the events' mean and T such that |u_d| < 2, neither a distant origin nor a huge
// or tiny scale costs precision.
type Frame struct {
	Shift []float64 // c
	Scale []float64 // the diagonal of T
	// Identity is set where u = x.
	Identity bool
}

// maxExponent keeps the scale of subnormal spreads finite.
const maxExponent = 1000

// NewFrame returns the frame for events that are converted once to a precision. Float64 leaves them as they are.
func NewFrame(s *mixture.Summary, precision string) Frame {
	if precision != Float64 {
		return CentredFrame(s)
	}
	f := Frame{Shift: make([]float64, s.D), Scale: make([]float64, s.D), Identity: true}
	for d := range s.D {
		f.Scale[d] = 1
	}
	return f
}

// CentredFrame returns the frame whose centre is the events' mean and in which they are less than 2 from it.
func CentredFrame(s *mixture.Summary) Frame {
	f := Frame{Shift: slices.Clone(s.Mean), Scale: make([]float64, s.D)}
	for d := range s.D {
		f.Scale[d] = 1
		if reach := math.Max(s.High[d]-s.Mean[d], s.Mean[d]-s.Low[d]); reach > 0 {
			_, exponent := math.Frexp(reach)
			f.Scale[d] = math.Ldexp(1, min(-exponent, maxExponent))
		}
	}
	return f
}

// Real is a kernel's floating-point type.
type Real interface{ float32 | float64 }

// Read fills dst, row by row, with events from, from+1, … in the frame. Buffer is of the same length, or nil for [mixture.Rows], which are
// read where they lie.
func Read[T Real](f Frame, dst []T, events mixture.Events, from int, buffer []float64) {
	d := events.Dims()
	switch rows := events.(type) {
	case *mixture.Rows[float32]:
		data, stride := rows.Slice()
		rows.Guard(func() { readRows(f, dst, data[from*stride:], d, stride) })
	case *mixture.Rows[float64]:
		data, stride := rows.Slice()
		rows.Guard(func() { readRows(f, dst, data[from*stride:], d, stride) })
	default:
		events.Read(buffer[:len(dst)], from)
		readRows(f, dst, buffer, d, d)
	}
}

// readRows fills dst with rows of d numbers, stride apart in data.
func readRows[T, E Real](f Frame, dst []T, data []E, d, stride int) {
	shift, scale := f.Shift[:d], f.Scale[:d]
	for i := range len(dst) / d {
		out := dst[i*d:][:d]
		for j, x := range data[i*stride:][:d] {
			out[j] = T((float64(x) - shift[j]) * scale[j])
		}
	}
}
