package cc

import (
	"context"
	"fmt"
	goruntime "runtime"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Options says how a [Device] works.
type Options struct {
	// Dir is a private directory for libraries that cannot be opened from memory; "" stands for the system's.
	Dir string
	// Workers is how many goroutines of a pass call kernels at once; 0 stands for GOMAXPROCS. Results do not depend on it.
	Workers int
}

// Device runs a program of compiled C as a [mixture.Device]. Goroutines take slices of the events, and statistics are
// summed in the slices' order.
type Device struct {
	program *runtime.Program
	kernels map[string]kernel
	centred *kernel // the fused one whose sums are about the centre, nil for none
	workers int     // 0 for GOMAXPROCS

	mu     sync.RWMutex // held for reading by every pass
	closed bool
}

// kernel is a stage's kernel and its function.
type kernel struct {
	*runtime.Kernel
	call Func
}

// New opens the program's kernels.
func New(program *runtime.Program, options Options) (*Device, error) {
	d := &Device{program: program, kernels: map[string]kernel{}, workers: options.Workers}
	for i := range program.Kernels {
		k := &program.Kernels[i]
		library, err := Open(k.Binary, options.Dir)
		if err != nil {
			return nil, fmt.Errorf("cc: %s: %w", k.Variant, err)
		}
		call, err := library.Func(k.Entry)
		if err != nil {
			return nil, fmt.Errorf("cc: %s: %w", k.Variant, err)
		}
		if k.Centred {
			d.centred = &kernel{k, call}
			continue
		}
		d.kernels[k.Stage] = kernel{k, call}
	}
	return d, nil
}

// Name returns "cc".
func (d *Device) Name() string { return "cc" }

// Load views the events. They are copied nowhere: kernels read rows of float32 and of float64 as they are, and others are read a
// block at a time, in every pass.
func (d *Device) Load(ctx context.Context, data mixture.Data) (mixture.Loaded, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, mixture.ErrClosed
	}
	if err := d.program.CheckData(data); err != nil {
		return nil, err
	}
	summary, err := data.Summarized(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.program.CheckWeights(data.Weights); err != nil {
		return nil, err
	}
	if d.program.Precision == runtime.Float32 {
		return newLoaded[float32](d, data, summary), nil
	}
	return newLoaded[float64](d, data, summary), nil
}

// workersNow returns how many goroutines a pass takes.
func (d *Device) workersNow() int {
	if d.workers > 0 {
		return d.workers
	}
	return goruntime.GOMAXPROCS(0)
}

// Close waits for passes under way and refuses further ones.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}
