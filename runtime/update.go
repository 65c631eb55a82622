package runtime

import "github.com/gmmspec/gmmspec/mixture"

// UpdateLimits returns what an update kernel needs to know of the M-step's rules in d dimensions. A pivot counts as rounding
// sooner than in mixture.Update, which judges what is in doubt.
func UpdateLimits(d int) []float64 {
	const sooner = 2
	return []float64{mixture.EmptyWeight, mixture.SpreadRounding, mixture.MaxMagnitude, sooner * mixture.MendedPivot * float64(d)}
}

// FinishUpdate returns the M-step that an update kernel began: p has its means and covariances, and status says for each
// component whether they are by the book. Where all are, the weights are filled in; where one is not (it is empty, without
// spread, or its covariance not positive definite), mixture.Update does it all again, and mends.
func FinishUpdate(p *mixture.Parameters, s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters, status []int32) (*mixture.Parameters, mixture.Report, error) {
	total := 0.0
	for m, n := range s.Weights {
		if status[m] != 0 {
			return mixture.Update(s, prior, previous)
		}
		total += n
	}
	for m, n := range s.Weights {
		p.Weights[m] = n / total
	}
	return p, mixture.Report{}, nil
}
