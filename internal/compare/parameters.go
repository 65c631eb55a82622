package compare

import (
	"math"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Parameters measures weights absolutely, means by the standard deviations of want, and covariances as [Covariances].
func Parameters(got, want *mixture.Parameters) []Measure {
	if bad, ok := shape(got, want); !ok {
		return []Measure{bad}
	}
	means := Measure{What: "means, by standard deviations"}
	for m := range want.M {
		sigma := want.Matrix(m)
		for a, v := range want.Mean(m) {
			means.add(got.Mean(m)[a], v, math.Sqrt(sigma.At(a, a)), m, a)
		}
	}
	return append([]Measure{Absolute("weights", got.Weights, want.Weights), means}, Covariances(got, want)...)
}

func shape(got, want *mixture.Parameters) (Measure, bool) {
	switch {
	case got.M != want.M:
		return mismatch("components", got.M, want.M), false
	case got.D != want.D:
		return mismatch("dimensions", got.D, want.D), false
	case got.Covariance != want.Covariance:
		return mismatch("covariances, of type "+string(got.Covariance)+" and not "+string(want.Covariance),
			len(got.Covariances), len(want.Covariances)), false
	}
	return Measure{}, true
}

// Covariances measures covariances Σ, of which got is off by ΔΣ, in three ways:
//
//	Frobenius  ‖ΔΣ‖_F / ‖Σ‖_F over all components together
//	entries    max |ΔΣ_ab| / √(Σ_aa Σ_bb), of the worst component
//	whitened   max ‖L⁻¹ ΔΣ L⁻ᵀ‖₂, for Σ = L Lᵀ, of the worst component
//
// The first alone hides a small component that is wrong; the last is the largest relative error of the variance in any
// direction.
func Covariances(got, want *mixture.Parameters) []Measure {
	if bad, ok := shape(got, want); !ok {
		return []Measure{bad}
	}
	frobenius := Measure{What: "covariances, Frobenius ratio"}
	entries := Measure{What: "covariances, entries by standard deviations"}
	whitened := Measure{What: "covariances, whitened"}
	d := want.D
	delta := mat.NewSymDense(d, nil)
	for m := range want.M {
		for a := range d {
			for b := range d {
				gv, wv := entry(got, m, a, b), entry(want, m, a, b)
				entries.add(gv, wv, math.Sqrt(entry(want, m, a, a)*entry(want, m, b, b)), m, a, b)
				frobenius.Got += (gv - wv) * (gv - wv)
				frobenius.Want += wv * wv
				delta.SetSym(a, b, (gv-wv+entry(got, m, b, a)-entry(want, m, b, a))/2)
			}
		}
		whitened.add(whitenedNorm(delta, want.Matrix(m)), 0, 1, m)
	}
	frobenius.Got, frobenius.Want = math.Sqrt(frobenius.Got), math.Sqrt(frobenius.Want)
	frobenius.Error = frobenius.Got / frobenius.Want
	return []Measure{frobenius, entries, whitened}
}

// entry returns entry (a, b) of Σ_m. Both triangles are looked at: [mixture.Parameters.Matrix] reads only one.
func entry(p *mixture.Parameters, m, a, b int) float64 {
	d := p.D
	switch {
	case p.Covariance == mixture.Full:
		return p.Covariances[(m*d+a)*d+b]
	case p.Covariance == mixture.Tied:
		return p.Covariances[a*d+b]
	case a != b:
		return 0
	case p.Covariance == mixture.Diag:
		return p.Covariances[m*d+a]
	}
	return p.Covariances[m]
}

// whitenedNorm returns ‖L⁻¹ Δ L⁻ᵀ‖₂ for sigma = L Lᵀ, or NaN where sigma is not positive definite.
func whitenedNorm(delta *mat.SymDense, sigma mat.Symmetric) float64 {
	var factor mat.Cholesky
	if sum := mat.Sum(delta); math.IsNaN(sum) || math.IsInf(sum, 0) || !factor.Factorize(sigma) {
		return math.NaN()
	}
	var l mat.TriDense
	factor.LTo(&l)
	white := mat.DenseCopyOf(delta)
	blas64.Trsm(blas.Left, blas.NoTrans, 1, l.RawTriangular(), white.RawMatrix())
	blas64.Trsm(blas.Right, blas.Trans, 1, l.RawTriangular(), white.RawMatrix())
	d := delta.SymmetricDim()
	symmetric := mat.NewSymDense(d, nil)
	for a := range d {
		for b := range a + 1 {
			symmetric.SetSym(a, b, (white.At(a, b)+white.At(b, a))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, false) {
		return math.NaN()
	}
	norm := 0.0
	for _, v := range eigen.Values(nil) {
		norm = math.Max(norm, math.Abs(v))
	}
	return norm
}
