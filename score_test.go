package gmmspec

import (
	"errors"
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
)

// verbs calls every verb that scores, and returns each one's error and how many results it has.
func verbs(t *testing.T, model *Model, events Events) map[string]struct {
	n   int
	err error
} {
	t.Helper()
	type result = struct {
		n   int
		err error
	}
	ctx := t.Context()
	scores, scoreErr := model.Score(ctx, events)
	predicted, predictErr := model.Predict(ctx, events)
	labels, decoded, decodeErr := model.Decode(ctx, events)
	evaluated, responsibilities, evalErr := model.Eval(ctx, events)
	if len(labels) != len(decoded) {
		t.Errorf("%d labels and %d log-likelihoods", len(labels), len(decoded))
	}
	if responsibilities != nil {
		if n, m := responsibilities.Dims(); n != len(evaluated) || m != model.Components() {
			t.Errorf("%d log-likelihoods and %d×%d responsibilities", len(evaluated), n, m)
		}
	}
	return map[string]result{
		"Score": {len(scores), scoreErr}, "Predict": {len(predicted), predictErr},
		"Decode": {len(labels), decodeErr}, "Eval": {len(evaluated), evalErr},
	}
}

// TestScoreShapes: every verb has one result for each event, of any number of them.
func TestScoreShapes(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		model := on.model(t, 2, 3, WithParameters(proper(Full)))
		for _, n := range []int{1, 2, 63, 64, 65, 2049} {
			events := viewed(t, make([]float64, 3*n), n, 3)
			for verb, result := range verbs(t, model, events) {
				if result.err != nil || result.n != n {
					t.Errorf("%s of %d events: %d results, %v", verb, n, result.n, result.err)
				}
			}
		}
	})
}

// TestScoreRefuses: what cannot be scored is an error of every verb, which has no result then.
func TestScoreRefuses(t *testing.T) {
	bad := []float64{1, 2, 3, 4, math.NaN(), 6}
	onAll(t, func(t *testing.T, on tried) {
		for _, test := range []struct {
			name   string
			events Events
			is     error
			as     any
			seeded bool
		}{
			{name: "untrained", events: viewed(t, []float64{1, 2, 3}, 1, 3), is: ErrUntrained},
			{name: "no events", seeded: true},
			{name: "no rows", events: (*mixture.Rows[float32])(nil), seeded: true},
			{name: "other dimensions", events: viewed(t, bad, 3, 2), seeded: true},
			{name: "NaN", events: viewed(t, bad, 2, 3), as: new(*mixture.EventError), seeded: true},
		} {
			var options []Option
			if test.seeded {
				options = append(options, WithParameters(proper(Full)))
			}
			for verb, result := range verbs(t, on.model(t, 2, 3, options...), test.events) {
				if result.err == nil || result.n != 0 || test.is != nil && !errors.Is(result.err, test.is) ||
					test.as != nil && !errors.As(result.err, test.as) {
					t.Errorf("%s, %s: %d results, error %v", test.name, verb, result.n, result.err)
				}
			}
		}
	})
}

// TestScoreByHand: one component, N(0, 1), in one dimension: log p(x) = -½(log 2π + x²).
func TestScoreByHand(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		p := mixture.NewParameters(Diag, 1, 1)
		p.Weights[0], p.Covariances[0] = 1, 1
		x := []float64{0, 1, -2, 10}
		scores, responsibilities, err := on.model(t, 1, 1, WithParameters(p)).Eval(t.Context(), viewed(t, x, len(x), 1))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if want := -(math.Log(2*math.Pi) + v*v) / 2; !(math.Abs(scores[i]-want) <= on.logDensities) || responsibilities.At(i, 0) != 1 {
				t.Errorf("x = %v: log p %v, want %v; responsibility %v", v, scores[i], want, responsibilities.At(i, 0))
			}
		}
	})
}

// TestPlanningIsRemembered: a score plans without rendering or reading what an earlier one has found.
func TestPlanningIsRemembered(t *testing.T) {
	w := newWorkshop()
	on := tried{device: DeviceCC, precision: PrecisionFloat64}
	if err := available(w, "cc"); err != nil {
		on = tried{device: DeviceReference, precision: PrecisionFloat64}
	}
	model := on.model(t, 2, 3, WithParameters(proper(Full)), withWorkshop(w))
	events := viewed(t, []float64{1, 2, 3}, 1, 3)
	score := func() {
		if _, err := model.Score(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	score()
	opened := len(w.pool.slots)
	// Rendering alone makes some hundreds of allocations.
	const few = 300
	if n := testing.AllocsPerRun(20, score); n > few {
		t.Errorf("a score of one event makes %v allocations: want at most %d", n, few)
	}
	if len(w.pool.slots) != opened {
		t.Errorf("%d devices are open, want %d", len(w.pool.slots), opened)
	}
}
