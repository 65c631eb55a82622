package compare

import (
	"math"

	"github.com/gmmspec/gmmspec/mixture"
)

// Statistics measures N_m, the first and the second moments and the totals of a pass under p, got's moved to the origins of
// want. With w the weight of an average event, n = max(N_m, w), and σ_a the component's standard deviation, the larger of p's
// √Σ_aa and the events' √(Second_aa / N_m) about their origin,
//
//	weights  max |ΔN_m| / n
//	first    max |ΔFirst_a| / (n σ_a)
//	second   max |ΔSecond_ab| / (n σ_a σ_b)
//	total    |Δ Σ w log p| / Σ w
//
// so a component that holds less than one event is measured as if it held one, and one that holds a few which happen to lie
// close together is measured by its own width. Under tied covariances the events' σ² is over all components; under spherical
// ones it is the average over the dimensions.
func Statistics(got, want *mixture.Statistics, p *mixture.Parameters) []Measure {
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"components", got.M, want.M},
		{"components of the parameters", p.M, want.M},
		{"dimensions", got.D, want.D},
		{"dimensions of the parameters", p.D, want.D},
		{"weights", len(got.Weights), len(want.Weights)},
		{"origins", len(got.Origins), len(want.Origins)},
		{"first moments", len(got.First), len(want.First)},
		{"second moments", len(got.Second), len(want.Second)},
		{"events", int(got.Events), int(want.Events)},
	} {
		if f.got != f.want {
			return []Measure{mismatch("number of "+f.what, f.got, f.want)}
		}
	}
	moved := got.Clone()
	if err := moved.Recentre(want.Origins); err != nil {
		return []Measure{{What: err.Error(), Error: math.Inf(1)}}
	}

	s := newScales(want, p)
	weights := Measure{What: "statistics' weights, by events held"}
	first := Measure{What: "first moments, by standard deviations"}
	for m, n := range want.Weights {
		weights.add(moved.Weights[m], n, s.held(m), m)
		for a := range want.D {
			i := m*want.D + a
			first.add(moved.First[i], want.First[i], s.held(m)*s.deviation(m, a), m, a)
		}
	}
	total := Measure{What: "log-likelihood, a unit of weight"}
	total.add(got.LogLikelihood, want.LogLikelihood, want.EventWeight)
	weight := Measure{What: "event weight, relative"}
	weight.add(got.EventWeight, want.EventWeight, want.EventWeight)
	return []Measure{weights, first, s.second(moved.Second), total, weight}
}

// scales is the natural scales of statistics.
type scales struct {
	want  *mixture.Statistics
	p     *mixture.Parameters
	event float64 // the weight of an average event
	total float64 // Σ N_m
}

func newScales(want *mixture.Statistics, p *mixture.Parameters) *scales {
	s := &scales{want: want, p: p, event: want.EventWeight / float64(want.Events)}
	for _, n := range want.Weights {
		s.total += n
	}
	return s
}

// held returns how much weight component m is measured as holding.
func (s *scales) held(m int) float64 { return math.Max(s.want.Weights[m], s.event) }

// deviation returns component m's σ_a; NaN where the statistics are.
func (s *scales) deviation(m, a int) float64 {
	d, n := s.want.D, s.want.Weights[m]
	triangle := (a+1)*(a+2)/2 - 1 // entry (a, a) of a packed triangle
	var second float64
	switch s.want.Covariance {
	case mixture.Full:
		second = s.want.Second[m*d*(d+1)/2+triangle]
	case mixture.Tied:
		second, n = s.want.Second[triangle], s.total
	case mixture.Diag:
		second = s.want.Second[m*d+a]
	case mixture.Spherical:
		second = s.want.Second[m] / float64(d)
	}
	own := math.Sqrt(entry(s.p, m, a, a))
	if n == 0 && second == 0 {
		return own
	}
	return max(own, math.Sqrt(second/n))
}

// second measures second moments.
func (s *scales) second(got []float64) Measure {
	measure := Measure{What: "second moments, by standard deviations"}
	i, d := 0, s.want.D
	add := func(scale float64, at ...int) {
		measure.add(got[i], s.want.Second[i], scale, at...)
		i++
	}
	triangle := func(m int, n float64) {
		for a := range d {
			for b := range a + 1 {
				add(n*s.deviation(m, a)*s.deviation(m, b), m, a, b)
			}
		}
	}
	switch s.want.Covariance {
	case mixture.Full:
		for m := range s.want.M {
			triangle(m, s.held(m))
		}
	case mixture.Tied:
		triangle(0, s.total)
	case mixture.Diag:
		for m := range s.want.M {
			for a := range d {
				add(s.held(m)*s.deviation(m, a)*s.deviation(m, a), m, a)
			}
		}
	case mixture.Spherical:
		for m := range s.want.M {
			add(s.held(m)*float64(d)*s.deviation(m, 0)*s.deviation(m, 0), m)
		}
	}
	return measure
}
