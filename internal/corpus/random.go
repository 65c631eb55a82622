package corpus

import (
	"math"
	"math/rand/v2"

	"github.com/gmmspec/gmmspec/mixture"
)

const (
	// overlapping is the standard deviation of the random means, in units of about one component's standard deviation,
	// at which components overlap, but differ.
	overlapping = 3
	// lowVariance and highVariance bound the random variances.
	lowVariance, highVariance = 0.5, 2
	// mixing is the share of a random matrix in a random correlated covariance; the rest is a diagonal one.
	mixing = 0.5
	// perturbation is how far the start's means are from the truth, in standard deviations.
	perturbation = 0.3
	// inflation is how much wider than the truth the start's components are.
	inflation = 1.3
)

// Random draws n events from a random mixture of m overlapping components in d dimensions whose covariances are of type c,
// of standard deviations near 1. The start is the truth perturbed: means moved, covariances widened, equal weights. The
// events are exact in float32, so that both views of them are the same.
func Random(seed uint64, n, m, d int, c mixture.Covariance) *Sample {
	random := rand.New(rand.NewPCG(seed, uint64(m)<<32|uint64(d)))
	s := fromTruth(random, n, randomParameters(random, m, d, c, overlapping))
	for i, v := range s.X {
		s.X[i] = float64(float32(v))
	}
	return s
}

// fromTruth draws n events, and a start near the truth.
func fromTruth(random *rand.Rand, n int, truth *mixture.Parameters) *Sample {
	return &Sample{
		N: n, M: truth.M, D: truth.D, Covariance: truth.Covariance,
		Truth: truth, Start: perturbed(random, truth), X: draw(random, truth, n),
	}
}

// randomParameters returns a mixture of components of standard deviations near 1, whose means have the standard deviation
// spread.
func randomParameters(random *rand.Rand, m, d int, c mixture.Covariance, spread float64) *mixture.Parameters {
	p := mixture.NewParameters(c, m, d)
	sum := 0.0
	for i := range p.Weights {
		p.Weights[i] = 1 + random.Float64()
		sum += p.Weights[i]
	}
	for i := range p.Weights {
		p.Weights[i] /= sum
	}
	for i := range p.Means {
		p.Means[i] = spread * random.NormFloat64()
	}
	if !c.Correlated() {
		for i := range p.Covariances {
			p.Covariances[i] = randomVariance(random)
		}
		return p
	}
	for i := 0; i < len(p.Covariances); i += d * d {
		randomMatrix(random, p.Covariances[i:][:d*d], d)
	}
	return p
}

func randomVariance(random *rand.Rand) float64 {
	return lowVariance * math.Pow(highVariance/lowVariance, random.Float64())
}

// randomMatrix sets sigma to a diagonal matrix plus GGᵀ/D, for G of standard normal entries.
func randomMatrix(random *rand.Rand, sigma []float64, d int) {
	g := make([]float64, d*d)
	for i := range g {
		g[i] = random.NormFloat64()
	}
	for a := range d {
		for b := range a + 1 {
			v := 0.0
			for k := range d {
				v += g[a*d+k] * g[b*d+k]
			}
			v *= mixing / float64(d)
			sigma[a*d+b], sigma[b*d+a] = v, v
		}
		sigma[a*d+a] += (1 - mixing) * randomVariance(random)
	}
}

// perturbed returns a start for a fit whose answer is near truth.
func perturbed(random *rand.Rand, truth *mixture.Parameters) *mixture.Parameters {
	p := truth.Clone()
	for i := range p.Weights {
		p.Weights[i] = 1 / float64(p.M)
	}
	for m := range p.M {
		sigma := p.Matrix(m)
		for j, v := range p.Mean(m) {
			p.Mean(m)[j] = v + perturbation*math.Sqrt(sigma.At(j, j))*random.NormFloat64()
		}
	}
	for i := range p.Covariances {
		p.Covariances[i] *= inflation
	}
	return p
}

// draw returns n events of the mixture p.
func draw(random *rand.Rand, p *mixture.Parameters, n int) []float64 {
	d := p.D
	roots := make([][]float64, p.M)
	for m := range roots {
		roots[m] = squareRoot(p, m)
	}
	x := make([]float64, n*d)
	z := make([]float64, d)
	for i := range n {
		m := pick(random, p.Weights)
		for j := range z {
			z[j] = random.NormFloat64()
		}
		for a := range d {
			v := p.Mean(m)[a]
			for b, root := range roots[m][a*d:][:a+1] {
				v += root * z[b]
			}
			x[i*d+a] = v
		}
	}
	return x
}

// pick returns a component at random.
func pick(random *rand.Rand, weights []float64) int {
	u := random.Float64()
	for m, w := range weights {
		if u -= w; u < 0 {
			return m
		}
	}
	return len(weights) - 1
}

// squareRoot returns a lower triangular R, D×D, with Σ_m = RRᵀ; a pivot that rounding made negative counts as 0.
func squareRoot(p *mixture.Parameters, m int) []float64 {
	d := p.D
	sigma, root := p.Matrix(m), make([]float64, d*d)
	for a := range d {
		for b := range a + 1 {
			v := sigma.At(a, b)
			for k := range b {
				v -= root[a*d+k] * root[b*d+k]
			}
			switch {
			case a == b:
				root[a*d+b] = math.Sqrt(math.Max(v, 0))
			case root[b*d+b] > 0:
				root[a*d+b] = v / root[b*d+b]
			}
		}
	}
	return root
}
