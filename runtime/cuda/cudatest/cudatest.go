package cudatest

import (
	"errors"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// Run tests a driver's first device. Every test opens the device anew.
func Run(t *testing.T, driver *cuda.Driver) {
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
		run  func(*testing.T, *bench)
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
		{"Module/Close", testModuleClose},
		{"Function/Attributes", testAttributes},
		{"Function/Occupancy", testOccupancy},
		{"Launch/Arguments", testArguments},
		{"Launch/Places", testPlaces},
		{"Launch/Shared", testShared},
		{"Launch/Refused", testLaunchRefused},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newBench(t, device)) })
	}
}

// RunStray tests that a kernel which writes where nothing is loses the context.
// Afterwards the process can do no more with a real device: run it in one of its
// own.
func RunStray(t *testing.T, driver *cuda.Driver) {
	devices, err := driver.Devices()
	if err != nil {
		t.Fatal(err)
	}
	testStray(t, newBench(t, devices[0]))
}

// bench is a context to test on, with the kernels loaded. What it makes is closed
// when the test ends.
type bench struct {
	t      *testing.T
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
	return &bench{t: t, ctx: ctx, module: module}
}

// function finds a kernel.
func (b *bench) function(name string) *cuda.Function {
	b.t.Helper()
	f, err := b.module.Function(name)
	must(b.t, err)
	return f
}

// alloc reserves device memory for the test.
func (b *bench) alloc(bytes int) cuda.DevicePtr {
	b.t.Helper()
	ptr, err := b.ctx.Alloc(bytes)
	must(b.t, err)
	b.t.Cleanup(func() {
		if err := b.ctx.Free(ptr); err != nil {
			b.t.Error(err)
		}
	})
	return ptr
}

// host reserves page-locked memory for the test.
func (b *bench) host(bytes int) *cuda.HostMemory {
	b.t.Helper()
	m, err := b.ctx.AllocHost(bytes)
	must(b.t, err)
	b.t.Cleanup(func() { must(b.t, m.Free()) })
	return m
}

// stream makes a stream for the test.
func (b *bench) stream() *cuda.Stream {
	b.t.Helper()
	s, err := b.ctx.NewStream()
	must(b.t, err)
	b.t.Cleanup(func() { closed(b.t, s) })
	return s
}

// event makes an event for the test.
func (b *bench) event() *cuda.Event {
	b.t.Helper()
	e, err := b.ctx.NewEvent()
	must(b.t, err)
	b.t.Cleanup(func() { closed(b.t, e) })
	return e
}

// must ends the test at an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// closed closes something, and fails the test if it will not. Nothing closes in a
// context that is lost, and what lost it is the test's to tell.
func closed(t testing.TB, c interface{ Close() error }) {
	t.Helper()
	err := c.Close()
	var result cuda.Result
	if err != nil && !(errors.As(err, &result) && result.Sticky()) {
		t.Error(err)
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
