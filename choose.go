package gmmspec

import (
	"fmt"
	"math"
	goruntime "runtime"
	"strings"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime/cuda"
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
	// cudaLanes is the float32 multiply-adds of a multiprocessor in a clock, on every architecture since 2016 (Turing and A100: 64).
	cudaLanes = 128

	// ccCompile is one kernel under gcc -O3.
	ccCompile = 0.12
	// ccCall is waking the workers.
	ccCall = 20e-6
	// ccFlops is a core's float32 peak.
	ccFlops = 100e9
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
	noC      bool // compiled C has failed
	warnings []string
}

// problemOf returns the problem of fitting or scoring data with m components.
func problemOf(data mixture.Data, s *settings, m int) variants.Problem {
	return variants.Problem{
		M: m, D: data.Events.Dims(), N: int64(data.Events.Len()), Covariance: variants.Covariance(s.covariance),
		Weighted: data.Weights != nil, Hard: data.Hard, Missing: data.Missing,
	}
}

// plan chooses the device and the variants for a problem whose precision is not decided yet.
func (c *chooser) plan(p variants.Problem) (*Plan, error) {
	switch c.settings.device {
	case DeviceReference:
		return c.reference(p)
	case DeviceCC:
		plan, err := c.cc(p)
		if err != nil {
			c.warnings = append(c.warnings, fmt.Sprintf("compiled C cannot be used, the reference does the work: %v", err))
			return c.fallback(p)
		}
		return plan, nil
	case DeviceCUDA:
		return c.cuda(p)
	}
	return c.auto(p)
}

// auto takes the device with the least estimated total. Where the reference is done in a moment nothing else is looked for,
// and the CUDA driver is opened only where its start could pay.
func (c *chooser) auto(p variants.Problem) (*Plan, error) {
	plan, err := c.reference(p)
	if err != nil {
		return nil, err
	}
	plans := []*Plan{plan}
	var without []autotune.Alternative
	if plan.Estimate.Total < worthFinding && c.settings.variant == "" {
		reason := fmt.Sprintf("not looked for: the reference takes %.2g s", plan.Estimate.Total)
		without = append(without, autotune.Alternative{Device: DeviceCC, Reason: reason}, autotune.Alternative{Device: DeviceCUDA, Reason: reason})
		return autotune.Cheapest(plans, without), nil
	}
	if plan, err := c.cc(p); err == nil {
		plans = append(plans, plan)
	} else {
		without = append(without, autotune.Alternative{Device: DeviceCC, Reason: err.Error()})
	}
	if least := autotune.Cheapest(plans, nil).Estimate.Total; least < cudaStartup {
		without = append(without, autotune.Alternative{Device: DeviceCUDA, Reason: fmt.Sprintf("not looked for: starting it takes %.2g s", cudaStartup)})
	} else if plan, err := c.cuda(p); err == nil {
		plans = append(plans, plan)
	} else {
		without = append(without, autotune.Alternative{Device: DeviceCUDA, Reason: err.Error()})
	}
	return autotune.Cheapest(plans, without), nil
}

func (c *chooser) reference(p variants.Problem) (*Plan, error) {
	p.Precision = variants.Float64
	cores := float64(goruntime.GOMAXPROCS(0))
	return autotune.For(p, c.need, autotune.Device{Name: DeviceReference, Flops: referenceFlops * cores, CallSeconds: referenceCall})
}

// fallback is the reference, where compiled C was wanted.
func (c *chooser) fallback(p variants.Problem) (*Plan, error) {
	plan, err := c.reference(p)
	if err == nil {
		plan.Why = "compiled C cannot be used"
	}
	return plan, err
}

func (c *chooser) cc(p variants.Problem) (*Plan, error) {
	if c.noC {
		return nil, fmt.Errorf("it failed before")
	}
	if _, err := c.settings.workshop.findCC(); err != nil {
		return nil, err
	}
	p.Precision = c.precision(variants.Float64)
	return autotune.For(p, c.needOn(variants.CC), c.ccDevice(p.Precision))
}

// ccDevice describes this machine's processor.
func (c *chooser) ccDevice(p variants.Precision) autotune.Device {
	target := ccTarget()
	cores := float64(target.Units)
	d := autotune.Device{
		Name: DeviceCC, Target: target, CompileSeconds: ccCompile, CallSeconds: ccCall,
		Flops: ccFlops * cores, Bandwidth: ccBandwidth * cores, Cached: c.cached(target),
	}
	if p == variants.Float64 {
		d.Flops /= 2
	}
	return d
}

// ccTarget is what planning needs to know of this machine's processor.
func ccTarget() variants.Target {
	return variants.Target{Backend: variants.CC, Arch: "native", Units: goruntime.GOMAXPROCS(0)}
}

func (c *chooser) cuda(p variants.Problem) (*Plan, error) {
	p.Precision = c.precision(variants.Float32)
	d, err := c.cudaDevice(p.Precision)
	if err != nil {
		return nil, err
	}
	return autotune.For(p, c.needOn(variants.CUDA), d)
}

// needOn is the need, less a variant that is named for another backend.
func (c *chooser) needOn(b variants.Backend) autotune.Need {
	need := c.need
	need.Variant = c.settings.variant
	if c.settings.device == DeviceAuto {
		if _, err := variants.ByName(b, need.Variant); err != nil {
			need.Variant = ""
		}
	}
	return need
}

// precision returns the precision asked for, or the one that auto stands for.
func (c *chooser) precision(auto variants.Precision) variants.Precision {
	if c.settings.precision == PrecisionAuto {
		return auto
	}
	return variants.Precision(c.settings.precision)
}

// cudaDevice describes the CUDA device asked for, or any of the architecture asked for.
func (c *chooser) cudaDevice(p variants.Precision) (autotune.Device, error) {
	s := c.settings
	d := autotune.Device{
		Name: fmt.Sprintf("%s:%d", DeviceCUDA, s.ordinal), Startup: cudaStartup, CompileSeconds: cudaCompile, CallSeconds: cudaCall,
	}
	if s.arch != "" {
		target, err := variants.CUDAArch(s.arch)
		if err != nil {
			return d, err
		}
		d.Name, d.Target = "cuda ("+s.arch+")", target
		d.Flops, d.Bandwidth = math.Inf(1), math.Inf(1)
		return d, nil
	}
	device, err := s.workshop.cudaDevice(s.ordinal)
	if err != nil {
		return d, err
	}
	if _, err := s.workshop.openNVRTC(); err != nil {
		return d, err
	}
	d.Target = cudaTarget(device)
	const kilo, bitsPerByte, perClock = 1e3, 8, 2
	d.Flops = float64(device.Multiprocessors) * float64(device.ClockKHz) * kilo * cudaLanes * perClock / doubleCost(device, p)
	d.Bandwidth = float64(device.MemoryKHz) * kilo * perClock * float64(device.MemoryBusBits) / bitsPerByte
	d.Cached = c.cached(d.Target)
	return d, nil
}

// cudaTarget is what planning needs to know of a CUDA device.
func cudaTarget(d cuda.Device) variants.Target {
	return variants.Target{
		Backend: variants.CUDA, Arch: d.Arch(), Units: d.Multiprocessors,
		SharedPerBlock: d.SharedBytesPerBlockOptin, ThreadsPerBlock: d.MaxThreadsPerBlock,
	}
}

// doubleCost returns how many float32 operations one operation of the precision costs: data-centre chips (x.0) have half as
// many float64 units as float32 ones, the others 1/64.
func doubleCost(d cuda.Device, p variants.Precision) float64 {
	switch {
	case p == variants.Float32:
		return 1
	case d.Minor == 0:
		return 2
	}
	return 64
}

// cached returns a test for whether a candidate has been compiled before.
func (c *chooser) cached(t variants.Target) func(variants.Problem, variants.Candidate) bool {
	store, err := c.settings.workshop.openCache(c.settings.cacheDir)
	if err != nil {
		warning := fmt.Sprintf("compiled kernels are not kept: %v", err)
		if !strings.Contains(strings.Join(c.warnings, "\n"), warning) {
			c.warnings = append(c.warnings, warning)
		}
		return nil
	}
	b := &builder{workshop: c.settings.workshop, cache: store}
	return func(p variants.Problem, candidate variants.Candidate) bool { return b.cached(unit(p, t, candidate)) }
}
