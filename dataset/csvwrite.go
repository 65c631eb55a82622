package dataset

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
)

// writeBuffer is the text gathered between two calls of the writer.
const writeBuffer = 1 << 16

// WriteCSV writes values as comma-separated text, one line for each run of the given number of columns, after a header
// line of names unless names is nil. A number is written with the fewest digits that read back as the same value.
//
// WriteCSV returns an error wrapping [ErrShape] if the values do not fill whole lines or the names are not as many as
// the columns, and otherwise what w returned.
func WriteCSV[T Number](w io.Writer, names []string, columns int, values []T) error {
	if w == nil {
		return errNoWriter
	}
	if columns < 1 || len(values)%columns != 0 {
		return fmt.Errorf("dataset: write: %w: %d values in lines of %d", ErrShape, len(values), columns)
	}
	if names != nil && len(names) != columns {
		return fmt.Errorf("dataset: write: %w: %d names for %d columns", ErrShape, len(names), columns)
	}
	out := bufio.NewWriterSize(w, writeBuffer)
	if err := writeLines(out, names, columns, values); err != nil {
		return err
	}
	return out.Flush()
}

func writeLines[T Number](out *bufio.Writer, names []string, columns int, values []T) error {
	if names != nil {
		header := csv.NewWriter(out)
		if err := header.WriteAll([][]string{names}); err != nil {
			return err
		}
	}
	for line := range slices.Chunk(values, columns) {
		text := out.AvailableBuffer()
		for _, value := range line {
			text = append(appendNumber(text, value), ',')
		}
		text[len(text)-1] = '\n'
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	return nil
}
