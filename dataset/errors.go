package dataset

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The kinds of defect a file or a request can have. Errors of this package wrap one of them, or the error of the
// operating system.
var (
	ErrUnsupported = errors.New("not supported")    // a kind of file, element type or shape that is not read
	ErrMalformed   = errors.New("malformed")        // a file that breaks its format's rules
	ErrEmpty       = errors.New("no events")        // a file without a single row
	ErrNotNumber   = errors.New("not a number")     // text where a number is due
	ErrNotFinite   = errors.New("not finite")       // an infinity, written as one or too large for a float64
	ErrTooLarge    = errors.New("too large")        // a number beyond what Options allows
	ErrMissing     = errors.New("missing value")    // an empty field or a NaN, and missing values are not allowed
	ErrSelection   = errors.New("column selection") // columns asked for that are not there, or are asked for twice
	ErrCutShort    = errors.New("cut short while it was being read")
	ErrChanged     = errors.New("changed while it was being read")
	ErrShape       = errors.New("shape mismatch") // values to write that do not fill the shape they are given
)

// clip returns as much of a text as is shown.
func clip(text string) string { return fmt.Sprintf("%.*s", maxQuoted, text) }

// errNoWriter is what writing to nothing comes to.
var errNoWriter = errors.New("dataset: write: there is no writer")

// Error is a defect in a file, and where it lies. The numbers count from 1 and are 0 where they do not apply.
type Error struct {
	Source string // the path as given, or "standard input"
	Line   int    // of a text file
	Row    int    // of a .npy array
	Column int    // of the file, whichever columns are selected
	Name   string // of the column, where the file names it
	Err    error
}

// Error returns the defect behind its place, such as
//
//	dataset: geyser.csv: line 12, column 2 (waiting): not a number: "soon"
func (e *Error) Error() string {
	var place []string
	if e.Line > 0 {
		place = append(place, "line "+strconv.Itoa(e.Line))
	}
	if e.Row > 0 {
		place = append(place, "row "+strconv.Itoa(e.Row))
	}
	if e.Column > 0 {
		column := "column " + strconv.Itoa(e.Column)
		if e.Name != "" {
			column += " (" + e.Name + ")"
		}
		place = append(place, column)
	}
	text := "dataset: " + e.Source + ": "
	if len(place) > 0 {
		text += strings.Join(place, ", ") + ": "
	}
	return text + e.Err.Error()
}

// Unwrap returns the defect without its place.
func (e *Error) Unwrap() error { return e.Err }
