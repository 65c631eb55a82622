package mixture_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
)

// TestFactorAgainstDistmv evaluates log(π N(x | μ, Σ)) from the factors, and by gonum's normal distribution.
func TestFactorAgainstDistmv(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 5, func(t *testing.T, random *rand.Rand) {
			p := randomModel(random, c, 3, 1+random.IntN(6))
			f, err := p.Factor()
			if err != nil {
				t.Fatal(err)
			}
			var got, want []float64
			for m := range p.M {
				normal, ok := distmv.NewNormal(p.Mean(m), p.Matrix(m), nil)
				if !ok {
					t.Fatal("gonum finds the covariance not positive definite")
				}
				for range 5 {
					x := normals(random, p.D)
					got = append(got, f.Constants[m]-0.5*quadratic(p, f, m, x))
					want = append(want, math.Log(p.Weights[m])+normal.LogProb(x))
				}
			}
			rounding().Check(t, compare.LogDensities(got, want))
		})
	})
}

// quadratic returns ‖A_m (x - μ_m)‖².
func quadratic(p *mixture.Parameters, f *mixture.Factors, m int, x []float64) float64 {
	sum := 0.0
	for a := range p.D {
		y := 0.0
		if p.Covariance.Correlated() {
			row := f.Inverse[m*p.D*(p.D+1)/2+a*(a+1)/2:]
			for b := range a + 1 {
				y += row[b] * (x[b] - p.Mean(m)[b])
			}
		} else {
			y = f.Inverse[m*p.D+a] * (x[a] - p.Mean(m)[a])
		}
		sum += y * y
	}
	return sum
}

// TestFactorByHand: Σ = LLᵀ with L = (2 0; 1 3) has L⁻¹ = (1/2 0; -1/6 1/3) and log|Σ| = 2 log 6.
func TestFactorByHand(t *testing.T) {
	p := &mixture.Parameters{
		Covariance: mixture.Tied, M: 2, D: 2,
		Weights: []float64{1, 0}, Means: make([]float64, 4), Covariances: []float64{4, 2, 2, 10},
	}
	f, err := p.Factor()
	if err != nil {
		t.Fatal(err)
	}
	a := []float64{1. / 2, -1. / 6, 1. / 3}
	constants := []float64{-math.Log(2*math.Pi) - math.Log(6), math.Inf(-1)}
	rounding().Check(t,
		compare.Absolute("inverse of both components", f.Inverse, append(a, a...)),
		compare.Absolute("constants", f.Constants, constants))
}

// TestFactorRefuses: the first covariance that is not positive definite is named, and there are no factors.
func TestFactorRefuses(t *testing.T) {
	for _, test := range []struct {
		covariance  mixture.Covariance
		covariances []float64
		component   int
	}{
		{mixture.Full, []float64{1, 0, 0, 1, 1, 2, 2, 1}, 1},
		{mixture.Full, []float64{1, 0, 0, math.NaN(), 1, 2, 2, 1}, 0},
		{mixture.Full, []float64{1, 0, 0, math.Inf(1), 1, 2, 2, 1}, 0},
		{mixture.Tied, []float64{1, 2, 2, 1}, -1},
		{mixture.Diag, []float64{1, 1, 0, 1}, 1},
		{mixture.Diag, []float64{1, 1, 1, math.Inf(1)}, 1},
		{mixture.Spherical, []float64{math.NaN(), 1}, 0},
	} {
		p := mixture.NewParameters(test.covariance, 2, 2)
		p.Covariances = test.covariances
		f, err := p.Factor()
		wantParameterError(t, err, "covariances", test.component, "not positive definite")
		if f != nil {
			t.Errorf("%s: factors besides an error", test.covariance)
		}
	}
}

// TestFactorExtremes: variances at the ends of what a float64 holds have finite factors.
func TestFactorExtremes(t *testing.T) {
	for _, c := range mixture.Covariances() {
		for _, v := range []float64{math.SmallestNonzeroFloat64, 1e-300, 1e300, math.MaxFloat64} {
			p := mixture.NewParameters(c, 1, 2)
			p.Weights[0] = 1
			diagonal := mat.NewDiagDense(2, []float64{v, v})
			switch {
			case c.Correlated():
				p.Covariances = mat.DenseCopyOf(diagonal).RawMatrix().Data
			default:
				for i := range p.Covariances {
					p.Covariances[i] = v
				}
			}
			f, err := p.Factor()
			if err != nil {
				t.Errorf("%s, variance %g: %v", c, v, err)
				continue
			}
			if sum := mat.Sum(mat.NewVecDense(len(f.Inverse), f.Inverse)) + f.Constants[0]; math.IsNaN(sum) || math.IsInf(sum, 0) {
				t.Errorf("%s, variance %g: factors %+v", c, v, f)
			}
		}
	}
}

// TestFactorTooLarge: L is δ on the diagonal and 1 below it, all exact, so that its inverse grows as δ⁻ᴰ, past a float64.
func TestFactorTooLarge(t *testing.T) {
	const d, delta = 80, 0x1p-13
	p := mixture.NewParameters(mixture.Full, 1, d)
	p.Weights[0] = 1
	for a := range d {
		p.Covariances[a*d+a] = delta * delta
		if a > 0 {
			p.Covariances[a*d+a]++
			p.Covariances[a*d+a-1], p.Covariances[(a-1)*d+a] = delta, delta
		}
	}
	_, err := p.Factor()
	wantParameterError(t, err, "covariances", 0, "not positive definite")
}
