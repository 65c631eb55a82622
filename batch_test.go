package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/variants"
	"gonum.org/v1/gonum/mat"
)

// batchOf is models and events of several sizes and shapes, and for each model another that is to be trained alone.
func batchOf(t *testing.T, device string, covariance Covariance) (models, alone []*Model, events []Events) {
	t.Helper()
	for i, n := range []int{40, 333, 1000, 1000, 57, 700} {
		m, d := 3, 5
		if i == 5 {
			m, d = 2, 7
		}
		sample := corpus.Random(uint64(i+1), n, m, d, covariance)
		data, err := sample.Events()
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []*[]*Model{&models, &alone} {
			model, err := New(m, d, WithCovariance(covariance), WithDevice(device), WithParameters(sample.Start), WithIterations(2, 70+i), WithTolerance(1e-4))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = model.Close() })
			*to = append(*to, model)
		}
		events = append(events, data)
	}
	return models, alone, events
}

// TestTrainBatch: models that are trained at once come to what they come to alone.
func TestTrainBatch(t *testing.T) {
	w := newWorkshop()
	for _, device := range []string{DeviceReference, DeviceCC, DeviceCUDA} {
		for _, covariance := range []Covariance{Full, Diag, Tied} {
			t.Run("device="+device+"/"+string(covariance), func(t *testing.T) {
				if device != DeviceReference {
					require.Have(t, device, available(w, variants.Backend(device)))
				}
				models, alone, events := batchOf(t, device, covariance)
				results, err := TrainBatch(t.Context(), models, events)
				if err != nil {
					t.Fatal(err)
				}
				scores, err := ScoreBatch(t.Context(), models, events)
				if err != nil {
					t.Fatal(err)
				}
				for i, result := range results {
					same, err := models[i].Score(t.Context(), events[i])
					if err != nil {
						t.Fatal(err)
					}
					compare.Exact().Check(t, compare.Bits("scores", scores[i], same))
					want, err := alone[i].Train(t.Context(), events[i])
					if err != nil {
						t.Fatal(err)
					}
					const iterations = 2 // float32 decides a change of the tolerance's size
					if math.Abs(float64(result.Iterations-want.Iterations)) > iterations || len(result.History) != result.Iterations+1 {
						t.Errorf("model %d: %d iterations, %d numbers of history; alone %d", i, result.Iterations, len(result.History), want.Iterations)
					}
					if result.Iterations != want.Iterations {
						continue
					}
					if result.Converged != want.Converged || !slices.Equal(result.Warnings, want.Warnings) {
						t.Errorf("model %d: converged %v with %q; alone %v with %q", i, result.Converged, result.Warnings, want.Converged, want.Warnings)
					}
					tolerance := compare.Tolerance{Warn: 1e-3, Fail: 1e-3}
					tolerance.Check(t, compare.Parameters(models[i].Parameters(), alone[i].Parameters())...)
					tolerance.Check(t, compare.Relative("log-likelihoods", result.History, want.History))
				}
			})
		}
	}
}

// TestTrainBatchErrors: what is wrong with one model is said of it, and the others are trained.
func TestTrainBatchErrors(t *testing.T) {
	models, _, events := batchOf(t, DeviceReference, Full)
	if _, err := TrainBatch(t.Context(), models, events[1:]); err == nil || !strings.Contains(err.Error(), "6 models for 5 sets of events") {
		t.Errorf("too few events: %v", err)
	}
	for _, test := range []struct {
		name   string
		models []*Model
		events []Events
		says   string
	}{
		{"a model twice", []*Model{models[0], models[0]}, events[:2], "model 1: gmmspec: it is model 0 again"},
		{"events of other dimensions", models[4:], events[3:5], "model 1: gmmspec: events of 5 dimensions"},
		{"no model", []*Model{models[0], nil}, events[:2], "model 1: gmmspec: the model was made by none"},
		{"no events", models[:2], []Events{events[0], nil}, "model 1: gmmspec: no events"},
	} {
		results, err := TrainBatch(t.Context(), test.models, test.events)
		if err == nil || !strings.HasPrefix(err.Error(), test.says) || results[0] == nil || results[1] != nil {
			t.Errorf("%s: results %v, error %v", test.name, results, err)
		}
	}
	bad := slices.Clone(events)
	broken, err := mixture.Float64([]float64{1, 2, 3, 4, math.NaN()}, 1, 5, 5)
	if err != nil {
		t.Fatal(err)
	}
	bad[1] = broken
	results, err := TrainBatch(t.Context(), models, bad)
	if err == nil || !strings.HasPrefix(err.Error(), "model 1: ") || results[1] != nil {
		t.Errorf("a number that is none: %v, %v", results[1], err)
	}
	if results[0] == nil || results[5] == nil {
		t.Errorf("the others are not trained: %v", results)
	}
	scores, err := ScoreBatch(t.Context(), models, bad)
	if err == nil || !strings.HasPrefix(err.Error(), "model 1: ") || scores[1] != nil || len(scores[0]) != events[0].Len() {
		t.Errorf("scores of a number that is none: %v, %v", scores[1], err)
	}
	if _, err := ScoreBatch(t.Context(), models, events[1:]); err == nil || !strings.Contains(err.Error(), "6 models for 5 sets of events") {
		t.Errorf("too few events to score: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := TrainBatch(ctx, models, events); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestTrainBatchesAtOnce: batches of the same models in other orders do not wait for each other for ever.
func TestTrainBatchesAtOnce(t *testing.T) {
	models, _, events := batchOf(t, DeviceReference, Full)
	backwards, theirs := slices.Clone(models), slices.Clone(events)
	slices.Reverse(backwards)
	slices.Reverse(theirs)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, err := TrainBatch(t.Context(), models, events); err != nil {
				t.Error(err)
			}
		})
		wait.Go(func() {
			if _, err := TrainBatch(t.Context(), backwards, theirs); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// TestTrainBatchWithoutGPU: nothing is compiled for a batch that no device here can train at once.
func TestTrainBatchWithoutGPU(t *testing.T) {
	dir := t.TempDir()
	w := withoutCUDA(t)
	var models []*Model
	var events []Events
	for i := range 400 {
		sample, start := sampled(t, corpus.Random(uint64(i+1), 500, 3, 4, Full))
		models = append(models, mustNew(t, start.M, start.D, WithParameters(start), WithCacheDir(dir), withWorkshop(w), WithTolerance(0), WithIterations(0, 60)))
		events = append(events, sample)
	}
	results, err := TrainBatch(t.Context(), models, events)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Plan.Device != DeviceReference {
			t.Errorf("model %d is trained by %s", i, r.Plan.Device)
		}
	}
	if entries, _ := filepath.Glob(filepath.Join(dir, "entries", "*", "*")); len(entries) > 0 {
		t.Errorf("%d kernels were compiled", len(entries))
	}
}

// TestBatchAlike: what has many times the events of others is no part of their batch.
func TestBatchAlike(t *testing.T) {
	b := &batch{}
	var group []int
	for i, n := range []int{1000, 4096, 4097, 1000} {
		b.prepared = append(b.prepared, &prepared{data: mixture.Data{Events: nothing{n: n}}})
		group = append(group, i)
	}
	if got := b.alike(slices.Clone(group)); !slices.Equal(got, []int{0, 1, 3}) {
		t.Errorf("together: %v", got)
	}
	b.prepared = b.prepared[:0]
	for range 1000 {
		b.prepared = append(b.prepared, &prepared{data: mixture.Data{Events: nothing{n: 10_000}}})
	}
	if got := b.alike([]int{0, 1, 999}); len(got) != 0 {
		t.Errorf("three large ones together: %v", got)
	}
}

// nothing is so many events of no numbers.
type nothing struct {
	Events
	n int
}

// Len returns how many.
func (n nothing) Len() int { return n.n }

// TestTrainBatchUploaded: a batch of uploaded events, of which some came by themselves, comes to the same bits each time, those of a batch
// whose events come with it, and the events are read for the first one alone.
func TestTrainBatchUploaded(t *testing.T) {
	w := newWorkshop()
	for _, device := range []string{DeviceReference, DeviceCC, DeviceCUDA} {
		t.Run("device="+device, func(t *testing.T) {
			if device != DeviceReference {
				require.Have(t, device, available(w, variants.Backend(device)))
			}
			want, _, plain := batchOf(t, device, Full)
			uploaded, looked := make([]Events, len(plain)), make([]*lookedAt, len(plain))
			for i, events := range plain {
				numbers := make([]float64, events.Len()*events.Dims())
				events.Read(numbers, 0)
				looked[i] = &lookedAt{Matrix: mat.NewDense(events.Len(), events.Dims(), numbers)}
				matrix, err := Matrix(looked[i])
				if err != nil {
					t.Fatal(err)
				}
				u, err := Upload(matrix)
				if err != nil {
					t.Fatal(err)
				}
				defer closeIt(t, u)
				plain[i], uploaded[i] = matrix, u
			}
			if _, err := TrainBatch(t.Context(), want, plain); err != nil {
				t.Fatal(err)
			}
			for round := range 3 {
				models, alone, _ := batchOf(t, device, Full)
				if round == 0 { // the first set of events is there before the others
					if _, err := alone[0].Train(t.Context(), uploaded[0]); err != nil {
						t.Fatal(err)
					}
				}
				before := make([]int64, len(looked))
				for i, l := range looked {
					before[i] = l.looks.Load()
				}
				results, err := TrainBatch(t.Context(), models, uploaded)
				if err != nil {
					t.Fatal(err)
				}
				for i, r := range results {
					got, same := models[i].Parameters(), want[i].Parameters()
					compare.Exact().Check(t, compare.Bits("means", got.Means, same.Means), compare.Bits("covariances", got.Covariances, same.Covariances))
					if looks := looked[i].looks.Load() - before[i]; device == DeviceCUDA && round > 0 && looks > 0 {
						t.Errorf("round %d: %d numbers of model %d were read, on %s", round, looks, i, r.Plan.Device)
					}
				}
			}
		})
	}
}

// BenchmarkTrainBatch fits 1000 mixtures of 5 components to 1000 events of 19 dimensions each, 20 iterations, with the events on the device
// from a call before or coming with each, and holds some of them against the reference.
func BenchmarkTrainBatch(b *testing.B) {
	const count, n, m, d, iterations, judged = 1000, 1000, 5, 19, 20, 8
	plain, starts := make([]Events, count), make([]*Parameters, count)
	for i := range plain {
		sample := corpus.Random(uint64(i), n, m, d, Full)
		var err error
		if plain[i], err = sample.Events(); err != nil {
			b.Fatal(err)
		}
		starts[i] = sample.Start
	}
	right := make([]*Parameters, count)
	for i := range judged {
		i = i * (count - 1) / (judged - 1)
		judge := mustNew(b, m, d, WithDevice(DeviceReference), WithParameters(starts[i]), WithIterations(iterations, iterations), WithTolerance(0))
		if _, err := judge.Train(b.Context(), plain[i]); err != nil {
			b.Fatal(err)
		}
		right[i] = judge.Parameters()
	}
	for _, of := range []struct {
		device, precision string
		resident          bool
	}{
		{DeviceCC, PrecisionFloat32, false},
		{DeviceCUDA, PrecisionFloat32, false},
		{DeviceCUDA, PrecisionFloat32, true},
		{DeviceCUDA, PrecisionAuto, true},
	} {
		b.Run(fmt.Sprintf("device=%s/precision=%s/resident=%t", of.device, of.precision, of.resident), func(b *testing.B) {
			if err := available(newWorkshop(), variants.Backend(of.device)); err != nil {
				b.Skip(err)
			}
			events := slices.Clone(plain)
			for i := range events {
				if of.resident {
					u, err := Upload(events[i])
					if err != nil {
						b.Fatal(err)
					}
					defer closeIt(b, u)
					events[i] = u
				}
			}
			options := []Option{WithDevice(of.device), WithIterations(iterations, iterations), WithTolerance(0), WithPrecision(of.precision)}
			// The first compiles, brings the events where they stay, and keeps the device open.
			first := trainBatchOf(b, starts, events, right, options)
			b.StartTimer()
			for b.Loop() {
				b.StopTimer()
				for _, model := range trainBatchOf(b, starts, events, right, options) {
					closeIt(b, model)
				}
				b.StartTimer()
			}
			for _, model := range first {
				closeIt(b, model)
			}
		})
	}
}

// trainBatchOf times the training of new models, judges those that there are parameters for, and returns all.
func trainBatchOf(b *testing.B, starts []*Parameters, events []Events, right []*Parameters, options []Option) []*Model {
	b.Helper()
	models := make([]*Model, len(starts))
	for i := range models {
		var err error
		if models[i], err = New(starts[i].M, starts[i].D, append(slices.Clone(options), WithParameters(starts[i]))...); err != nil {
			b.Fatal(err)
		}
	}
	goruntime.GC() // of what is not the batch's
	b.StartTimer()
	results, err := TrainBatch(b.Context(), models, events)
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(results[0].Training.Seconds()*1e3, "training-ms")
	b.ReportMetric(results[0].Compiling.Seconds()*1e3, "opening-ms")
	for i, want := range right {
		if want == nil {
			continue
		}
		const most = 1e-3 // of 20 iterations in float32
		if worst := compare.Worst(compare.Parameters(models[i].Parameters(), want)...); worst.Error > most {
			b.Fatalf("model %d: %v", i, worst)
		}
	}
	return models
}
