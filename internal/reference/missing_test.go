package reference_test

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/stat/distmv"
)

// withHoles returns the sample's events with coordinates missing by a fixed pattern, among them an event with none present
// and runs of the same pattern.
func withHoles(s *corpus.Sample) []float64 {
	x := append([]float64(nil), s.X...)
	for n := range s.N {
		for j := range s.D {
			if n%7 == 3 || (n/2)%5 == j || n%4 == 1 && j == 0 {
				x[n*s.D+j] = math.NaN()
			}
		}
	}
	return x
}

// TestMissingByQuadrature integrates the density of complete events over the missing coordinate: by brute force on a
// grid, so that neither conditional distributions nor blocks of matrices are involved. With the trapezium rule a smooth
// density that vanishes at both ends is integrated to rounding error.
func TestMissingByQuadrature(t *testing.T) {
	const (
		low, high = -40.0, 40.0
		steps     = 4000
		width     = (high - low) / steps
		d         = 3
		hole      = 1
	)
	for _, c := range mixture.Covariances() {
		t.Run(string(c), func(t *testing.T) {
			s := corpus.Random(5, 6, 2, d, c)
			p := s.Start
			x := append([]float64(nil), s.X...)
			want := mixture.NewStatistics(c, p.M, d, p.Means)
			logLikelihoods := make([]float64, s.N)
			responsibilities := make([]float64, s.N*p.M)
			want.Events, want.EventWeight = int64(s.N), float64(s.N)
			for n := range s.N {
				x[n*d+hole] = math.NaN()
				event := append([]float64(nil), s.X[n*d:][:d]...)
				part := mixture.NewStatistics(c, p.M, d, p.Means)
				density := 0.0
				for m := range p.M {
					normal, ok := distmv.NewNormal(p.Mean(m), p.Matrix(m), nil)
					if !ok {
						t.Fatal("not positive definite")
					}
					for i := range steps {
						event[hole] = low + width*float64(i)
						mass := p.Weights[m] * normal.Prob(event) * width
						density += mass
						responsibilities[n*p.M+m] += mass
						addEvent(part, m, event, mass)
					}
				}
				for m := range p.M {
					responsibilities[n*p.M+m] /= density
				}
				logLikelihoods[n] = math.Log(density)
				want.LogLikelihood += logLikelihoods[n]
				addScaled(want, part, 1/density)
			}
			data := mixture.Data{Events: float64s(t, x, d), Missing: true}
			out := score(t, data, p)
			rounding().Check(
				t,
				compare.LogDensities(out.LogLikelihoods, logLikelihoods),
				compare.Absolute("responsibilities", out.Responsibilities, responsibilities),
			)
			rounding().Check(t, compare.Statistics(accumulate(t, data, p), want, p)...)
		})
	}
}

// addEvent adds weight w of a complete event to component m.
func addEvent(s *mixture.Statistics, m int, x []float64, w float64) {
	d := s.D
	s.Weights[m] += w
	triangle := 0
	if s.Covariance == mixture.Full {
		triangle = m * d * (d + 1) / 2
	}
	for a := range d {
		da := x[a] - s.Origins[m*d+a]
		s.First[m*d+a] += w * da
		switch s.Covariance {
		case mixture.Full, mixture.Tied:
			for b := range a + 1 {
				s.Second[triangle] += w * da * (x[b] - s.Origins[m*d+b])
				triangle++
			}
		case mixture.Diag:
			s.Second[m*d+a] += w * da * da
		case mixture.Spherical:
			s.Second[m] += w * da * da
		}
	}
}

// addScaled adds the moments of t, times scale, to s.
func addScaled(s, t *mixture.Statistics, scale float64) {
	for _, pair := range [][2][]float64{{s.Weights, t.Weights}, {s.First, t.First}, {s.Second, t.Second}} {
		for i, v := range pair[1] {
			pair[0][i] += scale * v
		}
	}
}

// TestMissingAsMarginal: with the same coordinates missing in all events, the scores are those of the marginal mixture.
func TestMissingAsMarginal(t *testing.T) {
	for _, c := range mixture.Covariances() {
		t.Run(string(c), func(t *testing.T) {
			const d, kept = 5, 2
			present := [kept]int{1, 4}
			s := corpus.Random(6, 60, 3, d, c)
			p := s.Start
			marginal := mixture.NewParameters(mixture.Full, p.M, kept)
			copy(marginal.Weights, p.Weights)
			for m := range p.M {
				for i, a := range present {
					marginal.Mean(m)[i] = p.Mean(m)[a]
					for k, b := range present {
						marginal.Covariances[(m*kept+i)*kept+k] = p.Matrix(m).At(a, b)
					}
				}
			}
			x, y := make([]float64, s.N*d), make([]float64, s.N*kept)
			for n := range s.N {
				for j := range d {
					x[n*d+j] = math.NaN()
				}
				for i, a := range present {
					x[n*d+a] = s.X[n*d+a]
					y[n*kept+i] = s.X[n*d+a]
				}
			}
			got := score(t, mixture.Data{Events: float64s(t, x, d), Missing: true}, p)
			want := score(t, mixture.Data{Events: float64s(t, y, kept)}, marginal)
			rounding().Check(
				t,
				compare.LogDensities(got.LogLikelihoods, want.LogLikelihoods),
				compare.Absolute("responsibilities", got.Responsibilities, want.Responsibilities),
			)
		})
	}
}

// TestNothingMissing: events that may have missing coordinates, but have none, are ordinary events.
func TestNothingMissing(t *testing.T) {
	for _, c := range mixture.Covariances() {
		t.Run(string(c), func(t *testing.T) {
			s := corpus.Random(7, 100, 3, 4, c)
			got := accumulate(t, mixture.Data{Events: float64s(t, s.X, s.D), Missing: true}, s.Start)
			want := accumulate(t, mixture.Data{Events: float64s(t, s.X, s.D)}, s.Start)
			rounding().Check(t, compare.Statistics(got, want, s.Start)...)
		})
	}
}

// TestAllMissing: an event of which nothing is known belongs to the components by their weights, and moves neither their
// means nor their covariances.
func TestAllMissing(t *testing.T) {
	for _, c := range mixture.Covariances() {
		t.Run(string(c), func(t *testing.T) {
			s := corpus.Random(8, 1, 3, 2, c)
			p := s.Truth
			x := []float64{math.NaN(), math.NaN()}
			data := mixture.Data{Events: float64s(t, x, 2), Missing: true}
			out := score(t, data, p)
			rounding().Check(
				t,
				compare.LogDensities(out.LogLikelihoods, []float64{0}),
				compare.Absolute("responsibilities", out.Responsibilities, p.Weights),
			)
			next, _, err := mixture.Update(accumulate(t, data, p), mixture.Prior{Ridge: []float64{0, 0}, Floor: []float64{1, 1}}, p)
			if err != nil {
				t.Fatal(err)
			}
			rounding().Check(t, compare.Parameters(next, p)...)
		})
	}
}
