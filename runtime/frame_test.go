package runtime_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"gonum.org/v1/gonum/mat"
)

// summary returns the summary of n events of d numbers each.
func summary(t *testing.T, x []float64, d int) (*mixture.Summary, mixture.Events) {
	t.Helper()
	events, err := mixture.Float64(x, len(x)/d, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mixture.Summarize(t.Context(), mixture.Data{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return s, events
}

// TestFrameFloat32: whatever the events' place and scale, coordinates are below 1 in magnitude and not all small, and nothing
// but the subtraction rounds.
func TestFrameFloat32(t *testing.T) {
	for name, x := range map[string][]float64{
		"near 1":              {1, 2, 3.5},
		"one of them":         {-4},
		"equal":               {0.1, 0.1, 0.1},
		"far":                 {1e10, 1e10 + 1, 1e10 + 2},
		"huge":                {-1e150, 1e150, 0},
		"tiny":                {1e-300, 3e-300},
		"subnormal":           {0, 5e-324, 1e-323},
		"beside an outlier":   {0, 1, 1e30},
		"around a power of 2": {-0.5, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			s, events := summary(t, x, 1)
			f := runtime.NewFrame(s, runtime.Float32)
			if fraction, _ := math.Frexp(f.Scale[0]); f.Identity || fraction != 0.5 {
				t.Errorf("scale %v is no power of 2", f.Scale[0])
			}
			u := make([]float64, len(x))
			runtime.Read(f, u, events, 0, make([]float64, len(x)))
			largest := 0.0
			for i, v := range u {
				largest = math.Max(largest, math.Abs(v))
				if v/f.Scale[0] != x[i]-f.Shift[0] {
					t.Errorf("coordinate %v of %v: want (x - %v)·%v", v, x[i], f.Shift[0], f.Scale[0])
				}
			}
			spread := s.High[0] > s.Low[0]
			if !(largest < 1) || spread && name != "subnormal" && largest < 0.25 {
				t.Errorf("the largest coordinate is %v", largest)
			}
		})
	}
}

// TestFrameFloat64: in float64 the frame is the identity.
func TestFrameFloat64(t *testing.T) {
	x := []float64{1e10, -3, 0.1, 7}
	s, events := summary(t, x, 2)
	f := runtime.NewFrame(s, runtime.Float64)
	u := make([]float64, len(x))
	runtime.Read(f, u, events, 0, make([]float64, len(x)))
	if !f.Identity || !slices.Equal(u, x) {
		t.Errorf("frame %+v, coordinates %v", f, u)
	}
}

// TestReadViews: events of every kind and from any place on are the same coordinates.
func TestReadViews(t *testing.T) {
	const d, from = 2, 1
	x := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	s, plain := summary(t, x, d)
	f := runtime.NewFrame(s, runtime.Float32)
	want := make([]float32, len(x)-from*d)
	runtime.Read(f, want, plain, from, make([]float64, len(want)))

	spaced := []float32{1, 2, 99, 3, 4, 99, 5, 6, 99, 7, 8}
	strided, err := mixture.Float32(spaced, 4, d, 3)
	if err != nil {
		t.Fatal(err)
	}
	dense, err := mixture.Matrix(mat.NewDense(4, d, x))
	if err != nil {
		t.Fatal(err)
	}
	other, err := mixture.Matrix(mat.NewDense(d, 4, []float64{1, 3, 5, 7, 2, 4, 6, 8}).T())
	if err != nil {
		t.Fatal(err)
	}
	for name, events := range map[string]mixture.Events{
		"strided float32": strided, "dense": dense, "transposed": other,
		"float32 in a source": mixture.From(strided, open{}), "float64 in a source": mixture.From(dense, open{}),
	} {
		got := slices.Repeat([]float32{float32(math.NaN())}, len(want))
		runtime.Read(f, got, events, from, make([]float64, len(want)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v: want %v", name, got, want)
		}
	}
}

// open is a source in which everything is there.
type open struct{}

func (open) Guard(read func()) { read() }
func (open) Intact() error     { return nil }

// closed is one in which nothing is any more.
type closed struct{ open }

func (closed) Guard(func()) {}

// TestReadIsGuarded: numbers of a source are looked at by its Guard alone.
func TestReadIsGuarded(t *testing.T) {
	s, events := summary(t, []float64{1, 2, 3, 4}, 2)
	got := []float64{7, 7, 7, 7}
	runtime.Read(runtime.CentredFrame(s), got, mixture.From(events, closed{}), 0, make([]float64, len(got)))
	if !slices.Equal(got, []float64{7, 7, 7, 7}) {
		t.Errorf("read %v of what was not there", got)
	}
}
