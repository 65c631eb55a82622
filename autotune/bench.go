package autotune

import (
	"context"
	"fmt"

	"github.com/gmmspec/gmmspec/variants"
)

// Bench builds, judges and times candidates on one device, or seems to: see [Simulation]. Build is called from several
// goroutines, the rest from one. A deadline of ctx that passes is a candidate that hangs.
type Bench interface {
	// Environment says what is measured with.
	Environment() Environment
	// Source returns a digest of the text that a candidate is compiled from.
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
	Worst float64 // the largest difference
	Where string  // and in what
}

// Error names the difference.
func (e *WrongError) Error() string { return fmt.Sprintf("autotune: wrong: %s", e.Where) }
