package runtime

import (
	"fmt"

	"github.com/gmmspec/gmmspec/mixture"
)

// UpdateLimits returns what an update kernel needs to know of the M-step's rules in d dimensions. A pivot counts as rounding
// sooner than in mixture.Update, which judges what is in doubt.
func UpdateLimits(d int) []float64 {
	const sooner = 2
	return []float64{mixture.EmptyWeight, mixture.SpreadRounding, mixture.MaxMagnitude, sooner * mixture.MendedPivot * float64(d)}
}

// FinishUpdate returns the M-step that an update kernel began: p has its means and covariances, and status says for each
// component whether they are by the book. Where all are, the weights are filled in; where one is not (it is empty, without
// spread, or its covariance not positive definite), mixture.Update does it all again, and mends. With strict set, for tests, it is an
// error where that finds nothing to mend in a component that holds more than enough events.
func FinishUpdate(p *mixture.Parameters, s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters, status []int32, strict bool) (*mixture.Parameters, mixture.Report, error) {
	total, handedOver := 0.0, -1
	for m, n := range s.Weights {
		if status[m] != 0 && handedOver < 0 {
			handedOver = m
		}
		total += n
	}
	if handedOver >= 0 {
		p, report, err := mixture.Update(s, prior, previous)
		const plenty = 10 // times as many events as dimensions
		if err == nil && strict && len(report.Empty) == 0 && len(report.Floored) == 0 && s.Weights[handedOver] > float64(plenty*s.D) {
			return nil, report, fmt.Errorf("runtime: the update kernel hands component %d over with status %d, in which there is nothing to mend", handedOver, status[handedOver])
		}
		return p, report, err
	}
	for m, n := range s.Weights {
		p.Weights[m] = n / total
	}
	return p, mixture.Report{}, nil
}
