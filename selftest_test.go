package gmmspec

import (
	"context"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/variants"
)

// iterating goes on by itself, with means that are off by a factor, or totals.
type iterating struct {
	mixture.Loaded
	means, totals float64
}

func (i iterating) Iterate(ctx context.Context, start *mixture.Parameters, prior mixture.Prior, limits mixture.Limits) (*mixture.Run, error) {
	run := &mixture.Run{Parameters: start}
	for pass := range limits.Passes {
		if pass > 0 {
			next, _, err := mixture.Update(run.Statistics, prior, run.Parameters)
			if err != nil {
				return nil, err
			}
			for k := range next.Means {
				next.Means[k] *= i.means
			}
			run.Parameters = next
		}
		s, err := i.Accumulate(ctx, run.Parameters)
		if err != nil {
			return nil, err
		}
		run.Statistics, run.Totals = s, append(run.Totals, s.LogLikelihood*i.totals)
	}
	return run, nil
}

// TestSelfTestOfIterations: passes and M-steps that a device makes by itself are judged with the rest.
func TestSelfTestOfIterations(t *testing.T) {
	plan := &Plan{Problem: variants.Problem{M: 33, D: 19, N: 1_000_000, Covariance: variants.Full, Precision: variants.Float32}}
	data, p, err := selfTestProblem(plan.Problem)
	if err != nil {
		t.Fatal(err)
	}
	summary, err := mixture.Summarize(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := reference.New().Load(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		device iterating
		fails  bool
	}{
		"right":        {iterating{loaded, 1, 1}, false},
		"wrong means":  {iterating{loaded, 1.01, 1}, true},
		"wrong totals": {iterating{loaded, 1, 1.01}, true},
	} {
		measures, err := selfTestIterate(t.Context(), test.device, loaded, data, mixture.RelativePrior(summary), p)
		if err != nil {
			t.Fatal(err)
		}
		worst := compare.Worst(measures...)
		if fails := selfTestTolerance(plan, variants.Accumulate).Judge(worst.Error) == compare.Wrong; fails != test.fails {
			t.Errorf("%s: fails %t, want %t: %v", name, fails, test.fails, worst)
		}
	}
	if measures, err := selfTestIterate(t.Context(), loaded, loaded, data, mixture.RelativePrior(summary), p); err != nil || measures != nil {
		t.Errorf("a device that does not go on by itself: measures %v, error %v", measures, err)
	}
}
