package runtimetest

import (
	"context"
	"errors"
	"time"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// both runs both operations, and hands their errors to check.
func (b *bench) both(ctx context.Context, loaded mixture.Loaded, n int, p *mixture.Parameters, check func(operation string, err error)) {
	b.Helper()
	_, err := loaded.Accumulate(ctx, p)
	check("accumulate", err)
	check("score", loaded.Score(ctx, p, poisoned(n, p.M)))
}

// testBadParameters: parameters that no device can evaluate are a *mixture.ParameterError that names the field.
func testBadParameters(b *bench) {
	j := b.job(middling)
	loaded := b.load(b.device, b.data(j))
	for _, bad := range []struct {
		field string
		spoil func(p *mixture.Parameters)
	}{
		{"covariances", func(p *mixture.Parameters) { clear(p.Covariances) }},
		{"covariances", func(p *mixture.Parameters) { p.Covariances[len(p.Covariances)-1] *= -1 }},
	} {
		p := j.parameters.Clone()
		bad.spoil(p)
		b.both(b.Context(), loaded, j.n, p, func(operation string, err error) {
			if parameter, ok := errors.AsType[*mixture.ParameterError](err); !ok || parameter.Field != bad.field {
				b.Errorf("%s: %v: want a *mixture.ParameterError of %s", operation, err, bad.field)
			}
		})
	}
	b.works(loaded, j)
}

// works checks that loaded still serves.
func (b *bench) works(loaded mixture.Loaded, j *job) {
	b.Helper()
	want := b.accumulate(b.load(b.judge, b.data(j)), j.parameters)
	b.tolerances().statistics.Check(b, compare.Statistics(b.accumulate(loaded, j.parameters), want, j.parameters)...)
}

// testBadShapes: sizes that disagree are a *mixture.ShapeError.
func testBadShapes(b *bench) {
	j := b.job(middling)
	loaded := b.load(b.device, b.data(j))
	wantShape := func(operation string, err error) {
		b.Helper()
		if _, ok := errors.AsType[*mixture.ShapeError](err); !ok {
			b.Errorf("%s: %v: want a *mixture.ShapeError", operation, err)
		}
	}

	wide := b.problem
	wide.D++
	other := (&bench{T: b.T, problem: wide}).job(middling)
	b.both(b.Context(), loaded, j.n, other.parameters, wantShape)
	switch loadedWide, err := b.device.Load(b.Context(), b.using(b.float64s(other.x, wide.D), j.weights)); {
	case err != nil:
		wantShape("load of other dimensions", err)
	default:
		b.both(b.Context(), loadedWide, j.n, j.parameters, wantShape)
		if err := loadedWide.Close(); err != nil {
			b.Error(err)
		}
	}

	if b.problem.Weighted {
		_, err := b.device.Load(b.Context(), b.using(b.float64s(j.x, j.d), j.weights[1:]))
		wantShape("load with a weight too few", err)
	}
	for _, shorten := range []func(out *mixture.Scores){
		func(out *mixture.Scores) { out.LogLikelihoods = out.LogLikelihoods[1:] },
		func(out *mixture.Scores) { out.Labels = out.Labels[1:] },
		func(out *mixture.Scores) { out.Responsibilities = out.Responsibilities[1:] },
	} {
		out := poisoned(j.n, b.problem.M)
		shorten(out)
		wantShape("score", loaded.Score(b.Context(), j.parameters, out))
	}
	b.works(loaded, j)
}

// testCancelledBefore: nothing starts under a context that is cancelled.
func testCancelledBefore(b *bench) {
	j := b.job(middling)
	loaded := b.load(b.device, b.data(j))
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	wantCancelled := func(operation string, err error) {
		b.Helper()
		if !errors.Is(err, context.Canceled) {
			b.Errorf("%s: %v: want context.Canceled", operation, err)
		}
	}
	_, err := b.device.Load(ctx, b.data(j))
	wantCancelled("load", err)
	b.both(ctx, loaded, j.n, j.parameters, wantCancelled)
	b.works(loaded, j)
}

// testCancelledDuring cancels passes under way, at several moments: each ends with the context's error or a right result,
// and the device serves on.
func testCancelledDuring(b *bench) {
	j := b.job(20 * middling)
	loaded := b.load(b.device, b.data(j))
	want := b.accumulate(loaded, j.parameters)
	for _, after := range []time.Duration{0, 10 * time.Microsecond, 100 * time.Microsecond, time.Millisecond} {
		ctx, cancel := context.WithTimeout(b.Context(), after)
		got, err := loaded.Accumulate(ctx, j.parameters)
		switch {
		case err == nil:
			b.sameStatistics(got, want)
		case !errors.Is(err, context.DeadlineExceeded):
			b.Errorf("accumulate: %v: want context.DeadlineExceeded", err)
		}
		if err := loaded.Score(ctx, j.parameters, poisoned(j.n, b.problem.M)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("score: %v: want context.DeadlineExceeded", err)
		}
		cancel()
	}
	b.sameStatistics(b.accumulate(loaded, j.parameters), want)
}

func (b *bench) wantClosed(operation string, err error) {
	b.Helper()
	if !errors.Is(err, mixture.ErrClosed) {
		b.Errorf("%s: %v: want mixture.ErrClosed", operation, err)
	}
}

// testCloseLoaded: events may be let go of twice, after which only they are out of use.
func testCloseLoaded(b *bench) {
	j := b.job(middling)
	loaded, other := b.load(b.device, b.data(j)), b.load(b.device, b.data(j))
	for range 2 {
		if err := loaded.Close(); err != nil {
			b.Errorf("close: %v", err)
		}
	}
	b.both(b.Context(), loaded, j.n, j.parameters, b.wantClosed)
	b.works(other, j)
}

// testCloseDevice: a device may be closed twice, and closes what it loaded; another one serves on.
func testCloseDevice(b *bench) {
	device := b.another()
	j := b.job(middling)
	loaded, err := device.Load(b.Context(), b.data(j))
	if err != nil {
		b.Fatal(err)
	}
	for range 2 {
		if err := device.Close(); err != nil {
			b.Errorf("close: %v", err)
		}
	}
	b.both(b.Context(), loaded, j.n, j.parameters, b.wantClosed)
	if err := loaded.Close(); err != nil {
		b.Errorf("close of the events after the device's: %v", err)
	}
	_, err = device.Load(b.Context(), b.data(j))
	b.wantClosed("load", err)
	b.works(b.load(b.device, b.data(j)), j)
}
