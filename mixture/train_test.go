package mixture_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
)

// script is loaded events whose passes are written down: the parameters of iteration i have the mean i, and totals[i] for
// log-likelihood.
type script struct {
	mixture.Loaded
	totals []float64
	weight float64       // of all events together
	fail   map[int]error // what the pass over iteration i returns
	onPass func(i int)
	passes []string
}

func (s *script) pass(kind string, p *mixture.Parameters) (i int, err error) {
	i = int(p.Means[0])
	s.passes = append(s.passes, kind)
	if s.onPass != nil {
		s.onPass(i)
	}
	return i, s.fail[i]
}

func (s *script) Accumulate(_ context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	i, err := s.pass("accumulate", p)
	if err != nil {
		return nil, err
	}
	t := mixture.NewStatistics(mixture.Diag, 1, 1, p.Means)
	t.Events, t.EventWeight, t.LogLikelihood = 1, s.weight, s.totals[i]
	t.Weights[0], t.First[0], t.Second[0] = s.weight, s.weight, 2*s.weight // the next mean is one more, the variance 1
	return t, nil
}

func (s *script) Score(_ context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	i, err := s.pass("score", p)
	if err == nil {
		out.Total = s.totals[i]
	}
	return err
}

// scriptStart is iteration 0.
func scriptStart() *mixture.Parameters {
	return &mixture.Parameters{
		Covariance: mixture.Diag, M: 1, D: 1,
		Weights: []float64{1}, Means: []float64{0}, Covariances: []float64{1},
	}
}

// scriptPrior adds nothing.
func scriptPrior() mixture.Prior { return mixture.Prior{Ridge: []float64{0}, Floor: []float64{1}} }

func (s *script) train(t *testing.T, options mixture.TrainOptions) (*mixture.Fit, error) {
	t.Helper()
	return mixture.Train(t.Context(), s, scriptStart(), scriptPrior(), options)
}

// wantIteration fails unless fit is that of iteration i, complete.
func (s *script) wantIteration(t *testing.T, fit *mixture.Fit, i int) {
	t.Helper()
	if fit == nil {
		t.Fatal("there is no fit")
	}
	if fit.Iterations != i || fit.Parameters.Means[0] != float64(i) || fit.LogLikelihood != s.totals[i] || !slices.Equal(fit.History, s.totals[:i+1]) {
		t.Errorf("got %+v with mean %v: want iteration %d and history %v", fit, fit.Parameters.Means[0], i, s.totals[:i+1])
	}
}

// TestTrainStops: totals of 4 events' weight change by 4, 2, 1 and so on, their means by 1, 1/2, 1/4.
func TestTrainStops(t *testing.T) {
	totals := []float64{-10, -6, -4, -3, -2.5, -2.25, -2.25, -2.25}
	for _, test := range []struct {
		name       string
		options    mixture.TrainOptions
		iterations int
		converged  bool
	}{
		{"change below the tolerance", mixture.TrainOptions{Tolerance: 0.3, MaxIterations: 7}, 3, true},
		{"change at the tolerance goes on", mixture.TrainOptions{Tolerance: 0.25, MaxIterations: 7}, 4, true},
		{"at least", mixture.TrainOptions{Tolerance: 0.3, MinIterations: 5, MaxIterations: 7}, 5, true},
		{"at least fewer than it takes", mixture.TrainOptions{Tolerance: 0.3, MinIterations: 2, MaxIterations: 7}, 3, true},
		{"at most", mixture.TrainOptions{Tolerance: 0.3, MaxIterations: 2}, 2, false},
		{"at most, and converged", mixture.TrainOptions{Tolerance: 0.3, MaxIterations: 3}, 3, true},
		{"at least more than at most", mixture.TrainOptions{Tolerance: 0.3, MinIterations: 9, MaxIterations: 4}, 4, false},
		{"no tolerance, even without change", mixture.TrainOptions{MaxIterations: 7}, 7, false},
		{"no iterations", mixture.TrainOptions{Tolerance: 0.3}, 0, false},
		{"any tolerance", mixture.TrainOptions{Tolerance: math.Inf(1), MaxIterations: 7}, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{totals: totals, weight: 4}
			fit, err := s.train(t, test.options)
			if err != nil {
				t.Fatal(err)
			}
			s.wantIteration(t, fit, test.iterations)
			if fit.Converged != test.converged {
				t.Errorf("converged: %v, want %v", fit.Converged, test.converged)
			}
		})
	}
}

// TestTrainFallingLikelihood: a change is a change whatever its sign.
func TestTrainFallingLikelihood(t *testing.T) {
	s := &script{totals: []float64{-1, -5, -9, -9.5}, weight: 1}
	fit, err := s.train(t, mixture.TrainOptions{Tolerance: 1, MaxIterations: 10})
	if err != nil {
		t.Fatal(err)
	}
	s.wantIteration(t, fit, 3)
}

// TestTrainPasses: an iteration is one pass, and the last pass, which needs no statistics, a score.
func TestTrainPasses(t *testing.T) {
	for _, test := range []struct {
		max  int
		want []string
	}{
		{0, []string{"score"}},
		{1, []string{"accumulate", "score"}},
		{3, []string{"accumulate", "accumulate", "accumulate", "score"}},
	} {
		s := &script{totals: []float64{0, 1, 2, 3}, weight: 1}
		if _, err := s.train(t, mixture.TrainOptions{MaxIterations: test.max}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.passes, test.want) {
			t.Errorf("max iterations %d: passes %v, want %v", test.max, s.passes, test.want)
		}
	}
}

func TestTrainProgress(t *testing.T) {
	var got []mixture.Progress
	s := &script{totals: []float64{-10, -6, -8}, weight: 4}
	if _, err := s.train(t, mixture.TrainOptions{MaxIterations: 2, Progress: func(p mixture.Progress) { got = append(got, p) }}); err != nil {
		t.Fatal(err)
	}
	want := []mixture.Progress{
		{Iteration: 0, LogLikelihood: -10, Change: 0},
		{Iteration: 1, LogLikelihood: -6, Change: 1},
		{Iteration: 2, LogLikelihood: -8, Change: -0.5},
	}
	if !slices.Equal(got, want) {
		t.Errorf("progress %+v, want %+v", got, want)
	}
}

// TestTrainInterrupted: whatever goes wrong after the start is scored leaves the last complete iteration.
func TestTrainInterrupted(t *testing.T) {
	broken := errors.New("the device fell off the bus")
	for _, test := range []struct {
		name string
		s    *script
		at   int
		want error // nil for one of Train's own
	}{
		{"while accumulating", &script{totals: []float64{1, 2, 3, 4}, weight: 1, fail: map[int]error{2: broken}}, 1, broken},
		{"while scoring", &script{totals: []float64{1, 2, 3, 4}, weight: 1, fail: map[int]error{3: broken}}, 2, broken},
		{"NaN while accumulating", &script{totals: []float64{1, 2, math.NaN(), 4}, weight: 1}, 1, nil},
		{"-Inf while scoring", &script{totals: []float64{1, 2, 3, math.Inf(-1)}, weight: 1}, 2, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			fit, err := test.s.train(t, mixture.TrainOptions{Tolerance: 0.1, MaxIterations: 3})
			test.s.wantIteration(t, fit, test.at)
			if fit.Converged || len(fit.Warnings) > 0 {
				t.Errorf("a fit that was interrupted is %+v", fit)
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if test.want == nil {
				wantError(t, err, "mixture: the log-likelihood is not finite")
			}
		})
	}
}

// TestTrainWithoutStart: when not even the start is scored there is no fit.
func TestTrainWithoutStart(t *testing.T) {
	broken := errors.New("no such device")
	for _, max := range []int{0, 1} {
		fit, err := (&script{fail: map[int]error{0: broken}}).train(t, mixture.TrainOptions{MaxIterations: max})
		if fit != nil || !errors.Is(err, broken) {
			t.Errorf("max iterations %d: got %+v, %v", max, fit, err)
		}
		fit, err = (&script{totals: []float64{math.NaN()}, weight: 1}).train(t, mixture.TrainOptions{MaxIterations: max})
		if fit != nil || err == nil {
			t.Errorf("max iterations %d: got %+v, %v", max, fit, err)
		}
	}
}

// TestTrainCancelled between iterations: the pass that was under way counts.
func TestTrainCancelled(t *testing.T) {
	for at := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{totals: []float64{1, 2, 3, 4}, weight: 1, onPass: func(i int) {
			if i == at {
				cancel()
			}
		}}
		fit, err := mixture.Train(ctx, s, scriptStart(), scriptPrior(), mixture.TrainOptions{MaxIterations: 3})
		s.wantIteration(t, fit, at)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	}
}

// TestTrainCancelledInTheEnd: there is nothing left to cancel.
func TestTrainCancelledInTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &script{totals: []float64{1, 2}, weight: 1, onPass: func(i int) {
		if i == 1 {
			cancel()
		}
	}}
	fit, err := mixture.Train(ctx, s, scriptStart(), scriptPrior(), mixture.TrainOptions{MaxIterations: 1})
	if err != nil {
		t.Error(err)
	}
	s.wantIteration(t, fit, 1)
}

func TestTrainRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		start   func(p *mixture.Parameters)
		prior   mixture.Prior
		options mixture.TrainOptions
		want    string
	}{
		{"start", func(p *mixture.Parameters) { p.Weights[0] = 2 }, scriptPrior(), mixture.TrainOptions{}, "weights: sum to 2"},
		{"tolerance", nil, scriptPrior(), mixture.TrainOptions{Tolerance: -1}, "the tolerance is -1"},
		{"NaN tolerance", nil, scriptPrior(), mixture.TrainOptions{Tolerance: math.NaN()}, "the tolerance is NaN"},
		{"min", nil, scriptPrior(), mixture.TrainOptions{MinIterations: -2}, "min iterations is -2"},
		{"max", nil, scriptPrior(), mixture.TrainOptions{MaxIterations: -3}, "max iterations is -3"},
		{"no prior", nil, mixture.Prior{}, mixture.TrainOptions{}, "length of the prior's ridge: got 0, want 1"},
		{"no floor", nil, mixture.Prior{Ridge: []float64{1}}, mixture.TrainOptions{}, "length of the prior's floor: got 0, want 1"},
		{"ridge", nil, mixture.Prior{Ridge: []float64{-1}, Floor: []float64{1}}, mixture.TrainOptions{}, "the ridge of dimension 0 is -1"},
		{"NaN ridge", nil, mixture.Prior{Ridge: []float64{math.NaN()}, Floor: []float64{1}}, mixture.TrainOptions{}, "ridge of dimension 0 is NaN"},
		{"floor", nil, mixture.Prior{Ridge: []float64{1}, Floor: []float64{0}}, mixture.TrainOptions{}, "the floor of dimension 0 is 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, start := &script{totals: []float64{0}, weight: 1}, scriptStart()
			if test.start != nil {
				test.start(start)
			}
			fit, err := mixture.Train(t.Context(), s, start, test.prior, test.options)
			wantError(t, err, "mixture: ", test.want)
			if fit != nil || len(s.passes) > 0 {
				t.Errorf("got %+v after passes %v", fit, s.passes)
			}
		})
	}
	_, err := mixture.Train(t.Context(), &script{}, nil, scriptPrior(), mixture.TrainOptions{})
	wantParameterError(t, err, "parameters", -1, "there are none")
}

// TestTrainWithoutWeight: events that weigh next to nothing cannot be shared.
func TestTrainWithoutWeight(t *testing.T) {
	for _, weight := range []float64{0, 1e-10, math.NaN()} {
		fit, err := (&script{totals: []float64{0, 0}, weight: weight}).train(t, mixture.TrainOptions{MaxIterations: 1})
		wantError(t, err, "mixture: the weights of all events sum to", "1 components")
		if fit != nil {
			t.Errorf("got %+v", fit)
		}
	}
}

// TestTrainLeavesStart: the start is neither changed nor part of the fit.
func TestTrainLeavesStart(t *testing.T) {
	start := scriptStart()
	s := &script{totals: []float64{0, 1}, weight: 1}
	fit, err := mixture.Train(t.Context(), s, start, scriptPrior(), mixture.TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	start.Means[0] = 5
	s.wantIteration(t, fit, 0)
}

// updater is a script with an M-step of its own.
type updater struct {
	*script
	err error
}

func (u *updater) Update(s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters) (*mixture.Parameters, mixture.Report, error) {
	p, _, err := mixture.Update(s, prior, previous)
	return p, mixture.Report{Floored: []int{0}}, errors.Join(err, u.err)
}

// TestTrainUpdater: the device's M-step is taken where it has one, its report and its errors.
func TestTrainUpdater(t *testing.T) {
	u := &updater{script: &script{totals: []float64{0, 1}, weight: 1}}
	fit, err := mixture.Train(t.Context(), u, scriptStart(), scriptPrior(), mixture.TrainOptions{MaxIterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	u.wantIteration(t, fit, 1)
	if len(fit.Warnings) != 1 {
		t.Errorf("warnings %q, want that of the device's report", fit.Warnings)
	}
	u.err = errors.New("the kernel hangs")
	fit, err = mixture.Train(t.Context(), u, scriptStart(), scriptPrior(), mixture.TrainOptions{MaxIterations: 1})
	u.wantIteration(t, fit, 0)
	if !errors.Is(err, u.err) {
		t.Errorf("error %v, want %v", err, u.err)
	}
}

// load returns the events with the reference for device.
func load(t *testing.T, data mixture.Data) mixture.Loaded {
	t.Helper()
	device := reference.New()
	loaded, err := device.Load(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(loaded.Close(), device.Close()); err != nil {
			t.Error(err)
		}
	})
	return loaded
}

// TestTrainOnReference: the log-likelihood returned is that of the parameters left behind, it never falls, and the fit is
// that of the judge's own EM.
func TestTrainOnReference(t *testing.T) {
	const iterations = 5
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		for _, hard := range []bool{false, true} {
			s := corpus.Random(1, 300, 3, 2, c)
			data := mixture.Data{Events: float64s(t, s.X, s.D), Hard: hard}
			prior := mixture.RelativePrior(summarize(t, data))
			loaded := load(t, data)
			fit, err := mixture.Train(t.Context(), loaded, s.Start, prior, mixture.TrainOptions{MaxIterations: iterations})
			if err != nil {
				t.Fatal(err)
			}
			if len(fit.History) != iterations+1 || fit.Iterations != iterations {
				t.Errorf("history %v after %d iterations", fit.History, fit.Iterations)
			}
			var scores mixture.Scores
			if err := loaded.Score(t.Context(), fit.Parameters, &scores); err != nil {
				t.Fatal(err)
			}
			rounding().Check(t, compare.Relative("log-likelihood", []float64{fit.LogLikelihood}, []float64{scores.Total}))
			for i, l := range fit.History[1:] {
				if l < fit.History[i] && !hard {
					t.Errorf("the log-likelihood falls at iteration %d: %v", i+1, fit.History)
				}
			}
			want, err := reference.Fit(data, s.Start, prior, iterations)
			if err != nil {
				t.Fatal(err)
			}
			manySums := compare.Tolerance{Warn: 1e-10, Fail: 1e-8} // rounding, carried through some iterations
			manySums.Check(t, append(compare.Parameters(fit.Parameters, want.Parameters), compare.Relative("history", fit.History, want.History))...)
		}
	})
}

// TestTrainConvergesOnReference: with a tolerance, the last change is below it and no earlier one is.
func TestTrainConvergesOnReference(t *testing.T) {
	const tolerance = 1e-4
	s := corpus.Random(2, 300, 2, 2, mixture.Full)
	data := mixture.Data{Events: float64s(t, s.X, s.D)}
	options := mixture.TrainOptions{Tolerance: tolerance, MaxIterations: mixture.DefaultMaxIterations}
	fit, err := mixture.Train(t.Context(), load(t, data), s.Start, mixture.RelativePrior(summarize(t, data)), options)
	if err != nil {
		t.Fatal(err)
	}
	if !fit.Converged || len(fit.Warnings) > 0 {
		t.Fatalf("not converged: %+v", fit)
	}
	for i, l := range fit.History[1:] {
		change, last := math.Abs(l-fit.History[i])/float64(s.N), i+1 == fit.Iterations
		if (change < tolerance) != last {
			t.Errorf("iteration %d of %d changed by %g", i+1, fit.Iterations, change)
		}
	}
}

// TestTrainWarnings spells out what people are told.
func TestTrainWarnings(t *testing.T) {
	loose := mixture.TrainOptions{Tolerance: math.Inf(1), MaxIterations: 3}
	for _, test := range []struct {
		name    string
		data    []float64
		m       int
		c       mixture.Covariance
		means   []float64
		ridge   float64
		options mixture.TrainOptions
		want    []string
	}{
		{"nothing", []float64{1, 2, 3, 7, 8, 9}, 2, mixture.Diag, []float64{2, 8}, 0, loose, nil},
		{
			"not converged",
			[]float64{1, 2, 3, 7, 8, 9},
			2, mixture.Diag,
			[]float64{2, 8},
			0,
			mixture.TrainOptions{Tolerance: 1e-300, MaxIterations: 1},
			[]string{"not converged after 1 iterations at a tolerance of 1e-300"},
		},
		{"no tolerance to converge at", []float64{1, 2, 3, 7, 8, 9}, 2, mixture.Diag, []float64{2, 8}, 0, mixture.TrainOptions{MaxIterations: 1}, nil},
		{
			"empty",
			[]float64{1, 2, 3},
			2, mixture.Diag,
			[]float64{2, 1000},
			0, loose,
			[]string{"no event belongs to component 1: the mean stays, with weight 0"},
		},
		{
			"many empty",
			[]float64{1, 2, 3},
			11, mixture.Full,
			[]float64{2, 91, 92, 93, 94, 95, 96, 97, 98, 99, 90},
			0, loose,
			[]string{"no event belongs to components 1, 2, 3, 4, 5, 6, 7, 8 and 2 more: the mean stays, with weight 0"},
		},
		{
			"floored",
			[]float64{1, 1, 1, 70, 80, 90},
			2, mixture.Spherical,
			[]float64{1, 80},
			0, loose,
			[]string{"the covariance of component 0 was not positive definite: a ridge was added"},
		},
		{
			"shared and floored",
			[]float64{1, 1, 80, 80},
			2, mixture.Tied,
			[]float64{1, 80},
			0, loose,
			[]string{"the covariance of all components was not positive definite: a ridge was added"},
		},
		{
			"collapsed onto the ridge",
			[]float64{1, 1, 1, 70, 80, 90},
			2, mixture.Full,
			[]float64{1, 80},
			1e-3, loose,
			[]string{"at least half of every variance of component 0 is the ridge: its events lie closer together than that"},
		},
		{
			"all collapsed onto the ridge",
			[]float64{1, 1, 80, 80},
			2, mixture.Tied,
			[]float64{1, 80},
			1e-3, loose,
			[]string{"at least half of every variance of all components is the ridge: its events lie closer together than that"},
		},
		{
			"empty, which has nothing but ridge",
			[]float64{1, 2, 3},
			2, mixture.Diag,
			[]float64{2, 1000},
			1e-3, loose,
			[]string{"no event belongs to component 1: the mean stays, with weight 0"},
		},
		{"a start like the ridge", []float64{1, 2, 3}, 1, mixture.Diag, []float64{2}, 1, mixture.TrainOptions{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := mixture.Data{Events: float64s(t, test.data, 1)}
			start := mixture.NewParameters(test.c, test.m, 1)
			copy(start.Means, test.means)
			for i := range start.Weights {
				start.Weights[i] = 1 / float64(test.m)
			}
			for i := range start.Covariances {
				start.Covariances[i] = 1
			}
			prior := mixture.AbsolutePrior(summarize(t, data), test.ridge)
			fit, err := mixture.Train(t.Context(), load(t, data), start, prior, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(fit.Warnings, test.want) {
				t.Errorf("warnings %q\nwant %q", fit.Warnings, test.want)
			}
		})
	}
}

// TestTrainInterruptedWarns: a fit that is cut short still says what its last M-step had to mend.
func TestTrainInterruptedWarns(t *testing.T) {
	broken := errors.New("out of power")
	u := &updater{script: &script{totals: []float64{0, 1, 2}, weight: 1, fail: map[int]error{2: broken}}}
	fit, err := mixture.Train(t.Context(), u, scriptStart(), scriptPrior(), mixture.TrainOptions{Tolerance: 1e-3, MaxIterations: 3})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	u.wantIteration(t, fit, 1)
	if len(fit.Warnings) != 1 {
		t.Errorf("warnings %q, want that of the report alone", fit.Warnings)
	}
}

// TestTrainScaledWeights: events of twice the weight lead to the same fit.
func TestTrainScaledWeights(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	s := corpus.Random(3, 200, 2, 2, mixture.Full)
	weights, twice := make([]float64, s.N), make([]float64, s.N)
	for i := range weights {
		weights[i] = random.Float64()
		twice[i] = 2 * weights[i]
	}
	var fits []*mixture.Fit
	for _, w := range [][]float64{weights, twice} {
		data := mixture.Data{Events: float64s(t, s.X, s.D), Weights: w}
		options := mixture.TrainOptions{Tolerance: 1e-3, MaxIterations: 50}
		fit, err := mixture.Train(t.Context(), load(t, data), s.Start, mixture.RelativePrior(summarize(t, data)), options)
		if err != nil {
			t.Fatal(err)
		}
		fits = append(fits, fit)
	}
	if fits[0].Iterations != fits[1].Iterations {
		t.Errorf("%d iterations and %d", fits[0].Iterations, fits[1].Iterations)
	}
	compare.Exact().Check(t,
		compare.Bits("means", fits[1].Parameters.Means, fits[0].Parameters.Means),
		compare.Bits("covariances", fits[1].Parameters.Covariances, fits[0].Parameters.Covariances),
		compare.Bits("log-likelihood", []float64{fits[1].LogLikelihood}, []float64{2 * fits[0].LogLikelihood}))
}
