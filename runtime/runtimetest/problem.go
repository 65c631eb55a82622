package runtimetest

import (
	"fmt"

	"github.com/gmmspec/gmmspec/mixture"
)

// Problem is what a device is opened for.
type Problem struct {
	M, D       int
	Covariance mixture.Covariance
	Precision  string // runtime.Float32 or runtime.Float64
	Weighted   bool
	Hard       bool
	Missing    bool
}

// String names the problem as a path of sub-tests.
func (p Problem) String() string {
	name := fmt.Sprintf("precision=%s/cov=%s/m=%d/d=%d", p.Precision, p.Covariance, p.M, p.D)
	for _, f := range []struct {
		set  bool
		name string
	}{{p.Weighted, "weighted"}, {p.Hard, "hard"}, {p.Missing, "missing"}} {
		if f.set {
			name += "/" + f.name
		}
	}
	return name
}

// Problems returns the suite's problems of one precision: every covariance type in shapes at, below and above the sizes
// that tiles and vectors have, and in one shape with weights, hard assignment and missing values, alone and together.
func Problems(precision string) []Problem {
	var problems []Problem
	for _, c := range mixture.Covariances() {
		for _, shape := range []struct{ m, d int }{{1, 1}, {2, 2}, {3, 7}, {5, 19}, {17, 3}, {33, 8}} {
			problems = append(problems, Problem{M: shape.m, D: shape.d, Covariance: c, Precision: precision})
		}
		plain := Problem{M: 3, D: 4, Covariance: c, Precision: precision}
		weighted, hard, missing, all := plain, plain, plain, plain
		weighted.Weighted, hard.Hard, missing.Missing = true, true, true
		all.Weighted, all.Hard, all.Missing = true, true, true
		problems = append(problems, weighted, hard, missing, all)
	}
	return problems
}
