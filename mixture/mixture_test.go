package mixture_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// rounding is what float64 sums of some hundred terms of like sizes may differ by when they are ordered otherwise.
func rounding() compare.Tolerance { return compare.Tolerance{Warn: 1e-13, Fail: 1e-11} }

// eachSeed runs test once for each of n seeds, which name the sub-tests.
func eachSeed(t *testing.T, n uint64, test func(t *testing.T, random *rand.Rand)) {
	t.Helper()
	for seed := range n {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			test(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

// eachCovariance runs test as a sub-test for each covariance type.
func eachCovariance(t *testing.T, test func(t *testing.T, c mixture.Covariance)) {
	t.Helper()
	for _, c := range mixture.Covariances() {
		t.Run("cov="+string(c), func(t *testing.T) { test(t, c) })
	}
}

// wantError fails unless err contains every text.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error: want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q: want %q in it", err, text)
		}
	}
}

// wantParameterError fails unless err is a *mixture.ParameterError of the field and component, with the reason in it.
func wantParameterError(t *testing.T, err error, field string, component int, reason string) {
	t.Helper()
	var e *mixture.ParameterError
	if !errors.As(err, &e) {
		t.Fatalf("error %v: want a *ParameterError", err)
	}
	if e.Field != field || e.Index != component || !strings.Contains(e.Reason, reason) {
		t.Errorf("error %q of field %q, component %d: want %q, %d, %q", e, e.Field, e.Index, field, component, reason)
	}
}

// randomModel returns a mixture whose covariances are GGᵀ + I, or that type's part of it.
func randomModel(random *rand.Rand, c mixture.Covariance, m, d int) *mixture.Parameters {
	p := mixture.NewParameters(c, m, d)
	sum := 0.0
	for i := range p.Weights {
		p.Weights[i] = 0.1 + random.Float64()
		sum += p.Weights[i]
	}
	for i := range p.Weights {
		p.Weights[i] /= sum
	}
	for i := range p.Means {
		p.Means[i] = 3 * random.NormFloat64()
	}
	if !c.Correlated() {
		for i := range p.Covariances {
			p.Covariances[i] = 0.5 + random.Float64()
		}
		return p
	}
	for from := 0; from < len(p.Covariances); from += d * d {
		sigma, g := p.Covariances[from:][:d*d], normals(random, d*d)
		for a := range d {
			sigma[a*d+a] = 1
			for b := range d {
				for k := range d {
					sigma[a*d+b] += g[a*d+k] * g[b*d+k]
				}
			}
		}
	}
	return p
}

// normals returns n standard normal numbers.
func normals(random *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = random.NormFloat64()
	}
	return x
}

// float64s views x as events of d dimensions.
func float64s(t testing.TB, x []float64, d int) mixture.Events {
	t.Helper()
	events, err := mixture.Float64(x, len(x)/d, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
