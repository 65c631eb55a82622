package reference

import "github.com/gmmspec/gmmspec/mixture"

// sums is what a pass adds up, laid out as [mixture.Statistics].
type sums struct {
	covariance             mixture.Covariance
	d                      int
	weights, first, second []float64
	logLikelihood          float64
	eventWeight            float64
}

func newSums(p *mixture.Parameters) *sums {
	return &sums{
		covariance: p.Covariance, d: p.D,
		weights: make([]float64, p.M),
		first:   make([]float64, p.M*p.D),
		second:  make([]float64, p.Covariance.SecondLen(p.M, p.D)),
	}
}

// secondOf returns component m's part of second moments.
func secondOf(second []float64, c mixture.Covariance, m, d int) []float64 {
	size := c.SecondLen(1, d)
	if c == mixture.Tied {
		m = 0
	}
	return second[m*size:][:size]
}

// addSquare adds w·δδᵀ to one component's second moments.
func addSquare(second []float64, c mixture.Covariance, delta []float64, w float64) {
	switch c {
	case mixture.Full, mixture.Tied:
		for a, v := range delta {
			row := second[:a+1]
			second = second[a+1:]
			scaled := w * v
			for b, u := range delta[:len(row)] {
				row[b] += scaled * u
			}
		}
	case mixture.Diag:
		for j, v := range delta {
			second[j] += w * v * v
		}
	case mixture.Spherical:
		second[0] += w * squaredLength(delta)
	}
}

// add adds weight w of the event that e observes to component m; delta is scratch of length D.
func (s *sums) add(e evaluator, m int, w float64, delta []float64) {
	e.deviation(delta, m)
	s.weights[m] += w
	for j, v := range delta {
		s.first[m*s.d+j] += w * v
	}
	second := secondOf(s.second, s.covariance, m, s.d)
	addSquare(second, s.covariance, delta, w)
	e.addConditional(second, m, w)
}

// merge adds t to s and clears t.
func (s *sums) merge(t *sums) {
	for _, pair := range [][2][]float64{{s.weights, t.weights}, {s.first, t.first}, {s.second, t.second}} {
		for i, v := range pair[1] {
			pair[0][i] += v
		}
		clear(pair[1])
	}
	s.logLikelihood += t.logLikelihood
	s.eventWeight += t.eventWeight
	t.logLikelihood, t.eventWeight = 0, 0
}

// statistics returns s about the means of p.
func (s *sums) statistics(p *mixture.Parameters, events int) *mixture.Statistics {
	return &mixture.Statistics{
		Covariance: p.Covariance, M: p.M, D: p.D,
		Origins: append([]float64(nil), p.Means...),
		Weights: s.weights, First: s.first, Second: s.second,
		LogLikelihood: s.logLikelihood, Events: int64(events), EventWeight: s.eventWeight,
	}
}
