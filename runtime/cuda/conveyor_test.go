package cuda_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
	"github.com/gmmspec/gmmspec/runtime/runtimetest"
	"gonum.org/v1/gonum/mat"
)

// tooLittle is memory for a part of sessionProblem's events, in several chunks.
const tooLittle = 200 << 10

// views are the same numbers in every way that events can lie in the host's memory.
func views(t *testing.T, sample *corpus.Sample) map[string]mixture.Events {
	t.Helper()
	const gap = 3
	n, d := sample.N, sample.D
	narrow, wide := make([]float32, n*(d+gap)), make([]float64, n*(d+gap))
	dense, turned := make([]float32, n*d), make([]float64, n*d)
	for i := range n {
		for j := range d {
			x := float32(sample.X[i*d+j])
			narrow[i*(d+gap)+j], wide[i*(d+gap)+j] = x, float64(x)
			dense[i*d+j], turned[i*d+j] = x, float64(x)
		}
	}
	all := map[string]mixture.Events{}
	for name, view := range map[string]func() (mixture.Events, error){
		"float32":        func() (mixture.Events, error) { return mixture.Float32(dense, n, d, d) },
		"float64":        func() (mixture.Events, error) { return mixture.Float64(turned, n, d, d) },
		"spaced float32": func() (mixture.Events, error) { return mixture.Float32(narrow, n, d, d+gap) },
		"spaced float64": func() (mixture.Events, error) { return mixture.Float64(wide, n, d, d+gap) },
		"matrix":         func() (mixture.Events, error) { return mixture.Matrix(entries{sample.N, sample.D, turned}) },
	} {
		events, err := view()
		must(t, err)
		all[name] = events
	}
	return all
}

// entries is a matrix that offers only its entries.
type entries struct {
	n, d int
	x    []float64
}

func (e entries) Dims() (n, d int)    { return e.n, e.d }
func (e entries) At(i, j int) float64 { return e.x[i*e.d+j] }
func (e entries) T() mat.Matrix       { return mat.Transpose{Matrix: e} }

// TestStreamed: what streamed events come to are the bits that they come to where the driver has no compiler, so that each chunk is there before anything
// else happens: whether copies are made at once or as late as they may, in whatever way events lie, with and without weights.
func TestStreamed(t *testing.T) {
	for _, precision := range []string{runtime.Float32, runtime.Float64} {
		for _, weighted := range []bool{false, true} {
			for _, name := range []string{"fused", "split", matrixStage} {
				problem, data, p := sessionProblem(t)
				problem.Precision, problem.Weighted = precision, weighted
				if !weighted {
					data.Weights = nil
				}
				memory := uint64(tooLittle / 2)
				if name == matrixStage {
					if precision != runtime.Float32 {
						continue // it has no matrix form
					}
					memory = tooLittle / 4 // events are there in one layout
				}
				program := streamedProgram(problem, name)
				sample := corpus.Random(1, data.Events.Len(), problem.M, problem.D, problem.Covariance)
				for view, events := range views(t, sample) {
					data.Events = events
					t.Run(fmt.Sprintf("%s/weighted=%v/%s/%s", precision, weighted, name, view), func(t *testing.T) {
						plain := fakeOf(program, memory)
						plain.Fail("cuModuleLoadDataEx", len(program.Kernels)+1, cuda.ResultJITCompilerNotFound)
						want, err := session(t.Context(), contextOn(t, plain), program, data, p)
						must(t, err)
						for _, eager := range []bool{false, true} {
							fake := fakeOf(program, memory)
							fake.Eager(eager)
							got, err := session(t.Context(), contextOn(t, fake), program, data, p)
							must(t, err)
							if fake.Calls("cuStreamWaitEvent") == 0 || plain.Calls("cuStreamWaitEvent") != 0 {
								t.Fatalf("%d streams wait, and %d without a compiler", fake.Calls("cuStreamWaitEvent"), plain.Calls("cuStreamWaitEvent"))
							}
							got.same(t, want)
						}
					})
				}
			}
		}
	}
}

// streamedProgram sums with one kernel, with two, or in matrix form.
func streamedProgram(problem runtimetest.Problem, form string) *runtime.Program {
	switch form {
	case "split":
		return program(problem, split())
	case matrixStage:
		return withMatrix(program(problem, []string{runtime.EStep, runtime.Score}))
	default:
		return program(problem, append(fused(), runtime.Update))
	}
}

// same holds an outcome to another one of the same chunks.
func (o outcome) same(t *testing.T, want outcome) {
	t.Helper()
	exact := compare.Exact()
	exact.Check(t, compare.Statistics(o.statistics, want.statistics, o.parameters)...)
	exact.Check(t, compare.Parameters(o.updated, want.updated)...)
	exact.Check(t,
		compare.Bits("log-likelihoods", o.scores.LogLikelihoods, want.scores.LogLikelihoods),
		compare.Bits("responsibilities", o.scores.Responsibilities, want.scores.Responsibilities),
		compare.Bits("totals", []float64{o.scores.Total, o.statistics.LogLikelihood}, []float64{want.scores.Total, want.statistics.LogLikelihood}),
	)
	if !slices.Equal(o.scores.Labels, want.scores.Labels) {
		t.Error("labels differ")
	}
}

// streaming is what a device that streams was asked for, in order.
type streaming struct {
	pinned map[unsafe.Pointer]uintptr
	log    []string
}

// watch has the calls of a driver noted that copy from page-locked memory, that launch, and that the host waits in.
func (s *streaming) watch(fake *cudafake.Driver) *cuda.API {
	s.pinned = map[unsafe.Pointer]uintptr{}
	api := fake.API()
	alloc, copied, launch, sync := api.MemHostAlloc, api.MemcpyHtoDAsync, api.LaunchKernel, api.StreamSynchronize
	api.MemHostAlloc = func(ptr *unsafe.Pointer, bytes uintptr, flags uint32) cuda.Result {
		result := alloc(ptr, bytes, flags)
		s.pinned[*ptr] = bytes
		return result
	}
	api.MemcpyHtoDAsync = func(dst cuda.DevicePtr, src unsafe.Pointer, bytes uintptr, stream cuda.CUstream) cuda.Result {
		for first, size := range s.pinned {
			if uintptr(src) >= uintptr(first) && uintptr(src) < uintptr(first)+size {
				s.log = append(s.log, "copy")
			}
		}
		return copied(dst, src, bytes, stream)
	}
	api.LaunchKernel = func(function cuda.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes uint32, stream cuda.CUstream, params, extra *unsafe.Pointer) cuda.Result {
		s.log = append(s.log, "launch")
		return launch(function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, params, extra)
	}
	api.StreamSynchronize = func(stream cuda.CUstream) cuda.Result {
		s.log = append(s.log, "wait")
		return sync(stream)
	}
	return api
}

// TestStreamedInOrder: a pass puts the kernels of a chunk on their stream and the copy of the next one on another before the host waits for the
// first, whatever form sums are made in, and for scores.
func TestStreamedInOrder(t *testing.T) {
	for _, test := range []struct {
		form    string
		score   bool
		kernels []int // of a chunk, before each time that the host waits
	}{
		{"fused", false, []int{3}},    // what unpacks, what sums, what adds up
		{"split", false, []int{3, 2}}, // an E-step is two, after which its total is fetched
		{matrixStage, false, []int{2}},
		{"fused", true, []int{2}},
	} {
		t.Run(fmt.Sprintf("%s/score=%v", test.form, test.score), func(t *testing.T) {
			problem, data, p := sessionProblem(t)
			if test.form == matrixStage {
				problem.Precision = runtime.Float32
			}
			program := streamedProgram(problem, test.form)
			var s streaming
			driver, err := cuda.OpenWith(s.watch(fakeOf(program, tooLittle)))
			must(t, err)
			devices, err := driver.Devices()
			must(t, err)
			c, err := devices[0].Open()
			must(t, err)
			defer func() { must(t, c.Close()) }()
			engine, err := cuda.NewEngine(c, program)
			must(t, err)
			defer func() { must(t, engine.Close()) }()
			loaded, err := engine.Load(t.Context(), data)
			must(t, err)
			const chunk, kept, chunks = 512, 0, 3
			must(t, cuda.Share(loaded, chunk, kept))
			want := []string{"copy"}
			for k := range chunks {
				for i, kernels := range test.kernels {
					want = append(want, slices.Repeat([]string{"launch"}, kernels)...)
					if i == 0 && k < chunks-1 {
						want = append(want, "copy")
					}
					want = append(want, "wait")
				}
			}
			want = append(want, "wait") // for copies, of which none is under way
			for range 2 {
				s.log = nil
				if test.score {
					err = loaded.Score(t.Context(), p, &mixture.Scores{LogLikelihoods: make([]float64, data.Events.Len())})
				} else {
					_, err = loaded.Accumulate(t.Context(), p)
				}
				must(t, err)
				if !slices.Equal(s.log, want) {
					t.Errorf("in order: %v: want %v", s.log, want)
				}
			}
		})
	}
}

// TestStreamedPieces has chunks of more than one copy.
func TestStreamedPieces(t *testing.T) {
	problem := runtimetest.Problem{M: 1, D: 64, Covariance: mixture.Diag, Precision: runtime.Float64, Weighted: true}
	sample := corpus.Random(1, 40_000, problem.M, problem.D, problem.Covariance)
	events, err := sample.Events()
	must(t, err)
	data := mixture.Data{Events: events, Weights: make([]float64, sample.N)}
	for i := range data.Weights {
		data.Weights[i] = float64(1 + i*i%7)
	}
	program := program(problem, fused())
	const memory = 48 << 20
	var fakes []*cudafake.Driver
	var outcomes []outcome
	for _, eager := range []bool{false, true} {
		fake := fakeOf(program, memory)
		fake.Eager(eager)
		got, err := session(t.Context(), contextOn(t, fake), program, data, sample.Start)
		must(t, err)
		fakes, outcomes = append(fakes, fake), append(outcomes, got)
	}
	outcomes[1].same(t, outcomes[0])
	want, _ := withoutFailure(t, program, data, sample.Start)
	const rounding = 1e-11
	tolerance := compare.Tolerance{Warn: rounding, Fail: rounding}
	tolerance.Check(t, compare.Statistics(outcomes[0].statistics, want.statistics, sample.Start)...)
	if copies, chunks := fakes[0].Calls("cuMemcpyHtoDAsync"), fakes[0].Calls("cuStreamWaitEvent")/2; copies < 2*chunks || chunks < 4 {
		t.Errorf("%d copies of %d chunks", copies, chunks)
	}
}

// TestKept has the first events stay on the device while the others come in every pass: the results are those of events that all stay, whenever copies are
// made, and are so again after one allocation or the other has failed.
func TestKept(t *testing.T) {
	problem, data, p := sessionProblem(t)
	for _, name := range []string{"fused", "split", matrixStage} {
		if name == matrixStage {
			problem.Precision = runtime.Float32
		}
		program := streamedProgram(problem, name)
		want, _ := withoutFailure(t, program, data, p)
		pass := func(t *testing.T, fake *cudafake.Driver, fail func()) {
			t.Helper()
			engine, err := cuda.NewEngine(contextOn(t, fake), program)
			must(t, err)
			defer func() { must(t, engine.Close()) }()
			loaded, err := engine.Load(t.Context(), data)
			must(t, err)
			const chunk, kept = 270, 640
			must(t, cuda.Share(loaded, chunk, kept))
			if got := loaded.(interface{ Streamed() int }).Streamed(); got != data.Events.Len()-kept {
				t.Errorf("%d events are streamed", got)
			}
			fail()
			for range 2 {
				got := outcome{parameters: p}
				got.statistics, err = loaded.Accumulate(t.Context(), p)
				must(t, err)
				n := data.Events.Len()
				got.scores = &mixture.Scores{LogLikelihoods: make([]float64, n), Labels: make([]int, n), Responsibilities: make([]float64, n*p.M)}
				must(t, loaded.Score(t.Context(), p, got.scores))
				got.updated = want.updated
				got.check(t, want)
			}
		}
		for _, eager := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/eager=%v", name, eager), func(t *testing.T) {
				fake := fakeOf(program, plenty)
				fake.Eager(eager)
				pass(t, fake, func() {})
			})
		}
		for _, call := range []string{"cuMemAlloc", "cuMemHostAlloc"} {
			for nth := range 8 {
				t.Run(fmt.Sprintf("%s/%s/%d", name, call, nth+1), func(t *testing.T) {
					fake := fakeOf(program, plenty)
					pass(t, fake, func() { fake.Fail(call, nth+1, cuda.ErrOutOfMemory) })
				})
			}
		}
		t.Run(name+"/no compiler", func(t *testing.T) {
			fake := fakeOf(program, plenty)
			pass(t, fake, func() { fake.Fail("cuModuleLoadDataEx", 1, cuda.ResultJITCompilerNotFound) })
		})
	}
}

// TestShare: what fits stays, and the others come 32 MiB at a time; less memory means fewer that stay, and fewer at a time when none does.
func TestShare(t *testing.T) {
	const n, d, number, chunkBytes = 400_000, 64, 8, 32 << 20
	problem := runtimetest.Problem{M: 1, D: d, Covariance: mixture.Diag, Precision: runtime.Float64}
	program := program(problem, []string{runtime.Accumulate})
	engine, err := cuda.NewEngine(contextOn(t, fakeOf(program, plenty)), program)
	must(t, err)
	defer func() { must(t, engine.Close()) }()
	row := make([]float64, d)
	row[0] = 1
	events, err := mixture.Matrix(repeated{n, row})
	must(t, err)
	summary := &mixture.Summary{N: n, D: d, EventWeight: n, Mean: make([]float64, d), Low: make([]float64, d), High: row, Variance: row}
	loaded, err := engine.Load(t.Context(), mixture.Data{Events: events, Summary: summary})
	must(t, err)
	defer func() { must(t, loaded.Close()) }()
	if chunk, kept := cuda.Shared(loaded); chunk != n || kept != 0 {
		t.Errorf("with plenty of memory %d at a time, and %d stay", chunk, kept)
	}
	const most = chunkBytes / (d * number)
	for _, test := range []struct{ room, chunk, kept int }{
		{n * d * number, n, 0},
		{n*d*number - 1, most, n - 3*most - 64},
		{5 * chunkBytes, most, 2 * most},
		{5*chunkBytes - 1, most, 0},
		{chunkBytes, most / 3, 0},
		{1, 256, 0},
	} {
		shares := cuda.ShareOf(loaded, test.room)
		if first := shares[0]; first != [2]int{test.chunk, test.kept} {
			t.Errorf("with room for %d: %v at a time and staying, want %d and %d", test.room, first, test.chunk, test.kept)
		}
		for i, share := range shares[1:] {
			before := shares[i]
			if share[0] > before[0] || share[0] == before[0] && share[1] >= before[1] || share[1] > 0 && share[0] != most {
				t.Errorf("%v after %v", share, before)
			}
		}
	}
}

// repeated is a matrix of the same row.
type repeated struct {
	n   int
	row []float64
}

func (r repeated) Dims() (n, d int)    { return r.n, len(r.row) }
func (r repeated) At(_, j int) float64 { return r.row[j] }
func (r repeated) T() mat.Matrix       { return mat.Transpose{Matrix: r} }

// TestStreamedOutOfMemory has one allocation after the other fail while events are streamed: fewer at a time come to the same.
func TestStreamedOutOfMemory(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, split())
	clean := fakeOf(program, tooLittle)
	want, err := session(t.Context(), contextOn(t, clean), program, data, p)
	must(t, err)
	for _, call := range []string{"cuMemAlloc", "cuMemHostAlloc", "cuModuleLoadDataEx"} {
		for nth := range clean.Calls(call) {
			if call == "cuModuleLoadDataEx" && nth < len(program.Kernels) {
				continue // the program's own, without which there is nothing
			}
			t.Run(fmt.Sprintf("%s/%d", call, nth+1), func(t *testing.T) {
				fake := fakeOf(program, tooLittle)
				c := contextOn(t, fake)
				fake.Fail(call, nth+1, cuda.ErrOutOfMemory)
				got, err := session(t.Context(), c, program, data, p)
				must(t, err)
				got.check(t, want)
			})
		}
	}
}

// TestStreamedErrors has every call to the driver fail once while events are streamed: each is an error that names it, and nothing stays.
func TestStreamedErrors(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, fused())
	clean := fakeOf(program, tooLittle)
	_, err := session(t.Context(), contextOn(t, clean), program, data, p)
	must(t, err)
	for _, call := range []string{
		"cuMemAlloc", "cuMemHostAlloc", "cuMemcpyHtoDAsync", "cuMemcpyDtoH", "cuMemcpyDtoHAsync", "cuMemcpyDtoDAsync", "cuMemsetD8Async", "cuLaunchKernel", "cuStreamCreate", "cuStreamSynchronize",
		"cuStreamWaitEvent", "cuEventCreate", "cuEventRecord", "cuEventSynchronize", "cuModuleLoadDataEx", "cuModuleGetFunction",
	} {
		calls := clean.Calls(call)
		if calls == 0 {
			t.Errorf("%s is not called", call)
		}
		for nth := range calls {
			t.Run(fmt.Sprintf("%s/%d", call, nth+1), func(t *testing.T) {
				fake := fakeOf(program, tooLittle)
				c := contextOn(t, fake)
				fake.Fail(call, nth+1, cuda.ResultInvalidValue)
				if _, err := session(t.Context(), c, program, data, p); !errors.Is(err, cuda.ResultInvalidValue) {
					t.Errorf("error %v: want the call's", err)
				}
			})
		}
	}
}

// TestStreamedCancelled: a pass that is cancelled leaves nothing under way, and the next one is right.
func TestStreamedCancelled(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := program(problem, fused())
	kernels := fakeKernels[float64](program)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range kernels {
		if run := kernels[i].Run; kernels[i].Name == runtime.Accumulate {
			kernels[i].Run = func(l *cudafake.Launch) error {
				cancel()
				return run(l)
			}
		}
	}
	device := cudafake.H100()
	device.MemoryBytes = tooLittle
	fake := cudafake.New(cudafake.Config{Devices: []cuda.Device{device}, Kernels: kernels, Globals: fakeGlobals(program)})
	engine, err := cuda.NewEngine(contextOn(t, fake), program)
	must(t, err)
	defer func() { must(t, engine.Close()) }()
	loaded, err := engine.Load(t.Context(), data)
	must(t, err)
	if _, err := loaded.Accumulate(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v: want context.Canceled", err)
	}
	got, err := loaded.Accumulate(t.Context(), p)
	must(t, err)
	want, _ := withoutFailure(t, program, data, p)
	summedOtherwise().Check(t, compare.Statistics(got, want.statistics, p)...)
}

// breaking is events whose reading panics once it is told to.
type breaking struct {
	mixture.Events
	broken *atomic.Bool
}

func (b breaking) Read(dst []float64, first int) {
	if b.broken.Load() {
		panic("the events are gone")
	}
	b.Events.Read(dst, first)
}

// TestStreamedPanic: where reading events panics, in a goroutine that nobody can recover, that is an error.
func TestStreamedPanic(t *testing.T) {
	problem, data, p := sessionProblem(t)
	program := streamedProgram(problem, "fused")
	var broken atomic.Bool
	data.Events = breaking{data.Events, &broken}
	engine, err := cuda.NewEngine(contextOn(t, fakeOf(program, tooLittle)), program)
	must(t, err)
	defer func() { must(t, engine.Close()) }()
	loaded, err := engine.Load(t.Context(), data)
	must(t, err)
	must(t, cuda.Share(loaded, 512, 0))
	broken.Store(true)
	if _, err := loaded.Accumulate(t.Context(), p); err == nil || !strings.Contains(err.Error(), "the events are gone") {
		t.Errorf("got %v, want what reading them panicked with", err)
	}
	broken.Store(false)
	if _, err := loaded.Accumulate(t.Context(), p); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestUnpack has devices unpack rows as they come: what they make of them are the bits that the host makes, whenever copies are made.
func TestUnpack(t *testing.T) {
	for _, device := range []string{"cuda", "late", "eager"} {
		t.Run("device="+device, func(t *testing.T) {
			var c *cuda.Context
			if device == "cuda" {
				driver, err := cuda.Open()
				require.Have(t, device, err)
				devices, err := driver.Devices()
				must(t, err)
				c, err = devices[0].Open()
				must(t, err)
				defer func() { must(t, c.Close()) }()
			} else {
				fake := cudafake.New(cudafake.Config{Kernels: []cudafake.Kernel{
					fakeUnpack[float32, float32](), fakeUnpack[float32, float64](), fakeUnpack[float64, float64](),
				}})
				fake.Eager(device == "eager")
				c = contextOn(t, fake)
			}
			for _, d := range []int{1, 3, 19, 130} {
				const n = 1000
				all := views(t, corpus.Random(1, n, 1, d, mixture.Diag))
				for _, view := range slices.Sorted(maps.Keys(all)) {
					data := mixture.Data{Events: all[view]}
					summary, err := mixture.Summarize(t.Context(), data)
					must(t, err)
					for _, chunk := range []int{n, 300, 64} {
						t.Run(fmt.Sprintf("d=%d/%s/chunk=%d", d, view, chunk), func(t *testing.T) {
							unpack[float32](t, c, runtime.NewFrame(summary, runtime.Float32), data, chunk)
							unpack[float64](t, c, runtime.NewFrame(summary, runtime.Float64), data, chunk)
						})
					}
				}
			}
		})
	}
}

// unpack holds what a device unpacks to what the host reads.
func unpack[T runtime.Real](t *testing.T, c *cuda.Context, frame runtime.Frame, data mixture.Data, chunk int) {
	t.Helper()
	n, d := data.Events.Len(), data.Events.Dims()
	want := make([]T, n*d)
	runtime.Read(frame, want, data.Events, 0, make([]float64, n*d))
	events, columns, err := cuda.Unpacked[T](c, frame, data, chunk)
	must(t, err)
	for i := range n {
		for j := range d {
			if events[i*d+j] != want[i*d+j] || columns[j*n+i] != want[i*d+j] {
				t.Fatalf("coordinate %d of event %d is %v and %v: want %v", j, i, events[i*d+j], columns[j*n+i], want[i*d+j])
			}
		}
	}
}
