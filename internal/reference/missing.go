package reference

import (
	"math"
	"slices"
)

// conditionalEvaluator evaluates events of which coordinates may be missing. With o the present and u the missing ones,
// Σ_oo = L Lᵀ, y = L⁻¹(x_o - μ_o) and V = L⁻¹ Σ_ou,
//
//	log N(x_o | μ_o, Σ_oo) = -½ (‖y‖² + log |Σ_oo| + |o| log 2π)
//	E[x_u | x_o]           = μ_u + Vᵀ y
//	Cov[x_u | x_o]         = Σ_uu - Vᵀ V
//
// (Bishop, eqs. 2.81 and 2.82.) What depends only on which coordinates are missing is kept from one event to the next.
type conditionalEvaluator struct {
	*correlated
	x []float64
	y []float64

	known            bool // whether the pattern below is of any event
	present, missing []int
	patterns         []conditional // one for each matrix
}

// conditional is one covariance matrix split by the coordinates that are missing.
type conditional struct {
	factor         []float64 // of Σ_oo, as cholesky leaves it
	logDeterminant float64   // of Σ_oo
	regression     []float64 // V, |u|×|o|: row i is L⁻¹ Σ_ou of missing coordinate i
	covariance     []float64 // Σ_uu - VᵀV, |u|×|u|
}

func newConditionalEvaluator(c *correlated) *conditionalEvaluator {
	e := &conditionalEvaluator{correlated: c, y: make([]float64, c.d), patterns: make([]conditional, len(c.logDeterminant))}
	for i := range e.patterns {
		e.patterns[i] = conditional{
			factor:     make([]float64, triangleLen(c.d)),
			regression: make([]float64, c.d*c.d),
			covariance: make([]float64, c.d*c.d),
		}
	}
	return e
}

func (e *conditionalEvaluator) observe(x []float64) {
	e.x = x
	if e.known && e.samePattern(x) {
		return
	}
	e.known = true
	e.present, e.missing = e.present[:0], e.missing[:0]
	for j, v := range x {
		if math.IsNaN(v) {
			e.missing = append(e.missing, j)
		} else {
			e.present = append(e.present, j)
		}
	}
	for i := range e.patterns {
		e.split(&e.patterns[i], i)
	}
}

func (e *conditionalEvaluator) samePattern(x []float64) bool {
	for _, j := range e.present {
		if math.IsNaN(x[j]) {
			return false
		}
	}
	return !slices.ContainsFunc(e.missing, func(j int) bool { return !math.IsNaN(x[j]) })
}

// firstRaise is float64's rounding error.
const firstRaise = 0x1p-53

// split fills in c for matrix i.
func (e *conditionalEvaluator) split(c *conditional, i int) {
	o, u := len(e.present), len(e.missing)
	// A principal block of a positive definite matrix is positive definite; where rounding denies it, its diagonal is
	// raised by rounding errors until it is.
	for raise, ok := 0.0, false; !ok; raise = max(firstRaise, 2*raise) {
		c.logDeterminant, ok = cholesky(c.factor, o, func(a, b int) float64 {
			v := e.entry(i, e.present[a], e.present[b])
			if a == b {
				v += raise * v
			}
			return v
		})
	}
	for r, a := range e.missing {
		row := c.regression[r*o:][:o]
		for k, b := range e.present {
			row[k] = e.entry(i, a, b)
		}
		solve(c.factor, row)
		for s, b := range e.missing[:r+1] {
			v := e.entry(i, a, b)
			for k, w := range c.regression[s*o:][:o] {
				v -= row[k] * w
			}
			c.covariance[r*u+s], c.covariance[s*u+r] = v, v
		}
	}
}

// standardise sets the first |o| of y to L⁻¹(x_o - μ_o), and returns them.
func (e *conditionalEvaluator) standardise(m int) []float64 {
	y := e.y[:len(e.present)]
	for k, j := range e.present {
		y[k] = e.x[j] - e.means[m*e.d+j]
	}
	solve(e.patterns[e.matrix(m)].factor, y)
	return y
}

func (e *conditionalEvaluator) logDensity(m int) float64 {
	return logDensity(squaredLength(e.standardise(m)), e.patterns[e.matrix(m)].logDeterminant, len(e.present))
}

func (e *conditionalEvaluator) deviation(dst []float64, m int) {
	for _, j := range e.present {
		dst[j] = e.x[j] - e.means[m*e.d+j]
	}
	if len(e.missing) == 0 {
		return
	}
	y, o := e.standardise(m), len(e.present)
	regression := e.patterns[e.matrix(m)].regression
	for r, j := range e.missing {
		dst[j] = 0
		for k, v := range regression[r*o:][:o] {
			dst[j] += v * y[k]
		}
	}
}

func (e *conditionalEvaluator) addConditional(second []float64, m int, w float64) {
	u := len(e.missing)
	covariance := e.patterns[e.matrix(m)].covariance
	for r, a := range e.missing {
		for s, b := range e.missing[:r+1] {
			second[triangleLen(a)+b] += w * covariance[r*u+s]
		}
	}
}
