package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// readBuffer is large enough that system calls do not show beside parsing.
	readBuffer = 1 << 18
	// sampledRows are read before the number of rows is estimated: enough to average over the lengths of lines.
	sampledRows = 1024
	// estimateMargin is put on the estimate, so that a small underestimate does not copy all the values once more.
	estimateMargin = 1.05

	// maxFields and maxLine bound a line: no mixture has so many dimensions, nor do so many numbers have more letters.
	maxFields = 1 << 20
	maxLine   = 1 << 26

	byteOrderMark = "\uFEFF"
	gzipMagic     = "\x1f\x8b"
)

// csvReader reads the selected fields of a text file.
type csvReader struct {
	text    *narrow
	line    int // that was read last
	records *csv.Reader
	table   *Table
	size    int64    // of the whole file, or unknownSize
	fields  []int    // the selected fields, counted from 0
	header  []string // the whole header line, or nil

	allowMissing bool
	limit        float64
}

// readCSV reads size bytes of text from r.
func readCSV(r io.Reader, size int64, source string, opts Options) (*Table, error) {
	buffered := bufio.NewReaderSize(r, readBuffer)
	if mark, _ := buffered.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = buffered.Discard(len(byteOrderMark)) // cannot fail: Peek has it
	}
	if mark, _ := buffered.Peek(len(npyMagic)); string(mark) == npyMagic {
		return nil, &Error{Source: source, Err: fmt.Errorf(
			"%w: an array of NumPy's, where comma-separated text is due: name a %s file", ErrUnsupported, extensionNpy)}
	}
	if mark, _ := buffered.Peek(len(gzipMagic)); string(mark) == gzipMagic {
		return nil, &Error{Source: source, Err: fmt.Errorf("%w: packed by gzip: unpack it first", ErrUnsupported)}
	}
	text := &narrow{reader: buffered}
	records := csv.NewReader(text)
	records.ReuseRecord = true
	records.TrimLeadingSpace = true
	c := &csvReader{
		text:         text,
		records:      records,
		table:        &Table{Source: source},
		size:         size,
		allowMissing: opts.AllowMissing,
		limit:        opts.limit(),
	}
	if err := c.start(opts.Columns); err != nil {
		return nil, err
	}
	for {
		record, err := c.next()
		if err != nil {
			return nil, err
		}
		if record == nil {
			break
		}
		if err := c.add(record); err != nil {
			return nil, err
		}
	}
	if c.table.Rows == 0 {
		return nil, &Error{Source: source, Err: fmt.Errorf("%w: the file has a header and no line after it", ErrEmpty)}
	}
	return c.table, nil
}

// start reads the first line: it settles which fields are selected, and becomes the header or the first row.
func (c *csvReader) start(columns Selection) error {
	first, err := c.next()
	if err != nil {
		return err
	}
	if first == nil {
		return &Error{Source: c.table.Source, Err: fmt.Errorf("%w: the file is empty", ErrEmpty)}
	}
	c.fields, err = columns.resolve(first, len(first))
	if err != nil {
		return &Error{Source: c.table.Source, Err: err}
	}
	c.table.Columns = len(c.fields)
	number, word := -1, -1 // a selected field of each kind, or -1
	for _, field := range c.fields {
		switch text := first[field]; {
		case isNumber(text):
			number = field
		case text != "":
			word = field
		}
	}
	switch {
	case word < 0:
		return c.add(first)
	case number < 0:
		c.header = slices.Clone(first)
		for _, field := range c.fields {
			c.table.Names = append(c.table.Names, first[field])
		}
		return nil
	}
	line, _ := c.records.FieldPos(word)
	return &Error{Source: c.table.Source, Line: line, Column: word + 1, Err: fmt.Errorf(
		"%w: %.*q in a line with the number %.*q: a header holds no number, and a row no word; select columns to leave words out",
		ErrNotNumber, maxQuoted, first[word], maxQuoted, first[number],
	)}
}

// next returns the fields of the next line, trimmed, and nil at the end of the file. They hold until the next call.
func (c *csvReader) next() ([]string, error) {
	record, err := c.records.Read()
	if err == io.EOF { // itself: a failure that wraps it is no end
		return nil, nil
	}
	if err != nil {
		failure := &Error{Source: c.table.Source, Err: err}
		if errors.Is(err, ErrMalformed) { // of text that was read ahead
			failure.Line = c.line + 1
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			failure.Line = parse.Line
			failure.Err = fmt.Errorf("%w: %w", ErrMalformed, parse.Err)
		}
		if errors.Is(err, csv.ErrFieldCount) {
			failure.Err = fmt.Errorf("%w: the number of fields is %d; the first line has %d",
				ErrMalformed, len(record), c.records.FieldsPerRecord)
		}
		return nil, failure
	}
	c.text.begin()
	c.line, _ = c.records.FieldPos(0)
	for i, field := range record {
		record[i] = strings.TrimSpace(field)
	}
	return record, nil
}

// add appends the selected fields of a record to the table.
func (c *csvReader) add(record []string) error {
	for _, field := range c.fields {
		value, err := parseValue(record[field], c.allowMissing, c.limit)
		if err != nil {
			if c.table.Rows == 0 && c.header != nil && len(c.fields) > 1 && errors.Is(err, ErrNotNumber) {
				err = fmt.Errorf("%w: select columns to leave words out", err)
			}
			line, _ := c.records.FieldPos(field)
			failure := &Error{Source: c.table.Source, Line: line, Column: field + 1, Err: err}
			if c.header != nil {
				failure.Name = clip(c.header[field])
			}
			return failure
		}
		c.table.Float64 = append(c.table.Float64, value)
	}
	c.table.Rows++
	if c.table.Rows == sampledRows {
		c.reserve()
	}
	return nil
}

// narrow hands on text as long as it is text, and no line is out of all proportion: a reader keeps a line whole, and of its fields much
// more than their text.
type narrow struct {
	reader io.Reader
	bytes  int // since the last line was begun, or somewhat later
	commas int // of those
}

// begin says that the reader is at the next line.
func (n *narrow) begin() { n.bytes, n.commas = 0, 0 }

// Read hands on what was read, or why that will not do.
func (n *narrow) Read(p []byte) (int, error) {
	count, err := n.reader.Read(p)
	n.bytes += count
	n.commas += bytes.Count(p[:count], []byte(","))
	switch {
	case bytes.IndexByte(p[:count], 0) >= 0:
		return 0, fmt.Errorf("%w: a zero byte, which no text has", ErrMalformed)
	case n.commas > maxFields+count:
		return 0, fmt.Errorf("%w: more than %d commas in a line", ErrMalformed, maxFields)
	case n.bytes > maxLine+count:
		return 0, fmt.Errorf("%w: more than %d bytes in a line", ErrMalformed, maxLine)
	}
	return count, err
}

// reserve makes room for the rows still to come, estimated from the length of those seen. The estimate is never above
// one value for each byte of the file, as a field has a separator behind it.
func (c *csvReader) reserve() {
	seen := c.records.InputOffset()
	if c.size <= seen {
		return
	}
	more := float64(len(c.table.Float64)) * float64(c.size-seen) / float64(seen)
	c.table.Float64 = slices.Grow(c.table.Float64, int(more*estimateMargin))
}
