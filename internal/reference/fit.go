package reference

import (
	"fmt"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
)

// Result is what [Fit] returns.
type Result struct {
	Parameters *mixture.Parameters
	// History holds Σ_n w_n log p(x_n) of the start and after each iteration; under hard assignment the likelihood is
	// that of each event's most likely component alone.
	History []float64
}

// Fit runs EM from start for the number of iterations given, as written in Bishop, §9.2.2: the responsibilities of all
// events, then the new means from the events, then the covariances about the new means from the events again. It holds N×M
// responsibilities, and is meant for judging small fits.
//
// A component of no events keeps its mean, with weight 0 and the prior's ridge for covariance (plus the floor, where a ridge
// is 0). Fit knows no other mending: where a covariance is not positive definite with the prior's ridge, it returns the
// iterations done and an error.
func Fit(data mixture.Data, start *mixture.Parameters, prior mixture.Prior, iterations int) (*Result, error) {
	if d := data.Events.Dims(); start.D != d {
		return nil, &mixture.ShapeError{What: "dimensions of the parameters", Got: start.D, Want: d}
	}
	j := newJudge(data, start)
	logLikelihood, err := j.expect(start)
	if err != nil {
		return nil, err
	}
	result := &Result{Parameters: start, History: []float64{logLikelihood}}
	for i := range iterations {
		next := j.maximise(prior)
		if logLikelihood, err = j.expect(next); err != nil {
			return result, fmt.Errorf("reference: iteration %d: %w", i+1, err)
		}
		result.Parameters = next
		result.History = append(result.History, logLikelihood)
	}
	return result, nil
}

// judge is one fit under way.
type judge struct {
	data             mixture.Data
	worker           *worker
	responsibilities []float64 // N×M, times the events' weights
}

func newJudge(data mixture.Data, p *mixture.Parameters) *judge {
	return &judge{data: data, responsibilities: make([]float64, data.Events.Len()*p.M)}
}

// expect is the E-step under p.
func (j *judge) expect(p *mixture.Parameters) (logLikelihood float64, err error) {
	model, err := newModel(p)
	if err != nil {
		return 0, err
	}
	j.worker = newWorker(j.data, model)
	j.events(func(n int, weight float64) {
		logSum, largest, label := softmax(j.worker.logits)
		row := j.responsibilities[n*p.M:][:p.M]
		if j.data.Hard {
			logSum = largest
			clear(row)
			row[label] = weight
		} else {
			for m, r := range j.worker.logits {
				row[m] = weight * r
			}
		}
		logLikelihood += weight * logSum
	})
	return logLikelihood, nil
}

// events visits every event in order.
func (j *judge) events(visit func(n int, weight float64)) {
	n := j.data.Events.Len()
	for chunk := range (n + j.worker.size - 1) / j.worker.size {
		j.worker.each(chunk, visit)
	}
}

// maximise is the M-step. A coordinate that is missing takes its expectation under the parameters of the E-step, and adds
// its covariance under them.
func (j *judge) maximise(prior mixture.Prior) *mixture.Parameters {
	old := j.worker.model.Parameters
	next := mixture.NewParameters(old.Covariance, old.M, old.D)
	weights, shifts := j.means(next)
	second := j.scatter(weights, shifts)
	for m := range next.M {
		setCovariance(next, m, weights, secondOf(second, old.Covariance, m, old.D), prior)
	}
	return next
}

// means sets the weights and means of next, and returns N_m and how far each mean has moved.
func (j *judge) means(next *mixture.Parameters) (weights, shifts []float64) {
	old, delta := j.worker.model.Parameters, j.worker.delta
	weights, shifts = make([]float64, next.M), make([]float64, next.M*next.D)
	j.events(func(n int, _ float64) {
		for m, r := range j.responsibilities[n*next.M:][:next.M] {
			j.worker.evaluator.deviation(delta, m)
			weights[m] += r
			for a, v := range delta {
				shifts[m*next.D+a] += r * v
			}
		}
	})
	total := 0.0
	for _, n := range weights {
		total += n
	}
	for m, n := range weights {
		shift := shifts[m*next.D:][:next.D]
		if n <= mixture.EmptyWeight {
			clear(shift)
		} else {
			next.Weights[m] = n / total
			for a := range shift {
				shift[a] /= n
			}
		}
		for a, v := range shift {
			next.Mean(m)[a] = old.Mean(m)[a] + v
		}
	}
	return weights, shifts
}

// scatter returns Σ_n r_nm (x_n - μ_m)(x_n - μ_m)ᵀ about the new means, laid out as statistics' second moments.
func (j *judge) scatter(weights, shifts []float64) []float64 {
	p, delta := j.worker.model.Parameters, j.worker.delta
	second := make([]float64, p.Covariance.SecondLen(p.M, p.D))
	j.events(func(n int, _ float64) {
		for m, r := range j.responsibilities[n*p.M:][:p.M] {
			if r == 0 || weights[m] <= mixture.EmptyWeight {
				continue
			}
			j.worker.evaluator.deviation(delta, m)
			for a := range delta {
				delta[a] -= shifts[m*p.D+a]
			}
			part := secondOf(second, p.Covariance, m, p.D)
			addSquare(part, p.Covariance, delta, r)
			j.worker.evaluator.addConditional(part, m, r)
		}
	})
	return second
}

// setCovariance sets component m's covariance to its scatter over its weight, plus the ridge; where there is no weight, to
// the ridge, with the floor besides where that has a 0.
func setCovariance(p *mixture.Parameters, m int, weights, scatter []float64, prior mixture.Prior) {
	d, n := p.D, weights[m]
	if p.Covariance == mixture.Tied {
		n = 0
		for _, w := range weights {
			n += w
		}
	}
	ridge := prior.Ridge
	if n <= mixture.EmptyWeight {
		n = 1 // the scatter is 0
		ridge = emptyRidge(prior)
	}
	switch p.Covariance {
	case mixture.Full, mixture.Tied:
		at := 0
		if p.Covariance == mixture.Full {
			at = m * d * d
		}
		square := p.Covariances[at:][:d*d]
		for a := range d {
			for b := range a + 1 {
				v := scatter[triangleLen(a)+b] / n
				if a == b {
					v += ridge[a]
				}
				square[a*d+b], square[b*d+a] = v, v
			}
		}
	case mixture.Diag:
		for a, v := range scatter {
			p.Covariances[m*d+a] = v/n + ridge[a]
		}
	case mixture.Spherical:
		v := scatter[0] / n
		for _, r := range ridge {
			v += r
		}
		p.Covariances[m] = v / float64(d)
	}
}

// emptyRidge returns the diagonal of an empty component's covariance.
func emptyRidge(prior mixture.Prior) []float64 {
	ridge := slices.Clone(prior.Ridge)
	if slices.Contains(prior.Ridge, 0) {
		for j, v := range prior.Floor {
			ridge[j] += v
		}
	}
	return ridge
}
