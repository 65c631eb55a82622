package reference

import (
	"math"

	"github.com/gmmspec/gmmspec/mixture"
)

// diagonal is the covariances of diag and spherical, written out for each dimension.
type diagonal struct {
	d              int
	spherical      bool
	means          []float64 // M×D
	variances      []float64 // M×D
	inverse        []float64 // M×D, 1/σ
	logVariances   []float64 // M×D
	logDeterminant []float64 // M
}

func newDiagonal(p *mixture.Parameters) (*diagonal, error) {
	g := &diagonal{
		d: p.D, spherical: p.Covariance == mixture.Spherical, means: p.Means,
		variances: make([]float64, p.M*p.D), inverse: make([]float64, p.M*p.D),
		logVariances: make([]float64, p.M*p.D), logDeterminant: make([]float64, p.M),
	}
	for i := range g.variances {
		m := i / p.D
		v := p.Covariances[m]
		if !g.spherical {
			v = p.Covariances[i]
		}
		if !(v > 0 && v <= math.MaxFloat64) {
			return nil, &mixture.ParameterError{Field: "covariances", Index: m, Reason: "not positive definite"}
		}
		g.variances[i], g.inverse[i], g.logVariances[i] = v, 1/math.Sqrt(v), math.Log(v)
		g.logDeterminant[m] += g.logVariances[i]
	}
	return g, nil
}

// diagonalEvaluator evaluates independent coordinates, so one that is missing is passed over.
type diagonalEvaluator struct {
	*diagonal
	x       []float64
	missing bool
}

func (e *diagonalEvaluator) observe(x []float64) {
	e.x, e.missing = x, false
	for _, v := range x {
		if math.IsNaN(v) {
			e.missing = true
		}
	}
}

func (e *diagonalEvaluator) logDensity(m int) float64 {
	present, logDet, square := e.d, e.logDeterminant[m], 0.0
	mean, inverse := e.means[m*e.d:][:len(e.x)], e.inverse[m*e.d:][:len(e.x)]
	for j, v := range e.x {
		if e.missing && math.IsNaN(v) {
			present--
			logDet -= e.logVariances[m*e.d+j]
			continue
		}
		y := (v - mean[j]) * inverse[j]
		square += y * y
	}
	return logDensity(square, logDet, present)
}

func (e *diagonalEvaluator) deviation(dst []float64, m int) {
	mean := e.means[m*e.d:][:len(e.x)]
	for j, v := range e.x {
		dst[j] = v - mean[j]
		if e.missing && math.IsNaN(v) {
			dst[j] = 0
		}
	}
}

func (e *diagonalEvaluator) addConditional(second []float64, m int, w float64) {
	if !e.missing {
		return
	}
	for j, v := range e.x {
		if !math.IsNaN(v) {
			continue
		}
		at := j
		if e.spherical {
			at = 0
		}
		second[at] += w * e.variances[m*e.d+j]
	}
}
