package gmmspec

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

// laboratory builds, judges and times candidates on one device, for an [autotune.Tune]. It is not safe for concurrent use, but
// for Build.
type laboratory struct {
	settings    *settings
	builder     *builder
	target      variants.Target
	environment autotune.Environment

	judged map[string]float64 // the largest error of kernels that were judged, by digest of their source

	// What is loaded: events for one shape, and a device that holds them in every layout.
	shape  variants.Problem
	data   mixture.Data
	start  *mixture.Parameters
	owner  mixture.Device
	loaded mixture.Loaded
}

// newLaboratory opens the device that the settings name, "cuda" or "cc".
func newLaboratory(s *settings) (*laboratory, error) {
	store, err := s.workshop.openCache(s.cacheDir)
	if err != nil {
		store = nil // every kernel is compiled anew
	}
	l := &laboratory{settings: s, builder: &builder{workshop: s.workshop, cache: store}, judged: map[string]float64{}}
	l.target, l.environment, err = s.environment()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// environment describes the device that the settings name, and what compiles for it.
func (s *settings) environment() (variants.Target, autotune.Environment, error) {
	if s.device == DeviceCC {
		c := chooser{settings: s}
		if err := c.unusableC(); err != nil {
			return variants.Target{}, autotune.Environment{}, err
		}
		compiler, err := s.workshop.findCC()
		if err != nil {
			return variants.Target{}, autotune.Environment{}, err
		}
		t := ccTarget()
		return t, autotune.Environment{
			Backend: variants.CC, Device: fmt.Sprintf("%s, %d threads", compiler.Processor, t.Units), Arch: t.Arch, Compiler: compiler.Fingerprint.Version,
		}, nil
	}
	device, err := s.workshop.cudaDevice(s.ordinal)
	if err != nil {
		return variants.Target{}, autotune.Environment{}, err
	}
	driver, err := s.workshop.openCUDA()
	if err != nil {
		return variants.Target{}, autotune.Environment{}, err
	}
	compiler, err := s.workshop.openNVRTC()
	if err != nil {
		return variants.Target{}, autotune.Environment{}, err
	}
	major, minor := compiler.Version()
	return cudaTarget(device, compiler), autotune.Environment{
		Backend: variants.CUDA, Device: device.Name, Arch: device.Arch(), Driver: driver.Version().String(),
		Compiler: fmt.Sprintf("NVRTC %d.%d", major, minor),
	}, nil
}

// Environment says what is measured with.
func (l *laboratory) Environment() autotune.Environment { return l.environment }

// Source returns a digest of what would be compiled.
func (l *laboratory) Source(p variants.Problem, c variants.Candidate) (string, error) {
	return sourceDigest(unit(p, l.target, c))
}

// sourceDigest returns the digest of a unit's source by which records know kernels.
func sourceDigest(u specializer.Unit) (string, error) {
	const digits = 16 // of 64: kernels are few
	source, err := specializer.Render(u)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(source.Text))
	return hex.EncodeToString(sum[:])[:digits], nil
}

// Build compiles a candidate, or finds it in the cache.
func (l *laboratory) Build(ctx context.Context, p variants.Problem, c variants.Candidate) error {
	_, err := l.builder.kernel(ctx, unit(p, l.target, c))
	return l.blame(ctx, err)
}

// Verify runs a candidate on a small random problem, and returns the largest difference from the reference.
func (l *laboratory) Verify(ctx context.Context, p variants.Problem, c variants.Candidate) (float64, error) {
	worst, err := l.verify(ctx, p, c)
	return worst, l.blame(ctx, err)
}

func (l *laboratory) verify(ctx context.Context, p variants.Problem, c variants.Candidate) (float64, error) {
	digest, err := l.Source(p, c)
	if err != nil {
		return 0, err
	}
	if worst, ok := l.judged[digest]; ok {
		return worst, nil
	}
	plan, err := l.plan(p, c)
	if err != nil {
		return 0, err
	}
	device, err := l.open(ctx, plan)
	if err != nil {
		return 0, err
	}
	measures, err := selfTestMeasures(ctx, device, plan)
	if err := errors.Join(err, device.Close()); err != nil {
		return 0, err
	}
	stage, tolerance := c.Variant.Stage, selfTestTolerance(plan, c.Variant.Stage)
	worst := compare.Worst(measures[stage]...)
	if tolerance.Judge(worst.Error) == compare.Wrong {
		if estep := compare.Worst(measures[variants.EStep]...); stage == variants.Moments && tolerance.Judge(estep.Error) == compare.Wrong {
			return 0, &autotune.BenchError{Err: fmt.Errorf("gmmspec: the E-step before the moments is wrong: %v", estep)}
		}
		return worst.Error, &autotune.WrongError{Worst: worst.Error, Where: worst.String()}
	}
	l.judged[digest] = worst.Error
	return worst.Error, nil
}

// Time times a candidate over the problem's events.
func (l *laboratory) Time(ctx context.Context, p variants.Problem, c variants.Candidate, repeats int) ([]float64, error) {
	if err := l.load(ctx, p); err != nil {
		return nil, err
	}
	times, err := l.time(ctx, p, c, repeats)
	return times, l.blame(ctx, err)
}

func (l *laboratory) time(ctx context.Context, p variants.Problem, c variants.Candidate, repeats int) ([]float64, error) {
	plan, err := l.plan(p, c)
	if err != nil {
		return nil, err
	}
	device, err := l.open(ctx, plan)
	if err != nil {
		return nil, err
	}
	times, err := l.timeOn(ctx, device, c.Variant.Stage, repeats)
	return times, errors.Join(err, device.Close())
}

func (l *laboratory) timeOn(ctx context.Context, device mixture.Device, stage variants.Stage, repeats int) (times []float64, err error) {
	var events mixture.Loaded
	if engine, ok := device.(*cuda.Engine); ok {
		events, err = engine.Borrow(l.loaded)
	} else {
		events, err = device.Load(ctx, l.data)
	}
	if err != nil {
		return nil, err
	}
	times, err = events.(runtime.StageTimer).Time(ctx, string(stage), l.start, repeats)
	return times, errors.Join(err, events.Close())
}

// plan is a plan that runs a candidate: the kernels that it does not work without stand beside it. They are chosen such that
// events are read in every layout that candidates of the device have.
func (l *laboratory) plan(p variants.Problem, c variants.Candidate) (*Plan, error) {
	plan := &Plan{Problem: p, Device: l.settings.device, Target: l.target}
	for _, stage := range []variants.Stage{variants.EStep, variants.Score} {
		if stage == c.Variant.Stage {
			continue
		}
		companion, err := l.companion(stage, p)
		if err != nil {
			return nil, err
		}
		plan.Choices = append(plan.Choices, choiceOf(companion))
	}
	plan.Choices = append(plan.Choices, choiceOf(c))
	return plan, nil
}

func choiceOf(c variants.Candidate) autotune.Choice {
	return autotune.Choice{Stage: c.Variant.Stage, Variant: c.Variant.Name(), Config: c.Config.String(), Candidate: c}
}

// companion is the first candidate of a stage that reads events by dimension, for E-steps, or by event.
func (l *laboratory) companion(stage variants.Stage, p variants.Problem) (variants.Candidate, error) {
	candidates, refused := variants.Candidates(stage, p, l.target)
	if len(candidates) == 0 {
		return variants.Candidate{}, &autotune.UnservedError{Stage: stage, Device: l.settings.device, Problem: p, Refused: refused}
	}
	layout := variants.ByEvent
	if stage == variants.EStep {
		layout = variants.ByDimension
	}
	i := max(0, slices.IndexFunc(candidates, func(c variants.Candidate) bool { return c.Variant.Events == layout }))
	return candidates[i], nil
}

// open builds a plan's program and opens the device with it.
func (l *laboratory) open(ctx context.Context, plan *Plan) (mixture.Device, error) {
	program, err := l.builder.program(ctx, plan)
	if err != nil {
		return nil, err
	}
	return openProgram(l.settings, plan, program)
}

// load makes events of a problem's shape, and puts them on the device, unless they are there. No candidate is to blame for its
// error.
func (l *laboratory) load(ctx context.Context, p variants.Problem) error {
	if p == l.shape {
		return nil
	}
	if err := l.reload(ctx, p); err != nil {
		return &autotune.BenchError{Err: fmt.Errorf("loading the events of %s: %w", p, err)}
	}
	return nil
}

func (l *laboratory) reload(ctx context.Context, p variants.Problem) error {
	if err := l.unload(); err != nil {
		return err
	}
	_, start, err := selfTestProblem(p)
	if err != nil {
		return err
	}
	if l.data.Events == nil || l.data.Events.Dims() != p.D || int64(l.data.Events.Len()) != p.N || (l.data.Weights != nil) != p.Weighted {
		if l.data, err = trialData(ctx, p); err != nil {
			return err
		}
	}
	l.start = start
	if l.target.Backend == variants.CUDA {
		if err := l.own(ctx, p); err != nil {
			return err
		}
	}
	l.shape = p
	return nil
}

// own uploads the events for all candidates to borrow.
func (l *laboratory) own(ctx context.Context, p variants.Problem) error {
	estep, err := l.companion(variants.EStep, p)
	if err != nil {
		return err
	}
	plan, err := l.plan(p, estep)
	if err != nil {
		return err
	}
	if l.owner, err = l.open(ctx, plan); err != nil {
		return err
	}
	l.loaded, err = l.owner.Load(ctx, l.data)
	return err
}

// unload gives the device's memory back.
func (l *laboratory) unload() error {
	l.shape = variants.Problem{}
	var errs []error
	if l.loaded != nil {
		errs = append(errs, l.loaded.Close())
	}
	if l.owner != nil {
		errs = append(errs, l.owner.Close())
	}
	l.loaded, l.owner = nil, nil
	return errors.Join(errs...)
}

// Close gives back what the laboratory holds on the device.
func (l *laboratory) Close() error { return l.unload() }

// trialRows is how many different events there are among those that candidates are timed on: times depend on none of them.
const trialRows = 1 << 14

// trialData makes events to time candidates on.
func trialData(ctx context.Context, p variants.Problem) (mixture.Data, error) {
	random := rand.New(rand.NewPCG(uint64(p.D), uint64(p.N)))
	n := int(p.N)
	numbers := make([]float32, n*p.D)
	first := numbers[:min(n, trialRows)*p.D]
	for i := range first {
		first[i] = float32(random.NormFloat64())
	}
	for at := len(first); at < len(numbers); at += len(first) {
		copy(numbers[at:], first)
	}
	events, err := mixture.Float32(numbers, n, p.D, p.D)
	if err != nil {
		return mixture.Data{}, err
	}
	data := mixture.Data{Events: events}
	if p.Weighted {
		data.Weights = make([]float64, n)
		for i := range data.Weights {
			data.Weights[i] = random.Float64()
		}
	}
	data.Summary, err = mixture.Summarize(ctx, data)
	return data, err
}
