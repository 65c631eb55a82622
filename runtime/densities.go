package runtime

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/gmmspec/gmmspec/mixture"
)

// DensityErrors estimates what the rounding of log-densities to float32 does to an iteration.
//
// l_m = c_m - ½‖y‖², y = A(u - c) - A(μ - c) about a centre c, is computed in numbers that are rounded by ε of themselves. In the mean of
// squares over events of component m and over roundings (Higham, Mary, A new approach to probabilistic rounding error analysis, 2019)
// what is rounded once for all events, the factor, the offset and the constant, and what is rounded for each, the coordinates and up to D
// partial sums of y_a, a third as large, up to D partial sums of squares, of mean 1 and halved, the constant less those, and exp and the
// quotient of the softmax, make errors of
//
//	ε² (2 κ_m + c_m²)  and  ε² ((D/3 + 1) κ_m + D³/12 + c_m² + 20)
//
// κ_m being [Conditioning]. Responsibilities r_m = exp l_m / Σ exp l_k are then off by r_m Σ_k r_k (Δl_m - Δl_k), and Σ_m, a mean by r_m
// about a mean by r_m, by that of (z_a z_b - ρ) √(Σ_aa Σ_bb), z being deviations in standard deviations and ρ their correlation. Of normal
// z the spread of z_a z_b is √(1 + ρ²) ≤ √2, so that by Cauchy's and Jensen's inequalities
//
//	|ΔΣ_ab| / √(Σ_aa Σ_bb) ≤ √2 · √(Σ_k h_mk (δ_m² + δ_k²)),  h_mk = E_m[r_k], Σ_k h_mk ≤ 1
//
// which is at most 2 max δ, and nothing for components that share no events, however wrong the log-densities of each are at the other's.
// From r_k ≤ π_k N_k / (π_m N_m + π_k N_k) and ab/(a + b) ≤ ½√(ab), h_mk ≤ ½ √(π_k / π_m) ∫ √(N_m N_k): see overlaps. δ² is the
// first error and 16 times the second over D + 1: so many events at least, that are not the same, have a covariance that has an inverse,
// and their errors differ; and of all entries the worst is 4 times as large as usual.
//
// What is estimated is about events such as the mixture expects. The log-densities of one that is thousands of standard deviations away
// have errors that are as many times larger, and hardly ever two components that share it.
//
// The sum is largest where the components of the largest errors have all the shares that they may, until those are 1. So pairs are looked
// at in that order, and no more of them than an answer takes: the others have what is left of the shares, and no larger errors.
//
// It is not to be used by several goroutines at once.
type DensityErrors struct {
	overlaps *overlaps
	errors   []float64 // δ of the components that have a weight, the largest first
	roots    []float64 // √π of those
	done     int       // pairs that were looked at: the first component with each later one, then the second, …
	squares  []float64 // Σ_k h_mk (δ_m² + δ_k²) of those, for each component
	left     []float64 // of the shares, 1 - Σ_k h_mk
	found    [pieces]found
}

const (
	// negligible is an error that nobody asks about.
	negligible = 1e-7
	// slack is how many times more than they are covariances may be said to be off.
	slack = 1.25
	// worstOfMany is the square of the worst of many normal numbers beside its mean.
	worstOfMany = 16
	// firstPairs is how many pairs are looked at first; then as many again, up to mostPairs, in so many pieces side by side.
	firstPairs, mostPairs, pieces = 16, 1 << 16, 64
)

// DensityErrors estimates those of events in the frame.
func (f Frame) DensityErrors(p *mixture.Parameters, factors *mixture.Factors) *DensityErrors {
	return newDensityErrors(p, factors, func(m int) float64 { return Conditioning(p, factors, m, f.Shift) })
}

// DensityErrorsInBuckets estimates those of events that are taken about the mean of a component to which they may belong: of components
// that share events the means are about as far from each other as the events are.
func DensityErrorsInBuckets(p *mixture.Parameters, factors *mixture.Factors) *DensityErrors {
	return newDensityErrors(p, factors, func(m int) float64 { return 2 * Conditioning(p, factors, m, p.Mean(m)) })
}

func newDensityErrors(p *mixture.Parameters, factors *mixture.Factors, conditioning func(m int) float64) *DensityErrors {
	errors := make([]float64, p.M)
	d := float64(p.D)
	for m := range p.M {
		if c := factors.Constants[m]; p.Weights[m] > 0 {
			kappa := conditioning(m)
			once, each := 2*kappa+c*c, (d/3+1)*kappa+d*d*d/12+c*c+20
			errors[m] = rounding * math.Sqrt(once+worstOfMany*each/(d+1))
		}
	}
	return NewDensityErrors(p, factors, errors)
}

// NewDensityErrors has what the log-densities of each component are wrong by, in the mean of squares.
func NewDensityErrors(p *mixture.Parameters, factors *mixture.Factors, errors []float64) *DensityErrors {
	var components []int
	for m, weight := range p.Weights {
		if weight > 0 {
			components = append(components, m)
		}
	}
	slices.SortStableFunc(components, func(a, b int) int { return cmp.Compare(-errors[a], -errors[b]) }) // NaN before all
	n := len(components)
	e := &DensityErrors{
		overlaps: &overlaps{p: p, factors: factors, components: components},
		errors:   make([]float64, n), roots: make([]float64, n), squares: make([]float64, n), left: make([]float64, n),
	}
	for i, m := range components {
		e.errors[i], e.roots[i], e.left[i] = errors[m], math.Sqrt(p.Weights[m]), 1
	}
	return e
}

// Within reports whether covariances are off by at most so much.
func (e *DensityErrors) Within(most float64) bool {
	return e.until(func(least, bound float64) bool { return bound <= most || least > most }) <= most
}

// Covariances returns by how much covariances are off, or up to slack times as much.
func (e *DensityErrors) Covariances() float64 {
	return e.until(func(least, bound float64) bool { return bound <= slack*least })
}

// until looks at pairs until what is known is enough, or all: that covariances are estimated to be off by at least so much, and by no more
// than a bound, which it returns.
func (e *DensityErrors) until(enough func(least, bound float64) bool) float64 {
	for {
		least, bound := e.known()
		if e.done == e.before(len(e.errors)) || enough(least, bound) {
			return bound
		}
		e.look(min(max(firstPairs, e.done), mostPairs))
	}
}

// before is how many pairs come before those of a component with later ones.
func (e *DensityErrors) before(m int) int { return m*len(e.errors) - m*(m+1)/2 }

// component is the one that has pair number i with a later one.
func (e *DensityErrors) component(i int) int {
	return sort.Search(len(e.errors), func(m int) bool { return e.before(m+1) > i })
}

// known is what the pairs that were looked at say, and with the others at worst.
func (e *DensityErrors) known() (least, bound float64) {
	next := e.component(e.done)
	for m, square := range e.squares {
		square += negligible * negligible // of pairs that do not count
		least = max(least, square)
		if m >= next {
			square += e.left[m] * e.square(m, next)
		}
		bound = max(bound, square)
	}
	return math.Sqrt(2 * least), math.Sqrt(2 * bound)
}

// square is δ_m² + δ_k².
func (e *DensityErrors) square(m, k int) float64 {
	return e.errors[m]*e.errors[m] + e.errors[k]*e.errors[k]
}

// look looks at so many more pairs.
func (e *DensityErrors) look(n int) {
	e.overlaps.prepare()
	from, to := e.done, min(e.done+n, e.before(len(e.errors)))
	SideBySide(pieces, func(i int) {
		e.pairs(&e.found[i], from+(to-from)*i/pieces, from+(to-from)*(i+1)/pieces)
	})
	for i := range e.found {
		for _, p := range e.found[i].pairs {
			e.share(p.m, p.k, p.overlap)
			e.share(p.k, p.m, p.overlap)
		}
	}
	e.done = to
}

// share gives component k what it may have of component m's events.
func (e *DensityErrors) share(m, k int, overlap float64) {
	h := min(e.left[m], 0.5*e.roots[k]/e.roots[m]*overlap)
	e.left[m] -= h
	e.squares[m] += h * e.square(m, k)
}

// pair is two components that share events.
type pair struct {
	m, k    int
	overlap float64
}

// found is what a goroutine has found, and works in.
type found struct {
	pairs []pair
	factoring
}

// pairs finds those of the pairs from one to another that count.
func (e *DensityErrors) pairs(f *found, from, to int) {
	o := e.overlaps
	first, full := o.groups[0], o.p.Covariance == mixture.Full
	f.pairs = f.pairs[:0]
	for m := e.component(from); from < to; m++ {
		// Of all that do not count a component has negligible² at most.
		least := math.Log(float64(len(e.errors)) * e.errors[m] * e.errors[m] / (negligible * negligible))
		begin := m + 1 + from - e.before(m)
		end := min(len(e.errors), begin+to-from)
		from += end - begin
		for k := begin; k < end; k++ {
			enough := 4 * (least + math.Abs(o.logs[m]-o.logs[k]))
			apart := 0.0
			if full {
				apart = o.full(m, k, enough, &f.factoring)
			} else if apart, _ = between(&first[m], &first[k]); apart < enough {
				apart = o.diagonal(m, k, enough)
			}
			switch {
			case apart >= enough:
			case apart > 0:
				f.pairs = append(f.pairs, pair{m, k, math.Exp(-apart / 4)})
			default: // equal ones, or numbers that are not finite
				f.pairs = append(f.pairs, pair{m, k, 1})
			}
		}
	}
}

// Conditioning is κ_m = Σ_d ((μ_d - c_d)² + Σ_dd)(Σ⁻¹)_dd of component m about a centre c: of a quadratic form that is summed from all
// products of two coordinates about c the error is κ_m times that of a number, and of the square of sums of them √κ_m times. About the
// mean it is the sum of the variance inflation factors, D where dimensions do not depend on each other.
func Conditioning(p *mixture.Parameters, factors *mixture.Factors, m int, centre []float64) float64 {
	d, mean, sum := p.D, p.Mean(m), 0.0
	for j := range d {
		inverse := 0.0 // (Σ⁻¹)_jj = Σ_a A_aj²
		if p.Covariance.Correlated() {
			for a := j; a < d; a++ {
				entry := factors.Inverse[(m*d*(d+1)+a*(a+1))/2+j]
				inverse += entry * entry
			}
		} else {
			inverse = factors.Inverse[m*d+j] * factors.Inverse[m*d+j]
		}
		distance := mean[j] - centre[j]
		sum += (distance*distance + p.Variance(m, j)) * inverse
	}
	return sum
}

// overlaps computes ∫ √(N_m N_k) of two components, Bhattacharyya's coefficient: with S = ½(Σ_m + Σ_k)
//
//	(|Σ_m| |Σ_k|)^¼ |S|^-½ exp(-⅛ (μ_m - μ_k)ᵀ S⁻¹ (μ_m - μ_k))
//
// as how far apart they are, -4 times its logarithm. Of some coordinates that is at most what it is of all, which ends the computation
// where it is enough.
type overlaps struct {
	p          *mixture.Parameters
	factors    *mixture.Factors
	components []int

	// groups are the coordinates, those in which components are the furthest apart first, and of each all components': in units of their
	// usual standard deviation, and for tied in those in which the covariance is 1.
	groups [][]group
	logs   []float64 // ½ log π
}

// grouped is how many coordinates are looked at together, and severalGroups how many groups before a logarithm is taken.
const grouped, severalGroups = 4, 8

// group is some coordinates of a component. What there are too few of have mean 0 and variance 1.
type group struct {
	means, variances [grouped]float64
	volume           float64 // the product of twice the variances
}

// prepare lays out the components, once.
func (o *overlaps) prepare() {
	if o.logs != nil {
		return
	}
	n, d := len(o.components), o.p.D
	means, variances := make([]float64, n*d), make([]float64, n*d)
	SideBySide(n, func(i int) { o.coordinates(i, means[i*d:][:d], variances[i*d:][:d]) })
	order, unit := furthest(means, variances, n, d)
	o.logs = make([]float64, n)
	for range slices.Chunk(order, grouped) {
		o.groups = append(o.groups, make([]group, n))
	}
	SideBySide(n, func(i int) {
		o.logs[i] = math.Log(o.p.Weights[o.components[i]]) / 2
		for at, groups := range o.groups {
			g := group{variances: [grouped]float64{1, 1, 1, 1}, volume: 1}
			for to, j := range order[at*grouped : min(d, (at+1)*grouped)] {
				g.means[to], g.variances[to] = means[i*d+j]*unit[j], variances[i*d+j]*unit[j]*unit[j]
			}
			for _, v := range g.variances {
				g.volume *= 2 * v
			}
			groups[i] = g
		}
	})
}

// furthest returns the order of d coordinates by how far apart n components are in them, and what makes their variances usually 1.
func furthest(means, variances []float64, n, d int) (order []int, unit []float64) {
	sums, squares, widths := make([]float64, d), make([]float64, d), make([]float64, d)
	for i := range n {
		variance := variances[i*d:][:d]
		for j, mean := range means[i*d:][:d] {
			sums[j] += mean
			squares[j] += mean * mean
			widths[j] += variance[j]
		}
	}
	order, unit = make([]int, d), make([]float64, d)
	apart := make([]float64, d)
	for j := range d {
		order[j], unit[j] = j, math.Sqrt(float64(n)/widths[j])
		apart[j] = (squares[j] - sums[j]*sums[j]/float64(n)) / widths[j]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(apart[b], apart[a]) })
	return order, unit
}

// coordinates sets mean and variance to those of a component, about the first one's mean.
func (o *overlaps) coordinates(i int, mean, variance []float64) {
	d, m, origin := o.p.D, o.components[i], o.p.Mean(o.components[0])
	for j, v := range o.p.Mean(m) {
		mean[j] = v - origin[j]
	}
	switch o.p.Covariance {
	case mixture.Full:
		for j := range variance {
			variance[j] = o.p.Covariances[(m*d+j)*d+j]
		}
	case mixture.Tied:
		for i := d - 1; i >= 0; i-- {
			mean[i], variance[i] = dot(o.factors.Inverse[i*(i+1)/2:][:i+1], mean), 1
		}
	case mixture.Diag, mixture.Spherical:
		for j, a := range o.factors.Inverse[m*d:][:d] {
			variance[j] = 1 / (a * a)
		}
	}
}

// diagonal returns how far apart two components are whose coordinates do not depend on each other, or no more than that where it is enough.
func (o *overlaps) diagonal(m, k int, enough float64) float64 {
	squares, ratios, sum := 0.0, 1.0, 0.0
	for i, groups := range o.groups {
		square, ratio := between(&groups[m], &groups[k])
		if squares += square; squares >= enough {
			return squares
		}
		if ratios *= ratio; i%severalGroups == severalGroups-1 || i == len(o.groups)-1 {
			if sum = squares + math.Log(ratios); sum >= enough {
				return sum
			}
		}
	}
	return sum
}

// between returns Σ (μ_a - μ_b)² / (a + b) and Π (a + b)² / 4ab of a group's coordinates, a and b being variances. Each takes one division.
func between(a, b *group) (squares, ratio float64) {
	d0, d1, d2, d3 := a.means[0]-b.means[0], a.means[1]-b.means[1], a.means[2]-b.means[2], a.means[3]-b.means[3]
	w0, w1, w2, w3 := a.variances[0]+b.variances[0], a.variances[1]+b.variances[1], a.variances[2]+b.variances[2], a.variances[3]+b.variances[3]
	low, high := w0*w1, w2*w3
	product := low * high
	return ((d0*d0*w1+d1*d1*w0)*high + (d2*d2*w3+d3*d3*w2)*low) / product, product * product / (a.volume * b.volume)
}

// factoring is memory to factor S in.
type factoring struct {
	factor []float64 // the Cholesky factor L, packed
	solved []float64 // L⁻¹(μ_k - μ_m)
}

// full is that of components with full covariances: of each coordinate alone, and then of the first ones after each row of the factor of S.
// The determinants of the factors that there are are half those of the covariances' inverses.
func (o *overlaps) full(m, k int, enough float64, w *factoring) float64 {
	for _, groups := range o.groups {
		a, b := &groups[m], &groups[k]
		for j, mean := range a.means {
			if distance := mean - b.means[j]; distance*distance >= enough*(a.variances[j]+b.variances[j]) {
				return enough
			}
		}
	}
	m, k = o.components[m], o.components[k]
	d := o.p.D
	if w.factor == nil {
		w.factor, w.solved = make([]float64, d*(d+1)/2), make([]float64, d)
	}
	one, other := o.p.Covariances[m*d*d:][:d*d], o.p.Covariances[k*d*d:][:d*d]
	size := d * (d + 1) / 2
	inverse, another := o.factors.Inverse[m*size:][:size], o.factors.Inverse[k*size:][:size]
	from, to := o.p.Mean(m), o.p.Mean(k)
	determinants, squares, sum := 1.0, 0.0, 0.0 // of the factor's over those of the covariances' factors, squared; of S⁻½(μ_k - μ_m)
	for i := range d {
		row := w.factor[i*(i+1)/2:][:i+1]
		for j := range i {
			before := w.factor[j*(j+1)/2:][:j+1]
			row[j] = ((one[i*d+j]+other[i*d+j])/2 - dot(row[:j], before)) / before[j]
		}
		v := (one[i*d+i]+other[i*d+i])/2 - dot(row[:i], row)
		if !(v > 0) {
			return sum // as far as rounding lets one tell
		}
		row[i] = math.Sqrt(v)
		at := i * (i + 3) / 2
		determinants *= v * inverse[at] * another[at]
		w.solved[i] = (to[i] - from[i] - dot(row[:i], w.solved)) / row[i]
		squares += w.solved[i] * w.solved[i]
		if sum = 2*math.Log(determinants) + squares/2; sum >= enough {
			return sum
		}
	}
	return sum
}

// dot is the product of a and as many numbers of b.
func dot(a, b []float64) float64 {
	const atOnce = 4
	b = b[:len(a)]
	var sums [atOnce]float64
	for len(a) >= atOnce {
		for i := range sums {
			sums[i] += a[i] * b[i]
		}
		a, b = a[atOnce:], b[atOnce:]
	}
	for i, v := range a {
		sums[i] += v * b[i]
	}
	return sums[0] + sums[1] + (sums[2] + sums[3])
}
