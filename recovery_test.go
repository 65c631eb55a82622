package gmmspec

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
	"github.com/gmmspec/gmmspec/variants"
)

// standIn is a device that loads as it is told.
type standIn struct {
	closing
	load func(mixture.Data) (mixture.Loaded, error)
}

func (d *standIn) Load(_ context.Context, data mixture.Data) (mixture.Loaded, error) {
	return d.load(data)
}

// troubled is events whose passes fail after some, and whose closing may.
type troubled struct {
	mixture.Loaded
	passes         int
	failed, closed error
}

func (e *troubled) Accumulate(ctx context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	if e.passes--; e.passes < 0 {
		return nil, e.failed
	}
	return e.Loaded.Accumulate(ctx, p)
}

func (e *troubled) Close() error { return errors.Join(e.Loaded.Close(), e.closed) }

// loads returns a loader of the reference's events that are in trouble.
func loads(t *testing.T, trouble troubled) func(mixture.Data) (mixture.Loaded, error) {
	t.Helper()
	return func(data mixture.Data) (mixture.Loaded, error) {
		events := trouble
		var err error
		events.Loaded, err = reference.New().Load(t.Context(), data)
		return &events, err
	}
}

// give has a model keep a device for training on events, in a precision.
func give(t *testing.T, m *Model, events Events, precision string, d *standIn) {
	t.Helper()
	s := *m.settings
	s.precision = precision
	c := chooser{settings: &s, need: autotune.Need{Train: true, Passes: s.expectedPasses()}}
	plan, err := c.plan(problemOf(mixture.Data{Events: events}, &s, m.m))
	if err != nil {
		t.Fatal(err)
	}
	slot, err := s.workshop.pool.acquire(t.Context(), signature(plan), func(context.Context) (mixture.Device, error) { return d, nil })
	if err != nil {
		t.Fatal(err)
	}
	m.devices.kept[slot.key] = &opened{plan, slot}
}

// imitatedCUDA returns a workshop of a GPU that is none, whose kernels NVRTC compiles.
func imitatedCUDA(t *testing.T) *workshop {
	t.Helper()
	w := without(t)
	_, err := w.openNVRTC()
	require.Have(t, "nvrtc", err)
	fake := cudafake.New(cudafake.Config{})
	w.openCUDA = func() (*cuda.Driver, error) { return fake.Open() }
	return w
}

// TestLostGPU: a GPU whose context a pass has lost fails that fit alone: the model keeps nothing there, and fits of the process
// are planned without it from then on.
func TestLostGPU(t *testing.T) {
	w := imitatedCUDA(t)
	events, start := sampled(t, corpus.Random(1, 12_000, 8, 8, Full))
	ctx, cancel := context.WithCancel(t.Context())
	model := mustNew(t, start.M, start.D, WithParameters(start), WithTolerance(0), WithIterations(0, 10_000), withWorkshop(w),
		WithProgress(func(Progress) { cancel() }))
	end := &cuda.Error{Call: "cuStreamSynchronize", Result: cuda.ResultIllegalAddress}
	lost := &standIn{load: loads(t, troubled{failed: end, closed: end})}
	give(t, model, events, PrecisionAuto, lost)

	if _, err := model.Train(ctx, events); !errors.Is(err, cuda.ResultIllegalAddress) {
		t.Fatalf("error %v: want the driver's", err)
	}
	if len(model.devices.kept) != 0 || lost.closed.Load() != 1 {
		t.Errorf("%d devices are kept, the lost one was closed %d times", len(model.devices.kept), lost.closed.Load())
	}
	result, err := model.Train(ctx, events)
	if !errors.Is(err, context.Canceled) || result == nil || result.Plan.Device != DeviceReference {
		t.Fatalf("result %+v, error %v: want a part of the reference's fit", result, err)
	}
	if !strings.Contains(result.Warnings[0], "CUDA cannot be used") || !strings.Contains(result.Warnings[0], "ILLEGAL_ADDRESS") {
		t.Errorf("warnings %q: want CUDA's reason first", result.Warnings)
	}
	forced := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCUDA), withWorkshop(w))
	if _, err := forced.Train(t.Context(), events); !errors.Is(err, cuda.ResultIllegalAddress) || !strings.Contains(err.Error(), "in this process") {
		t.Errorf("error %v: want what ended the context", err)
	}
	if _, err := Explain(start.M, start.D, 12_000, WithArch("sm_90"), withWorkshop(w)); err != nil {
		t.Errorf("an architecture needs no device: %v", err)
	}
}

// TestCancelledAgain: of a fit that goes on in float64 what was done before is left when it is cancelled before anything is done there.
func TestCancelledAgain(t *testing.T) {
	w := imitatedCUDA(t)
	events, start := small(t)
	model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCUDA), withWorkshop(w))
	ctx, cancel := context.WithCancel(t.Context())
	narrow := &runtime.PrecisionError{Component: 1, Reason: "it is too narrow"}
	give(t, model, events, PrecisionAuto, &standIn{load: loads(t, troubled{passes: 3, failed: narrow})})
	give(t, model, events, PrecisionFloat64, &standIn{load: func(mixture.Data) (mixture.Loaded, error) {
		cancel()
		return nil, ctx.Err()
	}})
	result, err := model.Train(ctx, events)
	if result == nil || result.Iterations != 2 || len(result.History) != 3 || !errors.Is(err, context.Canceled) {
		t.Errorf("result %+v, error %v: want 2 iterations, and that it was cancelled", result, err)
	}
	want := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceReference), WithTolerance(0), WithIterations(0, 2))
	mustTrain(t, want, events)
	compare.Exact().Check(t, compare.Parameters(model.Parameters(), want.Parameters())...)
}

// TestGoesOn: a fit of which float32 cannot keep what was promised goes on in float64 from where it is, as if there had been but one
// precision, with one warning and the reason in its plan; what was chosen for its speed alike.
func TestGoesOn(t *testing.T) {
	const done, iterations = 3, 7
	for _, precision := range []string{PrecisionAuto, PrecisionFast} {
		t.Run("precision="+precision, func(t *testing.T) {
			events, start := small(t)
			var told []int
			model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCUDA), withWorkshop(imitatedCUDA(t)), WithPrecision(precision),
				WithTolerance(0), WithIterations(0, iterations), WithProgress(func(p Progress) { told = append(told, p.Iteration) }))
			narrow := &runtime.PrecisionError{Component: 1, Reason: "it is too narrow"}
			give(t, model, events, precision, &standIn{load: loads(t, troubled{passes: done + 1, failed: narrow})})
			give(t, model, events, PrecisionFloat64, &standIn{load: loads(t, troubled{passes: math.MaxInt})})
			result := mustTrain(t, model, events)
			want := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceReference), WithTolerance(0), WithIterations(0, iterations))
			whole := mustTrain(t, want, events)

			if result.Iterations != iterations || result.Plan.Problem.Precision != variants.Float64 || !strings.Contains(result.Plan.String(), "too narrow") {
				t.Errorf("%d iterations, at last by\n%v", result.Iterations, result.Plan)
			}
			if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "component 1: it is too narrow): it went on in float64") {
				t.Errorf("warnings %q: want one that says why", result.Warnings)
			}
			if again := slices.Concat([]int{0, 1, 2, 3}, []int{3, 4, 5, 6, 7}); !slices.Equal(told, again) {
				t.Errorf("told of iterations %v: want %v", told, again)
			}
			compare.Exact().Check(t, compare.Bits("history", result.History, whole.History))
			compare.Exact().Check(t, compare.Parameters(model.Parameters(), want.Parameters())...)
		})
	}
}

// TestTroubleAfterwards: a fit that is done is not lost by what is cleaned up after it, and one that is not says both.
func TestTroubleAfterwards(t *testing.T) {
	broken, failed := errors.New("the broom is broken"), errors.New("the pass failed")
	events, start := small(t)
	model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceReference), withWorkshop(without(t)))
	give(t, model, events, PrecisionAuto, &standIn{load: loads(t, troubled{passes: math.MaxInt, closed: broken})})
	result := mustTrain(t, model, events)
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], broken.Error()) {
		t.Errorf("warnings %q: want one of what was broken", result.Warnings)
	}

	model = mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceReference), withWorkshop(without(t)))
	give(t, model, events, PrecisionAuto, &standIn{load: loads(t, troubled{failed: failed, closed: broken})})
	if _, err := model.Train(t.Context(), events); !errors.Is(err, failed) || !errors.Is(err, broken) {
		t.Errorf("error %v: want both", err)
	}
}

// TestPassingTrouble: what kept a compiler from its work may have passed by the next fit, which tries again.
func TestPassingTrouble(t *testing.T) {
	for _, part := range []string{hanging, failing} {
		t.Run("compiler="+part, func(t *testing.T) {
			w := playing(t, part)
			trouble := w.findCC
			sound := playing(t, honest).findCC
			events, start := small(t)
			model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithCacheDir(t.TempDir()), withWorkshop(w))
			if result := mustTrain(t, model, events); result.Plan.Device != DeviceReference {
				t.Errorf("in trouble: device %s", result.Plan.Device)
			}
			w.findCC = sound
			if result := mustTrain(t, model, events); result.Plan.Device != DeviceCC || len(result.Warnings) != 0 {
				t.Errorf("after it: device %s, warnings %q", result.Plan.Device, result.Warnings)
			}

			w.findCC = trouble
			model = mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithPrecision(PrecisionFloat32),
				WithCacheDir(t.TempDir()), withWorkshop(w))
			for i := range 2 {
				mustTrain(t, model, events)
				if lasting := model.devices.failures()[DeviceCC] != nil; lasting != (i == 1) {
					t.Errorf("after failure %d: for good is %v", i+1, lasting)
				}
			}
		})
	}
}

// TestSharedFailure: jobs that waited for one compilation have met one failure.
func TestSharedFailure(t *testing.T) {
	model := mustNew(t, 1, 1)
	one, other := error(&compiler.TimeoutError{}), error(&compiler.TimeoutError{})
	for i, err := range []error{one, one, other} {
		if passes := model.devices.passes(err); passes != (i < 2) {
			t.Errorf("time %d: passes is %v", i, passes)
		}
	}
}

// TestNoRoom: a directory for temporary files that has no room now may have some by the next fit.
func TestNoRoom(t *testing.T) {
	own, err := compiler.Find(compiler.Options{})
	require.Have(t, "cc", err)
	dir := t.TempDir()
	found, err := compiler.Find(compiler.Options{Path: own.Fingerprint.Path, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	w := newWorkshop()
	w.findCC = func() (*compiler.Compiler, error) { return found, nil }
	events, start := small(t)
	model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithCacheDir(t.TempDir()), withWorkshop(w))
	for range 3 {
		if result := mustTrain(t, model, events); result.Plan.Device != DeviceReference {
			t.Errorf("without a directory: device %s", result.Plan.Device)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if result := mustTrain(t, model, events); result.Plan.Device != DeviceCC {
		t.Errorf("with one: device %s, warnings %q", result.Plan.Device, result.Warnings)
	}
}
