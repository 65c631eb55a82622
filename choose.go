package gmmspec

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/nvrtc"
	"github.com/gmmspec/gmmspec/variants"
)

// What is known of devices before anything is timed, in seconds and per second.
const (
	// cudaStartup is cuInit, a context and NVRTC's start, measured on an H100.
	cudaStartup = 0.3
	// cudaCompile is one kernel under NVRTC.
	cudaCompile = 0.15
	// cudaCall is a launch, a reduction and a small copy back.
	cudaCall = 60e-6
	// cudaSpan is which part of the memory responsibilities may take.
	cudaSpan = 2

	// ccCompile is one kernel under gcc -O2.
	ccCompile = 0.12
	// ccCall is waking the workers.
	ccCall = 20e-6
	// ccByteFlops is a core's float32 peak for each byte of its vectors: two multiply-adds a clock of 3 GHz.
	ccByteFlops = 3e9
	// ccDouble is how many float32 operations one float64 operation costs: half as many fit a vector.
	ccDouble = 2
	// ccBandwidth is a core's share of the memory's.
	ccBandwidth = 8e9

	// referenceFlops is a core's rate in the reference.
	referenceFlops = 3e9
	// referenceCall is waking the workers.
	referenceCall = 20e-6

	// worthFinding is the time of the reference below which no compiler is looked for.
	worthFinding = 0.05
)

// chooser plans.
type chooser struct {
	settings *settings
	need     autotune.Need
	failed   map[string]error // devices that are not to be planned with, and why
	warnings []string
}

// problemOf returns the problem of fitting or scoring data with m components.
func problemOf(data mixture.Data, s *settings, m int) variants.Problem {
	p := s.problem(m, data.Events.Dims(), int64(data.Events.Len()))
	p.Weighted, p.Hard, p.Missing = data.Weights != nil, data.Hard, data.Missing
	return p
}

// problem returns the problem of training on n events.
func (s *settings) problem(m, d int, n int64) variants.Problem {
	return variants.Problem{
		M: m, D: d, N: n, Covariance: variants.Covariance(s.covariance),
		Weighted: s.weights != nil, Hard: s.hard, Missing: s.missing,
	}
}

// plan chooses the device and the variants for a problem whose precision is not decided yet.
func (c *chooser) plan(p variants.Problem) (*Plan, error) {
	plan, err := c.choose(p)
	if err != nil {
		return nil, err
	}
	c.promise(plan)
	switch {
	case plan.Device == DeviceReference && c.settings.precision == PrecisionFloat32:
		c.warnings = append(c.warnings, "float32 was asked for: the reference, which does the work, has float64 alone")
	case plan.Device == DeviceCC:
		if warning := c.settings.workshop.passedOver(); warning != "" {
			c.warnings = append(c.warnings, warning)
		}
	}
	return plan, nil
}

// choose chooses among the devices that may be.
func (c *chooser) choose(p variants.Problem) (*Plan, error) {
	switch c.settings.device {
	case DeviceReference:
		return c.reference(p)
	case DeviceCC:
		return c.ccOrReference(p)
	case DeviceCUDA:
		return c.cuda(p)
	}
	return c.auto(p)
}

// auto takes the device with the least estimated total.
func (c *chooser) auto(p variants.Problem) (*Plan, error) {
	if len(c.settings.variants) > 0 {
		return c.named(p)
	}
	reference, err := c.reference(p)
	if err != nil {
		return nil, err
	}
	plans := []*Plan{reference}
	if reference.Estimate.Total < worthFinding {
		reason := fmt.Sprintf("not looked for: the reference takes %.2g s", reference.Estimate.Total)
		best := autotune.Cheapest(plans, []autotune.Alternative{
			{Device: DeviceCC, Reason: reason}, {Device: DeviceCUDA, Reason: reason},
		})
		best.Why = "cc and cuda are not worth looking for"
		return best, nil
	}
	var without []autotune.Alternative
	var ignorant error // that nothing was measured where only that counts
	var alone []string // why there is no other
	consider := func(device string, plan *Plan, err error) {
		if errors.As(err, new(*autotune.NoWisdomError)) {
			ignorant = err
		}
		if err != nil {
			without = append(without, autotune.Alternative{Device: device, Reason: err.Error()})
			alone = append(alone, dismissal(device, err))
			return
		}
		plans = append(plans, plan)
	}
	plan, err := c.cc(p)
	consider(DeviceCC, plan, err)
	if startup := c.startup(); autotune.Cheapest(plans, nil).Estimate.Total < startup {
		consider(DeviceCUDA, nil, fmt.Errorf("%w: starting it takes %.2g s", errNotLookedFor, startup))
	} else {
		plan, err := c.cuda(p)
		consider(DeviceCUDA, plan, err)
	}
	best := autotune.Cheapest(plans, without)
	if c.settings.mode == PlanWisdomOnly && best.Device == DeviceReference && ignorant != nil {
		return nil, ignorant
	}
	if len(plans) == 1 {
		best.Why = strings.Join(alone, ", ")
	}
	c.warnUnusable(best)
	return best, nil
}

// errNotLookedFor is why a device is not weighed that could not be worth its start.
var errNotLookedFor = errors.New("not looked for")

// dismissal says in a few words why a device is not weighed; the plan's alternatives have the whole reason.
func dismissal(device string, err error) string {
	if unserved, ok := errors.AsType[*unservedError](err); ok {
		return unserved.on(device)
	}
	if errors.Is(err, errNotLookedFor) {
		return device + " is not worth looking for"
	}
	return device + " cannot be used"
}

// named takes the device that the named variants are written for, where auto would choose; compiled C where both have all of them.
func (c *chooser) named(p variants.Problem) (*Plan, error) {
	for _, name := range c.settings.variants {
		if _, err := variants.ByName(variants.CC, name); err != nil {
			return c.cuda(p)
		}
	}
	return c.ccOrReference(p)
}

// warnUnusable tells of devices that should have been weighed against the best, and do not work.
func (c *chooser) warnUnusable(best *Plan) {
	if err := c.unusableCUDA(); err != nil {
		c.warnings = append(c.warnings, fmt.Sprintf("CUDA cannot be used: %v", err))
	}
	if err := c.unusableC(); err != nil && best.Device == DeviceReference {
		c.warnings = append(c.warnings, unusableC(err))
	}
}

func unusableC(err error) string {
	return fmt.Sprintf("compiled C cannot be used, the reference does the work: %v", err)
}

func (c *chooser) reference(p variants.Problem) (*Plan, error) {
	p.Precision = variants.Float64
	cores := float64(goruntime.GOMAXPROCS(0))
	return autotune.For(p, c.need, autotune.Device{Name: DeviceReference, Flops: referenceFlops * cores, CallSeconds: referenceCall})
}

// ccOrReference is compiled C, or the reference where that cannot be used or serves no such problem. A variant that is named
// and does not serve is an error.
func (c *chooser) ccOrReference(p variants.Problem) (*Plan, error) {
	if err := c.unusableC(); err != nil {
		return c.fallback(p, err)
	}
	plan, err := c.cc(p)
	if err != nil && len(c.settings.variants) == 0 && c.settings.mode != PlanWisdomOnly {
		return c.fallback(p, err)
	}
	return plan, err
}

// fallback is the reference, where compiled C was wanted.
func (c *chooser) fallback(p variants.Problem, reason error) (*Plan, error) {
	plan, err := c.reference(p)
	if err != nil {
		return nil, err
	}
	plan.Why = dismissal("compiled C", reason)
	plan.Others = append(plan.Others, autotune.Alternative{Device: DeviceCC, Reason: reason.Error()})
	warning := unusableC(reason)
	if errors.As(reason, new(*unservedError)) {
		warning = "the reference does the work: " + plan.Why
	}
	c.warnings = append(c.warnings, warning)
	return plan, nil
}

// unusableC returns why no C kernel can be used here, or nil.
func (c *chooser) unusableC() error {
	if err := c.failed[DeviceCC]; err != nil {
		return err
	}
	if err := c.settings.workshop.loadsC(); err != nil {
		return err
	}
	_, err := c.settings.workshop.findCC()
	return err
}

func (c *chooser) cc(p variants.Problem) (*Plan, error) {
	if err := c.unusableC(); err != nil {
		return nil, err
	}
	p.Precision = c.precision()
	return c.on(p, c.ccDevice(p.Precision))
}

// on plans for a device that has variants.
func (c *chooser) on(p variants.Problem, d autotune.Device) (*Plan, error) {
	plan, err := autotune.For(p, c.needOn(), d)
	return plan, unserved(err, p, d)
}

// ccDevice describes this machine's processor.
func (c *chooser) ccDevice(p variants.Precision) autotune.Device {
	target := ccTarget()
	d := autotune.Device{
		Name: DeviceCC, Target: target, CompileSeconds: ccCompile, CallSeconds: ccCall, Cached: c.cached(target),
	}
	setRates(&d, ccRates(), p)
	d.UpdateFlops /= float64(target.Units) // a core's
	ofC := *c.settings
	ofC.device = DeviceCC
	if _, environment, err := ofC.environment(); err == nil {
		d.Known = c.known(target, environment)
	}
	return d
}

// ccRates is what this machine's processor does at its peak.
func ccRates() variants.Rates {
	target := ccTarget()
	cores := float64(target.Units)
	peak := ccByteFlops * float64(target.VectorBytes) * cores
	return variants.Rates{Float32: peak, Float64: peak / ccDouble, Bandwidth: ccBandwidth * cores}
}

// ccTarget is what planning needs to know of this machine's processor.
func ccTarget() variants.Target {
	return variants.Native(cc.VectorBytes(), goruntime.GOMAXPROCS(0))
}

func (c *chooser) cuda(p variants.Problem) (*Plan, error) {
	if err := c.unusableCUDA(); err != nil && c.settings.arch == "" {
		return nil, err
	}
	p.Precision = c.precision()
	d, err := c.cudaDevice(p.Precision)
	if err != nil {
		return nil, err
	}
	return c.on(p, d)
}

// unusableCUDA returns why a CUDA device that was there cannot be used, or nil.
func (c *chooser) unusableCUDA() error {
	if err := c.failed[DeviceCUDA]; err != nil {
		return err
	}
	return c.settings.workshop.lostTo(c.settings.ordinal)
}

// needOn is the need of a device that has variants.
func (c *chooser) needOn() autotune.Need {
	need := c.need
	need.Variants, need.Mode = c.settings.variants, c.settings.mode
	return need
}

// startup is how long CUDA takes to start, which it has to once.
func (c *chooser) startup() float64 {
	if c.settings.workshop.started(c.settings.ordinal) {
		return 0
	}
	return cudaStartup
}

// precision returns the precision asked for, or the one that auto and fast stand for: see [WithPrecision].
func (c *chooser) precision() variants.Precision {
	s := c.settings
	switch {
	case s.precision == PrecisionFloat32, s.precision == PrecisionFloat64:
		return variants.Precision(s.precision)
	case s.unfit != nil:
		return variants.Float64
	case s.precision == PrecisionFast, c.need.Train && s.maxError >= LeastFloat32MaxError:
		return variants.Float32
	}
	return variants.Float64
}

// promise says of a plan what precision it is in, why, and what is promised of it.
func (c *chooser) promise(plan *Plan) {
	s := c.settings
	single := plan.Problem.Precision == variants.Float32
	if single && c.need.Train {
		plan.MaxError, plan.Promised = s.maxError, s.precision == PrecisionAuto
	}
	switch {
	case plan.Device == DeviceReference:
		plan.WhyPrecision = "the reference has no other"
	case s.precision == PrecisionFloat32, s.precision == PrecisionFloat64:
		plan.WhyPrecision = "it was asked for"
	case s.unfit != nil:
		plan.WhyPrecision = fmt.Sprintf("float32 cannot hold this fit (%s)", s.unfit.What())
	case s.precision == PrecisionFast:
		plan.WhyPrecision = "it is the fastest"
	case single:
		plan.WhyPrecision = fmt.Sprintf("an iteration puts covariances at most %g off, or the fit goes on in float64", s.maxError)
	case c.need.Train:
		plan.WhyPrecision = fmt.Sprintf("float32 keeps no less than %g, and %g is allowed", LeastFloat32MaxError, s.maxError)
	default:
		plan.WhyPrecision = "scores are, unless something else is asked for"
	}
}

// cudaDevice describes the CUDA device asked for, or any of the architecture asked for.
func (c *chooser) cudaDevice(p variants.Precision) (autotune.Device, error) {
	s := c.settings
	d := autotune.Device{
		Name: fmt.Sprintf("%s:%d", DeviceCUDA, s.ordinal), Startup: c.startup(), CompileSeconds: cudaCompile, CallSeconds: cudaCall,
	}
	if s.arch != "" {
		target, err := variants.CUDAArch(s.arch)
		if err != nil {
			return d, err
		}
		rates, err := variants.TypicalRates(s.arch)
		if err != nil {
			return d, err
		}
		d.Name, d.Target = "cuda (a typical "+s.arch+")", target
		setRates(&d, rates, p)
		if compiler, err := s.workshop.openNVRTC(); err == nil {
			d.Target.OldCompiler = old(compiler)
			d.Cached = c.cached(d.Target)
		}
		return d, nil
	}
	device, err := s.workshop.cudaDevice(s.ordinal)
	if err != nil {
		return d, err
	}
	compiler, err := s.workshop.openNVRTC()
	if err != nil {
		return d, err
	}
	d.Target = cudaTarget(device, compiler)
	d.SpanBytes = int64(device.MemoryBytes) / cudaSpan
	d.Uncooperative = !device.Cooperative
	setRates(&d, cudaRates(device), p)
	d.Cached = c.cached(d.Target)
	ofCUDA := *s
	ofCUDA.device = DeviceCUDA
	_, environment, err := ofCUDA.environment()
	if err != nil {
		return d, err
	}
	d.Known = c.known(d.Target, environment)
	return d, nil
}

// setRates gives a device its rates in a precision.
func setRates(d *autotune.Device, r variants.Rates, p variants.Precision) {
	d.Flops, d.UpdateFlops, d.Bandwidth = r.Float32, r.Float64, r.Bandwidth
	if p == variants.Float64 {
		d.Flops = r.Float64
	}
}

// cudaRates is what a CUDA device does at its peak.
func cudaRates(d cuda.Device) variants.Rates {
	const kilo, bitsPerByte, perClock = 1e3, 8, 2
	lanes, double := variants.CUDALanes(d.Arch())
	peak := float64(d.Multiprocessors) * float64(d.ClockKHz) * kilo * float64(lanes) * perClock
	return variants.Rates{
		Float32: peak, Float64: peak / float64(double),
		Bandwidth: float64(d.MemoryKHz) * kilo * perClock * float64(d.MemoryBusBits) / bitsPerByte,
	}
}

// old reports whether a compiler does not know instructions of one architecture alone.
func old(c *nvrtc.Compiler) bool {
	const knows = 12
	major, _ := c.Version()
	return major < knows
}

// cudaTarget is what planning needs to know of a CUDA device and its compiler.
func cudaTarget(d cuda.Device, c *nvrtc.Compiler) variants.Target {
	return variants.Target{
		OldCompiler: old(c),
		Backend:     variants.CUDA, Arch: d.Arch(), Units: d.Multiprocessors,
		SharedPerBlock: d.SharedBytesPerBlockOptin, ThreadsPerBlock: d.MaxThreadsPerBlock,
	}
}

// warn says something once.
func (c *chooser) warn(warning string) {
	if !slices.Contains(c.warnings, warning) {
		c.warnings = append(c.warnings, warning)
	}
}

// warnUnkept tells of kernels that were compiled and could not be stored, or of others that could not be evicted for them.
func (c *chooser) warnUnkept() {
	if err := c.settings.workshop.unkept(c.settings.cacheDir); err != nil {
		c.warn(fmt.Sprintf("compiled kernels are not kept as they should be: %v", err))
	}
}

// cached returns a test for whether a candidate has been compiled before.
func (c *chooser) cached(t variants.Target) func(variants.Problem, variants.Candidate) bool {
	store, err := c.settings.workshop.openCache(c.settings.cacheDir)
	if err != nil {
		c.warn(fmt.Sprintf("compiled kernels are not kept: %v", err))
	}
	b := &builder{workshop: c.settings.workshop, cache: store}
	return func(p variants.Problem, candidate variants.Candidate) bool { return b.cached(unit(p, t, candidate)) }
}
