package reference

import (
	"context"
	"sync/atomic"

	"github.com/gmmspec/gmmspec/mixture"
)

// New returns the reference as a device. It serves every problem: all covariance types, weights, hard assignment, missing
// values, any M, D and N. It reads the events where they lie, a chunk at a time. Its results have the same bits for any
// number of processors.
func New() mixture.Device { return &device{} }

// device has nothing to hold but whether it is closed.
type device struct{ closed atomic.Bool }

// Name returns "reference".
func (d *device) Name() string { return "reference" }

// Load views the events.
func (d *device) Load(ctx context.Context, data mixture.Data) (mixture.Loaded, error) {
	if d.closed.Load() {
		return nil, mixture.ErrClosed
	}
	if n := data.Events.Len(); data.Weights != nil && len(data.Weights) != n {
		return nil, &mixture.ShapeError{What: "number of event weights", Got: len(data.Weights), Want: n}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &loaded{device: d, data: data}, nil
}

// Close makes the device and what it loaded refuse further work.
func (d *device) Close() error {
	d.closed.Store(true)
	return nil
}

// loaded is a view of events.
type loaded struct {
	device *device
	data   mixture.Data
	closed atomic.Bool
}

// ready prepares p for a pass over the events.
func (l *loaded) ready(ctx context.Context, p *mixture.Parameters) (*model, error) {
	if l.closed.Load() || l.device.closed.Load() {
		return nil, mixture.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d := l.data.Events.Dims(); p.D != d {
		return nil, &mixture.ShapeError{What: "dimensions of the parameters", Got: p.D, Want: d}
	}
	return newModel(p)
}

// Accumulate runs the E-step about the current means.
func (l *loaded) Accumulate(ctx context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	m, err := l.ready(ctx, p)
	if err != nil {
		return nil, err
	}
	return accumulate(ctx, l.data, m)
}

// Score evaluates every event.
func (l *loaded) Score(ctx context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	m, err := l.ready(ctx, p)
	if err != nil {
		return err
	}
	if err := out.Check(l.data.Events.Len(), p.M); err != nil {
		return err
	}
	return score(ctx, l.data, m, out)
}

// Close lets go of the events.
func (l *loaded) Close() error {
	l.closed.Store(true)
	return nil
}
