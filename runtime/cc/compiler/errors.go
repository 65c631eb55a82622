package compiler

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// An UnavailableError says that no C compiler can be used, and why each that was tried cannot.
type UnavailableError struct {
	Attempts []Attempt
}

// Error implements error.
func (e *UnavailableError) Error() string {
	tried := make([]string, len(e.Attempts))
	for i, a := range e.Attempts {
		tried[i] = a.String()
	}
	return "compiler: no usable C compiler: " + strings.Join(tried, "; ")
}

// A CompileError says that the compiler ran and refused a source, or could not be run.
type CompileError struct {
	Name    string   // the kernel's name
	Command []string // the command line
	Source  string   // the C text
	Log     string   // what the compiler printed, at most 64 KiB of it
	Err     error    // how the compiler ended, an *exec.ExitError if it ran
}

// Error implements error. It shows the first message that is an error; Log has all.
func (e *CompileError) Error() string {
	return fmt.Sprintf("compiler: %s: %v%s", e.Name, e.Err, summary(e.Log))
}

// Unwrap returns how the compiler ended.
func (e *CompileError) Unwrap() error { return e.Err }

// A TimeoutError says that the compiler was killed because it exceeded its time. It wraps context.DeadlineExceeded.
type TimeoutError struct {
	Name    string        // the kernel's name
	Command []string      // the command line
	Limit   time.Duration // the time it had
	Log     string        // what the compiler printed until then, at most 64 KiB of it
}

// Error implements error.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("compiler: %s: %s killed after %v%s", e.Name, e.Command[0], e.Limit, summary(e.Log))
}

// Unwrap returns context.DeadlineExceeded.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// An OutputError says that the compiler reported success but left no whole shared object.
type OutputError struct {
	Name    string   // the kernel's name
	Command []string // the command line
	Log     string   // what the compiler printed, at most 64 KiB of it
	Err     error    // fs.ErrNotExist for a missing file, an *object.FormatError for another kind of file
}

// Error implements error.
func (e *OutputError) Error() string {
	return fmt.Sprintf("compiler: %s: %s reported success: %v%s", e.Name, e.Command[0], e.Err, summary(e.Log))
}

// Unwrap returns what is wrong with the output.
func (e *OutputError) Unwrap() error { return e.Err }

// summary returns ": " and the first line of a log that reports an error, or else its first line, or nothing for an empty log.
func summary(log string) string {
	first := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "error:") {
			return ": " + line
		}
		if first == "" {
			first = line
		}
	}
	if first == "" {
		return ""
	}
	return ": " + first
}
