package autotune

import (
	"context"
	"math"

	"github.com/gmmspec/gmmspec/variants"
)

// Bench builds, judges and times candidates on one device, or seems to: see [Simulation]. Build is called from several
// goroutines, the rest from one. A deadline of ctx that passes is a candidate that hangs. An error is held against the
// candidate, and kept, unless it is a *[BenchError]: of Build that it does not compile, of the others that it crashed.
type Bench interface {
	// Environment says what is measured with.
	Environment() Environment
	// Source returns a digest of the text that a candidate is compiled from. Its error refuses the candidate.
	Source(p variants.Problem, c variants.Candidate) (string, error)
	// Build compiles a candidate.
	Build(ctx context.Context, p variants.Problem, c variants.Candidate) error
	// Verify holds a candidate against the reference, and returns the largest difference. It is a *[WrongError] where that is
	// too large.
	Verify(ctx context.Context, p variants.Problem, c variants.Candidate) (worst float64, err error)
	// Time passes over the problem's events repeats times, after one pass that is not counted, and returns the seconds of each.
	Time(ctx context.Context, p variants.Problem, c variants.Candidate, repeats int) ([]float64, error)
}

// CrashError says that a candidate ended the process that it ran in, or its context on the device.
type CrashError struct{ Reason string }

// Error returns the reason.
func (e *CrashError) Error() string { return "autotune: crashed: " + e.Reason }

// WrongError says that a candidate's results are not the reference's.
type WrongError struct {
	Worst float64 // the largest difference, infinite or NaN where there is no number
	Where string  // and in what
}

// Error names the difference.
func (e *WrongError) Error() string { return "autotune: wrong: " + e.Where }

// Largest returns the largest difference as a number that records and JSON can hold: the largest one for infinity and NaN.
func (e *WrongError) Largest() float64 {
	if e.Worst <= math.MaxFloat64 {
		return e.Worst
	}
	return math.MaxFloat64
}

// BenchError says that a bench could not do its part: there is no process to try candidates in, or no memory left. It says
// nothing of the candidate, and ends the tuning.
type BenchError struct{ Err error }

// Error names the trouble.
func (e *BenchError) Error() string { return "autotune: candidates cannot be tried: " + e.Err.Error() }

// Unwrap returns the trouble.
func (e *BenchError) Unwrap() error { return e.Err }
