package mixture

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

const (
	// weightSumTolerance bounds |Σ π_m - 1|: what six printed digits leave.
	weightSumTolerance = 1e-6
	// symmetryTolerance bounds |Σ_ab - Σ_ba| relative to √(Σ_aa Σ_bb).
	symmetryTolerance = 1e-9
)

// Parameters is a mixture of M components over D dimensions. The slices are row-major.
type Parameters struct {
	Covariance Covariance
	M, D       int

	Weights     []float64 // M, π_m: at least 0, sum 1
	Means       []float64 // M×D
	Covariances []float64 // full M×D×D, diag M×D, tied D×D, spherical M
}

// NewParameters returns parameters of the given shape, all zero.
func NewParameters(c Covariance, m, d int) *Parameters {
	return &Parameters{
		Covariance: c, M: m, D: d,
		Weights:     make([]float64, m),
		Means:       make([]float64, m*d),
		Covariances: make([]float64, c.Len(m, d)),
	}
}

// Clone returns a copy of p.
func (p *Parameters) Clone() *Parameters {
	c := *p
	c.Weights = append([]float64(nil), p.Weights...)
	c.Means = append([]float64(nil), p.Means...)
	c.Covariances = append([]float64(nil), p.Covariances...)
	return &c
}

// Mean returns μ_m, a view.
func (p *Parameters) Mean(m int) []float64 { return p.Means[m*p.D:][:p.D] }

// Matrix returns Σ_m as a D×D matrix, a copy: a *mat.SymDense for full and tied, a *mat.DiagDense for diag and spherical.
func (p *Parameters) Matrix(m int) mat.Symmetric {
	d := p.D
	switch p.Covariance {
	case Full, Tied:
		return mat.NewSymDense(d, append([]float64(nil), p.square(m)...))
	case Diag:
		return mat.NewDiagDense(d, append([]float64(nil), p.Covariances[m*d:][:d]...))
	default:
		diagonal := make([]float64, d)
		for j := range diagonal {
			diagonal[j] = p.Covariances[m]
		}
		return mat.NewDiagDense(d, diagonal)
	}
}

// square returns component m's D×D entries of a full or tied covariance, a view.
func (p *Parameters) square(m int) []float64 {
	if p.Covariance == Tied {
		m = 0
	}
	return p.Covariances[m*p.D*p.D:][:p.D*p.D]
}

// Validate reports the first way in which p is not a mixture: sizes that disagree, weights that are negative or do not sum
// to 1 within 1e-6, entries that are not finite, covariances that are not symmetric within 1e-9 (relative to the diagonal)
// or not positive definite. Every such error is a *[ParameterError].
func (p *Parameters) Validate() error {
	if _, err := ParseCovariance(string(p.Covariance)); err != nil {
		return &ParameterError{Field: "covariance_type", Index: -1, Reason: fmt.Sprintf("%q is not full, diag, tied or spherical", p.Covariance)}
	}
	if p.M < 1 {
		return &ParameterError{Field: "components", Index: -1, Reason: fmt.Sprintf("%d: want at least 1", p.M)}
	}
	if p.D < 1 {
		return &ParameterError{Field: "dimensions", Index: -1, Reason: fmt.Sprintf("%d: want at least 1", p.D)}
	}
	for _, f := range []struct {
		name      string
		got, want int
	}{
		{"weights", len(p.Weights), p.M},
		{"means", len(p.Means), p.M * p.D},
		{"covariances", len(p.Covariances), p.Covariance.Len(p.M, p.D)},
	} {
		if f.got != f.want {
			return &ParameterError{Field: f.name, Index: -1, Reason: fmt.Sprintf("%d numbers: want %d", f.got, f.want)}
		}
	}
	if err := p.validateWeights(); err != nil {
		return err
	}
	for i, v := range p.Means {
		if !(math.Abs(v) <= MaxMagnitude) {
			return &ParameterError{Field: "means", Index: i / p.D, Reason: fmt.Sprintf("%v: want finite and at most %g in magnitude", v, MaxMagnitude)}
		}
	}
	for i, v := range p.Covariances {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &ParameterError{Field: "covariances", Index: p.owner(i), Reason: fmt.Sprintf("%v is not finite", v)}
		}
	}
	if err := p.validateSymmetry(); err != nil {
		return err
	}
	_, err := p.Factor()
	return err
}

func (p *Parameters) validateWeights() error {
	sum := 0.0
	for m, w := range p.Weights {
		if !(w >= 0 && w <= math.MaxFloat64) {
			return &ParameterError{Field: "weights", Index: m, Reason: fmt.Sprintf("%v: want a finite number of at least 0", w)}
		}
		sum += w
	}
	if !(math.Abs(sum-1) <= weightSumTolerance) {
		return &ParameterError{Field: "weights", Index: -1, Reason: fmt.Sprintf("sum to %v: want 1 within %g", sum, weightSumTolerance)}
	}
	return nil
}

func (p *Parameters) validateSymmetry() error {
	if !p.Covariance.Correlated() {
		return nil
	}
	matrices := p.M
	if p.Covariance == Tied {
		matrices = 1
	}
	d := p.D
	for m := range matrices {
		s := p.square(m)
		for a := range d {
			for b := range a {
				if diff := math.Abs(s[a*d+b] - s[b*d+a]); diff > symmetryTolerance*math.Sqrt(math.Abs(s[a*d+a]*s[b*d+b])) {
					return &ParameterError{Field: "covariances", Index: m, Reason: fmt.Sprintf(
						"not symmetric: entry (%d,%d) is %v, entry (%d,%d) is %v", a, b, s[a*d+b], b, a, s[b*d+a])}
				}
			}
		}
	}
	return nil
}

// owner returns the component that covariance entry i belongs to.
func (p *Parameters) owner(i int) int {
	switch p.Covariance {
	case Full:
		return i / (p.D * p.D)
	case Diag:
		return i / p.D
	case Tied:
		return -1
	}
	return i
}
