package gmmspec

import (
	"context"
	"fmt"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// maxResults is how many numbers can be asked for at once: 64 GiB of them. More is a mistake, and would end the process.
const maxResults = 1 << 33

// Score returns log p(x_n) of each event, N numbers in nats.
func (m *Model) Score(ctx context.Context, events Events) ([]float64, error) {
	if err := m.check(ctx, events); err != nil {
		return nil, err
	}
	out := &mixture.Scores{LogLikelihoods: make([]float64, events.Len())}
	if err := m.score(ctx, events, out); err != nil {
		return nil, err
	}
	return out.LogLikelihoods, nil
}

// Predict returns the most likely component of each event, N numbers from 0 to M-1, the lowest of equals.
func (m *Model) Predict(ctx context.Context, events Events) ([]int, error) {
	labels, _, err := m.Decode(ctx, events)
	return labels, err
}

// Decode returns the most likely component and log p(x_n) of each event.
func (m *Model) Decode(ctx context.Context, events Events) (labels []int, logLikelihoods []float64, err error) {
	if err := m.check(ctx, events); err != nil {
		return nil, nil, err
	}
	out := &mixture.Scores{Labels: make([]int, events.Len()), LogLikelihoods: make([]float64, events.Len())}
	if err := m.score(ctx, events, out); err != nil {
		return nil, nil, err
	}
	return out.Labels, out.LogLikelihoods, nil
}

// Eval returns log p(x_n) of each event and the responsibilities p(m | x_n), an N×M matrix whose rows sum to 1.
func (m *Model) Eval(ctx context.Context, events Events) (logLikelihoods []float64, responsibilities *mat.Dense, err error) {
	if err := m.check(ctx, events); err != nil {
		return nil, nil, err
	}
	n := events.Len()
	if float64(n)*float64(m.m) > maxResults {
		return nil, nil, fmt.Errorf("gmmspec: %d events of %d components have %.3g responsibilities: want at most %d: evaluate fewer events at a time",
			n, m.m, float64(n)*float64(m.m), int64(maxResults))
	}
	out := &mixture.Scores{LogLikelihoods: make([]float64, n), Responsibilities: make([]float64, n*m.m)}
	if err := m.score(ctx, events, out); err != nil {
		return nil, nil, err
	}
	return out.LogLikelihoods, mat.NewDense(n, m.m, out.Responsibilities), nil
}

// score plans and runs one pass. Weights belong to training alone.
func (m *Model) score(ctx context.Context, events Events, out *mixture.Scores) error {
	p := m.current()
	if p == nil {
		return ErrUntrained
	}
	data := mixture.Data{Events: events, Missing: m.settings.missing}
	summary, err := summarize(ctx, data)
	if err != nil {
		return err
	}
	data.Summary = summary
	job := job{components: m.m, data: data, need: autotune.Need{Score: true, Responsibilities: out.Responsibilities != nil, Passes: 1}}
	return m.devices.run(ctx, job, func(plan *Plan, load func() (mixture.Loaded, error)) error {
		events, err := load()
		if err != nil {
			return err
		}
		err = events.Score(ctx, p, out)
		if lost := mixture.Intact(data.Events); lost != nil {
			return lost
		}
		if err != nil || !plan.Explores() {
			return err
		}
		if err := m.settings.explored(ctx, plan, events, p); err != nil {
			m.devices.once(unkept(err))
		}
		return nil
	}, m.devices.once)
}
