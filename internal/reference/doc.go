// Package reference is the judge: expectation maximisation in plain Go and float64, written to be read, which every other
// device answers to.
//
// It shares no code with what it judges. Its Cholesky factors, log-densities and sums are its own, and so is the M-step of
// [Fit], which works from the events and not from statistics; of package mixture it uses only the types that carry numbers.
// [New] returns the same E-step as a [mixture.Device], which serves every problem on every machine.
package reference
