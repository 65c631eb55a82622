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
	if p == nil {
		return nil
	}
	c := *p
	c.Weights = append([]float64(nil), p.Weights...)
	c.Means = append([]float64(nil), p.Means...)
	c.Covariances = append([]float64(nil), p.Covariances...)
	return &c
}

// Mean returns μ_m, a view.
func (p *Parameters) Mean(m int) []float64 { return p.Means[m*p.D:][:p.D:p.D] }

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

// Variance returns (Σ_m)_dd, without the copy that [Parameters.Matrix] makes.
func (p *Parameters) Variance(m, d int) float64 {
	switch p.Covariance {
	case Full, Tied:
		return p.square(m)[d*p.D+d]
	case Diag:
		return p.Covariances[m*p.D+d]
	default:
		return p.Covariances[m]
	}
}

// matrices returns how many covariances there are: M, or for tied one that all share.
func (p *Parameters) matrices() int {
	if p.Covariance == Tied {
		return 1
	}
	return p.M
}

// owner returns the component of covariance m, or -1 where all share it.
func (p *Parameters) owner(m int) int {
	if p.Covariance == Tied {
		return -1
	}
	return m
}

// square returns component m's D×D entries of a full or tied covariance, a view.
func (p *Parameters) square(m int) []float64 {
	if p.Covariance == Tied {
		m = 0
	}
	return p.Covariances[m*p.D*p.D:][:p.D*p.D]
}

// Validate reports the first way in which p is not a mixture: sizes that disagree, weights that are negative or do not sum
// to 1 within 1e-6, means beyond [MaxMagnitude], entries that are not finite, covariances that are not symmetric within 1e-9
// (relative to the diagonal) or not positive definite. Every such error is a *[ParameterError].
func (p *Parameters) Validate() error {
	if p == nil {
		return &ParameterError{Field: "parameters", Index: -1, Reason: "there are none"}
	}
	for _, check := range []func() error{
		p.validateSizes, p.validateWeights, p.validateMeans, p.validateCovariances, p.validateSymmetry,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	one := *p
	if p.Covariance == Tied { // Factor makes a copy for each component
		one.M, one.Weights, one.Means = 1, p.Weights[:1], p.Means[:p.D]
	}
	_, err := one.Factor()
	return err
}

func (p *Parameters) validateSizes() error {
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
		name  string
		got   int
		shape []int
	}{
		{"weights", len(p.Weights), []int{p.M}},
		{"means", len(p.Means), []int{p.M, p.D}},
		{"covariances", len(p.Covariances), p.covarianceShape()},
	} {
		if !holds(f.got, f.shape) {
			want := fmt.Sprint(f.shape[0])
			for _, n := range f.shape[1:] {
				want += fmt.Sprintf("×%d", n)
			}
			return &ParameterError{Field: f.name, Index: -1, Reason: fmt.Sprintf("%d numbers: want %s", f.got, want)}
		}
	}
	return nil
}

// covarianceShape returns the sizes of the covariances, the slowest index first.
func (p *Parameters) covarianceShape() []int {
	switch p.Covariance {
	case Full:
		return []int{p.M, p.D, p.D}
	case Diag:
		return []int{p.M, p.D}
	case Tied:
		return []int{p.D, p.D}
	case Spherical:
		return []int{p.M}
	}
	return nil
}

// holds reports whether n is the product of the positive sizes, which may be larger than an int.
func holds(n int, shape []int) bool {
	for _, size := range shape {
		if n%size != 0 {
			return false
		}
		n /= size
	}
	return n == 1
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

func (p *Parameters) validateMeans() error {
	for i, v := range p.Means {
		if !(math.Abs(v) <= MaxMagnitude) {
			return &ParameterError{Field: "means", Index: i / p.D, Reason: fmt.Sprintf("%v: want a number of at most %g in magnitude", v, MaxMagnitude)}
		}
	}
	return nil
}

func (p *Parameters) validateCovariances() error {
	size := p.Covariance.Len(1, p.D)
	for i, v := range p.Covariances {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &ParameterError{Field: "covariances", Index: p.owner(i / size), Reason: fmt.Sprintf("%v is not finite", v)}
		}
	}
	return nil
}

func (p *Parameters) validateSymmetry() error {
	if !p.Covariance.Correlated() {
		return nil
	}
	d := p.D
	for m := range p.matrices() {
		s := p.square(m)
		for a := range d {
			for b := range a {
				scale := math.Sqrt(math.Abs(s[a*d+a])) * math.Sqrt(math.Abs(s[b*d+b]))
				if diff := math.Abs(s[a*d+b] - s[b*d+a]); diff > symmetryTolerance*scale {
					return &ParameterError{Field: "covariances", Index: p.owner(m), Reason: fmt.Sprintf(
						"not symmetric: entry (%d,%d) is %v, entry (%d,%d) is %v", a, b, s[a*d+b], b, a, s[b*d+a])}
				}
			}
		}
	}
	return nil
}
