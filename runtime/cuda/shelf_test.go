package cuda_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
)

// TestLoadedBatch: mixtures of events that are on the device, together with others or by themselves, are fitted as those whose events come
// with them, to the bit, and nothing but their states is copied.
func TestLoadedBatch(t *testing.T) {
	const m, d = 2, 3
	engine, _, fake := openFitsOn(t, cudafake.H100(), m, d, mixture.Full, math.Inf(1))
	jobs := jobsOf(t, m, d, mixture.Full, mixture.TrainOptions{MaxIterations: 5})
	want, err := engine.TrainBatch(t.Context(), jobs)
	must(t, err)
	var data []mixture.Data
	for _, j := range jobs[1:] {
		data = append(data, j.Data)
	}
	together, err := engine.LoadBatch(t.Context(), data)
	must(t, err)
	alone, err := engine.Load(t.Context(), jobs[0].Data)
	must(t, err)
	for _, loaded := range append(slices.Clone(together), alone) {
		if !engine.Lends(loaded) {
			t.Errorf("%T is not lent", loaded)
		}
	}
	for name, loaded := range map[string][]mixture.Loaded{
		"some": {nil, together[0], nil}, "all": {alone, together[0], together[1]}, "twice": {alone, together[0], together[1]},
	} {
		for i := range jobs {
			jobs[i].Loaded = loaded[i]
		}
		copies := fake.Calls("cuMemcpyHtoDAsync")
		got, err := engine.TrainBatch(t.Context(), jobs)
		must(t, err)
		for i := range got {
			compare.Exact().Check(t, compare.Bits("means", got[i].Fit.Parameters.Means, want[i].Fit.Parameters.Means),
				compare.Bits("covariances", got[i].Fit.Parameters.Covariances, want[i].Fit.Parameters.Covariances),
				compare.Bits("history", got[i].Fit.History, want[i].Fit.History))
		}
		if copies = fake.Calls("cuMemcpyHtoDAsync") - copies; name != "some" && copies != 1 {
			t.Errorf("%s: %d copies to the device: want that of the states", name, copies)
		}
	}
	// What came with others is as good as what came alone.
	run, err := together[0].(mixture.Iterator).Iterate(t.Context(), jobs[1].Start, jobs[1].Prior, mixture.Limits{Passes: 6})
	must(t, err)
	compare.Exact().Check(t, compare.Bits("totals", run.Totals, want[1].Fit.History))
	// They are closed in any order, and then lent no more.
	for _, loaded := range []mixture.Loaded{together[1], alone, together[0]} {
		must(t, loaded.Close())
		if engine.Lends(loaded) {
			t.Error("what was closed is lent")
		}
	}
	must(t, engine.Close())
	if _, err := engine.LoadBatch(t.Context(), data); !errors.Is(err, mixture.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestLoadBatchRefused: events that the program was not made for are an error, of which nothing is left on the device, and so is a device
// that is full; and a program without the kernel leaves it to others.
func TestLoadBatchRefused(t *testing.T) {
	const m, d = 2, 3
	engine, _, fake := openFitsOn(t, cudafake.H100(), m, d, mixture.Full, math.Inf(1))
	good := jobsOf(t, m, d, mixture.Full, mixture.TrainOptions{})[0].Data
	wrong := jobsOf(t, m+1, d+1, mixture.Full, mixture.TrainOptions{})[0].Data
	var shape *mixture.ShapeError
	if _, err := engine.LoadBatch(t.Context(), []mixture.Data{good, wrong}); !errors.As(err, &shape) {
		t.Errorf("events of other dimensions: error %v, want a *mixture.ShapeError", err)
	}
	fake.Fail("cuMemAlloc", 1, cuda.ErrOutOfMemory)
	if _, err := engine.LoadBatch(t.Context(), []mixture.Data{good}); !errors.Is(err, cuda.ErrOutOfMemory) {
		t.Errorf("a full device: error %v, want ErrOutOfMemory", err)
	}
	program := &runtime.Program{Components: m, Dimensions: d, Covariance: mixture.Full, Precision: runtime.Float32}
	other, err := cuda.NewEngine(contextOn(t, fakeOf(program, plenty)), program)
	must(t, err)
	defer func() { must(t, other.Close()) }()
	if loaded, err := other.LoadBatch(t.Context(), []mixture.Data{good}); loaded != nil || err != nil {
		t.Errorf("without the kernel: %v, %v", loaded, err)
	}
}

// TestManyLaunches: a batch of more mixtures than launches take at a time comes to the same as each alone.
func TestManyLaunches(t *testing.T) {
	const m, d, multiprocessors, copies = 2, 3, 2, 11
	device := cudafake.H100()
	device.Multiprocessors = multiprocessors
	engine, fit, _ := openFitsOn(t, device, m, d, mixture.Full, math.Inf(1))
	jobs := jobsOf(t, m, d, mixture.Full, mixture.TrainOptions{MaxIterations: 100, Tolerance: 1e-4})
	want := make([]mixture.Batched, len(jobs))
	for i := range jobs {
		one, err := engine.TrainBatch(t.Context(), jobs[i:][:1])
		must(t, err)
		want[i] = one[0]
	}
	fit.launches = nil
	got, err := engine.TrainBatch(t.Context(), slices.Repeat(jobs, copies))
	must(t, err)
	for i := range got {
		compare.Exact().Check(t, compare.Bits("history", got[i].Fit.History, want[i%len(jobs)].Fit.History))
	}
	if launches := (copies*len(jobs) + multiprocessors - 1) / multiprocessors; len(fit.launches) < launches || slices.Max(fit.launches) > multiprocessors {
		t.Errorf("launches of %v mixtures", fit.launches)
	}
}

// TestForget: what was done with events before is forgotten, and most of the memory that it took is given back where that is much; the events
// stay where they are.
func TestForget(t *testing.T) {
	const m, d = 2, 3
	engine, _, fake := openFitsOn(t, cudafake.H100(), m, d, mixture.Full, math.Inf(1))
	job := jobsOf(t, m, d, mixture.Full, mixture.TrainOptions{})[1]
	owner, err := engine.Load(t.Context(), job.Data)
	must(t, err)
	defer func() { must(t, owner.Close()) }()
	loaded, err := engine.Borrow(owner)
	must(t, err)
	defer func() { must(t, loaded.Close()) }()
	limits := mixture.Limits{Passes: 4}
	iterate := func() *mixture.Run {
		run, err := loaded.(mixture.Iterator).Iterate(t.Context(), job.Start, job.Prior, limits)
		must(t, err)
		return run
	}
	want := iterate()
	for range 2 {
		must(t, loaded.(runtime.Forgetter).Forget())
		allocated := fake.Calls("cuMemAlloc")
		got := iterate()
		compare.Exact().Check(t, compare.Bits("totals", got.Totals, want.Totals), compare.Bits("means", got.Parameters.Means, want.Parameters.Means))
		if allocated = fake.Calls("cuMemAlloc") - allocated; allocated > 0 {
			t.Errorf("memory was reserved %d times again", allocated)
		}
	}
	must(t, loaded.Close())
	if err := loaded.(runtime.Forgetter).Forget(); !errors.Is(err, mixture.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
