package mixture

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// MaxMagnitude bounds the absolute value of an event's coordinates: squares of sums of so large values, and of their
// reciprocals, still fit a float64.
const MaxMagnitude = 1e150

// Events is N vectors of D numbers, read by row. It is sealed: make one with [Float32], [Float64] or [Matrix]. The numbers
// are not copied, and must not change while a device has them loaded.
type Events interface {
	// Len returns N.
	Len() int
	// Dims returns D.
	Dims() int
	// Read fills dst, row by row, with the events from, from+1, … as many as fit; len(dst) is a multiple of D.
	Read(dst []float64, from int)

	intact() error
}

// Rows is N events of D numbers each in one slice. It is what [Float32] and [Float64] return, which check that the sizes agree;
// devices look for it to read events where they lie.
type Rows[T float32 | float64] struct {
	data   []T
	n, d   int
	stride int
	source Source // nil for memory
}

// Slice returns the numbers: event n is data[n·stride : n·stride+D]. They are the caller's of [Float32] or [Float64], not to be
// changed; those of a [Source] are to be looked at within Guard, and not by code in other languages.
func (r *Rows[T]) Slice() (data []T, stride int) { return r.data, r.stride }

// Float32 views n events of d numbers each in data, event i beginning at data[i·stride]. A stride of 0 stands for d; the last
// event may end where data ends.
func Float32(data []float32, n, d, stride int) (Events, error) { return rows(data, n, d, stride) }

// Float64 views n events of d numbers each in data, event i beginning at data[i·stride]. A stride of 0 stands for d; the last
// event may end where data ends.
func Float64(data []float64, n, d, stride int) (Events, error) { return rows(data, n, d, stride) }

func rows[T float32 | float64](data []T, n, d, stride int) (Events, error) {
	if stride == 0 {
		stride = d
	}
	switch {
	case n < 1:
		return nil, fmt.Errorf("mixture: events: n is %d: want at least 1", n)
	case d < 1:
		return nil, fmt.Errorf("mixture: events: d is %d: want at least 1", d)
	case stride < d:
		return nil, fmt.Errorf("mixture: events: stride %d is less than d = %d", stride, d)
	case len(data) < d || (len(data)-d)/stride < n-1:
		return nil, fmt.Errorf("mixture: events: %d numbers do not hold %d events of %d with stride %d", len(data), n, d, stride)
	}
	return &Rows[T]{data: data, n: n, d: d, stride: stride}, nil
}

// Len returns N, 0 of nothing.
func (r *Rows[T]) Len() int {
	if r == nil {
		return 0
	}
	return r.n
}

// Dims returns D, 0 of nothing.
func (r *Rows[T]) Dims() int {
	if r == nil {
		return 0
	}
	return r.d
}

// Read copies events into dst.
func (r *Rows[T]) Read(dst []float64, from int) {
	r.Guard(func() {
		for i := range len(dst) / r.d {
			row := r.data[(from+i)*r.stride:][:r.d]
			for j, v := range row {
				dst[i*r.d+j] = float64(v)
			}
		}
	})
}

// Guarded reports whether the numbers lie in a [Source].
func (r *Rows[T]) Guarded() bool { return r.source != nil }

// Guard calls read, as the source of the numbers would have it.
func (r *Rows[T]) Guard(read func()) {
	if r.source == nil {
		read()
		return
	}
	r.source.Guard(read)
}

func (r *Rows[T]) intact() error {
	if r == nil || r.source == nil {
		return nil
	}
	return r.source.Intact()
}

// Matrix views the rows of m as events. A dense matrix is viewed as [Float64] does; others are read through At, which must
// be safe for concurrent use, as it is for gonum's own.
func Matrix(m mat.Matrix) (Events, error) {
	if m == nil {
		return nil, errors.New("mixture: events: there is no matrix")
	}
	n, d := m.Dims()
	if n < 1 || d < 1 {
		return nil, fmt.Errorf("mixture: events: a %d×%d matrix holds none", n, d)
	}
	if n > math.MaxInt/d {
		return nil, fmt.Errorf("mixture: events: a %d×%d matrix is more than there can be", n, d)
	}
	if raw, ok := m.(mat.RawMatrixer); ok {
		r := raw.RawMatrix()
		return Float64(r.Data, n, d, r.Stride)
	}
	return &matrix{m: m, n: n, d: d}, nil
}

// matrix is events behind mat.Matrix's At.
type matrix struct {
	m    mat.Matrix
	n, d int
}

func (e *matrix) Len() int  { return e.n }
func (e *matrix) Dims() int { return e.d }

func (e *matrix) Read(dst []float64, from int) {
	for i := range len(dst) / e.d {
		for j := range e.d {
			dst[i*e.d+j] = e.m.At(from+i, j)
		}
	}
}

func (e *matrix) intact() error { return nil }
