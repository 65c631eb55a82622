package cuda_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
	"github.com/gmmspec/gmmspec/runtime/runtimetest"
	"gonum.org/v1/gonum/mat"
)

// fused and split are the stages of programs that can do everything, in the two ways of accumulating.
func fused() []string { return []string{runtime.Accumulate, runtime.EStep, runtime.Score} }

func split() []string {
	return []string{runtime.EStep, runtime.Moments, runtime.Score, runtime.Update}
}

// program returns a program of fake kernels. It is compiled for more components than the problem has.
func program(p runtimetest.Problem, stages []string) *runtime.Program {
	const padding = 2
	program := &runtime.Program{
		Components: p.M + padding, Dimensions: p.D, Covariance: p.Covariance, Precision: p.Precision, Weighted: p.Weighted,
	}
	for _, stage := range stages {
		if stage == runtime.Update && (p.Covariance == mixture.Tied || p.Covariance == mixture.Spherical) {
			continue
		}
		program.Kernels = append(program.Kernels, runtime.Kernel{
			Variant: stage + "-fake", Stage: stage, Entry: stage, Binary: []byte("fake"),
			Events: runtime.ByEvent, Factor: runtime.Packed, Threads: fakeTile, Blocks: 1, BlocksPerUnit: 1, Tile: fakeTile,
		})
		k := &program.Kernels[len(program.Kernels)-1]
		if !p.Covariance.Correlated() {
			k.Factor = runtime.Diagonal
		}
		switch stage {
		case runtime.Moments, runtime.Update:
			k.Blocks, k.BlocksPerUnit = program.Components, program.Components
		case runtime.EStep: // everything that a kernel may want otherwise
			k.Events, k.Blocks = runtime.ByDimension, program.Components
			k.Then = []runtime.Launch{{Entry: "normalise", Threads: fakeTile, Blocks: 1, BlocksPerUnit: 1, Tile: fakeTile}}
			if p.Covariance.Correlated() {
				k.Factor = runtime.Square
			}
		case runtime.Score:
			k.Events, k.Constant = runtime.ByDimension, true
		}
	}
	return program
}

// fakeOf returns an imitation of a device that has the program's kernels and that much memory.
func fakeOf(p *runtime.Program, memory uint64) *cudafake.Driver {
	const multiprocessors = 3
	device := cudafake.H100()
	device.Multiprocessors, device.MemoryBytes = multiprocessors, memory
	kernels := fakeKernels[float64](p)
	if p.Precision == runtime.Float32 {
		kernels = fakeKernels[float32](p)
	}
	return cudafake.New(cudafake.Config{Devices: []cuda.Device{device}, Kernels: kernels, Globals: fakeGlobals(p)})
}

// plenty is memory for anything here.
const plenty = 1 << 30

// contextOn opens the imitation's device until the end of the test, when nothing may be left there.
func contextOn(t *testing.T, fake *cudafake.Driver) *cuda.Context {
	t.Helper()
	driver, err := fake.Open()
	must(t, err)
	devices, err := driver.Devices()
	must(t, err)
	c, err := devices[0].Open()
	must(t, err)
	t.Cleanup(func() {
		must(t, c.Close())
		if leaks := fake.Leaks(); len(leaks) > 0 {
			t.Errorf("left on the device: %v", leaks)
		}
		if faults := fake.Faults(); len(faults) > 0 {
			t.Errorf("kernels failed: %v", faults)
		}
	})
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// softOnly is what no program of kernels serves yet.
func softOnly() []runtimetest.Refusal {
	return []runtimetest.Refusal{
		{Reason: "no kernel has hard assignment", Of: func(p runtimetest.Problem) bool { return p.Hard }},
		{Reason: "no kernel has missing values", Of: func(p runtimetest.Problem) bool { return p.Missing }},
	}
}

// openFake opens an engine on an imitation.
func openFake(stages []string, memory uint64) runtimetest.Open {
	return func(t *testing.T, p runtimetest.Problem) (mixture.Device, error) {
		t.Helper()
		if p.Hard || p.Missing {
			return nil, runtimetest.ErrRefused
		}
		program := program(p, stages)
		return cuda.NewEngine(contextOn(t, fakeOf(program, memory)), program)
	}
}

// smallShape bounds M·D of what is tried on the imitation, whose kernels know no more of larger ones.
const smallShape = 21

func TestEngineConformance(t *testing.T) {
	for _, test := range []struct {
		name, precision string
		stages          []string
	}{{"fused", runtime.Float32, fused()}, {"split", runtime.Float64, split()}} {
		t.Run(test.name, func(t *testing.T) {
			problems := slices.DeleteFunc(runtimetest.Problems(test.precision), func(p runtimetest.Problem) bool {
				return p.M*p.D > smallShape
			})
			runtimetest.Run(t, openFake(test.stages, plenty), runtimetest.Options{Refuses: softOnly(), Problems: problems})
		})
	}
}

// TestEngineConformanceInChunks gives the device too little memory for the events, so that every pass uploads them in parts.
func TestEngineConformanceInChunks(t *testing.T) {
	const little = 160 << 10
	problems := []runtimetest.Problem{
		{M: 2, D: 2, Covariance: mixture.Full, Precision: runtime.Float64},
		{M: 3, D: 4, Covariance: mixture.Diag, Precision: runtime.Float32, Weighted: true},
	}
	runtimetest.Run(t, openFake(split(), little), runtimetest.Options{Refuses: softOnly(), Problems: problems})
}

// outcome is what a session has computed.
type outcome struct {
	parameters *mixture.Parameters // of the passes
	statistics *mixture.Statistics
	scores     *mixture.Scores
	updated    *mixture.Parameters
}

// session opens an engine, does everything once, and closes it.
func session(ctx context.Context, c *cuda.Context, program *runtime.Program, data mixture.Data, p *mixture.Parameters) (o outcome, err error) {
	engine, err := cuda.NewEngine(c, program)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	loaded, err := engine.Load(ctx, data)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, loaded.Close()) }()
	o.parameters = p
	if o.statistics, err = loaded.Accumulate(ctx, p); err != nil {
		return o, err
	}
	n := data.Events.Len()
	o.scores = &mixture.Scores{
		LogLikelihoods: make([]float64, n), Labels: make([]int, n), Responsibilities: make([]float64, n*p.M),
	}
	if err = loaded.Score(ctx, p, o.scores); err != nil {
		return o, err
	}
	summary, err := data.Summarized(ctx)
	if err != nil {
		return o, err
	}
	o.updated, _, err = loaded.(mixture.Updater).Update(o.statistics, mixture.RelativePrior(summary), p)
	return o, err
}

// summedOtherwise is what outcomes may differ by that were summed in other parts.
func summedOtherwise() compare.Tolerance {
	const rounding = 1e-12
	return compare.Tolerance{Warn: rounding, Fail: rounding}
}

// check holds an outcome to another one, which was summed in other parts.
func (o outcome) check(t *testing.T, want outcome) {
	t.Helper()
	tolerance := summedOtherwise()
	tolerance.Check(t, compare.Statistics(o.statistics, want.statistics, o.parameters)...)
	tolerance.Check(t, compare.Parameters(o.updated, want.updated)...)
	tolerance.Check(t,
		compare.LogDensities(o.scores.LogLikelihoods, want.scores.LogLikelihoods),
		compare.Absolute("responsibilities", o.scores.Responsibilities, want.scores.Responsibilities),
	)
	if !slices.Equal(o.scores.Labels, want.scores.Labels) {
		t.Error("labels differ")
	}
}

// sessionProblem is of several chunks, none of them a whole number of tiles.
func sessionProblem(t *testing.T) (runtimetest.Problem, mixture.Data, *mixture.Parameters) {
	t.Helper()
	problem := runtimetest.Problem{M: 3, D: 4, Covariance: mixture.Full, Precision: runtime.Float64, Weighted: true}
	sample := corpus.Random(1, 1500, problem.M, problem.D, problem.Covariance)
	events, err := sample.Events()
	must(t, err)
	weights := make([]float64, sample.N)
	for i := range weights {
		weights[i] = float64(1 + i*i%7)
	}
	return problem, mixture.Data{Events: events, Weights: weights}, sample.Start
}

// withoutFailure is the outcome of a session in which nothing fails, and the imitation that it ran on.
func withoutFailure(t *testing.T, program *runtime.Program, data mixture.Data, p *mixture.Parameters) (outcome, *cudafake.Driver) {
	t.Helper()
	fake := fakeOf(program, plenty)
	want, err := session(t.Context(), contextOn(t, fake), program, data, p)
	must(t, err)
	return want, fake
}

// TestEngineOutOfMemory has one allocation after the other fail, as other processes come and go: the same results come of
// fewer events at once.
func TestEngineOutOfMemory(t *testing.T) {
	problem, data, p := sessionProblem(t)
	for name, stages := range map[string][]string{"fused": append(fused(), runtime.Update), "split": split()} {
		program := program(problem, stages)
		want, clean := withoutFailure(t, program, data, p)
		for _, call := range []string{"cuMemAlloc", "cuMemHostAlloc"} {
			for nth := range clean.Calls(call) {
				t.Run(fmt.Sprintf("%s/%s/%d", name, call, nth+1), func(t *testing.T) {
					fake := fakeOf(program, plenty)
					c := contextOn(t, fake)
					fake.Fail(call, nth+1, cuda.ErrOutOfMemory)
					got, err := session(t.Context(), c, program, data, p)
					must(t, err)
					got.check(t, want)
				})
			}
		}
	}
}

// TestEngineSpans has a program of so many components that not all of what an E-step leaves is on the device at once: as much as keeps its
// multiprocessors busy, or as there is memory for, and the events stay there.
func TestEngineSpans(t *testing.T) {
	const components, round = 38_000, 3 * fakeTile // 304 kB an event, and a tile for each block: three rounds in 128 MiB
	problem := runtimetest.Problem{M: 2, D: 1, Covariance: mixture.Diag, Precision: runtime.Float64, Weighted: true}
	few, many := program(problem, split()), program(problem, split())
	many.Components = components
	for i := range many.Kernels {
		if k := &many.Kernels[i]; k.Blocks > 1 {
			k.Blocks, k.BlocksPerUnit = components, components
		}
	}
	for _, test := range []struct {
		name          string
		events, spans int
		memory        uint64
	}{
		{"four rounds", 4 * round, 1, plenty},
		{"one event more", 4*round + 1, 2, plenty},
		{"room for three rounds", 4 * round, 2, 125 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			sample := corpus.Random(1, test.events, problem.M, problem.D, problem.Covariance)
			view, err := sample.Events()
			must(t, err)
			data := mixture.Data{Events: view, Weights: make([]float64, test.events)}
			for i := range data.Weights {
				data.Weights[i] = float64(1 + i*i%7)
			}
			accumulate := func(program *runtime.Program, memory uint64) (*mixture.Statistics, *cudafake.Driver) {
				fake := fakeOf(program, memory)
				engine, err := cuda.NewEngine(contextOn(t, fake), program)
				must(t, err)
				defer func() { must(t, engine.Close()) }()
				loaded, err := engine.Load(t.Context(), data)
				must(t, err)
				statistics, err := loaded.Accumulate(t.Context(), sample.Start)
				must(t, err)
				return statistics, fake
			}
			want, clean := accumulate(few, plenty)
			got, spanned := accumulate(many, test.memory)
			summedOtherwise().Check(t, compare.Statistics(got, want, sample.Start)...)
			if got, once := spanned.Calls("cuLaunchKernel"), clean.Calls("cuLaunchKernel"); got != test.spans*once {
				t.Errorf("%d launches, and %d of few components: want %d spans", got, once, test.spans)
			}
			if got, want := spanned.Calls("cuMemHostAlloc"), clean.Calls("cuMemHostAlloc"); got != want {
				t.Errorf("staged %d times: want %d", got, want)
			}
		})
	}
}

// TestEngineManyResponsibilities has more of them at once than are copied at a time: they are what they are of a few events.
func TestEngineManyResponsibilities(t *testing.T) {
	const n, few = 70_000, 50
	problem := runtimetest.Problem{M: 250, D: 1, Covariance: mixture.Diag, Precision: runtime.Float64}
	sample := corpus.Random(1, n, problem.M, problem.D, problem.Covariance)
	program := program(problem, []string{runtime.EStep, runtime.Score})
	program.Kernels[0].Then[0].BlocksPerUnit = n // of which a round has a tile each
	engine, err := cuda.NewEngine(contextOn(t, fakeOf(program, plenty)), program)
	must(t, err)
	defer func() { must(t, engine.Close()) }()
	responsibilities := func(x []float64) []float64 {
		events, err := mixture.Float64(x, len(x), 1, 1)
		must(t, err)
		loaded, err := engine.Load(t.Context(), mixture.Data{Events: events})
		must(t, err)
		out := &mixture.Scores{Responsibilities: make([]float64, len(x)*problem.M)}
		must(t, loaded.Score(t.Context(), sample.Start, out))
		return out.Responsibilities
	}
	all := responsibilities(sample.X)
	for _, from := range []int{0, n - few} {
		if !slices.Equal(all[from*problem.M:][:few*problem.M], responsibilities(sample.X[from:][:few])) {
			t.Errorf("responsibilities from event %d on differ", from)
		}
	}
}

// TestEngineLargeUpload has so many events stay that they come as those that do not, or else fill each staging buffer more than once: without a compiler
// in the driver, or without memory for more.
func TestEngineLargeUpload(t *testing.T) {
	problem := runtimetest.Problem{M: 1, D: 64, Covariance: mixture.Diag, Precision: runtime.Float64, Weighted: true}
	sample := corpus.Random(1, 132_000, problem.M, problem.D, problem.Covariance)
	events, err := sample.Events()
	must(t, err)
	data := mixture.Data{Events: events, Weights: make([]float64, sample.N)}
	for i := range data.Weights {
		data.Weights[i] = float64(1 + i*i%7)
	}
	program := program(problem, append(fused(), runtime.Update))
	var all []outcome
	for name, test := range map[string]struct {
		fails          cuda.Result // the load of what unpacks
		eager, carried bool
	}{
		"late copies":   {cuda.Success, false, true},
		"eager copies":  {cuda.Success, true, true},
		"no compiler":   {cuda.ResultUnsupportedPTXVersion, false, false},
		"little memory": {cuda.ErrOutOfMemory, false, false},
	} {
		fake := fakeOf(program, plenty)
		fake.Fail("cuModuleLoadDataEx", len(program.Kernels)+1, test.fails)
		fake.Eager(test.eager)
		got, err := session(t.Context(), contextOn(t, fake), program, data, sample.Start)
		must(t, err)
		if carried := fake.Calls("cuStreamWaitEvent") > 0; carried != test.carried {
			t.Errorf("%s: unpacked on the device: %v", name, carried)
		}
		all = append(all, got)
	}
	for _, other := range all[1:] {
		other.same(t, all[0])
	}
	loaded, err := reference.New().Load(t.Context(), data)
	must(t, err)
	want, err := loaded.Accumulate(t.Context(), sample.Start)
	must(t, err)
	const rounding = 1e-11
	tolerance := compare.Tolerance{Warn: rounding, Fail: rounding}
	tolerance.Check(t, compare.Statistics(all[0].statistics, want, sample.Start)...)
}

// TestEngineLittleMemory shrinks the device until the fewest events do not fit, which is the error, and no sooner.
func TestEngineLittleMemory(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, split())
	want, _ := withoutFailure(t, program, data, p)
	fitted := 0
	for memory := uint64(256 << 10); ; memory = memory * 3 / 4 {
		fake := fakeOf(program, memory)
		got, err := session(t.Context(), contextOn(t, fake), program, data, p)
		if errors.Is(err, cuda.ErrOutOfMemory) {
			const leastEvents, numberBytes = 256, 8
			if needed := uint64(leastEvents * problem.D * numberBytes); memory < needed/2 || memory > 16*needed {
				t.Errorf("out of memory with %d bytes, where the fewest events take %d", memory, needed)
			}
			break
		}
		must(t, err)
		got.check(t, want)
		fitted++
	}
	if fitted < 2 {
		t.Errorf("%d sizes fitted: want some in chunks", fitted)
	}
}

// TestEngineMends: where the update kernel says that a component does not go by the book, the M-step is mixture's.
func TestEngineMends(t *testing.T) {
	problem, data, p := sessionProblem(t)
	summary, err := data.Summarized(t.Context())
	must(t, err)
	prior := mixture.RelativePrior(summary)
	program := program(problem, split())
	engine, err := cuda.NewEngine(contextOn(t, fakeOf(program, plenty)), program)
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	loaded, err := engine.Load(t.Context(), data)
	must(t, err)
	statistics, err := loaded.Accumulate(t.Context(), p)
	must(t, err)
	statistics.Weights[1] = 0
	got, report, err := loaded.(mixture.Updater).Update(statistics, prior, p)
	must(t, err)
	want, wantReport, err := mixture.Update(statistics, prior, p)
	must(t, err)
	compare.Exact().Check(t, compare.Parameters(got, want)...)
	if !slices.Equal(report.Empty, wantReport.Empty) || !slices.Equal(report.Empty, []int{1}) {
		t.Errorf("report %+v: want %+v", report, wantReport)
	}
}

// TestEnginePoison: what lazy kernels leave unwritten is no old result, but NaN.
func TestEnginePoison(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, fused())
	kernels := fakeKernels[float64](program)
	lazy := false
	for i := range kernels {
		write := kernels[i].Run
		kernels[i].Run = func(l *cudafake.Launch) error {
			if lazy {
				return nil
			}
			return write(l)
		}
	}
	fake := cudafake.New(cudafake.Config{Devices: []cuda.Device{cudafake.H100()}, Kernels: kernels, Globals: fakeGlobals(program)})
	engine, err := cuda.NewEngine(contextOn(t, fake), program)
	must(t, err)
	defer func() { must(t, engine.Close()) }()
	loaded, err := engine.Load(t.Context(), data)
	must(t, err)
	defer func() { must(t, loaded.Close()) }()
	loaded.(runtime.Poisoner).Poison()

	n := data.Events.Len()
	out := &mixture.Scores{LogLikelihoods: make([]float64, n), Labels: make([]int, n), Responsibilities: make([]float64, n*p.M)}
	for _, lazy = range []bool{false, true} {
		statistics, err := loaded.Accumulate(t.Context(), p)
		must(t, err)
		must(t, loaded.Score(t.Context(), p, out))
		for what, numbers := range map[string][]float64{
			"weights": statistics.Weights, "second moments": statistics.Second, "total": {statistics.LogLikelihood, out.Total},
			"log-likelihoods": out.LogLikelihoods, "responsibilities": out.Responsibilities,
		} {
			for i, v := range numbers {
				if math.IsNaN(v) != lazy {
					t.Fatalf("lazy %v: %s[%d] is %v", lazy, what, i, v)
				}
			}
		}
		for i, label := range out.Labels {
			if (label == -1) != lazy {
				t.Fatalf("lazy %v: label %d is %d", lazy, i, label)
			}
		}
	}
}

// TestEngineErrors has every call to the driver fail once: each is an error that names it, and nothing stays on the device.
func TestEngineErrors(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, split())
	_, clean := withoutFailure(t, program, data, p)
	tried := 0
	for _, call := range []string{
		"cuMemAlloc", "cuMemHostAlloc", "cuMemGetInfo", "cuMemcpyHtoDAsync", "cuMemcpyDtoH", "cuMemcpyDtoHAsync", "cuLaunchKernel",
		"cuStreamCreate", "cuStreamSynchronize", "cuEventCreate", "cuEventRecord", "cuModuleLoadDataEx",
		"cuModuleGetFunction", "cuModuleGetGlobal", "cuMemcpyDtoDAsync", "cuFuncSetAttribute",
	} {
		calls := clean.Calls(call)
		if calls == 0 {
			t.Errorf("%s is not called", call)
		}
		for nth := range calls {
			tried++
			t.Run(fmt.Sprintf("%s/%d", call, nth+1), func(t *testing.T) {
				fake := fakeOf(program, plenty)
				c := contextOn(t, fake)
				fake.Fail(call, nth+1, cuda.ResultInvalidValue)
				_, err := session(t.Context(), c, program, data, p)
				if !errors.Is(err, cuda.ResultInvalidValue) || !strings.Contains(err.Error(), call) {
					t.Errorf("error %v: want one that names %s", err, call)
				}
			})
		}
	}
	t.Logf("%d failures", tried)
}

// TestEngineCloseErrors has the calls that give things back fail: Close says so, and goes on with the rest.
func TestEngineCloseErrors(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, split())
	for _, call := range []string{"cuMemFree", "cuMemFreeHost", "cuEventDestroy", "cuModuleUnload", "cuStreamDestroy"} {
		t.Run(call, func(t *testing.T) {
			fake := fakeOf(program, plenty)
			driver, err := fake.Open()
			must(t, err)
			devices, err := driver.Devices()
			must(t, err)
			c, err := devices[0].Open()
			must(t, err)
			fake.Fail(call, 1, cuda.ResultInvalidValue)
			if _, err := session(t.Context(), c, program, data, p); err == nil || !strings.Contains(err.Error(), call) {
				t.Errorf("error %v: want one that names %s", err, call)
			}
			must(t, c.Close())
			if leaks := fake.Leaks(); len(leaks) != 1 || !strings.Contains(leaks[0], ": 1 ") && !strings.Contains(leaks[0], "allocations (") {
				t.Errorf("left on the device: %v: want the one thing that could not be given back", leaks)
			}
		})
	}
}

// TestEngineKernelFails: a kernel that strays is the error of the pass, and of everything after it.
func TestEngineKernelFails(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, fused())
	kernels := fakeKernels[float64](program)
	for i := range kernels {
		if kernels[i].Name == runtime.Accumulate {
			kernels[i].Run = func(*cudafake.Launch) error { return cudafake.ErrAccess }
		}
	}
	fake := cudafake.New(cudafake.Config{Kernels: kernels, Globals: fakeGlobals(program)})
	driver, err := fake.Open()
	must(t, err)
	devices, err := driver.Devices()
	must(t, err)
	c, err := devices[0].Open()
	must(t, err)
	engine, err := cuda.NewEngine(c, program)
	must(t, err)
	loaded, err := engine.Load(t.Context(), data)
	must(t, err)
	for range 2 {
		if _, err := loaded.Accumulate(t.Context(), p); !errors.Is(err, cuda.ResultIllegalAddress) {
			t.Errorf("accumulate: %v: want an illegal address", err)
		}
	}
	if err := engine.Close(); !errors.Is(err, cuda.ResultIllegalAddress) {
		t.Errorf("close: %v: want it told that nothing could be given back", err)
	}
}

// TestEngineMissingStages: work that a program has no kernel for is refused by name.
func TestEngineMissingStages(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, []string{runtime.Score})
	engine, err := cuda.NewEngine(contextOn(t, fakeOf(program, plenty)), program)
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	loaded, err := engine.Load(t.Context(), data)
	must(t, err)
	wantMissing := func(err error, stage string) {
		t.Helper()
		if missing, ok := errors.AsType[*runtime.MissingStageError](err); !ok || missing.Stage != stage {
			t.Errorf("error %v: want stage %s to be missing", err, stage)
		}
	}
	_, err = loaded.Accumulate(t.Context(), p)
	wantMissing(err, runtime.Accumulate)
	out := &mixture.Scores{Responsibilities: make([]float64, data.Events.Len()*p.M)}
	wantMissing(loaded.Score(t.Context(), p, out), runtime.EStep)
	must(t, loaded.Score(t.Context(), p, &mixture.Scores{}))
}

// TestNewEngineFails: code that the driver does not take is an error that names the variant, and leaves nothing.
func TestNewEngineFails(t *testing.T) {
	problem, _, _ := sessionProblem(t)
	whole := program(problem, fused())
	for name, spoil := range map[string]func(*cudafake.Config){
		"an image refused": func(c *cudafake.Config) {
			c.CheckImage = func([]byte) (string, cuda.Result) { return "", cuda.ResultNoBinaryForGPU }
		},
		"a kernel missing":  func(c *cudafake.Config) { c.Kernels = lacking(c.Kernels, runtime.Accumulate) },
		"no sum of slices":  func(c *cudafake.Config) { c.Kernels = lacking(c.Kernels, "reduce") },
		"nothing after it":  func(c *cudafake.Config) { c.Kernels = lacking(c.Kernels, "normalise") },
		"no constants":      func(c *cudafake.Config) { c.Globals = nil },
		"too little shared": func(c *cudafake.Config) { c.Devices = []cuda.Device{{Name: "small", MaxThreadsPerBlock: 1}} },
	} {
		t.Run(name, func(t *testing.T) {
			config := cudafake.Config{Kernels: fakeKernels[float64](whole), Globals: fakeGlobals(whole)}
			spoil(&config)
			program := *whole
			program.Kernels = slices.Clone(whole.Kernels)
			for i := range program.Kernels {
				program.Kernels[i].SharedBytes = 1 << 10
			}
			_, err := cuda.NewEngine(contextOn(t, cudafake.New(config)), &program)
			if err == nil || !strings.Contains(err.Error(), "-fake") {
				t.Errorf("error %v: want one that names the variant", err)
			}
		})
	}
}

// lacking returns the kernels but one.
func lacking(kernels []cudafake.Kernel, name string) []cudafake.Kernel {
	return slices.DeleteFunc(kernels, func(k cudafake.Kernel) bool { return k.Name == name })
}

// TestEngineCancelledUpload: cancelling stops an upload under way, and leaves nothing.
func TestEngineCancelledUpload(t *testing.T) {
	const n = 300_000 // more than the staging buffers hold
	problem := runtimetest.Problem{M: 2, D: 4, Covariance: mixture.Diag, Precision: runtime.Float64}
	program := program(problem, fused())
	engine, err := cuda.NewEngine(contextOn(t, fakeOf(program, plenty)), program)
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	ctx, cancel := context.WithCancel(t.Context())
	var reads atomic.Int64
	events, err := mixture.Matrix(watched{n, problem.D, func() { reads.Add(1) }})
	must(t, err)
	summary, err := mixture.Summarize(ctx, mixture.Data{Events: events})
	must(t, err)
	once := reads.Swap(0)
	events, err = mixture.Matrix(watched{n, problem.D, func() { reads.Add(1); cancel() }})
	must(t, err)
	if _, err := engine.Load(ctx, mixture.Data{Events: events, Summary: summary}); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v: want context.Canceled", err)
	}
	if got := reads.Load(); got == 0 || got >= once {
		t.Errorf("%d of %d numbers were read: want a part", got, once)
	}
}

// watched is a matrix of ones that tells of every number read.
type watched struct {
	n, d int
	read func()
}

func (w watched) Dims() (n, d int)    { return w.n, w.d }
func (w watched) At(_, _ int) float64 { w.read(); return 1 }
func (w watched) T() mat.Matrix       { return mat.Transpose{Matrix: w} }
