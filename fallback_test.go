package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
)

// TestCompilerTrouble: whatever is wrong with the C compiler, the fit is the reference's, and one warning says why; so for
// scoring.
func TestCompilerTrouble(t *testing.T) {
	for _, test := range []struct {
		part    string // "" for no compiler
		options []Option
		says    string
	}{
		{"", nil, "no-such-compiler"},
		{failing, nil, "so the part says"},
		{hanging, nil, "2s"},
		{garbling, nil, "object"},
		{lying, nil, "self-test"},
		{sparing, nil, "self-test"},
		{biased, []Option{WithVariant("update-full-component")}, "self-test"},
		{shirking, []Option{WithVariant("update-full-component")}, "self-test"},
	} {
		t.Run("compiler="+test.part, func(t *testing.T) {
			w := without(t)
			if test.part != "" {
				w = playing(t, test.part)
			}
			events, start := small(t)
			options := append(slices.Clone(test.options), WithParameters(start), WithCacheDir(t.TempDir()))
			var scoring []string
			model := mustNew(t, start.M, start.D, append(options,
				WithDevice(DeviceCC), withWorkshop(w), WithWarning(func(s string) { scoring = append(scoring, s) }))...)
			want := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceReference))
			mustTrain(t, want, events)

			result := mustTrain(t, model, events)
			if result.Plan.Device != DeviceReference {
				t.Errorf("device %s: want the reference", result.Plan.Device)
			}
			if !strings.Contains(result.Plan.String(), test.says) {
				t.Errorf("the plan does not say why:\n%v", result.Plan)
			}
			checkOneWarning(t, result.Warnings, test.says)
			compare.Exact().Check(t, compare.Parameters(model.Parameters(), want.Parameters())...)
			for range 3 { // and one warning is enough for all of them
				if _, err := model.Score(t.Context(), events); err != nil {
					t.Fatal(err)
				}
			}
			checkOneWarning(t, scoring, test.says)
		})
	}
}

func checkOneWarning(t *testing.T, warnings []string, says string) {
	t.Helper()
	about := slices.DeleteFunc(slices.Clone(warnings), func(w string) bool { return !strings.Contains(w, "cannot be used") })
	if len(about) != 1 || !strings.Contains(about[0], says) {
		t.Errorf("warnings %q: want one that says %q", warnings, says)
	}
}

// small is a fit that is done in a moment.
func small(t *testing.T) (Events, *Parameters) {
	t.Helper()
	return sampled(t, corpus.Random(1, 300, 2, 2, Full))
}

func sampled(t *testing.T, s *corpus.Sample) (Events, *Parameters) {
	t.Helper()
	events, err := s.Events()
	if err != nil {
		t.Fatal(err)
	}
	return events, s.Start
}

func mustNew(t testing.TB, m, d int, options ...Option) *Model {
	t.Helper()
	model, err := New(m, d, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, model) })
	return model
}

func mustTrain(t *testing.T, m *Model, events Events) *Result {
	t.Helper()
	result, err := m.Train(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestHonestCompiler: the tests' compiler makes no trouble of its own.
func TestHonestCompiler(t *testing.T) {
	events, start := small(t)
	model := mustNew(t, start.M, start.D,
		WithParameters(start), WithDevice(DeviceCC), WithCacheDir(t.TempDir()), withWorkshop(playing(t, honest)))
	result := mustTrain(t, model, events)
	if result.Plan.Device != DeviceCC || len(result.Warnings) != 0 {
		t.Errorf("device %s, warnings %q: want cc and none", result.Plan.Device, result.Warnings)
	}
}

// begin trains a model that auto would compile for until its first pass is done, for as long as it is planned.
func begin(t *testing.T, w *workshop) *Result {
	t.Helper()
	events, start := sampled(t, corpus.Random(1, 12_000, 8, 8, Full))
	ctx, cancel := context.WithCancel(t.Context())
	model := mustNew(t, start.M, start.D, WithParameters(start), WithTolerance(0), WithIterations(0, 10_000),
		WithCacheDir(t.TempDir()), withWorkshop(w), WithProgress(func(Progress) { cancel() }))
	result, err := model.Train(ctx, events)
	if !errors.Is(err, context.Canceled) || result == nil {
		t.Fatalf("result %v, error %v: want a part of a fit", result, err)
	}
	return result
}

// TestAutoCompilerTrouble: auto too goes on with the reference and one warning, but says nothing where it does not look for a
// compiler.
func TestAutoCompilerTrouble(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) *workshop{
		"none": func(t *testing.T) *workshop { t.Helper(); return without(t) },
		lying:  func(t *testing.T) *workshop { t.Helper(); return playing(t, lying) },
	} {
		t.Run("compiler="+name, func(t *testing.T) {
			w := open(t)
			noCUDA(w)
			result := begin(t, w)
			if result.Plan.Device != DeviceReference {
				t.Errorf("device %s: want the reference", result.Plan.Device)
			}
			checkOneWarning(t, result.Warnings, "compiled C")

			events, start := small(t)
			result = mustTrain(t, mustNew(t, start.M, start.D, WithParameters(start), withWorkshop(w)), events)
			if len(result.Warnings) != 0 {
				t.Errorf("warnings of a fit in a moment: %q", result.Warnings)
			}
		})
	}
}

// noCUDA takes the driver from a workshop, so that auto plans alike on every machine.
func noCUDA(w *workshop) {
	w.openCUDA = func() (*cuda.Driver, error) {
		return nil, &cuda.UnavailableError{Cause: errors.New("the test has taken it away")}
	}
}

// TestAutoWithoutDriver: a GPU that refuses the kernels costs a warning, not the fit.
func TestAutoWithoutDriver(t *testing.T) {
	w := without(t)
	_, err := w.openNVRTC()
	require.Have(t, "nvrtc", err)
	fake := cudafake.New(cudafake.Config{CheckImage: func([]byte) (string, cuda.Result) { return "", cuda.ResultNoBinaryForGPU }})
	w.openCUDA = func() (*cuda.Driver, error) { return fake.Open() }
	result := begin(t, w)
	if result.Plan.Device != DeviceReference || len(result.Warnings) != 2 ||
		!strings.Contains(result.Warnings[0], "CUDA cannot be used") || !strings.Contains(result.Warnings[0], "sm_90") {
		t.Errorf("device %s, warnings %q: want the reference, and CUDA's reason first", result.Plan.Device, result.Warnings)
	}
	events, start := small(t)
	forced := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCUDA), withWorkshop(w))
	if _, err := forced.Train(t.Context(), events); !errors.Is(err, cuda.ResultNoBinaryForGPU) {
		t.Errorf("error %v: want the driver's where CUDA is asked for", err)
	}
}

// TestFullGPU: a GPU whose memory is taken is done without for this fit, with a warning, and asked again by the next.
func TestFullGPU(t *testing.T) {
	w := without(t)
	_, err := w.openNVRTC()
	require.Have(t, "nvrtc", err)
	fake := cudafake.New(cudafake.Config{})
	w.openCUDA = func() (*cuda.Driver, error) { return fake.Open() }
	events, start := sampled(t, corpus.Random(1, 12_000, 8, 8, Full))
	model := mustNew(t, start.M, start.D, WithParameters(start), WithTolerance(0), WithIterations(0, 10_000), withWorkshop(w))
	for range 2 {
		fake.Fail("cuModuleLoadDataEx", 1, cuda.ErrOutOfMemory)
		var warnings []string
		j := job{components: start.M, data: mixture.Data{Events: events}, need: autotune.Need{Train: true, Passes: 10_000}}
		opened, err := model.devices.open(t.Context(), model.settings, j, func(s string) { warnings = append(warnings, s) })
		if err != nil {
			t.Fatal(err)
		}
		if opened.plan.Device != DeviceReference || len(warnings) == 0 || !strings.Contains(warnings[0], "OUT_OF_MEMORY") {
			t.Errorf("device %s, warnings %q: want the reference, and the driver's reason", opened.plan.Device, warnings)
		}
		if err := w.pool.release(opened.slot); err != nil {
			t.Error(err)
		}
		if _, kept := model.devices.failures()[DeviceCUDA]; kept {
			t.Error("the model would not ask for the GPU again")
		}
	}
}

// TestPrecision: what float32 cannot hold is an error where float32 was asked for, and done in float64, with one warning,
// where it was chosen.
func TestPrecision(t *testing.T) {
	require.Have(t, "cc", available(newWorkshop(), "cc"))
	events, start := small(t)
	narrow := start.Clone()
	for i := range narrow.Means {
		narrow.Means[i] = 1e30
	}
	model := mustNew(t, start.M, start.D, WithParameters(narrow), WithDevice(DeviceCC), WithPrecision(PrecisionFloat32))
	_, err := model.Train(t.Context(), events)
	if precision, ok := errors.AsType[*runtime.PrecisionError](err); !ok || precision.Component != 0 {
		t.Errorf("error %v: want a *runtime.PrecisionError of component 0", err)
	}
	heavy := make([]float64, events.Len())
	for i := range heavy {
		heavy[i] = 1e100
	}
	model = mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithPrecision(PrecisionFloat32), WithWeights(heavy))
	if _, err := model.Train(t.Context(), events); !errors.As(err, new(*runtime.PrecisionError)) {
		t.Errorf("weights of 1e100: error %v: want a *runtime.PrecisionError", err)
	}

	// This work says what it could not hold.
	model = mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC))
	var warnings []string
	var precisions []string
	data := mixture.Data{Events: events}
	job := job{components: start.M, data: data, need: autotune.Need{Train: true, Passes: 1}}
	err = model.devices.run(t.Context(), job, func(plan *Plan, _ func() (mixture.Loaded, error)) error {
		precisions = append(precisions, string(plan.Problem.Precision))
		if len(precisions) == 1 {
			return fmt.Errorf("a pass: %w", &runtime.PrecisionError{Reason: "it is too narrow"})
		}
		return nil
	}, func(s string) { warnings = append(warnings, s) })
	if err != nil || !slices.Equal(precisions, []string{PrecisionFloat32, PrecisionFloat64}) || len(warnings) != 1 || !strings.Contains(warnings[0], "too narrow") {
		t.Errorf("error %v, precisions %q, warnings %q: want a second try in float64 and one warning", err, precisions, warnings)
	}
}

// TestNamedOnBoth: a variant whose name both tables have needs no GPU where auto chooses the device.
func TestNamedOnBoth(t *testing.T) {
	plan, err := Explain(4, 2, 1_000_000, WithVariant("update-full-component"), withWorkshop(without(t)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(plan.Device, DeviceCUDA) {
		t.Errorf("device %s: want one without a driver", plan.Device)
	}
}
