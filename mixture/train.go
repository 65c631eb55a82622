package mixture

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The defaults of [TrainOptions].
const (
	DefaultTolerance     = 1e-3
	DefaultMaxIterations = 100
)

// TrainOptions says when the EM loop stops and whom it tells.
type TrainOptions struct {
	// Tolerance stops the loop once the mean log-likelihood per unit of event weight changes by less; 0 never does.
	Tolerance float64
	// MinIterations are run whatever the change.
	MinIterations int
	// MaxIterations are run at most.
	MaxIterations int
	// Progress, where not nil, is called after every pass, from the goroutine that trains.
	Progress func(Progress)
	// Intact, where not nil, is asked after every pass what has become of the events: its error stands for what came of the pass.
	Intact func() error
}

// Progress is where a fit stands.
type Progress struct {
	Iteration     int     // M-steps done
	LogLikelihood float64 // total, of the parameters of that iteration
	Change        float64 // of the mean log-likelihood per unit of weight; NaN-free: 0 before the first iteration
}

// Fit is the result of [Train].
type Fit struct {
	Parameters *Parameters
	// LogLikelihood is Σ_n w_n log p(x_n) under Parameters; under hard assignment see [Scores].Total.
	LogLikelihood float64
	// Iterations is the number of M-steps done.
	Iterations int
	// Converged reports whether the tolerance was met.
	Converged bool
	// History holds the total log-likelihood of the start and after each iteration: Iterations + 1 numbers.
	History []float64
	// Warnings are for people, one sentence each.
	Warnings []string
}

// Train runs EM from start until the options stop it. One iteration is an E-step under the current parameters and an M-step
// with the new means in the covariances; the last pass scores the parameters that are left behind.
//
// When ctx is cancelled between or during passes, or a pass fails, Train returns the error and a Fit of the last complete
// iteration; it is nil only where not even the start was scored. It refuses a start that is not a mixture, a prior of other
// dimensions and options that are negative.
func Train(ctx context.Context, data Loaded, start *Parameters, prior Prior, options TrainOptions) (*Fit, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	if err := start.Validate(); err != nil {
		return nil, err
	}
	if err := prior.validate(start.D); err != nil {
		return nil, err
	}
	fit := &Fit{Parameters: start.Clone()}
	statistics, total, err := options.pass(ctx, data, fit.Parameters, options.MaxIterations == 0)
	if err != nil {
		return nil, err
	}
	fit.record(total, 0, options)
	var mended Report
	for !fit.Converged && fit.Iterations < options.MaxIterations {
		weight := statistics.EventWeight
		next, report, err := update(ctx, data, statistics, prior, fit.Parameters)
		if err == nil {
			var run *Run
			if run, err = options.iterate(ctx, data, next, prior, fit, weight); run != nil {
				for i, total := range run.Totals {
					if fit.step(total, weight, options); i > 0 {
						report = Report{} // the device hands over what there is to mend
					}
				}
				if len(run.Totals) > 0 {
					fit.Parameters, mended, report = run.Parameters, report, Report{}
				}
				if statistics = run.Statistics; statistics != nil {
					continue
				}
				next = run.Next
			}
		}
		if err == nil {
			statistics, total, err = options.pass(ctx, data, next, fit.Iterations+1 == options.MaxIterations)
		}
		if err != nil {
			fit.warnMended(mended, prior)
			return fit, err
		}
		fit.Parameters, mended = next, report
		fit.step(total, weight, options)
	}
	fit.warnMended(mended, prior)
	fit.warnUnconverged(options)
	return fit, nil
}

// validate reports an option that is negative or not a number.
func (o TrainOptions) validate() error {
	switch {
	case !(o.Tolerance >= 0):
		return fmt.Errorf("mixture: the tolerance is %v: want at least 0", o.Tolerance)
	case o.MinIterations < 0:
		return fmt.Errorf("mixture: min iterations is %d: want at least 0", o.MinIterations)
	case o.MaxIterations < 0:
		return fmt.Errorf("mixture: max iterations is %d: want at least 0", o.MaxIterations)
	}
	return nil
}

// pass runs over the events under p, and returns their log-likelihood; the last pass needs no statistics.
func (o TrainOptions) pass(ctx context.Context, data Loaded, p *Parameters, last bool) (s *Statistics, total float64, err error) {
	if last {
		var scores Scores
		err = data.Score(ctx, p, &scores)
		total = scores.Total
	} else if s, err = data.Accumulate(ctx, p); err == nil {
		total = s.LogLikelihood
	}
	if o.Intact != nil {
		if lost := o.Intact(); lost != nil {
			err = lost
		}
	}
	switch {
	case err != nil:
		return nil, 0, err
	case math.IsNaN(total) || math.IsInf(total, 0):
		return nil, 0, errNotFinite
	case s != nil && !(s.EventWeight > EmptyWeight*float64(p.M)):
		return nil, 0, fmt.Errorf("mixture: the weights of all events sum to %v: too little to share among %d components", s.EventWeight, p.M)
	}
	return s, total, nil
}

// update is the M-step, the device's where it has one, unless ctx is cancelled.
func update(ctx context.Context, data Loaded, s *Statistics, prior Prior, previous *Parameters) (*Parameters, Report, error) {
	if err := ctx.Err(); err != nil {
		return nil, Report{}, err
	}
	if device, ok := data.(Updater); ok {
		return device.Update(s, prior, previous)
	}
	return Update(s, prior, previous)
}

// iterate has the device go on from p, where it can, and leaves the last pass to be made.
func (o TrainOptions) iterate(ctx context.Context, data Loaded, p *Parameters, prior Prior, fit *Fit, weight float64) (*Run, error) {
	device, ok := data.(Iterator)
	passes := o.MaxIterations - fit.Iterations - 1
	if !ok || passes < 1 {
		return nil, nil
	}
	run, err := device.Iterate(ctx, p, prior, Limits{
		Passes: passes, Tolerance: o.Tolerance * weight, Previous: fit.LogLikelihood, Least: o.MinIterations - fit.Iterations,
	})
	if err == nil && o.Intact != nil {
		err = o.Intact()
	}
	if err == nil && run != nil && slices.ContainsFunc(run.Totals, func(total float64) bool { return math.IsNaN(total) || math.IsInf(total, 0) }) {
		err = errNotFinite
	}
	if err != nil {
		return nil, err
	}
	return run, nil
}

// errNotFinite is what a pass whose total is not a number leads to; devices clamp, so it speaks of a broken one.
var errNotFinite = errors.New("mixture: the log-likelihood is not finite: the events are too far from every component for this precision")

// step notes an iteration by the log-likelihood that it has reached, and whether it was the last.
func (f *Fit) step(total, weight float64, options TrainOptions) {
	f.Iterations++
	change := (total - f.LogLikelihood) / weight
	f.record(total, change, options)
	f.Converged = math.Abs(change) < options.Tolerance && f.Iterations >= options.MinIterations
}

// record notes the log-likelihood of the parameters reached.
func (f *Fit) record(total, change float64, options TrainOptions) {
	f.LogLikelihood = total
	f.History = append(f.History, total)
	if options.Progress != nil {
		options.Progress(Progress{Iteration: f.Iterations, LogLikelihood: total, Change: change})
	}
}

// warnMended words what the last M-step had to mend, and which components have collapsed onto the ridge.
func (f *Fit) warnMended(last Report, prior Prior) {
	if len(last.Empty) > 0 {
		f.warn("no event belongs to %s: the mean stays, with weight 0", components(last.Empty))
	}
	if len(last.Floored) > 0 {
		f.warn("the covariance of %s was not positive definite: a ridge was added", f.sharers(last.Floored))
	}
	if collapsed := f.collapsed(last, prior); len(collapsed) > 0 {
		f.warn("at least half of every variance of %s is the ridge: its events lie closer together than that", f.sharers(collapsed))
	}
}

// collapsedRidges is how many times the ridge a variance may be and still come mostly from it.
const collapsedRidges = 2

// collapsed returns the covariances that owe at least half of every variance to the ridge, empty components' apart.
func (f *Fit) collapsed(last Report, prior Prior) []int {
	if f.Iterations == 0 {
		return nil // the start has no ridge in it
	}
	p := f.Parameters
	limit := func(j int) float64 { return collapsedRidges * prior.Ridge[j] }
	if p.Covariance == Spherical { // one variance has the mean of all ridges
		ridge := NewParameters(p.Covariance, 1, p.D)
		ridge.addDiagonal(0, prior.Ridge, collapsedRidges)
		limit = func(int) float64 { return ridge.Covariances[0] }
	}
	var found []int
	for m := range p.matrices() {
		if p.Covariance != Tied && slices.Contains(last.Empty, m) {
			continue
		}
		mostly := true
		for j := 0; j < p.D && mostly; j++ {
			mostly = p.Variance(m, j) <= limit(j)
		}
		if mostly {
			found = append(found, m)
		}
	}
	return found
}

// warnUnconverged says how the loop ended, where it should have converged.
func (f *Fit) warnUnconverged(options TrainOptions) {
	if !f.Converged && options.Tolerance > 0 && options.MaxIterations > 0 {
		f.warn("not converged after %d iterations at a tolerance of %g", f.Iterations, options.Tolerance)
	}
}

func (f *Fit) warn(format string, args ...any) {
	f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...))
}

// sharers names the components that have the covariances given.
func (f *Fit) sharers(covariances []int) string {
	if f.Parameters.Covariance == Tied {
		return "all components"
	}
	return components(covariances)
}

// components names components.
func components(all []int) string {
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = strconv.Itoa(m)
	}
	if len(all) > 1 {
		return "components " + enumerate(names)
	}
	return "component " + enumerate(names)
}

// listed is how many names a warning has.
const listed = 8

// enumerate lists names, as many as there is room for.
func enumerate(names []string) string {
	if len(names) > listed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:listed], ", "), len(names)-listed)
	}
	return strings.Join(names, ", ")
}
