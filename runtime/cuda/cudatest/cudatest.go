package cudatest

import (
	"errors"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// Run tests a driver's first device. Every test opens the device anew.
func Run(t *testing.T, driver *cuda.Driver) {
	t.Helper()
	devices, err := driver.Devices()
	if err != nil {
		t.Fatal(err)
	}
	if len(devices) == 0 {
		t.Fatal("the driver has no devices")
	}
	device := devices[0]
	// Held throughout, so that the device is made ready once.
	keep, err := device.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, keep)
	for _, test := range []struct {
		name string
		run  func(*bench)
	}{
		{"Device", testDevice},
		{"Context/Run", testRun},
		{"Context/Close", testClose},
		{"Context/Concurrent", testConcurrent},
		{"Memory/Copy", testCopy},
		{"Memory/Refused", testMemoryRefused},
		{"Memory/OutOfMemory", testOutOfMemory},
		{"Memory/Host", testHostMemory},
		{"Stream/Order", testStreamOrder},
		{"Stream/Set", testSet},
		{"Stream/Wait", testStreamWait},
		{"Event/Times", testEventTimes},
		{"Event/Refused", testEventRefused},
		{"Module/BadImage", testBadImage},
		{"Module/Global", testGlobal},
		{"Module/Close", testModuleClose},
		{"Function/Attributes", testAttributes},
		{"Function/Occupancy", testOccupancy},
		{"Launch/Arguments", testArguments},
		{"Launch/Places", testPlaces},
		{"Launch/Shared", testShared},
		{"Launch/Refused", testLaunchRefused},
		{"Launch/Cooperative", testCooperative},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(newBench(t, device)) })
	}
}

// RunStray tests that a kernel which writes where nothing is loses the context.
// Afterwards the process can do no more with a real device: run it in one of its
// own.
func RunStray(t *testing.T, driver *cuda.Driver) {
	t.Helper()
	devices, err := driver.Devices()
	if err != nil {
		t.Fatal(err)
	}
	testStray(newBench(t, devices[0]))
}

// bench is a test with a context to test on and the kernels loaded. What it makes
// is closed when the test ends.
type bench struct {
	*testing.T
	ctx    *cuda.Context
	module *cuda.Module
}

// newBench opens a device.
func newBench(t *testing.T, device cuda.Device) *bench {
	t.Helper()
	ctx, err := device.Open()
	must(t, err)
	t.Cleanup(func() { closed(t, ctx) })
	module, err := ctx.LoadModule(Image())
	must(t, err)
	t.Cleanup(func() { closed(t, module) })
	return &bench{T: t, ctx: ctx, module: module}
}

// function finds a kernel.
func (b *bench) function(name string) *cuda.Function {
	b.Helper()
	f, err := b.module.Function(name)
	must(b, err)
	return f
}

// alloc reserves device memory for the test.
func (b *bench) alloc(bytes int) cuda.DevicePtr {
	b.Helper()
	ptr, err := b.ctx.Alloc(bytes)
	must(b, err)
	b.Cleanup(func() {
		if err := b.ctx.Free(ptr); err != nil {
			b.Error(err)
		}
	})
	return ptr
}

// host reserves page-locked memory for the test.
func (b *bench) host(bytes int) *cuda.HostMemory {
	b.Helper()
	m, err := b.ctx.AllocHost(bytes)
	must(b, err)
	b.Cleanup(func() { must(b, m.Free()) })
	return m
}

// stream makes a stream for the test.
func (b *bench) stream() *cuda.Stream {
	b.Helper()
	s, err := b.ctx.NewStream()
	must(b, err)
	b.Cleanup(func() { closed(b, s) })
	return s
}

// event makes an event for the test.
func (b *bench) event() *cuda.Event {
	b.Helper()
	e, err := b.ctx.NewEvent()
	must(b, err)
	b.Cleanup(func() { closed(b, e) })
	return e
}

// must ends the test at an error.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// closed closes something, and fails the test if it will not. Nothing closes in a
// context that is lost, and what lost it is the test's to tell.
func closed(tb testing.TB, c interface{ Close() error }) {
	tb.Helper()
	err := c.Close()
	if result, ok := errors.AsType[cuda.Result](err); ok && result.Sticky() {
		return
	}
	if err != nil {
		tb.Error(err)
	}
}

// pattern returns n bytes that differ from their neighbours and depend on seed.
func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*31+i>>8) ^ seed
	}
	return b
}
