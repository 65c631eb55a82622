package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// npyBlock is the bytes read at once: large enough for system calls not to show, small enough for a cache.
const npyBlock = 1 << 18

// openNpy reads the header of an array of size bytes, header included, from r.
func openNpy(r io.ReaderAt, size int64, source string, opts Options) (*npyArray, error) {
	h, err := readNpyHeader(r, size)
	if err != nil {
		return nil, &Error{Source: source, Err: err}
	}
	columns, err := opts.Columns.resolve(nil, h.columns)
	if err != nil {
		return nil, &Error{Source: source, Err: err}
	}
	return &npyArray{npyHeader: h, r: r, source: source, selected: columns, allowMissing: opts.AllowMissing, limit: opts.limit()}, nil
}

// table reads the array into memory.
func (a *npyArray) table() (t *Table, err error) {
	t = &Table{Rows: a.rows, Columns: len(a.selected), Source: a.source}
	switch a.width {
	case halfBytes:
		t.Float32, err = gather(a, decodeHalf)
	case floatBytes:
		t.Float32, err = gather(a, decode[float32])
	default:
		t.Float64, err = gather(a, decode[float64])
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// npyArray is an array in a file whose header holds what it says.
type npyArray struct {
	npyHeader
	r            io.ReaderAt
	source       string
	selected     []int // the columns to read, counted from 0
	allowMissing bool
	limit        float64
}

// decoder turns the encoded elements of an array into values.
type decoder[T float32 | float64] func(values []T, encoded []byte, order binary.ByteOrder) error

// decode takes elements of the type the values have.
func decode[T float32 | float64](values []T, encoded []byte, order binary.ByteOrder) error {
	_, err := binary.Decode(encoded, order, values)
	return err
}

// decodeHalf takes elements of type float16.
func decodeHalf(values []float32, encoded []byte, order binary.ByteOrder) error {
	for i := range values {
		values[i] = halfToFloat32(order.Uint16(encoded[i*halfBytes:]))
	}
	return nil
}

// gather reads the selected columns into one slice, row by row, whatever the order in the file.
func gather[T float32 | float64](a *npyArray, decode decoder[T]) ([]T, error) {
	values := make([]T, a.rows*len(a.selected))
	if !a.fortran {
		return values, gatherRows(a, decode, values)
	}
	for place, column := range a.selected {
		if err := gatherColumn(a, decode, values, place, column); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// gatherRows takes the selected columns from an array stored row by row.
func gatherRows[T float32 | float64](a *npyArray, decode decoder[T], values []T) error {
	return eachBlock(a, decode, 0, a.rows*a.columns, a.columns, func(at int, block []T) error {
		row := at / a.columns
		for line := range slices.Chunk(block, a.columns) {
			for place, column := range a.selected {
				if err := check(a, line[column], row, column); err != nil {
					return err
				}
				values[row*len(a.selected)+place] = line[column]
			}
			row++
		}
		return nil
	})
}

// gatherColumn takes one column, the place-th of those selected, from an array stored column by column.
func gatherColumn[T float32 | float64](a *npyArray, decode decoder[T], values []T, place, column int) error {
	return eachBlock(a, decode, column*a.rows, a.rows, 1, func(at int, block []T) error {
		for i, value := range block {
			if err := check(a, value, at+i, column); err != nil {
				return err
			}
			values[(at+i)*len(a.selected)+place] = value
		}
		return nil
	})
}

// eachBlock reads count elements from the first on, and hands them on in blocks of whole lines. It says how many
// elements came before the block; the block holds until f returns.
func eachBlock[T float32 | float64](
	a *npyArray, decode decoder[T], first, count, line int, f func(at int, block []T) error,
) error {
	length := min(max(npyBlock/a.width/line, 1)*line, count)
	values := make([]T, length)
	encoded := make([]byte, length*a.width)
	for at := 0; at < count; at += length {
		block := values[:min(length, count-at)]
		part := encoded[:len(block)*a.width]
		err := readFullAt(a.r, part, a.offset+int64(first+at)*int64(a.width))
		if err == nil {
			err = decode(block, part, a.order)
		}
		if err != nil {
			return &Error{Source: a.source, Err: err}
		}
		if err := f(at, block); err != nil {
			return err
		}
	}
	return nil
}

// check lets values within the limit pass, and NaN where missing values are allowed; row and column count from 0.
func check[T float32 | float64](a *npyArray, value T, row, column int) error {
	if math.Abs(float64(value)) <= a.limit { // false of NaN, and of infinities whatever the limit
		return nil
	}
	return a.checkBeyond(float64(value), row, column)
}

// checkBeyond is apart from check so that the latter is inlined.
func (a *npyArray) checkBeyond(value float64, row, column int) error {
	err := fmt.Errorf("%w: %v", ErrNotFinite, value)
	switch {
	case math.IsNaN(value) && a.allowMissing:
		return nil
	case math.IsNaN(value):
		err = fmt.Errorf("%w: %v", ErrMissing, value)
	case !math.IsInf(value, 0):
		err = fmt.Errorf("%w: %v: want at most %g in magnitude", ErrTooLarge, value, a.limit)
	}
	return &Error{Source: a.source, Row: row + 1, Column: column + 1, Err: err}
}

// readFullAt fills p. A file that lost its end since its size was taken is an error.
func readFullAt(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}
