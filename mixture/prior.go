package mixture

import (
	"fmt"
	"math"
)

const (
	// relativeRidge is the default ridge as a share of each dimension's variance; the original's dynamic range of
	// covariances (COVARIANCE_DYNAMIC_RANGE) is its inverse.
	relativeRidge = 1e-6
	// magnitudeRidge keeps the standard deviation that the ridge allows above float32's spacing at the largest |x_d|.
	magnitudeRidge = 1e-7
	// absoluteRidge keeps the ridge of a dimension that is 0 everywhere positive.
	absoluteRidge = 1e-12
)

// Prior is what the M-step adds to the statistics.
type Prior struct {
	// Ridge is added to the diagonal of every covariance: one finite value of at least 0 a dimension.
	Ridge []float64
	// Floor is the ridge that is added besides, in growing multiples, to a covariance that would not be positive
	// definite: one finite positive value a dimension.
	Floor []float64
}

// RelativePrior returns the default prior for data: dimension d's ridge is 1e-6 of its variance, at least (1e-7·max|x_d|)²,
// at least 1e-12.
func RelativePrior(s *Summary) Prior {
	ridge := make([]float64, s.D)
	for j := range ridge {
		spacing := magnitudeRidge * s.MaxAbs(j)
		ridge[j] = max(relativeRidge*s.Variance[j], spacing*spacing, absoluteRidge)
	}
	return Prior{Ridge: ridge, Floor: ridge}
}

// AbsolutePrior returns a prior that adds the same ridge ≥ 0 to every dimension, as scikit-learn's reg_covar, with the
// default's floor.
func AbsolutePrior(s *Summary, ridge float64) Prior {
	p := RelativePrior(s)
	p.Ridge = make([]float64, s.D)
	for j := range p.Ridge {
		p.Ridge[j] = ridge
	}
	return p
}

// Warnings says, for people, in which dimensions the ridge is more than half of the events' variance, x1 being the first: there it, and
// not the events, decides covariances.
func (p Prior) Warnings(s *Summary) []string {
	const share = 0.5
	var large []string
	for j, ridge := range p.Ridge {
		if s.Low[j] != s.High[j] && ridge > share*s.Variance[j] {
			large = append(large, fmt.Sprintf("x%d", j+1))
		}
	}
	if len(large) == 0 {
		return nil
	}
	return []string{"the ridge is more than half of the events' variance in " + enumerate(large) +
		": set a smaller one, or subtract what all events have in common"}
}

// validate reports a prior that is not one for d dimensions.
func (p Prior) validate(d int) error {
	if len(p.Ridge) != d {
		return &ShapeError{What: "length of the prior's ridge", Got: len(p.Ridge), Want: d}
	}
	if len(p.Floor) != d {
		return &ShapeError{What: "length of the prior's floor", Got: len(p.Floor), Want: d}
	}
	for j := range d {
		if v := p.Ridge[j]; !(v >= 0 && v <= math.MaxFloat64) {
			return fmt.Errorf("mixture: the ridge of dimension %d is %v: want a finite number of at least 0", j, v)
		}
		if v := p.Floor[j]; !(v > 0 && v <= math.MaxFloat64) {
			return fmt.Errorf("mixture: the floor of dimension %d is %v: want a finite number above 0", j, v)
		}
	}
	return nil
}
