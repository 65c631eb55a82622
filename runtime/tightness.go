package runtime

import (
	"math"

	"github.com/gmmspec/gmmspec/mixture"
)

// The tightness of a component is how much wider it is to the centre of the events than to itself: (δ² + σ²) / σ², at worst of all
// dimensions, where δ is the distance of its mean from the centre. By so much sums about the centre are larger than those about the
// mean, from which they differ by what is subtracted afterwards, and so are their rounding errors beside the variance σ². See
// Chan, Golub, LeVeque, Algorithms for computing the sample variance (1983), where its square root is the condition number.

// mostTightness32 and mostTightness64 are how tight components may be for sums about the centre. The tightness multiplies the errors of
// the sums, which are at worst, measured of events that are all at the corners of a cube: 3.7e-7 in float32, where tiles are summed that
// are then summed in float64, and 1e-5 is promised of covariances; 1.6e-15 in float64, and 1e-10.
const (
	mostTightness32 = 25
	mostTightness64 = 5e4
)

// MostTightness returns how tight components may be for sums about the centre.
func (p *Program) MostTightness() float64 {
	if p.Precision == Float32 {
		return mostTightness32
	}
	return mostTightness64
}

// atCentre is the square of a distance from the centre, of events that reach about 1, that is nothing but rounding.
const atCentre = 1e-24

// tightness returns that of one component in one dimension.
func tightness(squaredDistance, variance float64) float64 {
	if squaredDistance+variance <= atCentre {
		return 1
	}
	return (squaredDistance + variance) / math.Max(variance, math.SmallestNonzeroFloat64)
}

// Tightness returns the worst tightness of a model's components.
func (f Frame) Tightness(p *mixture.Parameters) float64 {
	worst := 1.0
	for m := range p.M {
		if p.Weights[m] == 0 {
			continue
		}
		sigma, mean := p.Matrix(m), p.Mean(m)
		for d := range p.D {
			distance := (mean[d] - f.Shift[d]) * f.Scale[d]
			worst = math.Max(worst, tightness(distance*distance, sigma.At(d, d)*f.Scale[d]*f.Scale[d]))
		}
	}
	return worst
}

// TightnessOf returns the worst tightness of the components that statistics about the frame's centre lead to.
func (f Frame) TightnessOf(s *mixture.Statistics) float64 {
	worst := 1.0
	for m := range s.M {
		n := s.Weights[m]
		if n <= mixture.EmptyWeight {
			continue
		}
		for d := range s.D {
			distance := s.First[m*s.D+d] / n * f.Scale[d]
			worst = math.Max(worst, tightness(distance*distance, f.variance(s, m, d)))
		}
	}
	return worst
}

// variance returns what component m of statistics has about its own mean in dimension d, in the frame's scale.
func (f Frame) variance(s *mixture.Statistics, m, d int) float64 {
	about := func(second float64, components ...int) float64 { // their mean square less those of their means
		n, squares := 0.0, 0.0
		for _, c := range components {
			if s.Weights[c] > 0 {
				first := s.First[c*s.D+d]
				n += s.Weights[c]
				squares += first * first / s.Weights[c]
			}
		}
		return (second - squares) / n * f.Scale[d] * f.Scale[d]
	}
	size := s.Covariance.SecondLen(1, s.D)
	switch s.Covariance {
	case mixture.Full:
		return about(s.Second[m*size+(d+1)*(d+2)/2-1], m)
	case mixture.Diag:
		return about(s.Second[m*size+d], m)
	case mixture.Tied:
		all := make([]int, s.M)
		for c := range all {
			all[c] = c
		}
		return about(s.Second[(d+1)*(d+2)/2-1], all...)
	default: // of all dimensions, which share a variance, and have one scale where that is of use
		squares := 0.0
		for j := range s.D {
			first := s.First[m*s.D+j]
			squares += first * first / s.Weights[m]
		}
		return (s.Second[m] - squares) / s.Weights[m] / float64(s.D) * f.Scale[d] * f.Scale[d]
	}
}
