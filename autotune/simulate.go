package autotune

import (
	"context"
	"errors"
	"fmt"

	"github.com/gmmspec/gmmspec/variants"
)

// Simulation is a [Bench] that replays records: planning and tuning can be looked at without the device. A candidate that has no
// record has no source, and is refused.
type Simulation struct {
	Env    Environment
	Wisdom *Wisdom
}

// Environment returns that of the records.
func (s *Simulation) Environment() Environment { return s.Env }

// record returns a candidate's record.
func (s *Simulation) record(p variants.Problem, c variants.Candidate) (Record, error) {
	key := Key{Environment: s.Env, Question: Ask(p, c.Variant.Stage), Variant: c.Variant.Name(), Config: c.Config.String()}
	r, ok := s.Wisdom.Get(key)
	if !ok {
		return r, fmt.Errorf("autotune: no record of %s for %s", label(key.Variant, key.Config), p)
	}
	return r, nil
}

// Source returns the record's digest.
func (s *Simulation) Source(p variants.Problem, c variants.Candidate) (string, error) {
	r, err := s.record(p, c)
	return r.Source, err
}

// Build fails for what was not compiled.
func (s *Simulation) Build(_ context.Context, p variants.Problem, c variants.Candidate) error {
	r, err := s.record(p, c)
	if err == nil && r.Outcome == NotCompiled {
		return errors.New(r.Reason)
	}
	return err
}

// Verify ends as the record's candidate did, without delay: it hung, crashed, or was wrong.
func (s *Simulation) Verify(_ context.Context, p variants.Problem, c variants.Candidate) (float64, error) {
	r, err := s.record(p, c)
	if err != nil {
		return 0, err
	}
	switch r.Outcome {
	case Hung:
		return 0, context.DeadlineExceeded
	case Crashed:
		return 0, &CrashError{r.Reason}
	case Wrong:
		return r.Error, &WrongError{r.Error, r.Reason}
	default:
		return r.Error, nil
	}
}

// Time returns the record's median each time.
func (s *Simulation) Time(_ context.Context, p variants.Problem, c variants.Candidate, repeats int) ([]float64, error) {
	r, err := s.record(p, c)
	if err != nil {
		return nil, err
	}
	times := make([]float64, repeats)
	for i := range times {
		times[i] = r.Seconds
	}
	return times, nil
}
