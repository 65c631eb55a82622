package gmmspec

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
	"gonum.org/v1/gonum/mat"
)

// idleFit is the kernel that fits mixtures in one launch, without any work: it says of each that it was done after as many passes as were
// asked for, and leaves the model as it was.
func idleFit(program *runtime.Program) cudafake.Kernel {
	const states = 1 // the argument
	ptr := cuda.DevicePtr(0)
	size := 8 * (6 + 10 + 2*program.Dimensions + runtime.LoopPasses + (program.Components+1)/2 + program.Components*program.Cells())
	return cudafake.Kernel{Name: runtime.Fit, Params: []any{ptr, ptr, ptr, ptr, ptr, ptr}, Run: func(l *cudafake.Launch) error {
		all, err := cudafake.Slice[byte](l, l.Args[states].(cuda.DevicePtr), size*l.Grid.Y)
		for i := 0; i < len(all); i += size {
			state := all[i:][:size]
			binary.LittleEndian.PutUint32(state, 1)
			copy(state[4:8], state[8:12])
		}
		return err
	}}
}

// idleGPU returns a workshop of a GPU that does nothing, on which batches of a problem are planned to be fitted.
func idleGPU(tb testing.TB, m, d, count int, events Events, options ...Option) (*workshop, *cudafake.Driver) {
	tb.Helper()
	w := without(tb)
	_, err := w.openNVRTC()
	require.Have(tb, "nvrtc", err)
	program := &runtime.Program{Components: m, Dimensions: d, Covariance: Full, Precision: runtime.Float32, Kernels: []runtime.Kernel{{
		Variant: "fit-idle", Stage: runtime.Fit, Entry: runtime.Fit, Binary: []byte("idle"), Events: runtime.ByDimension, Factor: runtime.Packed,
		Threads: 32, Blocks: 1, BlocksPerUnit: 1, Tile: 32, RecordBytes: 64,
	}}}
	fake := cudafake.New(cudafake.Config{Kernels: []cudafake.Kernel{idleFit(program)}})
	w.openCUDA = func() (*cuda.Driver, error) { return fake.Open() }
	s, err := newSettings(m, d, append(options, withWorkshop(w)))
	if err != nil {
		tb.Fatal(err)
	}
	problem := problemOf(mixture.Data{Events: events}, s, m)
	problem.N = int64(count * events.Len())
	c := chooser{settings: s, need: autotune.Need{Train: true, Batch: true, Passes: s.expectedPasses()}}
	plan, err := c.plan(problem)
	if err != nil {
		tb.Fatal(err)
	}
	store, err := w.openCache("")
	if err != nil {
		tb.Fatal(err)
	}
	for _, choice := range plan.Choices { // as where they were compiled before
		b := &builder{workshop: w, cache: store}
		w.noteBuilt(b.identity(unit(plan.Problem, plan.Target, choice.Candidate)))
	}
	_, err = w.pool.acquire(tb.Context(), signature(plan), func(context.Context) (mixture.Device, error) {
		context, err := w.context(0)
		if err != nil {
			return nil, err
		}
		program.MaxError, program.Promised = plan.MaxError, plan.Promised
		return cuda.NewEngine(context, program)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return w, fake
}

// TestTrainBatchResident: a second batch on uploaded events neither reads nor copies them, and what several models share comes once.
func TestTrainBatchResident(t *testing.T) {
	const count, n, m, d = 7, 200, 2, 3
	options := []Option{WithDevice(DeviceCUDA), WithIterations(3, 3), WithTolerance(0)}
	var looked []*lookedAt
	var events []Events
	var starts []*Parameters
	for i := range count {
		sample := corpus.Random(uint64(i), n, m, d, Full)
		plain, start := sampled(t, sample)
		numbers := make([]float64, n*d)
		plain.Read(numbers, 0)
		looked = append(looked, &lookedAt{Matrix: mat.NewDense(n, d, numbers)})
		matrix, err := Matrix(looked[i])
		if err != nil {
			t.Fatal(err)
		}
		uploaded, err := Upload(matrix)
		if err != nil {
			t.Fatal(err)
		}
		defer closeIt(t, uploaded)
		events, starts = append(events, uploaded), append(starts, start)
	}
	events, starts = append(events, events[0]), append(starts, starts[1])
	w, _ := idleGPU(t, m, d, count+1, events[0], options...)
	for round := range 3 {
		var models []*Model
		for _, start := range starts {
			models = append(models, mustNew(t, m, d, append(options, WithParameters(start), withWorkshop(w))...))
		}
		before := int64(0)
		for _, l := range looked {
			before += l.looks.Load()
		}
		results, err := TrainBatch(t.Context(), models, events)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Iterations != 3 || r.Plan.Device != "cuda:0" {
				t.Errorf("model %d: %d iterations of %s", i, r.Iterations, r.Plan.Device)
			}
		}
		looks := -before
		for _, l := range looked {
			looks += l.looks.Load()
		}
		// Each number is looked at for the summary, and as the events are brought.
		if want := map[bool]int64{true: 2 * count * n * d}[round == 0]; looks != want {
			t.Errorf("round %d: %d numbers were read, want %d", round, looks, want)
		}
	}
	for _, u := range events[:count] {
		if held := u.(*Uploaded).held; len(held) != 1 {
			t.Errorf("the events are held %d times", len(held))
		}
	}
}

// TestTrainBatchSaysWhy: models of a batch that a GPU could not do at once say so where each would not have looked for the GPU, and why.
func TestTrainBatchSaysWhy(t *testing.T) {
	const count, n, m, d = 60, 1000, 5, 19
	options := []Option{WithIterations(1, 30), WithTolerance(1e6)} // which ends all after an iteration
	var plain, uploaded []Events
	var starts []*Parameters
	for i := range count {
		events, start := sampled(t, corpus.Random(uint64(i), n, m, d, Full))
		u, err := Upload(events)
		if err != nil {
			t.Fatal(err)
		}
		defer closeIt(t, u)
		plain, uploaded, starts = append(plain, events), append(uploaded, u), append(starts, start)
	}
	for _, test := range []struct {
		name, call, device, says string
		events                   []Events
	}{
		{"a launch that fails", "cuLaunchKernel", DeviceReference, "cuda:0 did not train the batch at once", plain},
		{"a device that is full", "cuMemAlloc", DeviceReference, "cuda:0 did not train the batch at once", plain},
		{"no room for events to stay", "cuMemAlloc", "cuda:0", "the events do not stay on cuda:0", uploaded},
		{"kernels that cannot be loaded", "cuModuleLoadDataEx", DeviceReference, "CUDA cannot be used", plain},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, fake := idleGPU(t, m, d, count, plain[0], options...)
			if test.call == "cuModuleLoadDataEx" {
				w.pool = newPool() // the kernels are loaded anew
			}
			var models []*Model
			for _, start := range starts {
				models = append(models, mustNew(t, m, d, append(options, WithParameters(start), withWorkshop(w))...))
			}
			fake.Fail(test.call, 1, cuda.ErrOutOfMemory)
			results, err := TrainBatch(t.Context(), models, test.events)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if said := strings.Join(r.Warnings, "\n"); strings.Count(said, test.says) != 1 || strings.Count(said, "OUT_OF_MEMORY") != 1 || r.Plan.Device != test.device {
					t.Fatalf("model %d: warnings %q, trained by %s", i, r.Warnings, r.Plan.Device)
				}
			}
		})
	}
}

// BenchmarkTrainBatchHost times what the host does of a batch of 1000 mixtures of 1000 events whose data are on the device: the device is an
// imitation that does nothing, but copies as slowly as the host does.
func BenchmarkTrainBatchHost(b *testing.B) {
	const count, n, m, d, iterations = 1000, 1000, 5, 19, 20
	for _, precision := range []string{PrecisionFloat32, PrecisionAuto} {
		b.Run("precision="+precision, func(b *testing.B) {
			options := []Option{WithDevice(DeviceCUDA), WithIterations(iterations, iterations), WithTolerance(0), WithPrecision(precision)}
			events, starts := make([]Events, count), make([]*Parameters, count)
			for i := range events {
				sample := corpus.Random(uint64(i), n, m, d, Full)
				plain, err := sample.Events()
				if err != nil {
					b.Fatal(err)
				}
				uploaded, err := Upload(plain)
				if err != nil {
					b.Fatal(err)
				}
				events[i], starts[i] = uploaded, sample.Start
			}
			w, _ := idleGPU(b, m, d, count, events[0], options...)
			for first := true; b.Loop(); first = false {
				b.StopTimer()
				models := make([]*Model, count)
				for i := range models {
					var err error
					if models[i], err = New(m, d, append(options, WithParameters(starts[i]), withWorkshop(w))...); err != nil {
						b.Fatal(err)
					}
				}
				if !first {
					b.StartTimer()
				}
				results, err := TrainBatch(b.Context(), models, events)
				b.StopTimer()
				if err != nil {
					b.Fatal(err)
				}
				for i, r := range results {
					if r.Iterations != iterations {
						b.Fatalf("model %d: %d iterations of %s", i, r.Iterations, r.Plan.Device)
					}
				}
				for _, model := range models {
					if err := model.Close(); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
			}
		})
	}
}
