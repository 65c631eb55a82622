package gmmspec

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
)

// TestCollinear: where one dimension is the sum of two others and nothing is added to the diagonal, whether a covariance is
// positive definite is rounding's to say, differently for each device: every fit ends with a mixture and a warning, from
// whatever start.
func TestCollinear(t *testing.T) {
	const n, d, seeds = 100, 3, 60
	random := rand.New(rand.NewPCG(5, 6))
	x := make([]float64, 0, n*d)
	for range n {
		a, b := random.NormFloat64(), random.NormFloat64()
		x = append(x, a, b, a+b)
	}
	events, err := Float64(x, n, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, device := range []string{DeviceReference, DeviceCC} {
		if device == DeviceCC {
			require.Have(t, "cc", available(newWorkshop(), "cc"))
		}
		for seed := range uint64(seeds) {
			model := mustNew(t, 3, d, WithDevice(device), WithSeed(seed), WithRidge(0), WithTolerance(0), WithIterations(0, 30))
			result, err := model.Train(t.Context(), events)
			if err != nil {
				t.Fatalf("%s, seed %d: %v", device, seed, err)
			}
			if !slices.ContainsFunc(result.Warnings, func(s string) bool { return strings.Contains(s, "not positive definite") }) {
				t.Errorf("%s, seed %d: warnings %q", device, seed, result.Warnings)
			}
		}
	}
}

// TestUpdateInDoubt: an update kernel leaves to mixture.Update whatever that would mend, and what it does itself every device
// can factor, however near a covariance is to a singular one.
func TestUpdateInDoubt(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, "cc"))
	const d, n = 3, 100.0
	events, previous := sampled(t, corpus.Random(1, 100, 1, d, Full))
	model := mustNew(t, 1, d, WithDevice(DeviceCC), WithVariant("update-full-component"), WithPrecision(PrecisionFloat64), WithParameters(previous), withWorkshop(w))
	j := job{components: 1, data: mixture.Data{Events: events}, need: autotune.Need{Train: true, Passes: 1}}
	o, err := model.devices.open(t.Context(), model.settings, j, func(s string) { t.Error(s) })
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := o.slot.device.Load(t.Context(), j.data)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := reference.New().Load(t.Context(), j.data)
	if err != nil {
		t.Fatal(err)
	}
	prior := mixture.Prior{Ridge: make([]float64, d), Floor: slices.Repeat([]float64{1e-6}, d)}
	random := rand.New(rand.NewPCG(1, 2))
	floored := 0
	const exponents, draws = 12, 100 // shares of the diagonal from 2⁻⁵² to 2⁻⁴⁰, and some below
	for range draws {
		for exponent := range exponents {
			s := mixture.NewStatistics(mixture.Full, 1, d, nil)
			a, b, ab := 1+random.Float64(), 1+random.Float64(), random.Float64()-0.5
			x, y := random.NormFloat64(), random.NormFloat64()
			ca, cb := x*a+y*ab, x*ab+y*b
			c := (x*ca + y*cb) * (1 + random.Float64()*math.Ldexp(1, exponent-52))
			s.Weights[0] = n
			for i, v := range []float64{a, ab, b, ca, cb, c} {
				s.Second[i] = n * v
			}
			want, wanted, err := mixture.Update(s, prior, previous)
			if err != nil {
				t.Fatal(err)
			}
			got, report, err := loaded.(mixture.Updater).Update(s, prior, previous)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(report.Floored, wanted.Floored) {
				t.Errorf("floored %v: want %v", report.Floored, wanted.Floored)
			}
			floored += len(wanted.Floored)
			compare.Tolerance{Warn: 1e-12, Fail: 1e-12}.Check(t, compare.Relative("covariances", got.Covariances, want.Covariances))
			for _, events := range []mixture.Loaded{loaded, judge} {
				if _, err := events.Accumulate(t.Context(), got); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if floored == 0 || floored == draws*exponents {
		t.Errorf("%d of %d covariances were mended: want some", floored, draws*exponents)
	}
	if err := errors.Join(loaded.Close(), judge.Close(), w.pool.release(o.slot)); err != nil {
		t.Error(err)
	}
}
