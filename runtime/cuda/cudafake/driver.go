package cudafake

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/internal/thread"
)

// Config says what to imitate.
type Config struct {
	// Devices are the devices, each described by its exported fields. None means one
	// [H100]. A device's MemoryBytes is all that may be allocated on it.
	Devices []cuda.Device
	// NoDevices makes cuInit fail for want of a device.
	NoDevices bool
	// Version is the CUDA version the driver serves. Zero means 13.0. Before 12.4 the
	// driver does not tell the sizes of a kernel's parameters.
	Version cuda.Version
	// Kernels are the functions of every module.
	Kernels []Kernel
	// Globals are the variables of every module, by name, and their bytes.
	Globals map[string]int
	// CheckImage looks at an image, up to its first zero byte, that is being loaded
	// and returns cuda.Success, or another result and a compiler's log. Nil takes any.
	CheckImage func(image []byte) (log string, result cuda.Result)
}

// Driver is an imitation of the driver. Its methods are safe for use by several
// goroutines.
type Driver struct {
	config Config

	mu          sync.Mutex
	initialized bool
	devices     []*device
	current     map[uint64]cuda.CUcontext // by thread
	handles     uintptr                   // the last handle given out
	calls       map[string]int
	scripts     []script
	leaks       []string
	faults      []error
	eager       bool
}

// script makes one call fail.
type script struct {
	call   string
	number int // counted from the first call of all
	result cuda.Result
}

// New returns an imitation of the driver.
func New(config Config) *Driver {
	if len(config.Devices) == 0 && !config.NoDevices {
		config.Devices = []cuda.Device{H100()}
	}
	if config.Version == (cuda.Version{}) {
		config.Version = cuda.Version{Major: 13}
	}
	f := &Driver{config: config, current: map[uint64]cuda.CUcontext{}, calls: map[string]int{}}
	for _, description := range config.Devices {
		f.devices = append(f.devices, newDevice(description))
	}
	return f
}

// Open initializes the imitation, as cuda.Open does the driver.
func (f *Driver) Open() (*cuda.Driver, error) { return cuda.OpenWith(f.API()) }

// Fail makes the nth call from now of a C function ("cuMemAlloc") fail with a
// result; 1 is the next. A result that is Sticky ends the context as on a device.
func (f *Driver) Fail(call string, nth int, result cuda.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts = append(f.scripts, script{call: call, number: f.calls[call] + nth, result: result})
}

// Eager says when copies from page-locked memory are made: as soon as they are put on a stream, after what they wait for there, as by a
// device that has nothing else to do; or, as at first, as late as they may.
func (f *Driver) Eager(eager bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eager = eager
}

// Calls returns how often a C function was called.
func (f *Driver) Calls(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

// Leaks lists what was still there when a context ended, and the contexts that
// have not.
func (f *Driver) Leaks() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	leaks := slices.Clone(f.leaks)
	for i, d := range f.devices {
		if d.retained > 0 {
			leaks = append(leaks, fmt.Sprintf("device %d: context open, retained %d times", i, d.retained))
			leaks = append(leaks, d.remaining(i)...)
		}
	}
	return leaks
}

// Faults lists the errors with which kernels ended.
func (f *Driver) Faults() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.faults)
}

// begin counts a call and returns its scripted result. The lock must be held.
func (f *Driver) begin(call string) cuda.Result {
	f.calls[call]++
	for _, s := range f.scripts {
		if s.call == call && s.number == f.calls[call] {
			return s.result
		}
	}
	if !f.initialized && call != "cuInit" && call != "cuDriverGetVersion" {
		return cuda.ResultNotInitialized
	}
	return cuda.Success
}

// call runs a function that needs no context.
func (f *Driver) call(name string, body func() cuda.Result) cuda.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	if result := f.begin(name); result != cuda.Success {
		return result
	}
	return body()
}

// on runs a function that needs a device.
func (f *Driver) on(name string, handle cuda.CUdevice, body func(*device) cuda.Result) cuda.Result {
	return f.call(name, func() cuda.Result {
		if handle < 0 || int(handle) >= len(f.devices) {
			return cuda.ResultInvalidDevice
		}
		return body(f.devices[handle])
	})
}

// in runs a function in the context that is current on the calling thread.
func (f *Driver) in(name string, body func(*device) cuda.Result) cuda.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.currentDevice()
	if result := f.begin(name); result != cuda.Success {
		if d != nil && result.Sticky() {
			d.lost = result
		}
		return result
	}
	if d == nil {
		return cuda.ResultInvalidContext
	}
	if d.lost != cuda.Success {
		return d.lost
	}
	result := body(d)
	if d.lost != cuda.Success {
		return d.lost
	}
	return result
}

// currentDevice returns the device whose context is current on the calling
// thread, or nil.
func (f *Driver) currentDevice() *device {
	handle := f.current[thread.ID()]
	for _, d := range f.devices {
		if handle != 0 && d.context == handle {
			return d
		}
	}
	return nil
}

// handle returns a number that stands for something new.
func (f *Driver) handle() uintptr {
	f.handles++
	return f.handles
}

// launched runs one launch and keeps its error.
func (f *Driver) launched(l *Launch, run func(*Launch) error) cuda.Result {
	err := run(l)
	if err == nil {
		return cuda.Success
	}
	f.faults = append(f.faults, fmt.Errorf("kernel %s: %w", l.Kernel, err))
	return faultResult(err)
}

// cText copies text and a zero byte into n bytes at a C string.
func cText(dst *byte, n int32, text string) {
	buffer := unsafe.Slice(dst, n)
	buffer[copy(buffer[:n-1], text)] = 0
}
