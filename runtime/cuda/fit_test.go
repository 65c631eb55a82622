package cuda_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
)

// fakeFit is the kernel that fits mixtures in one launch, as a Go function: a state begins with 6 numbers of 32 bits, 3 of 64 that say where the
// events are, 10 of 64, two for each dimension, the totals, the components' statuses, and the model. It hands over, in every pass, a mixture whose first coordinate begins above handed.
type fakeFit struct {
	*runtime.Program
	handed   float64
	launches []int // mixtures in each
	grids    []cuda.Dim3
}

func (f *fakeFit) kernel() cudafake.Kernel {
	ptr := cuda.DevicePtr(0)
	return cudafake.Kernel{Name: runtime.Fit, Params: []any{ptr, ptr, ptr, ptr, ptr, ptr}, Run: f.run}
}

func (f *fakeFit) run(l *cudafake.Launch) error {
	f.launches = append(f.launches, l.Grid.Y)
	f.grids = append(f.grids, l.Grid)
	m, d := f.Components, f.Dimensions
	status := before + 10 + 2*d + runtime.LoopPasses // in numbers of 64 bits
	size := status + (m+1)/2 + m*f.Cells()
	states, err := array[float64](l, 1, size*l.Grid.Y)
	if err != nil {
		return err
	}
	out, err := array[float64](l, 5, f.Sums()*l.Grid.Y)
	if err != nil {
		return err
	}
	for i := range l.Grid.Y {
		state := states[i*size:][:size]
		at := make([]int64, 3)
		copy(cuda.Bytes(at), cuda.Bytes(state[3:6]))
		pitch, count := int(at[1]), int(at[2])
		events, err := cudafake.Slice[float32](l, cuda.DevicePtr(at[0]), d*pitch)
		if err != nil {
			return err
		}
		rows := make([]float64, 0, count*d)
		for e := range count {
			for k := range d {
				rows = append(rows, float64(events[k*pitch+e]))
			}
		}
		if err := f.fit(rows, state, out[i*f.Sums():][:f.Sums()]); err != nil {
			return err
		}
	}
	return nil
}

// before is how many numbers of 64 bits, or twice as many of 32, come before those that a fit goes by.
const before = 6

// fit is one mixture's.
func (f *fakeFit) fit(rows, state, out []float64) error {
	ctx := context.Background()
	m, d := f.Components, f.Dimensions
	model := state[len(state)-m*f.Cells():]
	real := slices.Index(model[:m], -1) // those after it fill up
	p := mixture.NewParameters(f.Covariance, real, d)
	identity := runtime.Frame{Shift: make([]float64, d), Scale: slices.Repeat([]float64{1}, d)}
	take := func() {
		copy(p.Weights, model)
		copy(p.Means, model[m:])
		runtime.UnpackCovariances(f.Program, identity, model[m+m*d:], p)
	}
	take()
	events, err := mixture.Float64(rows, len(rows)/d, d, d)
	if err != nil {
		return err
	}
	loaded, err := reference.New().Load(ctx, mixture.Data{Events: events})
	if err != nil {
		return err
	}
	ints := cuda.Bytes(state[:3])
	most, least := int(ints[8])|int(ints[9])<<8, int(ints[12])|int(ints[13])<<8
	tolerance, last := state[before], state[before+1]
	prior := mixture.Prior{Ridge: state[before+10:][:d], Floor: slices.Repeat([]float64{1e-9}, d)}
	for pass := 1; ; pass++ {
		s, err := loaded.Accumulate(ctx, p)
		if err != nil {
			return err
		}
		total := s.LogLikelihood + state[before+5]*float64(len(rows)/d) // densities are of the events' own coordinates
		state[before+10+2*d+pass-1] = total
		f.pack(s, p, out)
		out[f.Sums()-1] = total
		ints[4] = byte(pass)
		stop := byte(0)
		switch {
		case math.Abs(total-last) < tolerance && pass >= least || pass == most:
			stop = 1
		case rows[0] > f.handed:
			stop = 2
		}
		if last = total; stop > 0 {
			ints[0] = stop
			return nil
		}
		next, _, err := mixture.Update(s, prior, p)
		if err != nil {
			return err
		}
		copy(model, next.Weights)
		copy(model[m:], next.Means)
		runtime.PackCovariances(f.Program, identity, next, model[m+m*d:])
		take()
	}
}

// pack turns statistics into a kernel's sums.
func (f *fakeFit) pack(s *mixture.Statistics, p *mixture.Parameters, out []float64) {
	cells, d := f.Cells(), f.Dimensions
	triangle := cells - 1 - d
	for c := range p.M {
		of := out[c*cells:][:cells]
		of[0] = s.Weights[c]
		copy(of[1:], s.First[c*d:][:d])
		copy(of[1+d:], s.Second[c*triangle:][:triangle])
	}
}

// openFits opens an engine that has nothing but the kernel.
func openFits(t *testing.T, m, d int, covariance mixture.Covariance, handed float64) (*cuda.Engine, *fakeFit) {
	t.Helper()
	engine, fit, _ := openFitsOn(t, cudafake.H100(), m, d, covariance, handed)
	return engine, fit
}

// openFitsOn is openFits on a device of a kind, whose imitation it returns too.
func openFitsOn(t *testing.T, device cuda.Device, m, d int, covariance mixture.Covariance, handed float64) (*cuda.Engine, *fakeFit, *cudafake.Driver) {
	t.Helper()
	const padding, record = 2, 64
	program := &runtime.Program{Components: m + padding, Dimensions: d, Covariance: covariance, Precision: runtime.Float32, Kernels: []runtime.Kernel{{
		Variant: "fit-fake", Stage: runtime.Fit, Entry: runtime.Fit, Binary: []byte("fake"), Events: runtime.ByDimension, Factor: runtime.Packed,
		Threads: fakeTile, Blocks: 1, BlocksPerUnit: 1, Tile: fakeTile, RecordBytes: record,
	}}}
	fit := &fakeFit{Program: program, handed: handed}
	device.MemoryBytes = plenty
	fake := cudafake.New(cudafake.Config{Devices: []cuda.Device{device}, Kernels: []cudafake.Kernel{fit.kernel()}})
	engine, err := cuda.NewEngine(contextOn(t, fake), program)
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	return engine, fit, fake
}

// jobsOf is mixtures of several numbers of events.
func jobsOf(t *testing.T, m, d int, covariance mixture.Covariance, options mixture.TrainOptions) []mixture.Job {
	t.Helper()
	var jobs []mixture.Job
	for i, n := range []int{30, 200, 77} {
		sample := corpus.Random(uint64(i+1), n, m, d, covariance)
		events, err := sample.Events32()
		must(t, err)
		data := mixture.Data{Events: events}
		summary, err := mixture.Summarize(t.Context(), data)
		must(t, err)
		data.Summary = summary
		jobs = append(jobs, mixture.Job{Data: data, Start: sample.Start, Prior: mixture.RelativePrior(summary), Options: options})
	}
	return jobs
}

// TestTrainBatch: what comes of a launch, or of several where there are more iterations than one makes, is what Train makes of each alone.
func TestTrainBatch(t *testing.T) {
	const m, d = 2, 3
	for _, covariance := range []mixture.Covariance{mixture.Full, mixture.Diag} {
		for _, options := range []mixture.TrainOptions{
			{MaxIterations: 0}, {MaxIterations: 5}, {MaxIterations: 3*runtime.LoopPasses - 1}, {MaxIterations: 100, Tolerance: 1e-4, MinIterations: 3},
		} {
			t.Run(fmt.Sprintf("%s/most=%d/tolerance=%g", covariance, options.MaxIterations, options.Tolerance), func(t *testing.T) {
				engine, fit := openFits(t, m, d, covariance, math.Inf(1))
				jobs := jobsOf(t, m, d, covariance, options)
				batched, err := engine.TrainBatch(t.Context(), jobs)
				must(t, err)
				for i, got := range batched {
					loaded, err := reference.New().Load(t.Context(), jobs[i].Data)
					must(t, err)
					want, err := mixture.Train(t.Context(), loaded, jobs[i].Start, jobs[i].Prior, options)
					must(t, err)
					if !got.Whole || got.Fit.Iterations != want.Iterations || got.Fit.Converged != want.Converged || !slices.Equal(got.Fit.Warnings, want.Warnings) {
						t.Errorf("job %d: whole %v, %+v: want %+v", i, got.Whole, got.Fit, want)
						continue
					}
					tolerance := compare.Tolerance{Warn: 1e-4, Fail: 1e-4} // events are rounded in the frame
					tolerance.Check(t, compare.Parameters(got.Fit.Parameters, want.Parameters)...)
					tolerance.Check(t, compare.Relative("log-likelihoods", got.Fit.History, want.History))
				}
				if launches := (options.MaxIterations + runtime.LoopPasses) / runtime.LoopPasses; len(fit.launches) > launches+1 || fit.launches[0] != len(jobs) {
					t.Errorf("launches of %v mixtures", fit.launches)
				}
			})
		}
	}
}

// TestTrainBatchHandsOver: a mixture that the kernel does not go on with is the caller's to go on with.
func TestTrainBatchHandsOver(t *testing.T) {
	const m, d = 2, 3
	engine, _ := openFits(t, m, d, mixture.Full, math.Inf(-1))
	jobs := jobsOf(t, m, d, mixture.Full, mixture.TrainOptions{MaxIterations: 5})
	jobs[1].Start = mixture.NewParameters(mixture.Full, m, d) // whose covariances have no inverse
	jobs[1].Start.Weights = []float64{0.5, 0.5}
	batched, err := engine.TrainBatch(t.Context(), jobs)
	must(t, err)
	for i, got := range batched {
		switch {
		case i == 1 && got.Fit != nil:
			t.Errorf("a start that cannot be used: %+v", got.Fit)
		case i != 1 && (got.Whole || got.Fit == nil || got.Fit.Iterations != 0 || len(got.Fit.History) != 1):
			t.Errorf("job %d: whole %v, %+v", i, got.Whole, got.Fit)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.TrainBatch(ctx, jobs); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	jobs[0].Data.Weights = make([]float64, jobs[0].Data.Events.Len())
	if _, err := engine.TrainBatch(t.Context(), jobs); err == nil {
		t.Error("weights that the kernel does not know")
	}
	must(t, engine.Close())
	if _, err := engine.TrainBatch(t.Context(), jobs[2:]); !errors.Is(err, mixture.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestIterateInOneLaunch: loaded events go on in one launch, which leaves the statistics of the last pass.
func TestIterateInOneLaunch(t *testing.T) {
	const m, d, passes = 2, 3, 4
	engine, fit := openFits(t, m, d, mixture.Full, math.Inf(1))
	job := jobsOf(t, m, d, mixture.Full, mixture.TrainOptions{})[1]
	loaded, err := engine.Load(t.Context(), job.Data)
	must(t, err)
	defer func() { must(t, loaded.Close()) }()
	run, err := loaded.(mixture.Iterator).Iterate(t.Context(), job.Start, job.Prior, mixture.Limits{Passes: passes})
	must(t, err)
	judge, err := reference.New().Load(t.Context(), job.Data)
	must(t, err)
	p := job.Start
	for pass := range passes {
		s, err := judge.Accumulate(t.Context(), p)
		must(t, err)
		tolerance := compare.Tolerance{Warn: 1e-4, Fail: 1e-4}
		tolerance.Check(t, compare.Relative("totals", run.Totals[pass:pass+1], []float64{s.LogLikelihood}))
		if pass == passes-1 {
			tolerance.Check(t, compare.Parameters(run.Parameters, p)...)
			tolerance.Check(t, compare.Statistics(run.Statistics, s, p)...)
			break
		}
		p, _, err = mixture.Update(s, job.Prior, p)
		must(t, err)
	}
	if len(run.Totals) != passes || !slices.Equal(fit.launches, []int{1}) {
		t.Errorf("%d totals, launches of %v mixtures", len(run.Totals), fit.launches)
	}
}

// TestBlocksThatWait: a fit of several blocks is a cooperative launch, of no more blocks than the device holds at once; on a device that has no
// such launch it is left to others, but for a fit of one block, which waits for nobody.
func TestBlocksThatWait(t *testing.T) {
	const m, d = 2, 3
	jobs := jobsOf(t, m, d, mixture.Full, mixture.TrainOptions{})
	for _, test := range []struct {
		name            string
		uncooperative   bool
		multiprocessors int
		job             int
		cooperative     int // launches that are
		grid            []cuda.Dim3
	}{
		{"one block", false, 132, 2, 0, []cuda.Dim3{{X: 1, Y: 1, Z: 1}}},
		{"several", false, 132, 1, 1, []cuda.Dim3{{X: 3, Y: 1, Z: 1}}},
		{"as many as there is room for", false, 2, 1, 1, []cuda.Dim3{{X: 2, Y: 1, Z: 1}}},
		{"none that wait", true, 132, 1, 0, nil},
		{"one that need not wait", true, 132, 2, 0, []cuda.Dim3{{X: 1, Y: 1, Z: 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			device := cudafake.H100()
			device.Cooperative, device.Multiprocessors = !test.uncooperative, test.multiprocessors
			engine, fit, fake := openFitsOn(t, device, m, d, mixture.Full, math.Inf(1))
			job := jobs[test.job]
			loaded, err := engine.Load(t.Context(), job.Data)
			must(t, err)
			defer func() { must(t, loaded.Close()) }()
			run, err := loaded.(mixture.Iterator).Iterate(t.Context(), job.Start, job.Prior, mixture.Limits{Passes: 2})
			must(t, err)
			if (run != nil) != (test.grid != nil) || !slices.Equal(fit.grids, test.grid) || fake.Calls("cuLaunchCooperativeKernel") != test.cooperative {
				t.Errorf("run %v, grids %v, of which %d are cooperative: want %v, of which %d", run, fit.grids, fake.Calls("cuLaunchCooperativeKernel"), test.grid, test.cooperative)
			}
		})
	}
}
