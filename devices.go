package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/variants"
)

// devices is what a model has used of the process's pool so far, and keeps: a device for each plan that it met.
type devices struct {
	settings *settings

	mu      sync.Mutex
	kept    map[string]*opened
	failed  map[string]error // devices that could not be opened or trusted, by name without a number
	doubted error            // how the C compiler has failed since it last served
	told    map[string]bool  // warnings of scoring that were given
}

// once gives a warning of scoring, unless it was given before.
func (d *devices) once(warning string) {
	d.mu.Lock()
	told := d.told[warning]
	d.told[warning] = true
	d.mu.Unlock()
	if !told {
		d.settings.warn(warning)
	}
}

// opened is a device that is ready for a plan's work.
type opened struct {
	plan *Plan
	slot *slot
}

// job is work for a device: events and what is wanted of them.
type job struct {
	components int
	data       mixture.Data
	events     int // that there are in all, where data is one set of many; 0 where it is the only one
	need       autotune.Need
	apart      bool // uploaded events are not taken from where they stay
}

// work is what a job does on a device; load puts the events there.
type work func(plan *Plan, load func() (mixture.Loaded, error)) error

func newDevices(s *settings) *devices {
	return &devices{settings: s, kept: map[string]*opened{}, failed: map[string]error{}, told: map[string]bool{}}
}

// run plans a job, opens the device, and has the work done there. Where float32 was chosen for the job and cannot hold it, or not keep
// what is promised, work is called again, to go on in float64; and where uploaded events leave too little of the device's memory, to go on
// with parts of them at a time.
func (d *devices) run(ctx context.Context, j job, work work, warn func(string)) error {
	s := *d.settings
	for {
		err := d.try(ctx, &s, j, work, warn)
		if _, uploaded := j.data.Events.(*Uploaded); uploaded && j.data.Weights == nil && !j.apart && errors.Is(err, cuda.ErrOutOfMemory) {
			warn(fmt.Sprintf("beside the events that stay there the device has too little memory, so they were brought once more, in parts: %v", err))
			j.apart = true
			continue
		}
		precision, unfit := errors.AsType[*runtime.PrecisionError](err)
		if !unfit || s.unfit != nil || s.precision != PrecisionAuto && s.precision != PrecisionFast {
			return err
		}
		warn(fmt.Sprintf("float32 cannot hold this fit (%s): it went on in float64", precision.What()))
		s.unfit = precision
	}
}

// try is run in the settings' precision.
func (d *devices) try(ctx context.Context, s *settings, j job, work work, warn func(string)) (err error) {
	o, err := d.open(ctx, s, j, warn)
	if err != nil {
		return err
	}
	clean := func(what string, failed error) { // what is done is not lost by what follows it
		if err == nil && failed != nil {
			warn(fmt.Sprintf("%s: %v", what, failed))
			return
		}
		err = errors.Join(err, failed)
	}
	pool := s.workshop.pool
	defer func() { clean("the device was not given back", pool.release(o.slot)) }()
	defer func() { d.noteLost(s, o.plan.Device, err) }()
	var letGo func(again bool) error
	defer func() {
		if letGo != nil {
			clean("the events were not let go", letGo(err == nil))
		}
	}()
	return work(o.plan, func() (events mixture.Loaded, err error) {
		data := j.data
		uploaded, ok := data.Events.(*Uploaded)
		switch {
		case ok && data.Weights == nil && !j.apart:
			events, letGo, err = uploaded.on(ctx, pool, o.slot, data)
			return events, err
		case ok && uploaded.isClosed():
			return nil, errUploadClosed
		case ok:
			data.Events = uploaded.uploadedEvents
		}
		if events, err = o.slot.device.Load(ctx, data); err == nil {
			letGo = func(bool) error { return events.Close() }
		}
		return events, err
	})
}

// noteLost looks at how work on a device ended. A CUDA context that is lost stays so until the process ends: the process plans
// without the device from then on, and the model keeps nothing there.
func (d *devices) noteLost(s *settings, device string, err error) {
	result, ok := errors.AsType[cuda.Result](err)
	if !ok || !result.Sticky() {
		return
	}
	s.workshop.lose(s.ordinal, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, o := range d.kept {
		if o.plan.Device == device {
			_ = s.workshop.pool.release(o.slot) // it can but fail as the work has
			delete(d.kept, key)
		}
	}
}

// open plans a job and returns the device for it, with a user more. What cannot be opened, or fails its self-test, is not
// tried again, and the job is planned without it; that is an error only where CUDA was asked for by name. What may have passed
// by the next job is done without for this one alone.
func (d *devices) open(ctx context.Context, s *settings, j job, warn func(string)) (*opened, error) {
	problem := problemOf(j.data, s, j.components)
	if j.events > 0 {
		problem.N = int64(j.events)
	}
	passing := map[string]error{}
	measured := s.mode != PlanMeasured
	for {
		failed := d.failures()
		maps.Copy(failed, passing)
		chooser := chooser{settings: s, need: j.need, failed: failed}
		plan, err := chooser.plan(problem)
		if err != nil {
			return nil, err
		}
		if !measured && plan.Device != DeviceReference {
			measured = true
			news, err := s.measure(ctx, plan)
			if err != nil {
				warn(fmt.Sprintf("nothing could be measured: %v", err))
			}
			if news {
				continue
			}
		}
		slot, err := d.device(ctx, s, plan)
		if err == nil {
			chooser.warnUnkept()
			for _, warning := range chooser.warnings {
				warn(warning)
			}
			return &opened{plan, slot}, nil
		}
		d.noteLost(s, plan.Device, err)
		device, _, _ := strings.Cut(plan.Device, ":")
		if ctx.Err() == nil && plan.Explores() && s.blames(ctx, err) {
			if kept := s.exploredInVain(plan, err); kept == nil {
				warn(fmt.Sprintf("a kernel that was to be explored cannot be used: %v", err))
				continue
			}
		}
		if ctx.Err() != nil || device == DeviceReference || device == DeviceCUDA && s.device == DeviceCUDA {
			return nil, err
		}
		if d.passes(err) {
			passing[device] = err
		} else {
			d.fail(device, err)
		}
	}
}

// passes reports whether the next job should try a device again that could not be opened: where memory is taken or a file could
// not be made, and once where the C compiler failed or took too long, for want of time, memory or space, or for good.
func (d *devices) passes(err error) bool {
	if ofTheCompiler(err) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.doubted == nil {
			d.doubted = err
		}
		return errors.Is(err, d.doubted) // jobs that waited for one compilation have its error in common
	}
	return ofTheMachine(err)
}

func (d *devices) failures() map[string]error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.failed)
}

func (d *devices) fail(device string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed[device] = err
}

// device returns a device that can do what is planned, with a user more: one that the model keeps, or one of the pool,
// which it then keeps.
func (d *devices) device(ctx context.Context, s *settings, plan *Plan) (*slot, error) {
	if slot := d.keeping(plan); slot != nil {
		return slot, nil
	}
	slot, err := s.workshop.pool.acquire(ctx, signature(plan), func(ctx context.Context) (mixture.Device, error) {
		return openPlan(ctx, s, plan)
	})
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if plan.Device == DeviceCC {
		d.doubted = nil
	}
	if _, ok := d.kept[slot.key]; !ok {
		s.workshop.pool.keep(slot)
		d.kept[slot.key] = &opened{plan, slot}
	}
	return slot, nil
}

// keeping returns a device that the model keeps, with a user more, or nil if none serves the plan.
func (d *devices) keeping(plan *Plan) *slot {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.kept[signature(plan)]
	if !ok {
		for _, other := range d.kept {
			if serves(other.plan, plan) {
				o = other
				break
			}
		}
	}
	if o == nil {
		return nil
	}
	d.settings.workshop.pool.keep(o.slot)
	return o.slot
}

// serves reports whether a device that was opened for one plan does for another, which only scores: further kernels do not
// change what a device does then.
func serves(open, plan *Plan) bool {
	if open.Device != plan.Device || kind(open.Problem) != kind(plan.Problem) {
		return false
	}
	for _, c := range plan.Choices {
		scores := c.Stage == variants.Score || c.Stage == variants.EStep
		same := func(other autotune.Choice) bool { return other.Variant == c.Variant && other.Config == c.Config }
		if !scores || !slices.ContainsFunc(open.Choices, same) {
			return false
		}
	}
	return true
}

// kind is a problem whatever the number of events, which kernels are not compiled for, and with the components that they are
// compiled for.
func kind(p variants.Problem) variants.Problem {
	p.N, p.M = 0, variants.RoundComponents(p.M)
	return p
}

// signature tells devices apart that differ in anything but the number of events.
func signature(p *Plan) string {
	text := fmt.Sprint(p.Device, " ", kind(p.Problem), " ", p.MaxError, p.Promised)
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
	program.MaxError, program.Promised = plan.MaxError, plan.Promised // which is no matter of the self-test
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

// close gives back every device that the model keeps.
func (d *devices) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []error
	for key, o := range d.kept {
		all = append(all, d.settings.workshop.pool.release(o.slot))
		delete(d.kept, key)
	}
	return errors.Join(all...)
}
