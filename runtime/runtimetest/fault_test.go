package runtimetest_test

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime/runtimetest"
)

// faultVariable names the fault that TestReference puts into the reference.
const faultVariable = "RUNTIMETEST_FAULT"

// fault is one way for a device to be wrong. A nil hook is right.
type fault struct {
	name string
	// finds is the check that must find it.
	finds string

	device     func(d mixture.Device) mixture.Device
	load       func(data mixture.Data) mixture.Data
	statistics func(s *mixture.Statistics, p *mixture.Parameters)
	scores     func(out *mixture.Scores, p *mixture.Parameters)
	context    bool // the context is ignored
	closing    bool // closing is ignored
	shapes     bool // outputs of the wrong length are taken
	refuses    bool // the device is refused
}

func faults() []fault {
	var calls atomic.Int64
	return []fault{
		{name: "refuses what is not listed", finds: "weighted", refuses: true},
		{name: "no name", finds: "Name", device: func(d mixture.Device) mixture.Device { return nameless{d} }},
		{name: "NaN moment", finds: "Accumulate", statistics: func(s *mixture.Statistics, _ *mixture.Parameters) {
			s.Second[len(s.Second)-1] = math.NaN()
		}},
		{name: "inaccurate weights", finds: "Accumulate", statistics: func(s *mixture.Statistics, _ *mixture.Parameters) {
			s.Weights[0] *= 1 + 1e-9
		}},
		{name: "no event weights", finds: "Weights", load: func(data mixture.Data) mixture.Data {
			data.Weights = nil
			return data
		}},
		{name: "hard for soft", finds: "Accumulate", load: func(data mixture.Data) mixture.Data {
			data.Hard = true
			return data
		}},
		{name: "last event unwritten", finds: "Score", scores: func(out *mixture.Scores, _ *mixture.Parameters) {
			if n := len(out.LogLikelihoods); n > 0 {
				out.LogLikelihoods[n-1] = math.NaN()
			}
		}},
		{name: "last label unwritten", finds: "Score", scores: func(out *mixture.Scores, _ *mixture.Parameters) {
			if n := len(out.Labels); n > 0 {
				out.Labels[n-1] = -1
			}
		}},
		{name: "writes too far", finds: "Score", scores: func(out *mixture.Scores, _ *mixture.Parameters) {
			if n := len(out.Labels); n < cap(out.Labels) {
				out.Labels[:n+1][n] = 0
			}
		}},
		{name: "no total", finds: "ScoreParts/total", scores: func(out *mixture.Scores, _ *mixture.Parameters) {
			if out.LogLikelihoods == nil && out.Labels == nil && out.Responsibilities == nil {
				out.Total = 0
			}
		}},
		{name: "no stride", finds: "Layouts/float32_strided", load: func(data mixture.Data) mixture.Data {
			if rows, ok := data.Events.(*mixture.Rows[float32]); ok {
				numbers, _ := rows.Slice()
				unstrided, err := mixture.Float32(numbers, rows.Len(), rows.Dims(), 0)
				if err == nil {
					data.Events = unstrided
				}
			}
			return data
		}},
		{name: "writes to events", finds: "InputsUnchanged", load: func(data mixture.Data) mixture.Data {
			if rows, ok := data.Events.(*mixture.Rows[float64]); ok {
				numbers, _ := rows.Slice()
				numbers[0]++
			}
			return data
		}},
		{name: "other bits", finds: "SameBits", statistics: func(s *mixture.Statistics, _ *mixture.Parameters) {
			if calls.Add(1)%2 == 0 {
				s.LogLikelihood = math.Nextafter(s.LogLikelihood, 0)
			}
		}},
		{name: "weight 0 counts", finds: "WeightZero", scores: func(out *mixture.Scores, p *mixture.Parameters) {
			if out.Responsibilities != nil && p.Weights[p.M-1] == 0 {
				out.Responsibilities[p.M-1] = math.SmallestNonzeroFloat64
			}
		}},
		{name: "far events overflow", finds: "FarEvents", scores: func(out *mixture.Scores, _ *mixture.Parameters) {
			for n, l := range out.LogLikelihoods {
				if l < -math.MaxFloat32 {
					out.LogLikelihoods[n] = math.Inf(-1)
				}
			}
		}},
		{name: "other M-step", finds: "Update", device: func(d mixture.Device) mixture.Device { return updating{d} }},
		{name: "takes any parameters", finds: "BadParameters", device: func(d mixture.Device) mixture.Device { return careless{d} }},
		{name: "context ignored", finds: "CancelledBefore", context: true},
		{name: "closing ignored", finds: "CloseLoaded", closing: true},
		{name: "closing of the device ignored", finds: "CloseDevice", closing: true},
		{name: "short outputs", finds: "BadShapes", shapes: true},
	}
}

// TestSuiteFindsFaults runs the suite, each time in a process of its own, on a reference with one fault: the check that is
// there for it must fail.
func TestSuiteFindsFaults(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReference$", "-test.v")
			command.Env = append(os.Environ(), faultVariable+"="+f.name)
			output, err := command.CombinedOutput()
			if _, ok := errors.AsType[*exec.ExitError](err); !ok {
				t.Fatalf("error %v: want the suite to fail", err)
			}
			if failed := failures(string(output)); !strings.Contains(failed, "/"+f.finds) {
				t.Errorf("%s did not fail, but\n%s\n%s", f.finds, failed, output)
			}
		})
	}
}

// failures returns the lines of a test's output that name failed tests.
func failures(output string) string {
	var failed []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, "--- FAIL: ") {
			failed = append(failed, strings.TrimSpace(line))
		}
	}
	return strings.Join(failed, "\n")
}

func openFaulty(name string) runtimetest.Open {
	return func(t *testing.T, _ runtimetest.Problem) (mixture.Device, error) {
		t.Helper()
		for _, f := range faults() {
			if f.name != name {
				continue
			}
			if f.refuses {
				return nil, runtimetest.ErrRefused
			}
			if f.device != nil {
				return f.device(reference.New()), nil
			}
			return &faulty{Device: reference.New(), fault: f}, nil
		}
		t.Fatalf("no fault %q", name)
		return nil, nil
	}
}

// faulty is the reference with a fault.
type faulty struct {
	mixture.Device
	fault
}

func (d *faulty) Load(ctx context.Context, data mixture.Data) (mixture.Loaded, error) {
	if d.load != nil {
		data = d.load(data)
	}
	if d.context {
		ctx = context.WithoutCancel(ctx)
	}
	loaded, err := d.Device.Load(ctx, data)
	if err != nil {
		return nil, err
	}
	return &faultyLoaded{Loaded: loaded, fault: d.fault}, nil
}

func (d *faulty) Close() error {
	if d.closing {
		return nil
	}
	return d.Device.Close()
}

type faultyLoaded struct {
	mixture.Loaded
	fault
}

func (l *faultyLoaded) Accumulate(ctx context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	if l.context {
		ctx = context.WithoutCancel(ctx)
	}
	s, err := l.Loaded.Accumulate(ctx, p)
	if err == nil && l.statistics != nil {
		l.statistics(s, p)
	}
	return s, err
}

func (l *faultyLoaded) Score(ctx context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	if l.context {
		ctx = context.WithoutCancel(ctx)
	}
	err := l.Loaded.Score(ctx, p, out)
	if _, ok := errors.AsType[*mixture.ShapeError](err); ok && l.shapes {
		return nil
	}
	if err == nil && l.scores != nil {
		l.scores(out, p)
	}
	return err
}

func (l *faultyLoaded) Close() error {
	if l.closing {
		return nil
	}
	return l.Loaded.Close()
}

// nameless has no name.
type nameless struct{ mixture.Device }

func (nameless) Name() string { return "" }

// updating has an M-step that forgets the ridge.
type updating struct{ mixture.Device }

func (d updating) Load(ctx context.Context, data mixture.Data) (mixture.Loaded, error) {
	loaded, err := d.Device.Load(ctx, data)
	return updatingLoaded{loaded}, err
}

type updatingLoaded struct{ mixture.Loaded }

func (updatingLoaded) Update(s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters) (*mixture.Parameters, mixture.Report, error) {
	prior.Ridge = make([]float64, s.D)
	return mixture.Update(s, prior, previous)
}

// careless evaluates anything.
type careless struct{ mixture.Device }

func (d careless) Load(ctx context.Context, data mixture.Data) (mixture.Loaded, error) {
	loaded, err := d.Device.Load(ctx, data)
	return carelessLoaded{loaded}, err
}

type carelessLoaded struct{ mixture.Loaded }

func (l carelessLoaded) Score(ctx context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	err := l.Loaded.Score(ctx, p, out)
	if _, ok := errors.AsType[*mixture.ParameterError](err); ok {
		return nil
	}
	return err
}
