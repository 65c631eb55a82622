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

// Factor factors the covariances in float64, and reads the lower triangle of each matrix. The slices of p must have their
// lengths: see [Parameters.Validate]. Its error, a *[ParameterError], names the first component whose covariance is not
// positive definite.
func (p *Parameters) Factor() (*Factors, error) {
	if p.Covariance.Correlated() {
		return p.factorMatrices()
	}
	return p.factorDiagonals()
}

func (p *Parameters) factorMatrices() (*Factors, error) {
	d := p.D
	size := d * (d + 1) / 2
	f := &Factors{Inverse: make([]float64, p.M*size), Constants: make([]float64, p.M)}
	work := make([]float64, d*d)
	logDet := 0.0
	for m := range p.M {
		inverse := f.Inverse[m*size:][:size]
		if m >= p.matrices() {
			copy(inverse, f.Inverse[:size])
		} else {
			copy(work, p.square(m))
			var ok bool
			if logDet, ok = invertCholesky(work, d); !ok {
				return nil, p.indefinite(m)
			}
			k := 0
			for a := range d {
				k += copy(inverse[k:], work[a*d:][:a+1])
			}
		}
		f.Constants[m] = p.constant(m, logDet)
	}
	return f, nil
}

const (
	// PivotRounding is, D times over, about what rounding leaves of a pivot that should be 0, as a share of its diagonal
	// entry: Higham, Accuracy and Stability of Numerical Algorithms, theorem 10.3. A matrix with such a pivot is not positive
	// definite. It is no bound: where other dimensions nearly make up for one, their rounding is added to its pivot.
	PivotRounding = 0x1p-52
	// MendedPivot is the same for the covariances that an M-step leaves. Devices factor them in orders of their own, with
	// rounding of their own, so what an M-step lets pass must be out of doubt for all of them.
	MendedPivot = 64 * PivotRounding
)

// cholesky replaces the lower triangle of the symmetric d×d matrix s by its Cholesky factor, or returns false where a pivot
// is at most d times the share given of its diagonal entry.
func cholesky(s []float64, d int, rounding float64) bool {
	if _, ok := lapack64.Potrf(blas64.Symmetric{N: d, Stride: d, Data: s, Uplo: blas.Lower}); !ok {
		return false
	}
	for a := range d {
		row, pivot := s[a*d:][:a], s[a*d+a]
		below := 0.0 // of the diagonal entry pivot² + Σ row², relative to pivot²
		for _, v := range row {
			below += (v / pivot) * (v / pivot)
		}
		if !positive(pivot) || !(1 > rounding*float64(d)*(1+below)) {
			return false
		}
	}
	return true
}

// positive reports whether v is a finite number above 0.
func positive(v float64) bool { return v > 0 && v <= math.MaxFloat64 }

// invertCholesky replaces the lower triangle of the symmetric d×d matrix s by the inverse of its Cholesky factor, which must
// fit float64s, and returns log |s|.
func invertCholesky(s []float64, d int) (logDet float64, ok bool) {
	if !cholesky(s, d, PivotRounding) {
		return 0, false
	}
	for a := range d {
		logDet += 2 * math.Log(s[a*d+a])
	}
	ok = lapack64.Trtri(blas64.Triangular{N: d, Stride: d, Data: s, Uplo: blas.Lower, Diag: blas.NonUnit})
	for a := range d {
		for _, v := range s[a*d:][:a+1] {
			ok = ok && !math.IsNaN(v) && !math.IsInf(v, 0)
		}
	}
	return logDet, ok
}

func (p *Parameters) factorDiagonals() (*Factors, error) {
	d := p.D
	f := &Factors{Inverse: make([]float64, p.M*d), Constants: make([]float64, p.M)}
	for m := range p.M {
		logDet := 0.0
		for j := range d {
			v := p.Covariances[m]
			if p.Covariance == Diag {
				v = p.Covariances[m*d+j]
			}
			if !positive(v) {
				return nil, p.indefinite(m)
			}
			f.Inverse[m*d+j] = 1 / math.Sqrt(v)
			logDet += math.Log(v)
		}
		f.Constants[m] = p.constant(m, logDet)
	}
	return f, nil
}

// indefinite is the error of covariance m, for tied the one that all share.
func (p *Parameters) indefinite(m int) error {
	return &ParameterError{Field: "covariances", Index: p.owner(m), Reason: "not positive definite"}
}

func (p *Parameters) constant(m int, logDet float64) float64 {
	return math.Log(p.Weights[m]) - 0.5*(float64(p.D)*math.Log(2*math.Pi)+logDet)
}
