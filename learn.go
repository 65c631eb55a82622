package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
)

const (
	// measureMost is how many candidates of a stage a fit has timed before it runs: the model's error is far less than the
	// distance of the rest.
	measureMost = 6
	// measureBudget bounds the time for that.
	measureBudget = 10 * time.Second
	// exploreRepeats is how many passes a fit that explores is measured by.
	exploreRepeats = 5
)

// measure has the promising candidates of a plan's stages timed that were not before, and reports whether there were any.
func (s *settings) measure(ctx context.Context, plan *Plan) (news bool, err error) {
	own := *s
	own.device = string(plan.Target.Backend)
	t, err := newTuner(TunerOptions{Most: measureMost, Budget: measureBudget}, &own)
	if err != nil {
		return false, err
	}
	p := plan.Problem
	p.Covariance = p.Covariance.Kernel()
	if err := t.checkSize(p.M, p.D, p.N); err != nil {
		return false, errors.Join(err, t.Close())
	}
	var stages []variants.Stage // of those that the plan has weighed
	for _, c := range plan.Candidates {
		if slices.Contains(tunedStages(), c.Stage) && !slices.Contains(stages, c.Stage) {
			stages = append(stages, c.Stage)
		}
	}
	tuning, err := t.tune(ctx, p, stages)
	if closing := t.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return false, err
	}
	return len(tuning.Records) > tuning.Known, nil
}

// explored measures the plan's kernels that were not measured before, on the events of a fit that they have just done, and
// keeps what it learns.
func (s *settings) explored(ctx context.Context, plan *Plan, events mixture.Loaded, p *Parameters) error {
	timer, ok := events.(runtime.StageTimer)
	if !ok {
		return nil
	}
	return s.keep(plan, func(c autotune.Choice) bool {
		return c.From != autotune.Measured && slices.Contains(tunedStages(), c.Stage) && !c.StandsBy
	},
		func(r autotune.Record) (autotune.Record, error) {
			times, err := timer.Time(ctx, string(r.Stage), p, exploreRepeats)
			if err != nil {
				return r, err
			}
			return autotune.WithTimes(r, times), nil
		})
}

// unkept warns of what was explored, and could not be kept.
func unkept(err error) string { return fmt.Sprintf("what was explored is not kept: %v", err) }

// exploredInVain keeps that a plan's kernel that was to be explored cannot be used.
func (s *settings) exploredInVain(plan *Plan, why error) error {
	return s.keep(plan, func(c autotune.Choice) bool { return c.Explored }, func(r autotune.Record) (autotune.Record, error) {
		r.Outcome, r.Reason = autotune.Wrong, why.Error()
		return r, nil
	})
}

// keep adds records of the choices that match to wisdom, each with the outcome that conclude gives it.
func (s *settings) keep(plan *Plan, match func(autotune.Choice) bool, conclude func(autotune.Record) (autotune.Record, error)) error {
	own := *s
	own.device = string(plan.Target.Backend)
	_, environment, err := own.environment()
	if err != nil {
		return err
	}
	var records []autotune.Record
	for _, c := range plan.Choices {
		if !match(c) {
			continue
		}
		r, err := newRecord(s, plan, environment, c)
		if err != nil {
			return err
		}
		if r, err = conclude(r); err != nil {
			return err
		}
		records = append(records, r)
	}
	return s.keepRecords(records)
}

// newRecord is a record of a choice, without an outcome.
func newRecord(s *settings, plan *Plan, e autotune.Environment, c autotune.Choice) (autotune.Record, error) {
	digest, ok := s.workshop.digest(unit(plan.Problem, plan.Target, c.Candidate))
	if !ok {
		return autotune.Record{}, fmt.Errorf("gmmspec: %s cannot be rendered", c.Variant)
	}
	p := plan.Problem
	p.Covariance = p.Covariance.Kernel()
	return autotune.Record{
		Environment: e, Problem: p, Stage: c.Stage, Variant: c.Variant, Config: c.Config, Source: digest, Date: time.Now().UTC(),
	}, nil
}

// keepRecords adds records to wisdom.
func (s *settings) keepRecords(records []autotune.Record) error {
	if len(records) == 0 {
		return nil
	}
	store, err := s.workshop.wisdomStore(s.cacheDir)
	if err != nil {
		return err
	}
	defer s.workshop.forgetWisdom()
	return store.Update(func(w *autotune.Wisdom) error {
		for _, r := range records {
			w.Add(r)
		}
		return nil
	})
}
