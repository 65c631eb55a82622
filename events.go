package gmmspec

import (
	"errors"
	"fmt"

	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// Events is N vectors of D numbers: see [Float32], [Float64], [Matrix], [Table] and [ReadEvents].
type Events = mixture.Events

// MaxMagnitude bounds the absolute value of an event's coordinates, whose squares are summed.
const MaxMagnitude = mixture.MaxMagnitude

// Float32 views n events of d numbers each in data, by row and without a gap. Nothing is copied.
func Float32(data []float32, n, d int) (Events, error) { return mixture.Float32(data, n, d, d) }

// Float64 views n events of d numbers each in data, by row and without a gap. Nothing is copied.
func Float64(data []float64, n, d int) (Events, error) { return mixture.Float64(data, n, d, d) }

// Float32Stride views n events of d numbers each in data, event i beginning at data[i·stride].
func Float32Stride(data []float32, n, d, stride int) (Events, error) {
	return mixture.Float32(data, n, d, stride)
}

// Float64Stride views n events of d numbers each in data, event i beginning at data[i·stride].
func Float64Stride(data []float64, n, d, stride int) (Events, error) {
	return mixture.Float64(data, n, d, stride)
}

// Matrix views the rows of m as events. A *mat.Dense is not copied.
func Matrix(m mat.Matrix) (Events, error) {
	if absent(m) {
		return nil, errors.New("gmmspec: events: there is no matrix")
	}
	return mixture.Matrix(m)
}

// Table views the rows of a file that package dataset has read as events.
func Table(t *dataset.Table) (Events, error) {
	if t == nil {
		return nil, errors.New("gmmspec: events: there is no table")
	}
	var events Events
	var err error
	if t.Float32 != nil {
		events, err = Float32Stride(t.Float32, t.Rows, t.Columns, t.Stride)
	} else {
		events, err = Float64Stride(t.Float64, t.Rows, t.Columns, t.Stride)
	}
	if err != nil || t.Mapping == nil {
		return events, err
	}
	return mixture.From(events, t.Mapping), nil
}

// ReadEvents reads a file of numbers, .csv or .npy, an event a row. A large array stays where it lies where it can, as [dataset.Map] has
// it: what becomes of its file is then an error of what is done with the events, which have the file open until the garbage collector
// finds that nobody has them. [dataset.Map] and [dataset.Read], which takes all into memory, do it with options, and [Table] views their
// result.
func ReadEvents(path string) (Events, error) {
	table, err := dataset.Map(path, dataset.Options{MaxMagnitude: MaxMagnitude})
	if err != nil {
		return nil, fmt.Errorf("gmmspec: %w", err)
	}
	return Table(table)
}
