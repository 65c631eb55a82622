package dataset

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestWriteCSV(t *testing.T) {
	var text strings.Builder
	if err := WriteCSV(&text, []string{"x", "log p, nats", `"q"`}, 3, []float64{1, -0.1, 1e300, 272, 1.0 / 3, math.NaN()}); err != nil {
		t.Fatal(err)
	}
	want := "x,\"log p, nats\",\"\"\"q\"\"\"\n1,-0.1,1e+300\n272,0.3333333333333333,NaN\n"
	if text.String() != want {
		t.Errorf("got %q, want %q", text.String(), want)
	}
}

func TestWriteCSVOfOtherTypes(t *testing.T) {
	var text strings.Builder
	if err := WriteCSV(&text, nil, 1, []float32{0.1, 1.0 / 3}); err != nil {
		t.Fatal(err)
	}
	if err := WriteCSV(&text, nil, 2, []int64{3, math.MinInt64}); err != nil {
		t.Fatal(err)
	}
	if err := WriteCSV(&text, nil, 2, []int64{}); err != nil {
		t.Fatal(err)
	}
	if want := "0.1\n0.33333334\n3,-9223372036854775808\n"; text.String() != want {
		t.Errorf("got %q, want %q", text.String(), want)
	}
}

// What is written reads back bit by bit, over more text than a buffer holds.
func TestWriteCSVReadsBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 0, 3*writeBuffer/16)
	for len(values) < cap(values) {
		if v := math.Float64frombits(random.Uint64()); !math.IsInf(v, 0) && !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	for _, columns := range []int{1, 3, len(values)} {
		var text strings.Builder
		if err := WriteCSV(&text, nil, columns, values); err != nil {
			t.Fatal(err)
		}
		table, err := Read("-", Options{Stdin: strings.NewReader(text.String())})
		if err != nil {
			t.Fatal(err)
		}
		if table.Columns != columns || !slices.Equal(table.Float64, values) {
			t.Errorf("%d columns: other values came back", columns)
		}
	}
}

func TestWriteCSVRefuses(t *testing.T) {
	values := make([]float64, 6)
	for name, err := range map[string]error{
		"no columns":       WriteCSV(&strings.Builder{}, nil, 0, values),
		"negative columns": WriteCSV(&strings.Builder{}, nil, -3, values),
		"part of a line":   WriteCSV(&strings.Builder{}, nil, 4, values),
		"too few names":    WriteCSV(&strings.Builder{}, []string{"x"}, 2, values),
	} {
		if !errors.Is(err, ErrShape) {
			t.Errorf("%s: got %v, want an ErrShape", name, err)
		}
	}
}

// fullWriter takes the first bytes, then fails.
type fullWriter struct{ left int }

var errFull = errors.New("no space left")

func (f *fullWriter) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestWriteCSVReportsTheWriter(t *testing.T) {
	values := make([]float64, writeBuffer)
	for _, room := range []int{0, 1, writeBuffer, 2*writeBuffer - 1} {
		if err := WriteCSV(&fullWriter{room}, []string{"x"}, 1, values); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: got %v, want %v", room, err, errFull)
		}
	}
}
