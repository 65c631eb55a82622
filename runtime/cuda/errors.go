package cuda

import (
	"errors"
	"fmt"

	"github.com/gmmspec/gmmspec/runtime/cuda/internal/dl"
)

// ErrUnavailable reports that there is no CUDA driver or no device to use here.
// The error is an [UnavailableError] with every attempt made.
var ErrUnavailable = errors.New("cuda: not available")

// ErrClosed reports the use of a Context, or of something that belongs to it,
// after it was closed.
var ErrClosed = errors.New("cuda: already closed")

// ErrArgument reports an argument that the kernel or the driver could not take;
// the error around it names which.
var ErrArgument = errors.New("cuda: bad argument")

// Attempt is one place a library was looked for, and what came of it.
type Attempt = dl.Attempt

// UnavailableError says why CUDA cannot be used here. errors.Is(err,
// ErrUnavailable) holds for it.
type UnavailableError struct {
	Attempts []Attempt // the places libcuda was looked for
	Cause    error     // what failed once it was open; nil if it never was
}

// Error returns the cause, or every attempt if the library could not be opened.
func (e *UnavailableError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%v: %v", ErrUnavailable, e.Cause)
	}
	return ErrUnavailable.Error() + ": the driver's library could not be opened:" + dl.Report(e.Attempts)
}

// Unwrap returns ErrUnavailable and the cause.
func (e *UnavailableError) Unwrap() []error {
	if e.Cause != nil {
		return []error{ErrUnavailable, e.Cause}
	}
	return []error{ErrUnavailable}
}

// Error is a driver call that failed.
type Error struct {
	Call   string // the C function, "cuMemAlloc"
	Result Result // what it returned
	Detail string // what was asked, or how to mend it; may be empty
}

// Error returns the call, the result and the detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("cuda: %s: %v", e.Call, e.Result)
	}
	return fmt.Sprintf("cuda: %s: %v: %s", e.Call, e.Result, e.Detail)
}

// Unwrap returns the Result.
func (e *Error) Unwrap() error { return e.Result }

// check returns nil for Success and the call's error otherwise.
func check(call string, result Result) error {
	if result == Success {
		return nil
	}
	return &Error{Call: call, Result: result}
}

// argument returns an ErrArgument with a reason.
func argument(format string, values ...any) error {
	return fmt.Errorf("%w: %s", ErrArgument, fmt.Sprintf(format, values...))
}
