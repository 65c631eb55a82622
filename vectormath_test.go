package gmmspec

import (
	"fmt"
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

// exported makes exp_of and log_of of a rendered kernel functions that can be called.
const exported = `
EXPORT void exp_all(const real *x, real *y, i64 n) {
	for (i64 i = 0; i < n; i += LANES) *(loose *)(y + i) = exp_of(*(const loose *)(x + i));
}
EXPORT void log_all(const real *x, real *y, i64 n) {
	for (i64 i = 0; i < n; i += LANES) *(loose *)(y + i) = log_of(*(const loose *)(x + i));
}
`

// TestVectorMath holds exp and log of the kernels in C against the library's, all over their range and for every size of vectors:
// within the units in the last place that they promise, 0 where exp is less than a normal number can say, exact at 0 and at 1.
func TestVectorMath(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, variants.CC))
	for _, size := range variants.VectorSizes() {
		t.Run(fmt.Sprintf("float32/vector=%d", size), func(t *testing.T) { testVectorMath[float32](t, w, variants.Float32, size) })
		t.Run(fmt.Sprintf("float64/vector=%d", size), func(t *testing.T) { testVectorMath[float64](t, w, variants.Float64, size) })
	}
}

func testVectorMath[T runtime.Real](t *testing.T, w *workshop, precision variants.Precision, size int) {
	t.Parallel()
	v, err := variants.ByName(variants.CC, "score-diag-lanes")
	if err != nil {
		t.Fatal(err)
	}
	problem := variants.Problem{M: 1, D: 1, Covariance: variants.Diag, Precision: precision}
	source, err := specializer.Render(specializer.Unit{Problem: problem, Target: variants.Native(size, 1), Variant: v, Config: v.Configs()[0]})
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.findCC()
	if err != nil {
		t.Fatal(err)
	}
	object, _, err := c.Compile(t.Context(), "math", source.Text+exported)
	if err != nil {
		t.Fatal(err)
	}
	library, err := cc.Open(object, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const count = 1 << 18 // of numbers, a multiple of all lanes
	lowest := -69.0
	if precision == variants.Float64 {
		lowest = -708
	}
	x, y := make([]T, count), make([]T, count)
	for _, f := range []struct {
		name   string
		of     func(float64) float64
		number func(share float64) float64 // of the range, from 0 to 1
		units  float64
	}{
		{"exp_all", math.Exp, func(share float64) float64 { return share * lowest }, 2},
		{"exp_all", math.Exp, func(share float64) float64 { return -math.Exp2(-60 * share) }, 2},
		{"log_all", math.Log, func(share float64) float64 { return math.Exp(-lowest * share) }, 1},
		{"log_all", math.Log, func(share float64) float64 { return 1 + math.Exp2(-50*share) }, 1},
		{"log_all", math.Log, func(share float64) float64 { return math.Exp(lowest * share) }, 1},
	} {
		call, err := library.Func(f.name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			x[i] = T(f.number(float64(i) / (count - 1)))
		}
		call.Call(cc.Ptr(x), cc.Ptr(y), cc.Int(count))
		worst, at := 0.0, T(0)
		for i, v := range x {
			want := f.of(float64(v))
			if float64(v) <= lowest && f.name == "exp_all" {
				want = 0
			}
			if units := math.Abs(float64(y[i])-want) / lastPlace[T](want); !(units <= worst) {
				worst, at = units, v
			}
		}
		t.Logf("%s: %.3f units at %v", f.name, worst, at)
		if !(worst <= f.units) {
			t.Errorf("%s is %.3f units in the last place off at %v: want at most %v", f.name, worst, at, f.units)
		}
	}
	call, err := library.Func("exp_all")
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		x[i] = []T{0, T(math.Inf(-1)), T(2 * lowest), T(lowest - 1)}[i%4]
	}
	call.Call(cc.Ptr(x), cc.Ptr(y), cc.Int(count))
	for i, v := range y {
		if want := []T{1, 0, 0, 0}[i%4]; v != want {
			t.Fatalf("exp(%v) is %v: want %v", x[i], v, want)
		}
	}
}

// lastPlace is the distance of numbers of the type around v.
func lastPlace[T runtime.Real](v float64) float64 {
	digits := 52
	if _, ok := any(T(0)).(float32); ok {
		digits = 23
	}
	_, exponent := math.Frexp(v)
	if v == 0 {
		exponent = 0
	}
	return math.Ldexp(1, exponent-1-digits)
}
