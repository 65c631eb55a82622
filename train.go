package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
)

// Result is what a Train has done.
type Result struct {
	// LogLikelihood is Σ_n w_n log p(x_n) under the parameters that Train left behind, with weights w_n of 1 unless there are
	// others; under hard assignment Σ_n w_n max_m log(π_m N(x_n | μ_m, Σ_m)).
	LogLikelihood float64
	// Iterations is the number of EM iterations done.
	Iterations int
	// Converged reports whether the tolerance was met.
	Converged bool
	// History holds the total log-likelihood of the start and after each iteration, Iterations + 1 numbers.
	History []float64
	// Warnings are for people, one sentence each.
	Warnings []string
	// Plan is what ran.
	Plan *Plan
	// Training is how long the EM loop took, uploads included; Compiling is what came before it, from planning to the self-test
	// of the kernels.
	Training, Compiling time.Duration
}

// Train runs expectation maximisation on the events until the mean log-likelihood changes by less than the tolerance or the
// iterations are spent. An unseeded model takes its first parameters from the events; a model that was trained before goes on
// from where it is.
//
// When ctx is cancelled, Train stops between iterations, or sooner: the model keeps the last complete one, and both its result
// and ctx's error are returned. The result is nil where not even the start was scored. Any other error leaves the model as it
// was.
func (m *Model) Train(ctx context.Context, events Events) (*Result, error) {
	if err := m.check(ctx, events); err != nil {
		return nil, err
	}
	select {
	case m.training <- struct{}{}:
		defer func() { <-m.training }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p, err := m.prepare(ctx, events)
	if err != nil {
		return nil, err
	}
	return m.train(ctx, p, nil)
}

// prepared is what a fit begins with.
type prepared struct {
	data    mixture.Data
	summary *mixture.Summary
	prior   mixture.Prior
	start   *Parameters
}

// prepare looks at the events of a fit.
func (m *Model) prepare(ctx context.Context, events Events) (*prepared, error) {
	s := m.settings
	data := mixture.Data{Events: events, Weights: s.weights, Hard: s.hard, Missing: s.missing}
	summary, err := summarize(ctx, data)
	if err != nil {
		return nil, err
	}
	data.Summary = summary
	p := &prepared{data: data, summary: summary, prior: mixture.RelativePrior(summary), start: m.current()}
	if s.ownRidge {
		p.prior = mixture.AbsolutePrior(summary, s.ridge)
	}
	if p.start == nil {
		p.start = s.start.First(data, summary, s.covariance, m.m, s.seed, p.prior)
	}
	return p, nil
}

// train fits from where a fit has come to in whatever precision, or from the start where that is nil.
func (m *Model) train(ctx context.Context, p *prepared, fit *mixture.Fit) (*Result, error) {
	job := job{components: m.m, data: p.data, need: autotune.Need{Train: true, Passes: m.settings.expectedPasses()}}
	result := &Result{}
	began := time.Now()
	err := m.devices.run(ctx, job, func(plan *Plan, load func() (mixture.Loaded, error)) error {
		result.Plan = plan
		result.Compiling += time.Since(began)
		began = time.Now()
		defer func() { result.Training, began = time.Since(began), time.Now() }()
		events, err := load()
		if err != nil {
			return err
		}
		fit, err = m.settings.goOn(ctx, p.data, events, p.start, p.prior, fit)
		if err == nil && plan.Explores() {
			if err := m.settings.explored(ctx, plan, events, fit.Parameters); err != nil {
				fit.Warnings = append(fit.Warnings, unkept(err))
			}
		}
		return err
	}, func(warning string) { result.Warnings = append(result.Warnings, warning) })
	if fit == nil || (err != nil && ctx.Err() == nil) {
		return nil, err
	}
	m.finish(p, fit, result, result.Plan.Variants())
	return result, err
}

// finish makes a fit the model's, which the variants have made, and says in the result what became of it.
func (m *Model) finish(p *prepared, fit *mixture.Fit, result *Result, variants []string) {
	result.LogLikelihood, result.Iterations, result.Converged = fit.LogLikelihood, fit.Iterations, fit.Converged
	result.History = fit.History
	result.Warnings = slices.Concat(result.Warnings, p.summary.Warnings(), p.prior.Warnings(p.summary), fit.Warnings)
	m.keep(fit, result, p.data.Events.Len(), variants)
}

// goOn trains from where a fit has come to, or from start where that is nil, and returns all of it.
func (s *settings) goOn(ctx context.Context, data mixture.Data, events mixture.Loaded, start *Parameters, prior mixture.Prior, before *mixture.Fit) (*mixture.Fit, error) {
	if before == nil {
		before = &mixture.Fit{Parameters: start}
	}
	done := before.Iterations
	options := mixture.TrainOptions{
		Tolerance: s.tolerance, MinIterations: max(0, s.min-done), MaxIterations: s.max - done,
		Intact: func() error { return mixture.Intact(data.Events) },
	}
	if s.progress != nil {
		options.Progress = func(p Progress) {
			p.Iteration += done
			s.progress(p)
		}
	}
	fit, err := mixture.Train(ctx, events, before.Parameters, prior, options)
	if fit == nil {
		if before.History == nil {
			return nil, err
		}
		return before, err
	}
	fit.Iterations += done
	fit.History = slices.Concat(before.History[:done], fit.History) // the last is scored again
	return fit, err
}

// expectedIterations is how many iterations a fit that may stop early is planned for.
const expectedIterations = 30

func (s *settings) expectedPasses() int {
	iterations := s.max
	if s.tolerance > 0 {
		iterations = max(s.min, min(s.max, expectedIterations))
	}
	return 1 + min(iterations, math.MaxInt-1)
}

// keep makes a fit the model's.
func (m *Model) keep(fit *mixture.Fit, r *Result, events int, variants []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parameters = fit.Parameters
	m.record = &mixture.TrainingRecord{
		LogLikelihood: r.LogLikelihood, Iterations: r.Iterations, Converged: r.Converged,
		Events: int64(events), Device: r.Plan.Device, Variants: slices.Clone(variants),
	}
}

// check reports what no work can be done with.
func (m *Model) check(ctx context.Context, events Events) error {
	switch {
	case m == nil || m.settings == nil:
		return errors.New("gmmspec: the model was made by none of New, Load and Read")
	case ctx == nil:
		return errors.New("gmmspec: no context")
	case none(events):
		return errors.New("gmmspec: no events")
	case events.Len() > maxResults:
		return fmt.Errorf("gmmspec: %d events: want at most %d", events.Len(), int64(maxResults))
	case events.Dims() != m.d:
		return fmt.Errorf("gmmspec: events of %d dimensions for a model of %d", events.Dims(), m.d)
	}
	return nil
}
