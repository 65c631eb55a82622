package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// readText reads text as a stream, with the columns given as a list.
func readText(t *testing.T, text, columns string, allowMissing bool) (*Table, error) {
	t.Helper()
	selection, err := ParseSelection(columns)
	if err != nil {
		t.Fatal(err)
	}
	return Read("-", Options{Stdin: strings.NewReader(text), Columns: selection, AllowMissing: allowMissing})
}

func TestReadCSV(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		name         string
		text         string
		columns      string
		allowMissing bool
		names        []string
		width        int
		values       []float64
	}{
		{name: "numbers", text: "1,2\n3,4\n", width: 2, values: []float64{1, 2, 3, 4}},
		{name: "no last newline", text: "1,2\n3,4", width: 2, values: []float64{1, 2, 3, 4}},
		{name: "one value", text: "-7.5e-3", width: 1, values: []float64{-0.0075}},
		{name: "header", text: "x,y\n1,2\n", names: []string{"x", "y"}, width: 2, values: []float64{1, 2}},
		{name: "header with an unnamed column", text: ",y\n1,2\n", names: []string{"", "y"}, width: 2, values: []float64{1, 2}},
		{name: "byte order mark", text: "\uFEFFx\n1\n", names: []string{"x"}, width: 1, values: []float64{1}},
		{name: "byte order mark without a header", text: "\uFEFF1,2\n", width: 2, values: []float64{1, 2}},
		{name: "CR LF", text: "x,y\r\n1,2\r\n3,4\r\n", names: []string{"x", "y"}, width: 2, values: []float64{1, 2, 3, 4}},
		{name: "spaces and tabs", text: " x ,\ty\n 1 , 2\t\n", names: []string{"x", "y"}, width: 2, values: []float64{1, 2}},
		{name: "quotes", text: "\"a,b\",\"c \"\"d\"\"\"\n\"1\",\"2\"\n", names: []string{"a,b", `c "d"`}, width: 2, values: []float64{1, 2}},
		{name: "blank lines", text: "\n1,2\n\n3,4\n\n\n", width: 2, values: []float64{1, 2, 3, 4}},
		{name: "underflow", text: "1e-999,5e-324\n", width: 2, values: []float64{0, math.SmallestNonzeroFloat64}},
		{
			name: "label left out", text: "a,b,kind\n1,2,dog\n3,4,\n", columns: "1-2",
			names: []string{"a", "b"}, width: 2, values: []float64{1, 2, 3, 4},
		},
		{
			name: "label left out without a header", text: "1,2,dog\n3,4,cat\n", columns: "1,2",
			width: 2, values: []float64{1, 2, 3, 4},
		},
		{
			name: "order asked for", text: "a,b,c\n1,2,3\n4,5,6\n", columns: "c,a",
			names: []string{"c", "a"}, width: 2, values: []float64{3, 1, 6, 4},
		},
		{
			name: "number in an unselected part of the header", text: "a,2020\n1,2\n", columns: "a",
			names: []string{"a"}, width: 1, values: []float64{1},
		},
		{
			name: "missing", text: "x,y\n,2\n3, nan\n\"\",NaN\n", allowMissing: true,
			names: []string{"x", "y"}, width: 2, values: []float64{nan, 2, 3, nan, nan, nan},
		},
		{name: "missing in the first row", text: "1,\n,\n", allowMissing: true, width: 2, values: []float64{1, nan, nan, nan}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readText(t, test.text, test.columns, test.allowMissing)
			if err != nil {
				t.Fatal(err)
			}
			want := &Table{
				Rows: len(test.values) / test.width, Columns: test.width,
				Names: test.names, Float64: test.values, Source: "standard input",
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReadCSVRefuses(t *testing.T) {
	for _, test := range []struct {
		name         string
		text         string
		columns      string
		allowMissing bool
		kind         error
		message      string // all of it, behind "dataset: standard input: "
	}{
		{name: "empty", text: "", kind: ErrEmpty, message: "no events: the file is empty"},
		{
			name: "an array", text: npyMagic + "\x01\x00", kind: ErrUnsupported,
			message: "not supported: an array of NumPy's, where comma-separated text is due: name a .npy file",
		},
		{name: "packed", text: gzipMagic + "\x08\x00\n", kind: ErrUnsupported, message: "not supported: packed by gzip: unpack it first"},
		{name: "zero bytes", text: "\x00\x00\n1\n", kind: ErrMalformed, message: "line 1: malformed: a zero byte, which no text has"},
		{
			name: "a wide line", text: "1\n" + strings.Repeat(",", maxFields+2*readBuffer), kind: ErrMalformed,
			message: "line 2: malformed: more than 1048576 commas in a line",
		},
		{
			name: "an endless line", text: "1\n\"" + strings.Repeat("1", maxLine+2*readBuffer), kind: ErrMalformed,
			message: "line 2: malformed: more than 67108864 bytes in a line",
		},
		{name: "Go's underscore", text: "1\n1_000\n", kind: ErrNotNumber, message: `line 2, column 1: not a number: "1_000"`},
		{name: "hexadecimal", text: "1\n0x1p3\n", kind: ErrNotNumber, message: `line 2, column 1: not a number: "0x1p3"`},
		{name: "blank", text: "\n\r\n\n", kind: ErrEmpty, message: "no events: the file is empty"},
		{name: "header only", text: "x,y\n", kind: ErrEmpty, message: "no events: the file has a header and no line after it"},
		{name: "short line", text: "1,2\n3\n", kind: ErrMalformed, message: "line 2: malformed: the number of fields is 1; the first line has 2"},
		{name: "long line", text: "x,y\n1,2\n3,4,5\n", kind: ErrMalformed, message: "line 3: malformed: the number of fields is 3; the first line has 2"},
		{name: "word", text: "x,y\n1,2\n3,soon\n", kind: ErrNotNumber, message: `line 3, column 2 (y): not a number: "soon"`},
		{name: "label", text: "x,y\n1,dog\n", kind: ErrNotNumber, message: `line 2, column 2 (y): not a number: "dog": select columns to leave words out`},
		{name: "word after blank lines", text: "1\n\n\nx\n", kind: ErrNotNumber, message: `line 4, column 1: not a number: "x"`},
		{name: "word behind a number", text: "1\n2 3\n", kind: ErrNotNumber, message: `line 2, column 1: not a number: "2 3"`},
		{name: "other separator", text: "x;y\n1;2\n", kind: ErrNotNumber, message: `line 2, column 1 (x;y): not a number: "1;2": commas separate fields, and nothing else`},
		{name: "tabs", text: "1\t2\n3\t4\n", kind: ErrNotNumber, message: `line 2, column 1 (1	2): not a number: "3\t4": commas separate fields, and nothing else`},
		{name: "comment", text: "1\n#2\n", kind: ErrNotNumber, message: `line 2, column 1: not a number: "#2"`},
		{name: "NaN", text: "x,y\n1,nan\n", kind: ErrMissing, message: `line 2, column 2 (y): missing value: "nan"`},
		{name: "NaN first", text: "NaN,1\n", kind: ErrMissing, message: `line 1, column 1: missing value: "NaN"`},
		{name: "empty field", text: "1,2\n3,\n", kind: ErrMissing, message: "line 2, column 2: missing value: the field is empty"},
		{name: "empty first line", text: " , \n1,2\n", kind: ErrMissing, message: "line 1, column 1: missing value: the field is empty"},
		{name: "infinity", text: "1\n-Inf\n", kind: ErrNotFinite, message: `line 2, column 1: not finite: "-Inf"`},
		{name: "infinity spelt out", text: "1\ninfinity\n", allowMissing: true, kind: ErrNotFinite, message: `line 2, column 1: not finite: "infinity"`},
		{name: "overflow", text: "1e999\n", kind: ErrNotFinite, message: `line 1, column 1: not finite: "1e999"`},
		{
			name: "mixed first line", text: "5.1,3.5,setosa\n4.9,3.0,setosa\n", kind: ErrNotNumber,
			message: `line 1, column 3: not a number: "setosa" in a line with the number "3.5": ` +
				"a header holds no number, and a row no word; select columns to leave words out",
		},
		{name: "bare quote", text: "1\n2\"3\n", kind: ErrMalformed, message: `line 2: malformed: bare " in non-quoted-field`},
		{name: "open quote", text: "1\n\"2\n3\n", kind: ErrMalformed, message: `line 3: malformed: extraneous or missing " in quoted-field`},
		{
			name: "column selected by an unknown name", text: "a,b\n1,2\n", columns: "c", kind: ErrSelection,
			message: `column selection: no column named "c"; the file has columns 1 to 2, and its first line is a, b`,
		},
		{
			name: "column number of the file, not of the selection", text: "a,b\n1,x\n", columns: "b", kind: ErrNotNumber,
			message: `line 2, column 2 (b): not a number: "x"`,
		},
		{
			name: "long field", text: "1\n" + strings.Repeat("é", 1000), kind: ErrNotNumber,
			message: `line 2, column 1: not a number: "` + strings.Repeat("é", maxQuoted) + `"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			table, err := readText(t, test.text, test.columns, test.allowMissing)
			if !errors.Is(err, test.kind) {
				t.Fatalf("got %v and error %v, want a %q", table, err, test.kind)
			}
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T is not an *Error", err)
			}
			if want := "dataset: standard input: " + test.message; err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}

// A file's rows are estimated from its first lines. Lines that get shorter or longer afterwards must not matter.
func TestReadCSVBeyondTheSample(t *testing.T) {
	for _, test := range []struct {
		name        string
		early, late string
	}{{"longer", "1", "1.00000000000000000000"}, {"shorter", "1.00000000000000000000", "1"}} {
		t.Run(test.name, func(t *testing.T) {
			const rows = 5 * sampledRows
			var text strings.Builder
			for i := range rows {
				if i < sampledRows {
					fmt.Fprintf(&text, "%d,%s\n", i, test.early)
				} else {
					fmt.Fprintf(&text, "%d,%s\n", i, test.late)
				}
			}
			path := filepath.Join(t.TempDir(), "long.csv")
			if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			table, err := Read(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if table.Rows != rows || len(table.Float64) != 2*rows {
				t.Fatalf("%d rows and %d values, want %d and %d", table.Rows, len(table.Float64), rows, 2*rows)
			}
			for i := range rows {
				if table.Float64[2*i] != float64(i) || table.Float64[2*i+1] != 1 {
					t.Fatalf("row %d is %v", i, table.Float64[2*i:2*i+2])
				}
			}
		})
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestReadCSVReportsTheReader(t *testing.T) {
	for _, broken := range []error{errors.New("the line dropped"), fmt.Errorf("the line dropped: %w", io.EOF)} {
		for _, before := range []string{"", "x\n", "1\n2\n"} {
			_, err := Read("-", Options{Stdin: io.MultiReader(strings.NewReader(before), failingReader{broken})})
			if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "dataset: standard input: ") {
				t.Errorf("behind %q: got %v, want %v with the reader's name", before, err, broken)
			}
		}
	}
}

func BenchmarkReadCSV(b *testing.B) {
	const rows, columns = 20000, 13
	values := make([]float64, rows*columns)
	for i := range values {
		values[i] = math.Sin(float64(i))
	}
	var text strings.Builder
	if err := WriteCSV(&text, nil, columns, values); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := Read("-", Options{Stdin: strings.NewReader(text.String())}); err != nil {
			b.Fatal(err)
		}
	}
}
