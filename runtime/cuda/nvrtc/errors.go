package nvrtc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/internal/dl"
)

// ErrUnavailable reports that no compiler was found. The error is an
// [UnavailableError] with every attempt made.
var ErrUnavailable = errors.New("nvrtc: not available")

// UnavailableError says why the compiler cannot be used here. errors.Is(err,
// ErrUnavailable) holds for it.
type UnavailableError struct {
	Attempts []cuda.Attempt
}

// Error returns a line for each attempt.
func (e *UnavailableError) Error() string {
	return ErrUnavailable.Error() + ": libnvrtc could not be opened (it comes with CUDA, or alone as the Python package nvidia-cuda-nvrtc):" + dl.Report(e.Attempts)
}

// Unwrap returns ErrUnavailable.
func (e *UnavailableError) Unwrap() error { return ErrUnavailable }

// Error is a call of the compiler that failed for another reason than the source.
type Error struct {
	Call string // the C function, "nvrtcCreateProgram"
	Code Code   // what it returned
}

// Error returns the call and the code.
func (e *Error) Error() string { return fmt.Sprintf("nvrtc: %s: %v", e.Call, e.Code) }

// Unwrap returns the Code.
func (e *Error) Unwrap() error { return e.Code }

// check returns nil for success and the call's error otherwise.
func check(call string, code Code) error {
	if code == CodeSuccess {
		return nil
	}
	return &Error{Call: call, Code: code}
}

// CompileError is a program that does not compile, or an option the compiler
// does not take.
type CompileError struct {
	Name    string   // the program's
	Source  string   // its text
	Options []string // all that were passed
	Log     string   // what the compiler said
	Code    Code     // CodeCompilation, CodeInvalidOption, …
}

// Error returns the program's name, the code and the log, whose lines begin with
// name(line): first those that say that something is an error.
func (e *CompileError) Error() string {
	var errs, others strings.Builder
	for line := range strings.Lines(e.Log) {
		if strings.Contains(line, "error") {
			errs.WriteString(line)
		} else {
			others.WriteString(line)
		}
	}
	return fmt.Sprintf("nvrtc: %s: %v\n%s%s", e.Name, e.Code, &errs, &others)
}

// Unwrap returns the Code.
func (e *CompileError) Unwrap() error { return e.Code }
