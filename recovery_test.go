package gmmspec

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
)

// failingDevice is a GPU whose passes fail.
type failingDevice struct {
	closing
	err error
}

func (d *failingDevice) Load(context.Context, mixture.Data) (mixture.Loaded, error) {
	return failingEvents{d.err}, nil
}

type failingEvents struct{ err error }

func (e failingEvents) Accumulate(context.Context, *mixture.Parameters) (*mixture.Statistics, error) {
	return nil, e.err
}

func (e failingEvents) Score(context.Context, *mixture.Parameters, *mixture.Scores) error {
	return e.err
}

func (e failingEvents) Close() error { return e.err }

// TestLostGPU: a GPU whose context a pass has lost fails that fit alone: the model keeps nothing there, and fits of the process
// are planned without it from then on.
func TestLostGPU(t *testing.T) {
	w := without(t)
	_, err := w.openNVRTC()
	require.Have(t, "nvrtc", err)
	fake := cudafake.New(cudafake.Config{})
	w.openCUDA = func() (*cuda.Driver, error) { return fake.Open() }
	events, start := sampled(t, corpus.Random(1, 12_000, 8, 8, Full))
	ctx, cancel := context.WithCancel(t.Context())
	model := mustNew(t, start.M, start.D, WithParameters(start), WithTolerance(0), WithIterations(0, 10_000), withWorkshop(w),
		WithProgress(func(Progress) { cancel() }))
	data := mixture.Data{Events: events}
	chooser := chooser{settings: model.settings, need: autotune.Need{Train: true, Passes: model.settings.expectedPasses()}}
	plan, err := chooser.plan(problemOf(data, model.settings, start.M))
	if err != nil {
		t.Fatal(err)
	}
	lost := &failingDevice{err: &cuda.Error{Call: "cuStreamSynchronize", Result: cuda.ResultIllegalAddress}}
	slot, err := w.pool.acquire(t.Context(), signature(plan), func(context.Context) (mixture.Device, error) { return lost, nil })
	if err != nil {
		t.Fatal(err)
	}
	model.devices.kept[slot.key] = &opened{plan, slot}

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
