package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gmmspec/gmmspec/mixture"
)

// warnsOfRidge is what a fit says of components that have no width of their own.
const warnsOfRidge = "at least half of every variance of"

// Cases is the adversarial corpus.
func Cases() []Case {
	return append(
		tightness(),
		Case{
			Name:        "nested",
			Reason:      "Components of one centre, each 10 times tighter than the one around it: no single scale fits all.",
			Covariances: []mixture.Covariance{mixture.Full, mixture.Diag, mixture.Spherical},
			make:        nested,
		},
		Case{
			Name:        "shifted",
			Reason:      "Events far from the origin for their width: E[x²] - E[x]² cancels.",
			Covariances: mixture.Covariances(),
			make:        affine(func(int) (scale, shift float64) { return 1, 1e4 }),
		},
		Case{
			Name:        "scales",
			Reason:      "Dimensions from 1e-6 to 1e6: one ridge for all of them erases the small ones.",
			Covariances: []mixture.Covariance{mixture.Full, mixture.Diag, mixture.Tied},
			make:        affine(func(j int) (scale, shift float64) { return math.Pow(10, float64(4*(j%4))-6), 0 }),
		},
		Case{
			Name:        "rare",
			Reason:      "A component of 100 events, whatever the others hold: rounded responsibilities cost it most.",
			Covariances: mixture.Covariances(),
			make:        rare,
		},
		Case{
			Name:        "outliers",
			Reason:      "One event in 100 is 1000 times too far away: squares of the few swamp sums of the many.",
			Covariances: mixture.Covariances(),
			make:        outliers,
		},
		Case{
			Name:        "near-singular",
			Reason:      "Dimensions correlated 0.999999: Σ is the difference of nearly equal numbers.",
			Covariances: []mixture.Covariance{mixture.Full, mixture.Tied},
			make:        nearSingular,
		},
		Case{
			Name:        "more-components-than-events",
			Reason:      "12 components and 5 events: some components must share an event or have none.",
			Covariances: mixture.Covariances(),
			Warns:       warnsOfRidge,
			make:        crowded,
		},
		Case{
			Name:        "repeated",
			Reason:      "Only 3 different points: a component on each has variance 0.",
			Covariances: mixture.Covariances(),
			Warns:       warnsOfRidge,
			make:        repeated(3, 3),
		},
		Case{
			Name:        "one-point",
			Reason:      "All events are equal: every variance is 0, and so is every distance.",
			Covariances: mixture.Covariances(),
			Warns:       warnsOfRidge,
			make:        repeated(1, 2),
		},
		Case{
			Name:        "constant-dimension",
			Reason:      "One coordinate never changes, and is not 0: its variance is 0 or rounding error.",
			Covariances: mixture.Covariances(),
			Warns:       "all events are the same in x2:",
			make:        constantDimension,
		},
		Case{
			Name:        "emptied",
			Reason:      "A component starts so far away that it has no events: N_m = 0 divides.",
			Covariances: mixture.Covariances(),
			Warns:       "no event belongs to component 2:",
			make:        emptied,
		},
		Case{
			Name:        "twins",
			Reason:      "Two components start equal, and stay so: a label must be the lower of them on every device.",
			Covariances: mixture.Covariances(),
			make:        twins,
		},
		Case{
			Name:        "one-dimension",
			Reason:      "D = 1: loops over the other dimensions are empty.",
			Covariances: mixture.Covariances(),
			make: func(random *rand.Rand, n int, c mixture.Covariance) *Sample {
				return fromTruth(random, n, randomParameters(random, 3, 1, c, overlapping))
			},
		},
		Case{
			Name:        "one-event",
			Reason:      "N = 1: its own mean, with no variance.",
			Covariances: mixture.Covariances(),
			Warns:       warnsOfRidge,
			make: func(random *rand.Rand, _ int, c mixture.Covariance) *Sample {
				return withoutStart(fromTruth(random, 1, randomParameters(random, 1, 3, c, overlapping)))
			},
		},
		Case{
			Name:        "huge",
			Reason:      "Values of 1e30: their squares overflow float32.",
			Covariances: mixture.Covariances(),
			Accept:      FiniteOrError,
			make:        affine(func(int) (scale, shift float64) { return 1e30, 0 }),
		},
		Case{
			Name:        "tiny",
			Reason:      "Values of 1e-30: their squares are 0 in float32, and the ridge is all there is.",
			Covariances: mixture.Covariances(),
			Warns:       warnsOfRidge,
			make:        affine(func(int) (scale, shift float64) { return 1e-30, 0 }),
		},
	)
}

// tightness is components ever tighter for the spread of their means, by which the moment form about one common shift
// loses digits.
func tightness() []Case {
	const components, dimensions = 8, 4
	var cases []Case
	for _, times := range []float64{1, 3, 10, 30, 100, 1000} {
		cases = append(cases, Case{
			Name: fmt.Sprintf("tight-%g", times),
			Reason: fmt.Sprintf("Components %g times tighter than the spread of their means: about one common origin, "+
				"covariances are differences of numbers %g times as large.", times, times*times),
			Covariances: mixture.Covariances(),
			make: func(random *rand.Rand, n int, c mixture.Covariance) *Sample {
				return fromTruth(random, n, randomParameters(random, components, dimensions, c, times))
			},
		})
	}
	return cases
}

// affine returns a maker of overlapping components whose dimension j is scaled and shifted.
func affine(of func(j int) (scale, shift float64)) func(*rand.Rand, int, mixture.Covariance) *Sample {
	const components, dimensions = 3, 4
	return func(random *rand.Rand, n int, c mixture.Covariance) *Sample {
		s := fromTruth(random, n, randomParameters(random, components, dimensions, c, overlapping))
		for i, v := range s.X {
			scale, shift := of(i % s.D)
			s.X[i] = scale*v + shift
		}
		for _, p := range []*mixture.Parameters{s.Truth, s.Start} {
			for i, v := range p.Means {
				scale, shift := of(i % s.D)
				p.Means[i] = scale*v + shift
			}
			for i := range p.Covariances {
				row, column := entry(c, i, s.D)
				scale, _ := of(row)
				other, _ := of(column)
				p.Covariances[i] *= scale * other
			}
		}
		return s
	}
}

// entry returns the dimensions of entry i of covariances of type c; a spherical one counts as dimension 0's.
func entry(c mixture.Covariance, i, d int) (row, column int) {
	switch c {
	case mixture.Full, mixture.Tied:
		return i / d % d, i % d
	case mixture.Diag:
		return i % d, i % d
	case mixture.Spherical:
	}
	return 0, 0
}

// withoutStart makes a fit of s take its start from the data.
func withoutStart(s *Sample) *Sample {
	s.Start = nil
	return s
}

func nested(random *rand.Rand, n int, c mixture.Covariance) *Sample {
	const components, dimensions, tighter = 3, 3, 10
	truth := randomParameters(random, components, dimensions, c, overlapping)
	size := c.Len(1, dimensions)
	scale := 1.0
	for m := range truth.M {
		copy(truth.Mean(m), truth.Mean(0))
		for i := range size {
			truth.Covariances[m*size+i] *= scale
		}
		scale /= tighter * tighter
	}
	return fromTruth(random, n, truth)
}

func rare(random *rand.Rand, n int, c mixture.Covariance) *Sample {
	const (
		components, dimensions = 4, 3
		held                   = 100
		share                  = 10 // of few events, the rare component holds one in so many
		away                   = 8  // standard deviations from the rest
	)
	truth := randomParameters(random, components, dimensions, c, overlapping)
	weight := float64(min(held, max(n/share, 1))) / float64(n)
	for m := range truth.M {
		truth.Weights[m] = (1 - weight) / (components - 1)
	}
	truth.Weights[0] = weight
	for j := range truth.Mean(0) {
		truth.Mean(0)[j] = overlapping + away
	}
	s := fromTruth(random, n, truth)
	copy(s.Start.Weights, truth.Weights)
	return s
}

func outliers(random *rand.Rand, n int, c mixture.Covariance) *Sample {
	const components, dimensions, one, times = 3, 3, 100, 1000
	s := fromTruth(random, n, randomParameters(random, components, dimensions, c, overlapping))
	for i := range s.X {
		if i/dimensions%one == one/2 {
			s.X[i] *= times
		}
	}
	s.Truth = nil
	return s
}

func nearSingular(random *rand.Rand, n int, c mixture.Covariance) *Sample {
	const components, dimensions, correlation = 2, 3, 0.999999
	truth := randomParameters(random, components, dimensions, c, overlapping)
	for i := range truth.Covariances {
		truth.Covariances[i] = 1
		if row, column := entry(c, i, dimensions); row != column {
			truth.Covariances[i] = correlation
		}
	}
	return fromTruth(random, n, truth)
}

func crowded(random *rand.Rand, _ int, c mixture.Covariance) *Sample {
	const components, dimensions, events = 12, 2, 5
	s := fromTruth(random, events, randomParameters(random, components, dimensions, c, overlapping))
	return withoutStart(s)
}

// repeated returns a maker of events that are one of few points, for a mixture of m components.
func repeated(points, m int) func(*rand.Rand, int, mixture.Covariance) *Sample {
	return func(random *rand.Rand, n int, c mixture.Covariance) *Sample {
		const dimensions = 3
		s := fromTruth(random, n, randomParameters(random, m, dimensions, c, overlapping))
		for i := points * dimensions; i < len(s.X); i++ {
			s.X[i] = s.X[i-points*dimensions]
		}
		s.Truth = nil
		return withoutStart(s)
	}
}

func constantDimension(random *rand.Rand, n int, c mixture.Covariance) *Sample {
	const components, dimensions, constant, value = 3, 3, 1, 0.1 // 0.1 is no sum of powers of two
	s := fromTruth(random, n, randomParameters(random, components, dimensions, c, overlapping))
	for i := range s.X {
		if i%dimensions == constant {
			s.X[i] = value
		}
	}
	s.Truth = nil
	return withoutStart(s)
}

func emptied(random *rand.Rand, n int, c mixture.Covariance) *Sample {
	const components, dimensions, away = 3, 3, 1e6
	s := fromTruth(random, n, randomParameters(random, components, dimensions, c, overlapping))
	for j := range s.Start.Mean(components - 1) {
		s.Start.Mean(components - 1)[j] = away
	}
	s.Truth = nil
	return s
}

func twins(random *rand.Rand, n int, c mixture.Covariance) *Sample {
	const components, dimensions = 3, 3
	s := fromTruth(random, n, randomParameters(random, components, dimensions, c, overlapping))
	copy(s.Start.Mean(1), s.Start.Mean(0))
	if c != mixture.Tied {
		size := c.Len(1, dimensions)
		copy(s.Start.Covariances[size:2*size], s.Start.Covariances[:size])
	}
	s.Truth = nil
	return s
}
