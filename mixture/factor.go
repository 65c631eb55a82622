package mixture

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// Factors is the direct form of a mixture's log-densities:
//
//	log(π_m N(x | μ_m, Σ_m)) = Constants[m] - ½ ‖A_m (x - μ_m)‖²
//
// where A_m = L_m⁻¹ is the inverse of the Cholesky factor Σ_m = L_m L_mᵀ, lower triangular, and
//
//	Constants[m] = log π_m - ½ (D log 2π + log |Σ_m|)
//
// (scikit-learn's precisions_cholesky is A_mᵀ.) The constant of a component of weight 0 is -Inf.
type Factors struct {
	// Inverse holds A_m: for full and tied the packed lower triangle, row by row, M×D(D+1)/2; for diag and spherical
	// the diagonal, M×D.
	Inverse   []float64
	Constants []float64 // M
}

// Factor factors the covariances in float64. Its error, a *[ParameterError], names the first component whose covariance is
// not positive definite.
func (p *Parameters) Factor() (*Factors, error) {
	f := &Factors{Constants: make([]float64, p.M)}
	if p.Covariance.Correlated() {
		return f, p.factorMatrices(f)
	}
	return f, p.factorDiagonals(f)
}

func (p *Parameters) factorMatrices(f *Factors) error {
	d := p.D
	size := d * (d + 1) / 2
	f.Inverse = make([]float64, p.M*size)
	work := make([]float64, d*d)
	logDet := 0.0
	for m := range p.M {
		inverse := f.Inverse[m*size:][:size]
		if m > 0 && p.Covariance == Tied {
			copy(inverse, f.Inverse[:size])
		} else {
			copy(work, p.square(m))
			var ok bool
			if logDet, ok = invertCholesky(work, d); !ok {
				return &ParameterError{Field: "covariances", Index: m, Reason: "not positive definite"}
			}
			k := 0
			for a := range d {
				k += copy(inverse[k:], work[a*d:][:a+1])
			}
		}
		f.Constants[m] = p.constant(m, logDet)
	}
	return nil
}

// invertCholesky replaces the symmetric d×d matrix s by the inverse of its lower Cholesky factor, and returns log |s|.
func invertCholesky(s []float64, d int) (logDet float64, ok bool) {
	for a := range d {
		if !(s[a*d+a] > 0) {
			return 0, false
		}
	}
	t, ok := lapack64.Potrf(blas64.Symmetric{N: d, Stride: d, Data: s, Uplo: blas.Lower})
	if !ok {
		return 0, false
	}
	for a := range d {
		logDet += 2 * math.Log(s[a*d+a])
	}
	t.Diag = blas.NonUnit
	if !lapack64.Trtri(t) {
		return 0, false
	}
	for a := range d {
		for _, v := range s[a*d:][:a+1] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return 0, false
			}
		}
	}
	return logDet, !math.IsNaN(logDet) && !math.IsInf(logDet, 0)
}

func (p *Parameters) factorDiagonals(f *Factors) error {
	d := p.D
	f.Inverse = make([]float64, p.M*d)
	for m := range p.M {
		logDet := 0.0
		for j := range d {
			v := p.Covariances[m]
			if p.Covariance == Diag {
				v = p.Covariances[m*d+j]
			}
			inverse := 1 / math.Sqrt(v)
			if !(v > 0) || math.IsInf(inverse, 0) || inverse == 0 {
				return &ParameterError{Field: "covariances", Index: m, Reason: "not positive definite"}
			}
			f.Inverse[m*d+j] = inverse
			logDet += math.Log(v)
		}
		f.Constants[m] = p.constant(m, logDet)
	}
	return nil
}

func (p *Parameters) constant(m int, logDet float64) float64 {
	return math.Log(p.Weights[m]) - 0.5*(float64(p.D)*math.Log(2*math.Pi)+logDet)
}
