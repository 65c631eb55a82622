package dataset

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// Options changes how a file is read. Its zero value reads every column and refuses missing values.
type Options struct {
	Columns      Selection // which columns to read; those left out may hold anything
	AllowMissing bool      // read an empty field of text, and NaN, as NaN: a missing value
	MaxMagnitude float64   // refuse values beyond; 0 lets all pass that are finite
	Stdin        io.Reader // what the path "-" stands for
}

// Read returns the events in the file at path, told by its extension to be .csv or .npy. The path "-" reads
// comma-separated text from opts.Stdin.
//
// In text a first line in which no selected field is a number is the header, and one that mixes numbers and words is
// refused, as are lines with more or fewer fields than the first. Fields may be quoted, spaces around them do not
// count, and a byte order mark, lines ending in CR LF and blank lines are all passed over. There are no comments.
//
// Read returns an error wrapping [ErrUnsupported], [ErrMalformed], [ErrEmpty], [ErrNotNumber], [ErrNotFinite],
// [ErrTooLarge], [ErrMissing], [ErrSelection], or what the operating system reported.
func Read(path string, opts Options) (*Table, error) { return read(path, opts, false) }

// Map returns the events in the file at path as [Read] does, but leaves a large array where it lies, mapped into memory, where the
// system can do that and its values are such as memory has them: .npy of float32 or float64, in this machine's byte order and C
// order, of which an unbroken range of columns is selected that makes up half of it or more. See [Mapping] for what that asks of
// the caller; values are checked, and errors are returned, as Read does.
func Map(path string, opts Options) (*Table, error) { return read(path, opts, true) }

// read is Read, and with mapped set Map.
func read(path string, opts Options, mapped bool) (t *Table, err error) {
	if !(opts.MaxMagnitude >= 0) {
		return nil, fmt.Errorf("dataset: Options.MaxMagnitude is %v: want at least 0", opts.MaxMagnitude)
	}
	if path == stdinPath {
		if opts.Stdin == nil {
			return nil, &Error{Source: stdinName, Err: fmt.Errorf("%w: there is none to read", ErrUnsupported)}
		}
		return readCSV(opts.Stdin, unknownSize, stdinName, opts)
	}
	extension := strings.ToLower(filepath.Ext(path))
	if extension != extensionCSV && extension != extensionNpy {
		return nil, &Error{Source: path, Err: fmt.Errorf(
			"%w: events are read from %s and %s files, or as comma-separated text from %q for standard input",
			ErrUnsupported, extensionCSV, extensionNpy, stdinPath,
		)}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer func() {
		if t == nil || t.Mapping == nil {
			_ = file.Close() // it was only read
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if extension == extensionCSV {
		return readCSV(file, info.Size(), path, opts)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Source: path, Err: fmt.Errorf("%w: not a regular file", ErrUnsupported)}
	}
	a, err := openNpy(file, info.Size(), path, opts)
	if err != nil {
		return nil, err
	}
	if mapped && info.Size() >= leastMapped && a.asInMemory() {
		if m := newMapping(file, info, path); m != nil {
			return a.view(m)
		}
	}
	return a.table()
}

// limit is the largest absolute value that is let through.
func (o Options) limit() float64 {
	if o.MaxMagnitude == 0 {
		return math.MaxFloat64
	}
	return o.MaxMagnitude
}

const (
	stdinPath    = "-"
	stdinName    = "standard input"
	extensionCSV = ".csv"
	extensionNpy = ".npy"
	unknownSize  = 0 // the size of a stream, as Stat reports it
)
