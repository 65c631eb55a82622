package dl

import (
	"fmt"
	"strings"
)

// Attempt is one place a library was looked for, and what came of it.
type Attempt struct {
	Path string // what was asked for: a file, or a bare name for the system's loader
	Why  string // why it was tried: "environment GMMSPEC_NVRTC", "soname", …
	Err  error  // nil if the library was opened
}

// String returns the attempt as one line.
func (a Attempt) String() string {
	outcome := "opened"
	if a.Err != nil {
		outcome = a.Err.Error()
	}
	return fmt.Sprintf("%s (%s): %s", a.Path, a.Why, outcome)
}

// Report returns one indented line an attempt, or no line of its own for the only one.
func Report(attempts []Attempt) string {
	if len(attempts) == 1 {
		return " " + attempts[0].String()
	}
	var text strings.Builder
	for _, a := range attempts {
		fmt.Fprintf(&text, "\n\t%s", a)
	}
	return text.String()
}
