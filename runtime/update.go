package runtime

import "github.com/gmmspec/gmmspec/mixture"

// What a kernel's status says of a component, as bits.
const (
	statusEmpty   = 1
	statusFloored = 2
)

// UpdateLimits returns what an update kernel needs to know of the M-step's rules.
func UpdateLimits() []float64 {
	return []float64{mixture.EmptyWeight, mixture.FloorGrowth, mixture.FloorAttempts}
}

// FinishUpdate fills in the weights of parameters whose means and covariances an update kernel has computed from s, and
// words its status.
func FinishUpdate(p *mixture.Parameters, s *mixture.Statistics, status []int32) mixture.Report {
	var report mixture.Report
	total := 0.0
	for _, n := range s.Weights {
		total += n
	}
	for m, bits := range status {
		switch {
		case bits&statusEmpty != 0:
			report.Empty = append(report.Empty, m)
			continue
		case bits&statusFloored != 0:
			report.Floored = append(report.Floored, m)
		}
		p.Weights[m] = s.Weights[m] / total
	}
	return report
}
