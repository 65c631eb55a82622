package runtimetest

import (
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/runtime"
)

// tolerances bounds a device's errors.
type tolerances struct {
	// logDensities is of logits and what is computed from one event's, absolutely.
	logDensities compare.Tolerance
	// statistics is of sums over events, by natural scales.
	statistics compare.Tolerance
	// sums is of a row of responsibilities from 1.
	sums compare.Tolerance
}

// tolerancesOf derives the tolerances from the rounding error ε of the precision.
//
// A logit of size l ≲ 300, which the farthest of some thousand events have, is the sum of D ≲ 20 squares of sums: its error is
// about ε·l·√D, some 1000 ε, and twice that is too much. Responsibilities are exponentials of differences of logits, so their
// relative error is the logits' absolute one. Sums average it; what is promised of them is 1e-5 in float32. A row of M ≲ 40
// responsibilities, each rounded, sums to 1 within M ε.
func tolerancesOf(precision string) tolerances {
	if precision == runtime.Float64 {
		return tolerances{
			logDensities: compare.Tolerance{Warn: 1e-12, Fail: 1e-11},
			statistics:   compare.Tolerance{Warn: 1e-12, Fail: 1e-11},
			sums:         compare.Tolerance{Warn: 1e-14, Fail: 1e-13},
		}
	}
	return tolerances{
		logDensities: compare.Tolerance{Warn: 1e-4, Fail: 2e-4},
		statistics:   compare.Tolerance{Warn: 1e-5, Fail: 1e-4},
		sums:         compare.Tolerance{Warn: 3e-6, Fail: 3e-5},
	}
}
