package reference

import (
	"github.com/gmmspec/gmmspec/mixture"
)

// correlated is the covariances of full and tied.
type correlated struct {
	d        int
	tied     bool
	means    []float64 // M×D
	matrices []float64 // as in the parameters, D×D each

	factors        []float64 // as cholesky leaves them
	logDeterminant []float64
}

func newCorrelated(p *mixture.Parameters) (*correlated, error) {
	matrices := p.M
	if p.Covariance == mixture.Tied {
		matrices = 1
	}
	c := &correlated{
		d: p.D, tied: p.Covariance == mixture.Tied, means: p.Means, matrices: p.Covariances,
		factors: make([]float64, matrices*triangleLen(p.D)), logDeterminant: make([]float64, matrices),
	}
	for i := range matrices {
		var ok bool
		c.logDeterminant[i], ok = cholesky(c.factor(i), p.D, func(a, b int) float64 { return c.entry(i, a, b) })
		if !ok {
			return nil, &mixture.ParameterError{Field: "covariances", Index: c.owner(i), Reason: "not positive definite"}
		}
	}
	return c, nil
}

// matrix returns which matrix is component m's.
func (c *correlated) matrix(m int) int {
	if c.tied {
		return 0
	}
	return m
}

// owner returns the component of matrix i, or -1 where all share it.
func (c *correlated) owner(i int) int {
	if c.tied {
		return -1
	}
	return i
}

// entry returns entry (a, b) of matrix i.
func (c *correlated) entry(i, a, b int) float64 { return c.matrices[(i*c.d+a)*c.d+b] }

// factor returns the Cholesky factor of matrix i.
func (c *correlated) factor(i int) []float64 {
	size := triangleLen(c.d)
	return c.factors[i*size:][:size]
}

// correlatedEvaluator evaluates events of which every coordinate is present.
type correlatedEvaluator struct {
	*correlated
	x, y []float64
}

func (e *correlatedEvaluator) observe(x []float64) { e.x = x }

func (e *correlatedEvaluator) logDensity(m int) float64 {
	e.deviation(e.y, m)
	i := e.matrix(m)
	solve(e.factor(i), e.y)
	return logDensity(squaredLength(e.y), e.logDeterminant[i], e.d)
}

func (e *correlatedEvaluator) deviation(dst []float64, m int) {
	mean, dst := e.means[m*e.d:][:len(e.x)], dst[:len(e.x)]
	for j, v := range e.x {
		dst[j] = v - mean[j]
	}
}

func (e *correlatedEvaluator) addConditional([]float64, int, float64) {}
