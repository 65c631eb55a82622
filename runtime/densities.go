package runtime

import (
	"math"
	goruntime "runtime"
	"slices"
	"sync"

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
// From r_k ≤ π_k N_k / (π_m N_m + π_k N_k) and ab/(a + b) ≤ ½√(ab), h_mk ≤ ½ √(π_k / π_m) ∫ √(N_m N_k): see overlap. δ² is the
// first error and 16 times the second over D + 1: so many events at least, that are not the same, have a covariance that has an inverse,
// and their errors differ; and of all entries the worst is 4 times as large as usual.
//
// What is estimated is about events such as the mixture expects. The log-densities of one that is thousands of standard deviations away
// have errors that are as many times larger, and hardly ever two components that share it.
type DensityErrors struct {
	parameters *mixture.Parameters
	factors    *mixture.Factors
	errors     []float64 // δ of each component, 0 where its weight is
	refined    func() float64
}

const (
	// negligible is an error that nobody asks about.
	negligible = 1e-7
	// worstOfMany is the square of the worst of many normal numbers beside its mean.
	worstOfMany = 16
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

// NewDensityErrors has what the log-densities of each component are wrong by, in the mean of squares.
func NewDensityErrors(p *mixture.Parameters, factors *mixture.Factors, errors []float64) *DensityErrors {
	e := &DensityErrors{parameters: p, factors: factors, errors: errors}
	e.refined = sync.OnceValue(e.byOverlap)
	return e
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

// Within reports whether covariances are off by at most so much.
func (e *DensityErrors) Within(most float64) bool {
	return 2*slices.Max(e.errors) <= most || e.Covariances() <= most
}

// Covariances returns by how much covariances are off.
func (e *DensityErrors) Covariances() float64 { return e.refined() }

// byOverlap is the worst of the components' estimates.
func (e *DensityErrors) byOverlap() float64 {
	p := e.parameters
	worst := make([]float64, p.M)
	var wait sync.WaitGroup
	workers := min(goruntime.GOMAXPROCS(0), p.M)
	for w := range workers {
		wait.Go(func() {
			o := newOverlap(p, e.factors)
			for m := w; m < p.M; m += workers {
				worst[m] = e.of(m, o)
			}
		})
	}
	wait.Wait()
	return slices.Max(worst)
}

// of is component m's estimate.
func (e *DensityErrors) of(m int, o *overlap) float64 {
	p := e.parameters
	if p.Weights[m] == 0 {
		return 0
	}
	shared, squares, largest := 0.0, 0.0, 0.0
	for k := range p.M {
		if k == m || p.Weights[k] == 0 {
			continue
		}
		most, square := 0.5*math.Sqrt(p.Weights[k]/p.Weights[m]), e.errors[m]*e.errors[m]+e.errors[k]*e.errors[k]
		h := most * o.of(m, k, math.Log(negligible*negligible/(most*square*float64(p.M))))
		shared += h
		squares += h * square
		largest = math.Max(largest, square)
	}
	if shared > 1 {
		squares = math.Min(squares, largest)
	}
	return math.Sqrt(2 * squares)
}

// Conditioning is κ_m = Σ_d ((μ_d - c_d)² + Σ_dd)(Σ⁻¹)_dd of component m about a centre c: of a quadratic form that is summed from all
// products of two coordinates about c the error is κ_m times that of a number, and of the square of sums of them √κ_m times. About the
// mean it is the sum of the variance inflation factors, D where dimensions do not depend on each other.
func Conditioning(p *mixture.Parameters, factors *mixture.Factors, m int, centre []float64) float64 {
	d, sigma, mean, sum := p.D, p.Matrix(m), p.Mean(m), 0.0
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
		sum += (distance*distance + sigma.At(j, j)) * inverse
	}
	return sum
}

// overlap computes ∫ √(N_m N_k) of two components, Bhattacharyya's coefficient: with S = ½(Σ_m + Σ_k)
//
//	(|Σ_m| |Σ_k|)^¼ |S|^-½ exp(-⅛ (μ_m - μ_k)ᵀ S⁻¹ (μ_m - μ_k))
type overlap struct {
	p          *mixture.Parameters
	factors    *mixture.Factors
	difference []float64 // μ_k - μ_m
	line       []float64 // a direction
	factor     []float64 // S, packed, and its factor
}

func newOverlap(p *mixture.Parameters, factors *mixture.Factors) *overlap {
	return &overlap{p, factors, make([]float64, p.D), make([]float64, p.D), make([]float64, p.D*(p.D+1)/2)}
}

// of returns that of components m and k, or a bound of it whose logarithm is at most enough.
func (o *overlap) of(m, k int, enough float64) float64 {
	from, to := o.p.Mean(m), o.p.Mean(k)
	for j := range o.difference {
		o.difference[j] = to[j] - from[j]
	}
	exponent := 0.0
	switch o.p.Covariance {
	case mixture.Full:
		if exponent = o.alongLine(m, k); exponent > enough {
			exponent = math.Min(exponent, o.full(m, k))
		}
	case mixture.Tied:
		exponent = -o.project(m) / 8
	case mixture.Diag, mixture.Spherical:
		exponent = o.diagonal(m, k, enough)
	}
	if !(exponent < 0) { // equal ones, or numbers that are not finite
		return 1
	}
	return math.Exp(exponent)
}

// alongLine is the logarithm of a bound: what is seen along a line overlaps no less. With a = Σ_m⁻¹(μ_k - μ_m) the two are aᵀΣ_m a =: s
// apart, and of variances s and t = aᵀΣ_k a.
func (o *overlap) alongLine(m, k int) float64 {
	d, s, t := o.p.D, o.project(m), 0.0
	rows := o.p.Covariances[k*d*d:]
	for i, a := range o.line {
		sum := 0.0
		for j, entry := range rows[i*d:][:i] {
			sum += entry * o.line[j]
		}
		t += a * (2*sum + a*rows[i*d+i])
	}
	return -s / (s + t) * s / 4
}

// project sets line to Σ_m⁻¹(μ_k - μ_m), and returns the square of the distance in standard deviations of m.
func (o *overlap) project(m int) float64 {
	d, squares := o.p.D, 0.0
	clear(o.line)
	row := o.factors.Inverse[m*d*(d+1)/2:]
	for i := range d {
		y := 0.0
		for j, entry := range row[:i+1] {
			y += entry * o.difference[j]
		}
		for j, entry := range row[:i+1] {
			o.line[j] += entry * y
		}
		squares += y * y
		row = row[i+1:]
	}
	return squares
}

// full is the logarithm for full covariances. The determinants of the factors are half those of the covariances' inverses.
func (o *overlap) full(m, k int) float64 {
	d := o.p.D
	size := d * (d + 1) / 2
	one, other := o.p.Covariances[m*d*d:], o.p.Covariances[k*d*d:]
	determinants, squares := 1.0, 0.0 // of the factor's over those of the covariances' factors, squared; of S⁻½(μ_k - μ_m)
	for i := range d {
		row := o.factor[i*(i+1)/2:][:i+1]
		y := o.difference[i]
		for j := range i + 1 {
			v := (one[i*d+j] + other[i*d+j]) / 2
			before := o.factor[j*(j+1)/2:][:j+1]
			for l := range j {
				v -= row[l] * before[l]
			}
			if i > j {
				row[j] = v / before[j]
				y -= row[j] * o.line[j]
				continue
			}
			if !(v > 0) {
				return 0 // as far as rounding lets one tell
			}
			row[i] = math.Sqrt(v)
			at := i * (i + 3) / 2
			determinants *= v * o.factors.Inverse[m*size+at] * o.factors.Inverse[k*size+at]
		}
		o.line[i] = y / row[i]
		squares += o.line[i] * o.line[i]
	}
	return -math.Log(determinants)/2 - squares/8
}

// diagonal is the logarithm for variances, or a bound of it that is at most enough.
func (o *overlap) diagonal(m, k int, enough float64) float64 {
	d, determinants, squares := o.p.D, 1.0, 0.0
	one, other := o.factors.Inverse[m*d:][:d], o.factors.Inverse[k*d:][:d]
	for j, difference := range o.difference {
		// With a and b the inverses of standard deviations, ½(1/a² + 1/b²) = (a² + b²) / 2a²b².
		a, b := one[j]*one[j], other[j]*other[j]
		squares += difference * difference * 2 * a / (a + b) * b
		if -squares/8 <= enough {
			return -squares / 8
		}
	}
	for j, a := range one {
		determinants *= (a/other[j] + other[j]/a) / 2
	}
	return -math.Log(determinants)/2 - squares/8
}
