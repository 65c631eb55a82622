package cudatest

import (
	"errors"
	"time"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// busy is how long the kernel spin holds a stream where a test needs it held: far
// longer than the calls that follow take.
const busy = 100 * time.Millisecond

// testStreamOrder puts dependent work on one stream without waiting between.
func testStreamOrder(t *bench) {
	const count = 100
	stream, scale := t.stream(), t.function("scale")
	first, second := t.alloc(4*count), t.alloc(4*count)
	x := make([]float32, count)
	for i := range x {
		x[i] = float32(i)
	}
	grid, block := cuda.Dim3{X: 1}, cuda.Dim3{X: 128}
	must(t, stream.MemsetD8(first, 0xFF, 4*count))
	must(t, stream.CopyHtoD(first, cuda.Bytes(x)))
	must(t, scale.Launch(grid, block, 0, stream, first, int64(count), float32(2)))
	must(t, stream.CopyDtoD(second, first, 4*count))
	must(t, scale.Launch(grid, block, 0, stream, second, int64(count-1), float32(5)))
	got := make([]float32, count)
	must(t, stream.CopyDtoH(cuda.Bytes(got), second))
	must(t, stream.Sync())
	for i := range got {
		want := 10 * x[i]
		if i == count-1 {
			want = 2 * x[i] // the second launch leaves the last one out
		}
		if got[i] != want {
			t.Fatalf("y[%d] = %v, want %v", i, got[i], want)
		}
	}
}

// testStreamWait makes one stream wait for a slow kernel on another.
func testStreamWait(t *bench) {
	producer, consumer, made := t.stream(), t.stream(), t.event()
	ptr, out := t.alloc(4), t.alloc(4)
	must(t, producer.MemsetD32(ptr, 1, 1))
	must(t, t.function("spin").Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, producer, ptr, uint64(busy), uint32(42)))
	must(t, made.Record(producer))
	must(t, consumer.Wait(made))
	must(t, consumer.CopyDtoD(out, ptr, 4))
	must(t, consumer.Sync())
	got := make([]uint32, 1)
	must(t, t.ctx.CopyDtoH(cuda.Bytes(got), out))
	if got[0] != 42 {
		t.Errorf("the waiting stream saw %d, want 42", got[0])
	}
	must(t, consumer.Wait(t.event())) // never recorded: nothing to wait for
	must(t, consumer.Sync())
}

// testEventTimes measures a kernel that takes a known time.
func testEventTimes(t *bench) {
	stream, start, end := t.stream(), t.event(), t.event()
	if done, err := start.Done(); !done || err != nil {
		t.Errorf("never recorded: done %v, error %v, want true", done, err)
	}
	spin, ptr := t.function("spin"), t.alloc(4)
	must(t, start.Record(stream))
	must(t, spin.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, stream, ptr, uint64(busy), uint32(0)))
	must(t, end.Record(stream))
	if done, err := end.Done(); done || err != nil {
		t.Errorf("before: done %v, error %v, want false", done, err)
	}
	if _, err := cuda.Elapsed(start, end); !errors.Is(err, cuda.ResultNotReady) {
		t.Errorf("time before: error %v, want CUDA_ERROR_NOT_READY", err)
	}
	must(t, end.Sync())
	if done, err := end.Done(); !done || err != nil {
		t.Errorf("after: done %v, error %v, want true", done, err)
	}
	elapsed, err := cuda.Elapsed(start, end)
	must(t, err)
	if elapsed < busy*9/10 || elapsed > 10*busy {
		t.Errorf("%v passed, want about %v", elapsed, busy)
	}
}

// testEventRefused checks the errors of times that cannot be told.
func testEventRefused(t *bench) {
	recorded, never := t.event(), t.event()
	must(t, recorded.Record(nil))
	must(t, recorded.Sync())
	if _, err := cuda.Elapsed(recorded, never); !errors.Is(err, cuda.ResultInvalidHandle) {
		t.Errorf("to an event never recorded: error %v, want CUDA_ERROR_INVALID_HANDLE", err)
	}
	other, err := t.ctx.Device().Open()
	must(t, err)
	defer closed(t, other)
	foreign, err := other.NewStream()
	must(t, err)
	defer closed(t, foreign)
	if err := recorded.Record(foreign); !errors.Is(err, cuda.ErrArgument) {
		t.Errorf("on another context's stream: error %v, want ErrArgument", err)
	}
	if err := foreign.Wait(recorded); !errors.Is(err, cuda.ErrArgument) {
		t.Errorf("waiting for another context's event: error %v, want ErrArgument", err)
	}
}
