package dataset

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npy"
)

// Byte for byte what NumPy writes.
func TestWriteNpyAsNumPyDoes(t *testing.T) {
	var values []float64
	for row := range testdataRows {
		for column := range testdataColumns {
			values = append(values, testdataValue(row, column))
		}
	}
	var single []float32
	var line []float64
	for i, value := range values {
		single = append(single, float32(value))
		if i%testdataColumns == 0 {
			line = append(line, value)
		}
	}
	var file bytes.Buffer
	for name, write := range map[string]func() error{
		"f8-little-c": func() error { return WriteNpy(&file, values, testdataRows, testdataColumns) },
		"f4-little-c": func() error { return WriteNpy(&file, single, testdataRows, testdataColumns) },
		"line":        func() error { return WriteNpy(&file, line, testdataRows) },
	} {
		want, err := os.ReadFile("testdata/" + name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		file.Reset()
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file.Bytes(), want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, file.Bytes(), want)
		}
	}
}

// npyio is the second opinion on labels, which this package writes and does not read.
func TestWriteNpyOfLabels(t *testing.T) {
	labels := []int64{3, 0, -1, 1 << 40}
	var file bytes.Buffer
	if err := WriteNpy(&file, labels, 2, 2); err != nil {
		t.Fatal(err)
	}
	r, err := npy.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if shape := r.Header.Descr.Shape; !slices.Equal(shape, []int{2, 2}) || r.Header.Descr.Fortran {
		t.Errorf("shape %v, Fortran order %v", shape, r.Header.Descr.Fortran)
	}
	var got []int64
	if err := r.Read(&got); err != nil || !slices.Equal(got, labels) {
		t.Errorf("got %v (error %v), want %v", got, err, labels)
	}
}

// More than one block, and elements that start where NumPy can map them to memory.
func TestWriteNpyReadsBack(t *testing.T) {
	for _, rows := range []int{1, 9, 99999} {
		values := make([]float32, 3*rows)
		for i := range values {
			values[i] = float32(i) / 7
		}
		var file bytes.Buffer
		if err := WriteNpy(&file, values, rows, 3); err != nil {
			t.Fatal(err)
		}
		if offset := file.Len() - len(values)*floatBytes; offset%npyAlignment != 0 {
			t.Errorf("%d rows: the elements start at byte %d", rows, offset)
		}
		got, err := readBytes(t, file.Bytes(), "", false)
		if err != nil {
			t.Fatal(err)
		}
		want := &Table{Rows: rows, Columns: 3, Float32: values, Source: "array.npy"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d rows: another table came back", rows)
		}
	}
}

func TestWriteNpyRefuses(t *testing.T) {
	values := make([]float64, 6)
	for name, err := range map[string]error{
		"no dimension":        WriteNpy(&strings.Builder{}, values),
		"three dimensions":    WriteNpy(&strings.Builder{}, values, 1, 2, 3),
		"too few":             WriteNpy(&strings.Builder{}, values, 5),
		"too many":            WriteNpy(&strings.Builder{}, values, 3, 3),
		"negative":            WriteNpy(&strings.Builder{}, values, -2, -3),
		"empty and negative":  WriteNpy(&strings.Builder{}, values[:0], 0, -1),
		"no columns":          WriteNpy(&strings.Builder{}, values, 6, 0),
		"product overflows":   WriteNpy(&strings.Builder{}, values[:0], 1<<32, 1<<32),
		"rows of other width": WriteNpy(&strings.Builder{}, values, 1, 4),
	} {
		if !errors.Is(err, ErrShape) {
			t.Errorf("%s: got %v, want an ErrShape", name, err)
		}
	}
	if err := WriteNpy(&strings.Builder{}, []int64{}, 0, 3); err != nil {
		t.Errorf("an empty array: %v", err)
	}
}

func TestWriteNpyReportsTheWriter(t *testing.T) {
	values := make([]float64, npyBlock/doubleBytes+1)
	for _, room := range []int{0, 127, 128, 128 + npyBlock} {
		if err := WriteNpy(&fullWriter{room}, values, len(values)); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: got %v, want %v", room, err, errFull)
		}
	}
}
