package gmmspec

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// numbersOf lists a model's parameters.
func numbersOf(p *Parameters) []float64 { return slices.Concat(p.Weights, p.Means, p.Covariances) }

func mustEqual(t *testing.T, what string, got, want []float64) {
	t.Helper()
	compare.Exact().Check(t, compare.Bits(what, got, want))
}

// TestTrainGoesOn: two Trains of 3 iterations are one of 6, and Reset begins anew.
func TestTrainGoesOn(t *testing.T) {
	events, start := small(t)
	options := []Option{WithParameters(start), WithTolerance(0), WithIterations(0, 3)}
	model := mustNew(t, start.M, start.D, options...)
	first := mustTrain(t, model, events)
	after := numbersOf(model.Parameters())
	second := mustTrain(t, model, events)

	whole := mustNew(t, start.M, start.D, append(options, WithIterations(0, 6))...)
	want := mustTrain(t, whole, events)
	mustEqual(t, "parameters", numbersOf(model.Parameters()), numbersOf(whole.Parameters()))
	mustEqual(t, "history", append(first.History, second.History[1:]...), want.History)

	model.Reset()
	mustEqual(t, "parameters after Reset", numbersOf(model.Parameters()), numbersOf(start))
	mustTrain(t, model, events)
	mustEqual(t, "parameters trained anew", numbersOf(model.Parameters()), after)
}

// TestUnseeded: an unseeded model takes its start from the data that it first sees, and after Reset from those that it then
// sees.
func TestUnseeded(t *testing.T) {
	events, _ := small(t)
	model := mustNew(t, 2, 2, WithSeed(7), WithIterations(0, 2))
	if model.Parameters() != nil || model.Weights() != nil || model.Means() != nil || model.Covariances() != nil {
		t.Error("an untrained model has parameters")
	}
	mustTrain(t, model, events)
	want := numbersOf(model.Parameters())
	model.Reset()
	if model.Parameters() != nil {
		t.Error("a model that was reset has parameters")
	}
	mustTrain(t, model, events)
	mustEqual(t, "parameters", numbersOf(model.Parameters()), want)
}

// TestNothingOfTheCallersIsWritten: parameters that are given stay as they are, before and after training, and so does what
// was read off the model.
func TestNothingOfTheCallersIsWritten(t *testing.T) {
	sample := corpus.Random(1, 300, 2, 2, Full)
	events, start := sampled(t, sample)
	given, data := start.Clone(), slices.Clone(sample.X)
	weights := slices.Repeat([]float64{1.5}, events.Len())
	model := mustNew(t, start.M, start.D, WithParameters(start), WithWeights(weights))
	mustEqual(t, "parameters after New", numbersOf(start), numbersOf(given))
	read := model.Parameters()
	means, covariances := model.Means(), model.Covariances()
	mustTrain(t, model, events)
	mustEqual(t, "parameters given", numbersOf(start), numbersOf(given))
	mustEqual(t, "parameters read", numbersOf(read), numbersOf(given))
	mustEqual(t, "means read", means.RawMatrix().Data, given.Means)
	if covariances[0].At(0, 0) != given.Covariances[0] {
		t.Error("covariances that were read have changed")
	}
	mustEqual(t, "events", sample.X, data)
	mustEqual(t, "weights", weights, slices.Repeat([]float64{1.5}, events.Len()))

	after := numbersOf(model.Parameters())
	model.Parameters().Means[0] = math.NaN()
	model.Means().Set(0, 0, math.NaN())
	model.Weights()[0] = math.NaN()
	start.Means[0] = math.NaN()
	mustEqual(t, "parameters after writing to copies", numbersOf(model.Parameters()), after)
	model.Reset()
	mustEqual(t, "parameters after Reset", numbersOf(model.Parameters()), numbersOf(given))
}

// TestResult: what Train returns is of the parameters that it leaves behind.
func TestResult(t *testing.T) {
	events, start := small(t)
	var seen []Progress
	model := mustNew(t, start.M, start.D, WithParameters(start), WithTolerance(1e-4), WithIterations(2, 50),
		WithProgress(func(p Progress) { seen = append(seen, p) }))
	result := mustTrain(t, model, events)
	if !result.Converged || result.Iterations < 2 || len(result.History) != result.Iterations+1 {
		t.Errorf("converged %v after %d iterations, %d totals", result.Converged, result.Iterations, len(result.History))
	}
	if last := result.History[result.Iterations]; result.LogLikelihood != last {
		t.Errorf("log-likelihood %v, the last of the history is %v", result.LogLikelihood, last)
	}
	if len(seen) != len(result.History) || seen[0].Iteration != 0 || seen[len(seen)-1].Iteration != result.Iterations {
		t.Errorf("progress %v of %d iterations", seen, result.Iterations)
	}
	change := (result.History[result.Iterations] - result.History[result.Iterations-1]) / float64(events.Len())
	if !(math.Abs(change) < 1e-4) {
		t.Errorf("converged at a change of %v", change)
	}
	scores, err := model.Score(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, v := range scores {
		total += v
	}
	if math.Abs(total-result.LogLikelihood) > 1e-9*math.Abs(total) {
		t.Errorf("log-likelihood %v: the scores sum to %v", result.LogLikelihood, total)
	}
	if result.Plan == nil || result.Plan.Device != DeviceReference || result.Training <= 0 {
		t.Errorf("plan %v, training took %v", result.Plan, result.Training)
	}
}

// TestNotConverged: a fit that runs out of iterations says so.
func TestNotConverged(t *testing.T) {
	events, start := small(t)
	result := mustTrain(t, mustNew(t, start.M, start.D, WithParameters(start), WithTolerance(1e-12), WithIterations(0, 1)), events)
	if result.Converged || result.Iterations != 1 || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "not converged") {
		t.Errorf("converged %v after %d, warnings %q", result.Converged, result.Iterations, result.Warnings)
	}
}

// TestNoIterations: 0 iterations score the start, and leave it.
func TestNoIterations(t *testing.T) {
	events, start := small(t)
	model := mustNew(t, start.M, start.D, WithParameters(start), WithIterations(0, 0))
	result := mustTrain(t, model, events)
	if result.Iterations != 0 || len(result.History) != 1 {
		t.Errorf("%d iterations, history %v", result.Iterations, result.History)
	}
	mustEqual(t, "parameters", numbersOf(model.Parameters()), numbersOf(start))
}

func TestTrainRefuses(t *testing.T) {
	events, start := small(t)
	with := func(v float64) Events { return viewed(t, []float64{0, 0, 1, v, 2, 2}, 3, 2) }
	for _, test := range []struct {
		name    string
		events  Events
		options []Option
		want    any
	}{
		{"no events", nil, nil, nil},
		{"no rows", (*mixture.Rows[float64])(nil), nil, nil},
		{"other dimensions", viewed(t, []float64{1, 2, 3}, 1, 3), nil, nil},
		{"NaN", with(math.NaN()), nil, new(*mixture.EventError)},
		{"infinity", with(math.Inf(-1)), nil, new(*mixture.EventError)},
		{"a number past all bounds", with(1e200), nil, new(*mixture.EventError)},
		{"weights too few", events, []Option{WithWeights([]float64{1})}, new(*mixture.ShapeError)},
		{"a negative weight", with(1), []Option{WithWeights([]float64{1, -1, 1})}, nil},
		{"a weight that is NaN", with(1), []Option{WithWeights([]float64{1, math.NaN(), 1})}, nil},
		{"weights that are all 0", with(1), []Option{WithWeights([]float64{0, 0, 0})}, nil},
	} {
		for _, device := range []string{DeviceAuto, DeviceCC, DeviceReference} {
			t.Run(test.name+"/"+device, func(t *testing.T) {
				model := mustNew(t, start.M, start.D, append(test.options, WithDevice(device), WithParameters(start))...)
				result, err := model.Train(t.Context(), test.events)
				if result != nil || err == nil || test.want != nil && !errors.As(err, test.want) {
					t.Errorf("result %v, error %v: want %T", result, err, test.want)
				}
				mustEqual(t, "parameters", numbersOf(model.Parameters()), numbersOf(start))
			})
		}
	}
}

// TestNothing: a context that is nil and a model that nobody made are errors, and nothing waits for them.
func TestNothing(t *testing.T) {
	events, start := small(t)
	model, none := mustNew(t, start.M, start.D, WithParameters(start)), &Model{}
	var null *Model
	for _, nothing := range []*Model{none, null} {
		nothing.Reset()
		if err := nothing.Close(); err != nil || nothing.Covariance() != "" || nothing.Parameters() != nil || nothing.Components()+nothing.Dimensions() != 0 {
			t.Errorf("closing no model: %v", err)
		}
	}
	var tuner *Tuner
	if err := tuner.Close(); err != nil {
		t.Errorf("closing no tuner: %v", err)
	}
	var absent context.Context
	for name, err := range map[string]func() error{
		"train without a context": func() error { _, err := model.Train(absent, events); return err },
		"score without a context": func() error { _, err := model.Score(absent, events); return err },
		"eval without a context":  func() error { _, _, err := model.Eval(absent, events); return err },
		"train no model":          func() error { _, err := none.Train(t.Context(), events); return err },
		"predict by no model":     func() error { _, err := none.Predict(t.Context(), events); return err },
		"save no model":           func() error { return none.Save(filepath.Join(t.TempDir(), "model.json")) },
		"train a nil model":       func() error { _, err := null.Train(t.Context(), events); return err },
		"score by a nil model":    func() error { _, err := null.Score(t.Context(), events); return err },
		"save a nil model":        func() error { return null.Save(filepath.Join(t.TempDir(), "model.json")) },
		"save without a name":     func() error { return model.Save("") },
		"write to nothing":        func() error { _, err := model.WriteTo(nil); return err },
		"read from nothing":       func() error { _, err := Read(nil); return err },
		"no wisdom":               func() error { _, err := ReadWisdom(nil); return err },
		"tune by no tuner":        func() error { _, err := tuner.Tune(t.Context(), 1, 1, 1); return err },
		"evaluate a vast matrix":  func() error { _, _, err := model.Eval(t.Context(), must(Matrix(vast{1 << 40, start.D}))); return err },
		"score a vast matrix":     func() error { _, err := model.Score(t.Context(), must(Matrix(vast{1 << 60, start.D}))); return err },
		"tune without a context": func() error {
			_, err := must(NewTuner(TunerOptions{}, WithDevice(DeviceCC), WithCacheDir(t.TempDir()))).Tune(absent, 1, 1, 1)
			return err
		},
		"vast parameters":     func() error { _, err := NewParameters(Full, nil, vast{1 << 40, 1 << 40}, nil); return err },
		"negative parameters": func() error { _, err := NewParameters(Full, nil, vast{-1, -1}, nil); return err },
		"vast events":         func() error { _, err := Matrix(vast{math.MaxInt, 2}); return err },
	} {
		if err := err(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// must returns a value of which there is no error.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// vast is a matrix that claims a size.
type vast struct{ rows, columns int }

func (v vast) Dims() (rows, columns int) { return v.rows, v.columns }
func (vast) At(int, int) float64         { return 0 }
func (v vast) T() mat.Matrix             { return v }

// TestRidgeWarns: a ridge that decides covariances, of events that are far from 0 for their width, is warned of; one that does not is
// not.
func TestRidgeWarns(t *testing.T) {
	for _, test := range []struct {
		offset  float64
		options []Option
		warns   bool
	}{{1.7e9, nil, true}, {1.7e9, []Option{WithRidge(1e-3)}, false}, {1e4, nil, false}, {0, []Option{WithRidge(1000)}, true}} {
		x := make([]float64, 200)
		for i := range x {
			x[i] = float64(i * i % 37)
			if i%2 == 1 {
				x[i] += test.offset
			}
		}
		result := mustTrain(t, mustNew(t, 1, 2, test.options...), viewed(t, x, 100, 2))
		warned := slices.ContainsFunc(result.Warnings, func(w string) bool {
			return strings.Contains(w, "the ridge is more than half of the events' variance in ") && strings.Contains(w, "x2")
		})
		if warned != test.warns {
			t.Errorf("offset %g: warnings %q", test.offset, result.Warnings)
		}
	}
}

// TestCancel: a fit that is cancelled after an iteration is that of so many iterations, and its result and the context's
// error are returned.
func TestCancel(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		events, start := sampled(t, corpus.Random(1, 20_000, 3, 4, Full))
		const last = 2
		ctx, cancel := context.WithCancel(t.Context())
		model := on.model(t, start.M, start.D, WithParameters(start), WithTolerance(0), WithProgress(func(p Progress) {
			if p.Iteration == last {
				cancel()
			}
		}))
		result, err := model.Train(ctx, events)
		if !errors.Is(err, context.Canceled) || result == nil || result.Iterations != last || len(result.History) != last+1 {
			t.Fatalf("result %+v, error %v", result, err)
		}
		want := on.model(t, start.M, start.D, WithParameters(start), WithTolerance(0), WithIterations(0, last))
		wanted := on.train(t, want, events)
		mustEqual(t, "parameters", numbersOf(model.Parameters()), numbersOf(want.Parameters()))
		// The last pass of a fit that was to end there scores, and sums no statistics: another kernel, in another order.
		if difference := math.Abs(result.LogLikelihood-wanted.LogLikelihood) / float64(events.Len()); !(difference <= on.logDensities) {
			t.Errorf("log-likelihood %v: want %v", result.LogLikelihood, wanted.LogLikelihood)
		}

		// Cancelled from the first, there is no result, and the model is as it was.
		result, err = model.Train(ctx, events)
		if !errors.Is(err, context.Canceled) || result != nil {
			t.Errorf("cancelled before: result %v, error %v", result, err)
		}
		mustEqual(t, "parameters", numbersOf(model.Parameters()), numbersOf(want.Parameters()))
		if _, err := model.Score(ctx, events); !errors.Is(err, context.Canceled) {
			t.Errorf("score: %v", err)
		}
	})
}

// TestCancelWaiting: a Train that waits for another one can be cancelled, too.
func TestCancelWaiting(t *testing.T) {
	events, start := small(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	model := mustNew(t, start.M, start.D, WithParameters(start), WithProgress(func(p Progress) {
		if p.Iteration == 0 {
			close(inside)
			<-leave
		}
	}))
	first := make(chan error)
	go func() {
		_, err := model.Train(context.Background(), events)
		first <- err
	}()
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := model.Train(ctx, events); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v: want context.DeadlineExceeded", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// TestWeightsAreOfTraining: scores know no weights, and a fit of equal weights is one without.
func TestWeightsAreOfTraining(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		events, start := sampled(t, corpus.Random(1, 2500, 3, 4, Diag))
		equal, _ := on.fitted(t, start, events, WithWeights(slices.Repeat([]float64{4}, events.Len())))
		plain, _ := on.fitted(t, start, events)
		on.sameFit(t, equal.Parameters(), plain.Parameters())
		few := viewed(t, make([]float64, 8), 2, 4) // fewer than there are weights
		if scores, err := equal.Score(t.Context(), few); err != nil || len(scores) != 2 {
			t.Errorf("scores %v, error %v", scores, err)
		}
	})
}

// TestServedByTheReference: what no kernel knows is done by the reference, and the plan says why.
func TestServedByTheReference(t *testing.T) {
	sample := corpus.Random(1, 400, 2, 2, Full)
	events, start := sampled(t, sample)
	missing := slices.Clone(sample.X)
	for i := 0; i < len(missing); i += 7 {
		missing[i] = math.NaN()
	}
	for _, test := range []struct {
		name   string
		option Option
		events Events
		reason string
	}{
		{"hard assignment", WithHardAssignment(), events, "hard assignment"},
		{"missing values", WithMissingValues(), viewed(t, missing, sample.N, sample.D), "missing values"},
	} {
		t.Run(test.name, func(t *testing.T) {
			auto := mustNew(t, start.M, start.D, WithParameters(start), test.option, WithIterations(0, 5))
			if result := mustTrain(t, auto, test.events); result.Plan.Device != DeviceReference || len(slices.DeleteFunc(result.Warnings,
				func(w string) bool { return strings.Contains(w, "not converged") })) != 0 {
				t.Errorf("auto: device %s, warnings %q", result.Plan.Device, result.Warnings)
			}
			forced := mustNew(t, start.M, start.D, WithParameters(start), test.option, WithIterations(0, 5), WithDevice(DeviceCC))
			result := mustTrain(t, forced, test.events)
			if result.Plan.Device != DeviceReference || !strings.Contains(result.Plan.String(), test.reason) {
				t.Errorf("cc: device %s, plan\n%v", result.Plan.Device, result.Plan)
			}
			mustEqual(t, "parameters", numbersOf(forced.Parameters()), numbersOf(auto.Parameters()))
			if _, err := auto.Score(t.Context(), test.events); err != nil {
				t.Error(err)
			}
		})
	}
	// A plan that does look for more says so as well.
	plan, err := Explain(64, 19, 1_000_000, WithHardAssignment())
	if err != nil || plan.Device != DeviceReference || !strings.Contains(plan.String(), "hard assignment") {
		t.Errorf("plan %v, error %v", plan, err)
	}
	if _, err := Render(2, 2, WithHardAssignment()); err == nil || !strings.Contains(err.Error(), "hard assignment") {
		t.Errorf("render: %v: want the reason", err)
	}
}
