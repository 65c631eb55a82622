package gmmspec

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
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
