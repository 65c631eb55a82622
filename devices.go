package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// devices is what a model has opened so far: a device for each plan that it met.
type devices struct {
	settings *settings
	mu       sync.Mutex
	open     map[string]*opened
	failed   bool // compiled C is not to be tried again
}

// opened is a device that is ready for a plan's work.
type opened struct {
	plan   *Plan
	device mixture.Device
}

// job is work for a device: events and what is wanted of them.
type job struct {
	components int
	data       mixture.Data
	need       autotune.Need
}

func newDevices(s *settings) *devices {
	return &devices{settings: s, open: map[string]*opened{}}
}

// run plans a job, opens the device, and calls work with it; loaded puts the events there. Where float32 was chosen for the
// job and cannot hold it, work is called again in float64; where C cannot be compiled, loaded or trusted, on the reference.
// Each of these is told to warn once.
func (d *devices) run(ctx context.Context, j job, work func(o *opened, loaded func() (mixture.Loaded, error)) error, warn func(string)) error {
	s := *d.settings
	for {
		o, err := d.ready(ctx, &s, j, warn)
		if err != nil {
			return err
		}
		err = withLoaded(ctx, o, j.data, work)
		var precision *runtime.PrecisionError
		if s.precision == PrecisionAuto && errors.As(err, &precision) {
			warn(fmt.Sprintf("float32 cannot hold this fit (%v): it was done in float64", precision))
			s.precision = Float64Name
			continue
		}
		return err
	}
}

// withLoaded calls work and closes what it loaded.
func withLoaded(ctx context.Context, o *opened, data mixture.Data, work func(o *opened, loaded func() (mixture.Loaded, error)) error) error {
	var events mixture.Loaded
	err := work(o, func() (mixture.Loaded, error) {
		var err error
		events, err = o.device.Load(ctx, data)
		return events, err
	})
	if events != nil {
		err = errors.Join(err, events.Close())
	}
	return err
}

// ready returns a device for the job, opened before or now.
func (d *devices) ready(ctx context.Context, s *settings, j job, warn func(string)) (*opened, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := problemOf(j.data, s, j.components)
	chooser := chooser{settings: s, need: j.need, noC: d.failed}
	plan, err := chooser.plan(p)
	if err != nil {
		return nil, err
	}
	for _, warning := range chooser.warnings {
		warn(warning)
	}
	if o, ok := d.open[signature(plan)]; ok {
		return &opened{plan: plan, device: o.device}, nil
	}
	device, err := openPlan(ctx, s, plan)
	if err != nil && plan.Device == DeviceCC && ctx.Err() == nil {
		d.failed = true
		warn(fmt.Sprintf("compiled C cannot be used, the reference does the work: %v", err))
		chooser.noC = true
		if plan, err = chooser.fallback(p); err != nil {
			return nil, err
		}
		device, err = openPlan(ctx, s, plan)
	}
	if err != nil {
		return nil, err
	}
	o := &opened{plan: plan, device: device}
	d.open[signature(plan)] = o
	return o, nil
}

// signature tells devices apart that differ in anything but the number of events.
func signature(p *Plan) string {
	problem := p.Problem
	problem.N = 0
	text := p.Device + " " + problem.String()
	for _, c := range p.Choices {
		text += " " + c.Variant + " " + c.Config
	}
	return text
}

// openPlan builds a plan's program and opens the device with it. Kernels prove themselves before they are used.
func openPlan(ctx context.Context, s *settings, plan *Plan) (mixture.Device, error) {
	if plan.Device == DeviceReference {
		return reference.New(), nil
	}
	store, _ := s.workshop.openCache(s.cacheDir)
	b := &builder{workshop: s.workshop, cache: store}
	program, err := b.program(ctx, plan)
	if err != nil {
		return nil, err
	}
	device, err := openProgram(s, plan, program)
	if err != nil {
		return nil, err
	}
	if err := selfTest(ctx, device, plan); err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

func openProgram(s *settings, plan *Plan, program *runtime.Program) (mixture.Device, error) {
	if plan.Device == DeviceCC {
		return cc.New(program, cc.Options{Dir: s.workshop.privateDir(s.cacheDir)})
	}
	c, err := s.workshop.context(s.ordinal)
	if err != nil {
		return nil, err
	}
	return cuda.NewEngine(c, program)
}

// close closes every device.
func (d *devices) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []error
	for key, o := range d.open {
		all = append(all, o.device.Close())
		delete(d.open, key)
	}
	return errors.Join(all...)
}
