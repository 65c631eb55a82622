package mixture

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	// LogLikelihood is Σ_n w_n log p(x_n) under Parameters.
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
// When ctx is cancelled between or during passes, Train returns ctx's error and a Fit of the last complete iteration; it is
// nil only where not even the start was scored.
func Train(ctx context.Context, data Loaded, start *Parameters, prior Prior, options TrainOptions) (*Fit, error) {
	fit := &Fit{Parameters: start}
	statistics, err := data.Accumulate(ctx, start)
	if err != nil {
		return nil, err
	}
	if err := fit.record(statistics.LogLikelihood, statistics.EventWeight, options); err != nil {
		return nil, err
	}
	var report Report
	for fit.Iterations < options.MaxIterations {
		if err := ctx.Err(); err != nil {
			return fit, err
		}
		next, mended, err := update(data, statistics, prior, fit.Parameters)
		if err != nil {
			return fit, err
		}
		weight := statistics.EventWeight
		var total float64
		if fit.Iterations+1 == options.MaxIterations {
			var scores Scores
			err = data.Score(ctx, next, &scores)
			total = scores.Total
		} else {
			statistics, err = data.Accumulate(ctx, next)
			if err == nil {
				total = statistics.LogLikelihood
			}
		}
		if err != nil {
			return fit, err
		}
		fit.Parameters, report = next, mended
		fit.Iterations++
		if err := fit.record(total, weight, options); err != nil {
			return fit, err
		}
		change := math.Abs(fit.History[fit.Iterations]-fit.History[fit.Iterations-1]) / weight
		if change < options.Tolerance && fit.Iterations >= options.MinIterations {
			fit.Converged = true
			break
		}
	}
	fit.warn(report, options)
	return fit, nil
}

// update is the M-step, the device's where it has one.
func update(data Loaded, s *Statistics, prior Prior, previous *Parameters) (*Parameters, Report, error) {
	if device, ok := data.(Updater); ok {
		return device.Update(s, prior, previous)
	}
	next, report := Update(s, prior, previous)
	return next, report, nil
}

// errNotFinite is what a pass whose total is not a number leads to; devices clamp, so it speaks of a broken one.
var errNotFinite = errors.New("mixture: the log-likelihood is not finite: the events are too far from every component for this precision")

func (f *Fit) record(total, weight float64, options TrainOptions) error {
	if math.IsNaN(total) || math.IsInf(total, 0) {
		return errNotFinite
	}
	change := 0.0
	if len(f.History) > 0 {
		change = (total - f.LogLikelihood) / weight
	}
	f.LogLikelihood = total
	f.History = append(f.History, total)
	if options.Progress != nil {
		options.Progress(Progress{Iteration: f.Iterations, LogLikelihood: total, Change: change})
	}
	return nil
}

// warn words what the last M-step had to mend and how the loop ended.
func (f *Fit) warn(last Report, options TrainOptions) {
	if len(last.Empty) > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("no event belongs to component %s: it keeps its mean, with weight 0", list(last.Empty)))
	}
	if len(last.Floored) > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("the covariance of component %s was not positive definite: a ridge was added", list(last.Floored)))
	}
	if !f.Converged && options.Tolerance > 0 && options.MaxIterations > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("not converged after %d iterations: the mean log-likelihood still changed by %g or more",
			f.Iterations, options.Tolerance))
	}
}

// listed is how many components a warning names.
const listed = 8

func list(components []int) string {
	text := ""
	for i, m := range components {
		if i == listed {
			return text + fmt.Sprintf(" and %d more", len(components)-listed)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(m)
	}
	return text
}
