package dataset

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// npyAlignment is what NumPy aligns the first element to, so that a file can be mapped to memory.
const npyAlignment = 64

// WriteNpy writes values, row by row, as a .npy array of the given shape: a number of rows for an array of one
// dimension, or of rows and columns for two. The file is of version 1.0, little-endian, in C order, with elements of
// type f4, f8 or i8.
//
// WriteNpy returns an error wrapping [ErrShape] if the shape has another number of dimensions or does not hold exactly
// the values, and otherwise what w returned.
func WriteNpy[T Number](w io.Writer, values []T, shape ...int) error {
	if w == nil {
		return errNoWriter
	}
	if !fills(len(values), shape) {
		return fmt.Errorf("dataset: write: %w: %d values in the shape %v", ErrShape, len(values), shape)
	}
	if _, err := w.Write(encodeNpyHeader(npyType[T](), shape)); err != nil {
		return err
	}
	buffer := make([]byte, 0, npyBlock)
	for block := range slices.Chunk(values, npyBlock/binary.Size(T(0))) {
		encoded, err := binary.Append(buffer, binary.LittleEndian, block)
		if err != nil {
			return err
		}
		if _, err := w.Write(encoded); err != nil {
			return err
		}
	}
	return nil
}

// fills reports whether an array of the shape has exactly count elements.
func fills(count int, shape []int) bool {
	switch len(shape) {
	case 1:
		return shape[0] == count
	case 2:
		rows, columns := shape[0], shape[1]
		if rows <= 0 || columns <= 0 {
			return count == 0 && rows >= 0 && columns >= 0
		}
		return count%columns == 0 && count/columns == rows
	}
	return false
}

// npyType returns NumPy's name of the type of an element.
func npyType[T Number]() string {
	switch any(T(0)).(type) {
	case float32:
		return "<f4"
	case float64:
		return "<f8"
	default:
		return "<i8"
	}
}

// encodeNpyHeader returns all that comes before the elements.
func encodeNpyHeader(descr string, shape []int) []byte {
	const preamble = len(npyMagic) + npyVersionBytes + npyLengthBytesOne
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shapeText(shape))
	if beyond := (preamble + len(text) + len("\n")) % npyAlignment; beyond > 0 {
		text += strings.Repeat(" ", npyAlignment-beyond)
	}
	text += "\n"

	header := append([]byte(npyMagic), 1, 0) // version 1.0
	header = binary.LittleEndian.AppendUint16(header, uint16(len(text)))
	return append(header, text...)
}
