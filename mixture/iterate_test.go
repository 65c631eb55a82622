package mixture_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
)

// looping is a script on a device that goes on by itself, for as long as it is let, or up to where it hands over.
type looping struct {
	*script
	hands int  // the iteration whose pass is for the host; 0 for none
	empty bool // it never does anything
	calls []mixture.Limits
}

func (l *looping) Iterate(ctx context.Context, start *mixture.Parameters, _ mixture.Prior, limits mixture.Limits) (*mixture.Run, error) {
	l.calls = append(l.calls, limits)
	if l.empty {
		return nil, nil
	}
	run, before := &mixture.Run{}, limits.Previous
	for p := start; ; p = at(int(p.Means[0]) + 1) {
		i := int(p.Means[0])
		if i == l.hands {
			run.Next, run.Statistics = p, nil
			return run, nil
		}
		statistics, err := l.Accumulate(ctx, p)
		if err != nil {
			return nil, err
		}
		run.Parameters, run.Statistics = p, statistics
		run.Totals = append(run.Totals, l.totals[i])
		if len(run.Totals) == limits.Passes || len(run.Totals) >= limits.Least && math.Abs(l.totals[i]-before) < limits.Tolerance {
			return run, nil
		}
		before = l.totals[i]
	}
}

// at is the script's iteration i.
func at(i int) *mixture.Parameters {
	p := scriptStart()
	p.Means[0] = float64(i)
	return p
}

// TestIterate holds that a fit is the same whether the device goes on by itself or not, wherever it hands over.
func TestIterate(t *testing.T) {
	totals := []float64{-90, -50, -30, -20, -15, -12, -11, -10.6, -10.5, -10.45, -10.44}
	for name, options := range map[string]mixture.TrainOptions{
		"all":       {MaxIterations: 10},
		"one":       {MaxIterations: 1},
		"converges": {MaxIterations: 10, Tolerance: 0.5},
		"at least":  {MaxIterations: 10, Tolerance: 0.5, MinIterations: 9},
	} {
		for hands := range totals {
			plain := &script{totals: totals, weight: 1}
			want, err := plain.train(t, options)
			if err != nil {
				t.Fatal(err)
			}
			device := &looping{script: &script{totals: totals, weight: 1}, hands: hands}
			var steps []int
			options.Progress = func(p mixture.Progress) { steps = append(steps, p.Iteration) }
			got, err := mixture.Train(t.Context(), device, scriptStart(), scriptPrior(), options)
			if err != nil {
				t.Fatal(err)
			}
			if got.Iterations != want.Iterations || got.Converged != want.Converged || !slices.Equal(got.History, want.History) ||
				got.Parameters.Means[0] != want.Parameters.Means[0] || !slices.Equal(got.Warnings, want.Warnings) {
				t.Errorf("%s, handed over at %d: %+v, want %+v", name, hands, got, want)
			}
			for i, step := range steps {
				if step != i {
					t.Errorf("%s: progress tells of %v", name, steps)
					break
				}
			}
			if calls := len(device.calls); options.MaxIterations > 1 != (calls > 0) {
				t.Errorf("%s: the device was let go on %d times", name, calls)
			}
			if len(device.passes) != len(plain.passes) {
				t.Errorf("%s, handed over at %d: %d passes, want %d", name, hands, len(device.passes), len(plain.passes))
			}
		}
	}
	device := &looping{script: &script{totals: totals, weight: 1}, empty: true}
	fit, err := mixture.Train(t.Context(), device, scriptStart(), scriptPrior(), mixture.TrainOptions{MaxIterations: 5})
	if err != nil {
		t.Fatal(err)
	}
	device.wantIteration(t, fit, 5)
}
