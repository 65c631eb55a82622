package runtime

import (
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
)

// The tightness of a component is how much wider it is to the centre of the events than to itself: (δ² + σ²) / σ², at worst of all
// dimensions, where δ is the distance of its mean from the centre. By so much sums about the centre are larger than those about the
// mean, from which they differ by what is subtracted afterwards, and so are their rounding errors beside the variance σ². See
// Chan, Golub, LeVeque, Algorithms for computing the sample variance (1983), where its square root is the condition number.

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
		mean := p.Mean(m)
		for d := range p.D {
			distance := (mean[d] - f.Shift[d]) * f.Scale[d]
			worst = math.Max(worst, tightness(distance*distance, p.Variance(m, d)*f.Scale[d]*f.Scale[d]))
		}
	}
	return worst
}

// TightnessOf returns the worst tightness of m components by the sums that a kernel made of them about other centres and moved to their
// means: cells by component, the total, and what the second moments in each dimension were made of (spread).
func (p *Program) TightnessOf(f Frame, m int, sums []float64) float64 {
	worst := 1.0
	p.EachTightness(f, m, sums, func(_, tightness, _ float64) { worst = math.Max(worst, tightness) })
	return worst
}

// EachTightness calls visit with the weight and the tightness of each component that holds events, or of all together where they share
// their covariance: see [Program.TightnessOf]. Narrowest is the least sum of squares about the mean, in the frame, of the dimensions in
// which events differ.
func (p *Program) EachTightness(f Frame, m int, sums []float64, visit func(weight, tightness, narrowest float64)) {
	d := p.Dimensions
	// gross and net are what was summed, and what is left of it about the mean, in dimension j of component c.
	gross := func(c, j int) float64 { return sums[p.Sums()+c*d+j] }
	net := func(c, j int) float64 {
		cells := sums[c*p.Cells():][:p.Cells()]
		second := 1 + d + j
		if p.Covariance.Correlated() {
			second = 1 + d + (j+1)*(j+2)/2 - 1
		}
		return cells[second] - cells[1+j]*cells[1+j]/cells[0]
	}
	ratio := func(gross, net, weight float64) float64 {
		if gross <= atCentre*weight {
			return 1
		}
		return gross / math.Max(net, math.SmallestNonzeroFloat64)
	}
	narrower := func(narrowest, gross, net, weight float64) float64 {
		if gross <= atCentre*weight {
			return narrowest
		}
		return math.Min(narrowest, net)
	}
	pooledGross, pooledNet, pooledWeight := make([]float64, d), make([]float64, d), 0.0
	for c := range m {
		weight := sums[c*p.Cells()]
		if weight <= mixture.EmptyWeight {
			continue
		}
		pooledWeight += weight
		allGross, allNet, worst, narrowest := 0.0, 0.0, 1.0, math.Inf(1)
		for j := range d {
			g, n, scale := gross(c, j), net(c, j), f.Scale[j]*f.Scale[j]
			pooledGross[j] += g
			pooledNet[j] += n
			allGross += g / scale
			allNet += n / scale
			worst = math.Max(worst, ratio(g, n, weight))
			narrowest = narrower(narrowest, g, n, weight)
		}
		switch p.Covariance {
		case mixture.Full, mixture.Diag:
			visit(weight, worst, narrowest)
		case mixture.Spherical:
			least := slices.Min(f.Scale[:d])
			visit(weight, ratio(allGross, allNet, weight), allNet/float64(d)*least*least)
		case mixture.Tied: // all together, below
		}
	}
	if p.Covariance == mixture.Tied {
		worst, narrowest := 1.0, math.Inf(1)
		for j := range d {
			worst = math.Max(worst, ratio(pooledGross[j], pooledNet[j], pooledWeight))
			narrowest = narrower(narrowest, pooledGross[j], pooledNet[j], pooledWeight)
		}
		visit(pooledWeight, worst, narrowest)
	}
}

// Later returns after how many passes what was of no use is tried again, from after how many it was: ever more, up to 15.
func Later(passes int) int { return min(2*passes+1, 15) }
