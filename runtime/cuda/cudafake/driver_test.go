package cudafake_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudatest"
)

// open returns an imitation of the given kind and a context on its first device,
// which the test closes.
func open(t *testing.T, config cudafake.Config) (*cudafake.Driver, *cuda.Context) {
	t.Helper()
	fake := cudafake.New(config)
	driver, err := fake.Open()
	if err != nil {
		t.Fatal(err)
	}
	devices, err := driver.Devices()
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := devices[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ctx.Close() })
	return fake, ctx
}

// must ends the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFail(t *testing.T) {
	fake, ctx := open(t, cudafake.Config{})
	fake.Fail("cuMemAlloc", 2, cuda.ErrOutOfMemory)
	var results []bool
	for range 3 {
		ptr, err := ctx.Alloc(16)
		results = append(results, errors.Is(err, cuda.ErrOutOfMemory))
		must(t, ctx.Free(ptr))
	}
	if results[0] || !results[1] || results[2] {
		t.Errorf("out of memory: %v, want the second call alone", results)
	}
	if n := fake.Calls("cuMemAlloc"); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
	fake.Fail("cuMemAlloc", 1, cuda.ResultLaunchFailed) // sticky
	for range 2 {
		if _, err := ctx.Alloc(16); !errors.Is(err, cuda.ResultLaunchFailed) {
			t.Errorf("error %v, want CUDA_ERROR_LAUNCH_FAILED now and later", err)
		}
	}
}

func TestMemoryIsPoisonedAndBounded(t *testing.T) {
	small := cudafake.H100()
	small.MemoryBytes = 1000
	_, ctx := open(t, cudafake.Config{Devices: []cuda.Device{small}})
	ptr, err := ctx.Alloc(600)
	must(t, err)
	x := make([]float32, 150)
	must(t, ctx.CopyDtoH(cuda.Bytes(x), ptr))
	for i := range x {
		if !math.IsNaN(float64(x[i])) {
			t.Fatalf("x[%d] = %v of memory never written, want NaN", i, x[i])
		}
	}
	if _, err := ctx.Alloc(401); !errors.Is(err, cuda.ErrOutOfMemory) {
		t.Errorf("error %v, want ErrOutOfMemory", err)
	}
	rest, err := ctx.Alloc(400)
	must(t, err)
	free, total, err := ctx.MemInfo()
	if free != 0 || total != 1000 || err != nil {
		t.Errorf("%d of %d free, error %v", free, total, err)
	}
	for _, test := range []struct {
		name string
		err  error
	}{
		{"past the end", ctx.CopyDtoH(make([]byte, 601), ptr)},
		{"before the start", ctx.CopyHtoD(rest-1, []byte{0})},
		{"between", ctx.CopyHtoD(ptr+600, []byte{0})},
		{"across", ctx.CopyDtoD(rest, ptr, 401)},
		{"freed inside", ctx.Free(ptr + 256)},
	} {
		if !errors.Is(test.err, cuda.ResultInvalidValue) {
			t.Errorf("%s: error %v, want CUDA_ERROR_INVALID_VALUE", test.name, test.err)
		}
	}
	must(t, ctx.Free(ptr))
	must(t, ctx.Free(rest))
}

func TestWorkIsDoneWhenWaitedFor(t *testing.T) {
	fake, ctx := open(t, cudafake.Config{Kernels: cudatest.Kernels()})
	stream, err := ctx.NewStream()
	must(t, err)
	host, err := ctx.AllocHost(4)
	must(t, err)
	ptr, err := ctx.Alloc(4)
	must(t, err)
	must(t, stream.MemsetD32(ptr, 7, 1))
	must(t, stream.CopyDtoH(host.Bytes(), ptr))
	direct := make([]uint32, 1)
	must(t, ctx.CopyDtoH(cuda.Bytes(direct), ptr)) // the default stream does not wait
	if got := cuda.View[uint32](host)[0]; direct[0] != math.MaxUint32 || got != math.MaxUint32 {
		t.Errorf("without waiting: %#x and %#x, want poison", direct[0], got)
	}
	must(t, stream.Sync())
	if got := cuda.View[uint32](host)[0]; got != 7 {
		t.Errorf("after waiting: %#x, want 7", got)
	}
	must(t, ctx.Free(ptr))
	must(t, host.Free())
	must(t, stream.Close())
	must(t, ctx.Close())
	if leaks := fake.Leaks(); len(leaks) > 0 {
		t.Errorf("left behind: %v", leaks)
	}
}

func TestLeaks(t *testing.T) {
	fake, ctx := open(t, cudafake.Config{Kernels: cudatest.Kernels()})
	_, err := ctx.Alloc(10)
	must(t, err)
	_, err = ctx.AllocHost(10)
	must(t, err)
	_, err = ctx.NewStream()
	must(t, err)
	_, err = ctx.NewEvent()
	must(t, err)
	_, err = ctx.LoadModule(nil)
	must(t, err)
	before := strings.Join(fake.Leaks(), "; ")
	must(t, ctx.Close())
	after := strings.Join(fake.Leaks(), "; ")
	const want = "device 0: 1 allocations (10 bytes); device 0: 1 page-locked allocations; device 0: 1 streams; device 0: 1 events; device 0: 1 modules"
	if after != want || before != "device 0: context open, retained 1 times; "+want {
		t.Errorf("before the context's end %q, after %q", before, after)
	}
}

func TestCallsFromAnotherThreadFail(t *testing.T) {
	fake, ctx := open(t, cudafake.Config{})
	var ptr cuda.DevicePtr
	if result := fake.API().MemAlloc(&ptr, 16); result != cuda.ResultInvalidContext {
		t.Errorf("from the test's thread: %v, want CUDA_ERROR_INVALID_CONTEXT", result)
	}
	must(t, ctx.Run(func() error {
		if result := fake.API().MemAlloc(&ptr, 16); result != cuda.Success {
			t.Errorf("from the context's thread: %v", result)
		}
		return nil
	}))
	must(t, ctx.Free(ptr))
}

func TestKernelErrorIsKept(t *testing.T) {
	broken := errors.New("broken")
	fake, ctx := open(t, cudafake.Config{Kernels: []cudafake.Kernel{{
		Name: "broken", Run: func(*cudafake.Launch) error { return broken },
	}}})
	module, err := ctx.LoadModule(nil)
	must(t, err)
	f, err := module.Function("broken")
	must(t, err)
	must(t, f.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, nil))
	if err := ctx.Sync(); !errors.Is(err, cuda.ResultLaunchFailed) {
		t.Errorf("error %v, want CUDA_ERROR_LAUNCH_FAILED", err)
	}
	if faults := fake.Faults(); len(faults) != 1 || !errors.Is(faults[0], broken) {
		t.Errorf("faults %v, want the kernel's error", faults)
	}
}

func TestTookSetsTheClock(t *testing.T) {
	_, ctx := open(t, cudafake.Config{Kernels: []cudafake.Kernel{
		{Name: "slow", Params: []any{int64(0)}, Run: func(l *cudafake.Launch) error {
			l.Took = time.Duration(l.Args[0].(int64))
			return nil
		}},
		{Name: "plain", Run: func(*cudafake.Launch) error { return nil }},
	}})
	module, err := ctx.LoadModule(nil)
	must(t, err)
	slow, err := module.Function("slow")
	must(t, err)
	plain, err := module.Function("plain")
	must(t, err)
	start, err := ctx.NewEvent()
	must(t, err)
	end, err := ctx.NewEvent()
	must(t, err)
	must(t, start.Record(nil))
	must(t, slow.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, nil, int64(3*time.Millisecond)))
	must(t, plain.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, nil))
	must(t, end.Record(nil))
	must(t, end.Sync())
	elapsed, err := cuda.Elapsed(start, end)
	must(t, err)
	if want := 3*time.Millisecond + time.Microsecond; (elapsed - want).Abs() > time.Nanosecond {
		t.Errorf("%v passed, want %v", elapsed, want)
	}
}

func TestDriverWithoutParameters(t *testing.T) {
	_, ctx := open(t, cudafake.Config{Version: cuda.Version{Major: 12, Minor: 3}, Kernels: cudatest.Kernels()})
	module, err := ctx.LoadModule(nil)
	must(t, err)
	f, err := module.Function("scale")
	must(t, err)
	// What was forgotten is read as zeros: no event is scaled.
	must(t, f.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, nil))
	must(t, ctx.Sync())
}

func TestNoDevices(t *testing.T) {
	if _, err := cudafake.New(cudafake.Config{NoDevices: true}).Open(); !errors.Is(err, cuda.ResultNoDevice) {
		t.Errorf("error %v, want CUDA_ERROR_NO_DEVICE", err)
	}
}

func TestTwoDevices(t *testing.T) {
	second := cudafake.H100()
	second.Name, second.PCIBusID = "second", "0000:2A:00.0"
	fake := cudafake.New(cudafake.Config{Devices: []cuda.Device{cudafake.H100(), second}, Kernels: cudatest.Kernels(), CheckImage: cudatest.CheckImage})
	driver, err := fake.Open()
	must(t, err)
	devices, err := driver.Devices()
	must(t, err)
	if len(devices) != 2 || devices[0].String() != "NVIDIA H100 80GB HBM3 (0000:1B:00.0)" || devices[1].String() != "second (0000:2A:00.0)" {
		t.Fatalf("devices %v", devices)
	}
	ctx, err := devices[1].Open()
	must(t, err)
	ptr, err := ctx.Alloc(1)
	must(t, err)
	if leaks := strings.Join(fake.Leaks(), "; "); !strings.Contains(leaks, "device 1") || strings.Contains(leaks, "device 0") {
		t.Errorf("what is open is on %s, want the second device", leaks)
	}
	must(t, ctx.Free(ptr))
	must(t, ctx.Close())
}

func TestOpeningFails(t *testing.T) {
	for _, call := range []string{"cuDevicePrimaryCtxRetain", "cuCtxSetCurrent"} {
		fake, driver := newFake(t)
		devices, err := driver.Devices()
		must(t, err)
		fake.Fail(call, 1, cuda.ResultDeviceUnavailable)
		ctx, err := devices[0].Open()
		if ctx != nil || !errors.Is(err, cuda.ResultDeviceUnavailable) || !strings.Contains(err.Error(), call) || !strings.Contains(err.Error(), devices[0].Name) {
			t.Errorf("%s fails: context %v, error %v, want the call and the device", call, ctx, err)
		}
		if leaks := fake.Leaks(); len(leaks) > 0 {
			t.Errorf("%s fails: left behind %v", call, leaks)
		}
	}
}

func TestDescribingFails(t *testing.T) {
	for _, call := range []string{
		"cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetUuid", "cuDeviceTotalMem", "cuDeviceGetPCIBusId", "cuDeviceGetAttribute",
	} {
		fake, driver := newFake(t)
		fake.Fail(call, 1, cuda.ResultUnknown)
		if _, err := driver.Devices(); !errors.Is(err, cuda.ResultUnknown) || !strings.Contains(err.Error(), call+":") {
			t.Errorf("%s fails: error %v", call, err)
		}
	}
}

// TestEveryCallReportsItsFailure makes each call on a context fail once.
func TestEveryCallReportsItsFailure(t *testing.T) {
	fake, ctx := open(t, cudafake.Config{Kernels: cudatest.Kernels()})
	stream, err := ctx.NewStream()
	must(t, err)
	event, err := ctx.NewEvent()
	must(t, err)
	module, err := ctx.LoadModule(nil)
	must(t, err)
	scale, err := module.Function("scale")
	must(t, err)
	host, err := ctx.AllocHost(4)
	must(t, err)
	ptr, err := ctx.Alloc(4)
	must(t, err)
	four, one := make([]byte, 4), cuda.Dim3{X: 1}
	for _, test := range []struct {
		call string
		run  func() error
	}{
		{"cuCtxSynchronize", ctx.Sync},
		{"cuMemGetInfo", func() error { _, _, err := ctx.MemInfo(); return err }},
		{"cuMemAlloc", func() error { _, err := ctx.Alloc(4); return err }},
		{"cuMemHostAlloc", func() error { _, err := ctx.AllocHost(4); return err }},
		{"cuMemcpyHtoD", func() error { return ctx.CopyHtoD(ptr, four) }},
		{"cuMemcpyDtoH", func() error { return ctx.CopyDtoH(four, ptr) }},
		{"cuMemcpyDtoD", func() error { return ctx.CopyDtoD(ptr, ptr, 4) }},
		{"cuMemcpyHtoDAsync", func() error { return stream.CopyHtoD(ptr, four) }},
		{"cuMemcpyDtoHAsync", func() error { return stream.CopyDtoH(four, ptr) }},
		{"cuMemcpyDtoDAsync", func() error { return stream.CopyDtoD(ptr, ptr, 4) }},
		{"cuMemsetD8Async", func() error { return stream.MemsetD8(ptr, 0, 4) }},
		{"cuMemsetD32Async", func() error { return stream.MemsetD32(ptr, 0, 1) }},
		{"cuStreamCreate", func() error { _, err := ctx.NewStream(); return err }},
		{"cuStreamSynchronize", stream.Sync},
		{"cuStreamWaitEvent", func() error { return stream.Wait(event) }},
		{"cuEventCreate", func() error { _, err := ctx.NewEvent(); return err }},
		{"cuEventRecord", func() error { return event.Record(stream) }},
		{"cuEventQuery", func() error { _, err := event.Done(); return err }},
		{"cuEventSynchronize", event.Sync},
		{"cuEventElapsedTime", func() error { _, err := cuda.Elapsed(event, event); return err }},
		{"cuModuleLoadDataEx", func() error { _, err := ctx.LoadModule(nil); return err }},
		{"cuModuleGetFunction", func() error { _, err := module.Function("scale"); return err }},
		{"cuFuncGetAttribute", func() error { _, err := scale.Attributes(); return err }},
		{"cuFuncSetAttribute", func() error { return scale.SetMaxDynamicShared(0) }},
		{"cuOccupancyMaxActiveBlocksPerMultiprocessor", func() error { _, err := scale.Occupancy(1, 0); return err }},
		{"cuLaunchKernel", func() error { return scale.Launch(one, one, 0, stream, ptr, int64(1), float32(1)) }},
		{"cuMemFree", func() error { return ctx.Free(ptr) }},
		{"cuMemFreeHost", host.Free},
		{"cuStreamDestroy", stream.Close},
		{"cuEventDestroy", event.Close},
		{"cuModuleUnload", module.Close},
		{"cuDevicePrimaryCtxRelease", ctx.Close},
	} {
		fake.Fail(test.call, 1, cuda.ResultUnknown)
		err := test.run()
		var failed *cuda.Error
		if !errors.As(err, &failed) || failed.Call != test.call || failed.Result != cuda.ResultUnknown {
			t.Errorf("%s fails: error %v", test.call, err)
		}
	}
}
