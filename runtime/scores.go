package runtime

import "github.com/gmmspec/gmmspec/mixture"

// TakeScores copies what kernels computed of events from, from+1, … into what was asked for. logLikelihoods and labels may be
// nil.
func TakeScores[T Real](out *mixture.Scores, from int, logLikelihoods []T, labels []int32) {
	if out.LogLikelihoods != nil {
		for i, v := range logLikelihoods {
			out.LogLikelihoods[from+i] = float64(v)
		}
	}
	if out.Labels != nil {
		for i, v := range labels {
			out.Labels[from+i] = int(v)
		}
	}
}

// TakeResponsibilities transposes the responsibilities of n events for components first, first+1, …, r_im at [(m - first)·pitch + i], into
// rows from, from+1, … of m components.
func TakeResponsibilities[T Real](out *mixture.Scores, from, n, first, m, pitch int, responsibilities []T) {
	for i := range n {
		row := out.Responsibilities[(from+i)*m:][:m][first:]
		row = row[:min(len(row), len(responsibilities)/pitch)]
		for c := range row {
			row[c] = float64(responsibilities[c*pitch+i])
		}
	}
}
