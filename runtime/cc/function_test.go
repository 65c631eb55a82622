package cc_test

import (
	"fmt"
	"math"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cc"
)

// scaleSource sums n numbers and writes each of them times factor to out. Small integers keep the sum exact.
const scaleSource = `EXPORT int64_t run(const double *in, int64_t n, int64_t factor, double *out) {
	double sum = 0;
	for (int64_t i = 0; i < n; i++) {
		sum += in[i];
		out[i] = in[i] * (double)factor;
	}
	return (int64_t)sum;
}
`

// checkScale calls the function of scaleSource and checks all that it returns and writes.
func checkScale(run cc.Func, in, out []float64, factor int) error {
	sum := int64(0)
	for i := range in {
		in[i] = float64(i + factor)
		out[i] = math.NaN()
		sum += int64(i + factor)
	}
	if got := run.Call(cc.Ptr(in), cc.Int(len(in)), cc.Int(factor), cc.Ptr(out)); got != sum {
		return fmt.Errorf("sum is %d, want %d", got, sum)
	}
	for i := range out {
		if want := float64(i+factor) * float64(factor); out[i] != want {
			return fmt.Errorf("out[%d] is %v, want %v", i, out[i], want)
		}
	}
	return nil
}

// TestCallConcurrent calls one function from many goroutines that each have their own slices.
func TestCallConcurrent(t *testing.T) {
	const goroutines, calls, n = 16, 200, 257
	run := function(t, scaleSource)
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			in, out := make([]float64, n), make([]float64, n)
			for c := range calls {
				if err := checkScale(run, in, out, g-c); err != nil {
					t.Errorf("goroutine %d, call %d: %v", g, c, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// TestCallShared hands the same slice to many calls at once, as parameters are.
func TestCallShared(t *testing.T) {
	const goroutines, calls, n = 8, 200, 64
	run := function(t, scaleSource)
	in := make([]float64, n)
	for i := range in {
		in[i] = 1
	}
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			out := make([]float64, n)
			for range calls {
				if got := run.Call(cc.Ptr(in), cc.Int(n), cc.Int(1), cc.Ptr(out)); got != n {
					t.Errorf("sum is %d, want %d", got, n)
				}
			}
		})
	}
	group.Wait()
}

// TestCallCollected calls with slices that nothing else refers to, some of them of the size that lives on a goroutine's stack,
// while the garbage collector runs all the time and stacks grow and shrink.
func TestCallCollected(t *testing.T) {
	const goroutines, calls = 4, 100
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	run := function(t, scaleSource)
	done := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				goruntime.GC()
			}
		}
	})
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for c := range calls {
				n := 1 + c*7
				if err := checkScale(run, make([]float64, n), make([]float64, n), g); err != nil {
					t.Errorf("goroutine %d, call %d: %v", g, c, err)
				}
				var in, out [8]float64
				if err := deep(c%50, func() error { return checkScale(run, in[:], out[:], c) }); err != nil {
					t.Errorf("goroutine %d, call %d, arrays: %v", g, c, err)
				}
			}
		})
	}
	group.Wait()
	close(done)
	collector.Wait()
}

// deep calls f below depth frames of a kilobyte each.
func deep(depth int, f func() error) error {
	var frame [1024]byte
	if depth > 0 {
		err := deep(depth-1, f)
		goruntime.KeepAlive(&frame)
		return err
	}
	return f()
}

// TestCallArguments passes as many arguments as there can be, of both kinds, so that some go by register and some by stack.
func TestCallArguments(t *testing.T) {
	var parameters, checks strings.Builder
	var args []cc.Arg
	for i := range cc.MaxArgs {
		if i > 0 {
			parameters.WriteString(", ")
		}
		if i%2 == 0 {
			fmt.Fprintf(&parameters, "const int64_t *a%d", i)
			fmt.Fprintf(&checks, "\tif (a%d[0] != %d || a%d[1] != %d) return %d;\n", i, i, i, -i, i+1)
			args = append(args, cc.Ptr([]int64{int64(i), int64(-i)}))
		} else {
			value := (1<<62 + i) * (1 - i%4) // of both signs
			fmt.Fprintf(&parameters, "int64_t a%d", i)
			fmt.Fprintf(&checks, "\tif (a%d != %d) return %d;\n", i, value, i+1)
			args = append(args, cc.Int(value))
		}
	}
	run := function(t, fmt.Sprintf("EXPORT int64_t run(%s) {\n%s\treturn -1;\n}\n", &parameters, &checks))
	if got := run.Call(args...); got != -1 {
		t.Errorf("argument %d arrives wrong", got-1)
	}
}

func TestCallNil(t *testing.T) {
	run := function(t, "EXPORT int64_t run(const float *none, const float *empty, const float *some) {\n"+
		"\treturn (none == 0) | (empty != 0) << 1 | (some[0] == 3) << 2;\n}\n")
	const wantNone, wantEmpty, wantSome = 1, 2, 4
	some := []float32{1, 2, 3}
	if got := run.Call(cc.Ptr[float32](nil), cc.Ptr(some[:0]), cc.Ptr(some[2:])); got != wantNone|wantEmpty|wantSome {
		t.Errorf("bits are %03b: nil is not NULL, or a slice arrives without its address", got)
	}
}

// TestCallElements passes slices of types that are numbers by another name, and global ones.
func TestCallElements(t *testing.T) {
	type code int8
	run := function(t, "EXPORT int64_t run(const int8_t *a, const uint16_t *b, const float *c, const double *d) {\n"+
		"\treturn a[1] + b[1] + (int64_t)c[1] + (int64_t)d[1];\n}\n")
	got := run.Call(cc.Ptr([]code{0, -3}), cc.Ptr([]uint16{0, 1000}), cc.Ptr([]float32{0, 70}), cc.Ptr(constants()))
	if got != -3+1000+70+4 {
		t.Errorf("sum is %d, want %d", got, -3+1000+70+4)
	}
}

// constants returns a slice that the collector may never have allocated.
func constants() []float64 { return []float64{2, 4} }

func TestCallMistakes(t *testing.T) {
	run := function(t, "EXPORT int64_t run(void) { return 1; }")
	for name, call := range map[string]func(){
		"Func that is not from a Library": func() { cc.Func{}.Call() },
		"more than MaxArgs":               func() { run.Call(make([]cc.Arg, cc.MaxArgs+1)...) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), name) {
					t.Errorf("the panic is %v, want it to mention %q", r, name)
				}
			}()
			call()
		}()
	}
}

// TestCallStack uses all of the stack that a function may use, on many threads at once.
func TestCallStack(t *testing.T) {
	const goroutines, calls = 16, 20
	run := function(t, fmt.Sprintf(`EXPORT int64_t run(int64_t seed) {
	volatile unsigned char frame[%d];
	int64_t sum = 0;
	for (int64_t i = 0; i < (int64_t)sizeof frame; i++) frame[i] = (unsigned char)(i + seed);
	for (int64_t i = 0; i < (int64_t)sizeof frame; i++) sum += frame[i];
	return sum;
}
`, cc.StackLimit))
	const want = cc.StackLimit / 256 * (255 * 256 / 2) // every byte value as often as any other
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for c := range calls {
				if got := run.Call(cc.Int(g + c)); got != want {
					t.Errorf("sum is %d, want %d", got, want)
				}
			}
		})
	}
	group.Wait()
}

// BenchmarkCall times a call of a function that does nothing, with the arguments of a typical kernel.
func BenchmarkCall(b *testing.B) {
	run := function(b, "EXPORT void run(const float *x, int64_t stride, int64_t n, const float *w, const float *p, double *s, float *t) {}")
	x, p, s, scratch := make([]float32, 64), make([]float32, 64), make([]float64, 64), make([]float32, 64)
	b.ReportAllocs()
	for b.Loop() {
		run.Call(cc.Ptr(x), cc.Int(8), cc.Int(8), cc.Ptr[float32](nil), cc.Ptr(p), cc.Ptr(s), cc.Ptr(scratch))
	}
}
