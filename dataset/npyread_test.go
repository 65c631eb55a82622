package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sbinet/npyio/npy"
	"gonum.org/v1/gonum/mat"
)

// npyBytes spells out a .npy file: magic string, version, length of the dictionary, dictionary, elements.
func npyBytes(major byte, dictionary string, elements ...any) []byte {
	file := append([]byte("\x93NUMPY"), major, 0)
	if major == 1 {
		file = binary.LittleEndian.AppendUint16(file, uint16(len(dictionary)))
	} else {
		file = binary.LittleEndian.AppendUint32(file, uint32(len(dictionary)))
	}
	file = append(file, dictionary...)
	for _, element := range elements {
		var err error
		if file, err = binary.Append(file, binary.LittleEndian, element); err != nil {
			panic(err)
		}
	}
	return file
}

// readNpy reads an array of size bytes into memory.
func readNpy(r io.ReaderAt, size int64, source string, opts Options) (*Table, error) {
	a, err := openNpy(r, size, source, opts)
	if err != nil {
		return nil, err
	}
	return a.table()
}

func readBytes(t *testing.T, file []byte, columns string, allowMissing bool) (*Table, error) {
	t.Helper()
	selection, err := ParseSelection(columns)
	if err != nil {
		t.Fatal(err)
	}
	return readNpy(bytes.NewReader(file), int64(len(file)), "array.npy", Options{Columns: selection, AllowMissing: allowMissing})
}

// The array in every file of testdata, as testdata/make.py has it.
const testdataRows, testdataColumns = 4, 3

func testdataValue(row, column int) float64 { return float64(testdataColumns*row+column)/4 - 1 }

func TestReadNpyFromNumPy(t *testing.T) {
	files := []string{"version2", "version3"}
	for _, kind := range []string{"f2", "f4", "f8"} {
		for _, order := range []string{"little", "big"} {
			files = append(files, kind+"-"+order+"-c", kind+"-"+order+"-fortran")
		}
	}
	for _, name := range files {
		for list, columns := range map[string][]int{"": {0, 1, 2}, "2": {1}, "3,1": {2, 0}} {
			t.Run(name+"/columns="+list, func(t *testing.T) {
				selection, err := ParseSelection(list)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", name+".npy")
				got, err := Read(path, Options{Columns: selection})
				if err != nil {
					t.Fatal(err)
				}
				want := &Table{Rows: testdataRows, Columns: len(columns), Source: path}
				for row := range testdataRows {
					for _, column := range columns {
						if value := testdataValue(row, column); strings.HasPrefix(name, "f2") || strings.HasPrefix(name, "f4") {
							want.Float32 = append(want.Float32, float32(value))
						} else {
							want.Float64 = append(want.Float64, value)
						}
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

func TestReadNpyOfOneDimension(t *testing.T) {
	got, err := Read("testdata/line.npy", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Table{Rows: testdataRows, Columns: 1, Source: "testdata/line.npy"}
	for row := range testdataRows {
		want.Float64 = append(want.Float64, testdataValue(row, 0))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// npyio is the second opinion on what a .npy file is.
func TestReadNpyFromNpyio(t *testing.T) {
	var file bytes.Buffer
	want := []float64{1, -2, 3.5, 1e300, 0, -0.25}
	if err := npy.Write(&file, mat.NewDense(2, 3, want)); err != nil {
		t.Fatal(err)
	}
	got, err := readBytes(t, file.Bytes(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 2 || got.Columns != 3 || !slices.Equal(got.Float64, want) {
		t.Errorf("got %+v, want 2 x 3 values %v", got, want)
	}
}

// An array of several blocks, the last of them in part, in both orders of memory.
func TestReadNpyOfManyBlocks(t *testing.T) {
	const rows, columns = 3*npyBlock/4 + 7, 3
	value := func(row, column int) float32 { return float32(row*columns + column) }
	for _, test := range []struct {
		order   string
		element func(i int) float32
	}{
		{"False", func(i int) float32 { return value(i/columns, i%columns) }},
		{"True", func(i int) float32 { return value(i%rows, i/rows) }},
	} {
		t.Run("fortran="+test.order, func(t *testing.T) {
			elements := make([]float32, rows*columns)
			for i := range elements {
				elements[i] = test.element(i)
			}
			file := npyBytes(1, fmt.Sprintf("{'descr': '<f4', 'fortran_order': %s, 'shape': (%d, %d)}", test.order, rows, columns), elements)
			got, err := readBytes(t, file, "3,2", false)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Float32) != rows*2 {
				t.Fatalf("%d values, want %d", len(got.Float32), rows*2)
			}
			for row := range rows {
				if pair := got.Float32[2*row : 2*row+2]; pair[0] != value(row, 2) || pair[1] != value(row, 1) {
					t.Fatalf("row %d is %v", row, pair)
				}
			}
		})
	}
}

// Rows wider than a block are read one at a time.
func TestReadNpyOfWideRows(t *testing.T) {
	const columns = npyBlock
	elements := make([]float64, 2*columns)
	elements[columns-1], elements[columns] = 1, 2
	file := npyBytes(2, fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (2, %d)}", columns), elements)
	got, err := readBytes(t, file, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if got.Columns != columns || !slices.Equal(got.Float64, elements) {
		t.Errorf("got %d x %d and other values", got.Rows, got.Columns)
	}
}

func TestReadNpyHeaders(t *testing.T) {
	for name, dictionary := range map[string]string{
		"as NumPy writes it":    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }          \n",
		"other order of keys":   "{'shape': (2, 1), 'descr': '<f4', 'fortran_order': False}",
		"double quotes":         `{"descr": "<f4", "fortran_order": False, "shape": (2, 1)}`,
		"no spaces":             "{'descr':'<f4','fortran_order':False,'shape':(2,1)}",
		"many spaces":           " {\n'descr' :\t'<f4' , 'fortran_order' : False , 'shape' : ( 2 , 1 , ) , } \n",
		"long ints of Python 2": "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readBytes(t, npyBytes(1, dictionary, []float32{7, 8}), "", false)
			if err != nil {
				t.Fatal(err)
			}
			want := &Table{Rows: 2, Columns: 1, Float32: []float32{7, 8}, Source: "array.npy"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReadNpyRefuses(t *testing.T) {
	dictionary := func(descr, shape string) string {
		return fmt.Sprintf("{'descr': %s, 'fortran_order': False, 'shape': %s, }\n", descr, shape)
	}
	plain := dictionary("'<f4'", "(2, 3)")
	six := make([]float32, 6)
	good := npyBytes(1, plain, six)
	for _, test := range []struct {
		name    string
		file    []byte
		columns string
		kind    error
		message string // what it says behind "dataset: array.npy: "
	}{
		{name: "nothing", file: nil, kind: ErrMalformed, message: `malformed: no .npy file: it does not begin with "\x93NUMPY"`},
		{name: "text", file: []byte("1,2,3\n4,5,6\n"), kind: ErrMalformed, message: `malformed: no .npy file: it does not begin with "\x93NUMPY"`},
		{name: "magic string only", file: good[:6], kind: ErrMalformed, message: "malformed: cut short: 6 bytes do not hold a header"},
		{name: "version 4", file: npyBytes(4, plain, six), kind: ErrUnsupported, message: "not supported: .npy version 4.0; versions 1.0, 2.0 and 3.0 are"},
		{name: "cut in the header", file: good[:40], kind: ErrMalformed, message: fmt.Sprintf("malformed: cut short: a header of %d bytes in a file of 40", len(plain))},
		{
			name: "cut in the array", file: good[:len(good)-1], kind: ErrMalformed,
			message: "malformed: cut short: shape (2, 3) of 4 bytes each, but 23 bytes follow the header",
		},
		{
			name: "bytes after the array", file: append(slices.Clone(good), 1, 2), kind: ErrMalformed,
			message: "malformed: 2 bytes after the array: shape (2, 3) of 4 bytes each, but 26 bytes follow the header",
		},
		{
			name: "huge", file: npyBytes(1, dictionary("'<f8'", "(1099511627776, 8)")), kind: ErrMalformed,
			message: "malformed: cut short: shape (1099511627776, 8) of 8 bytes each, but 0 bytes follow the header",
		},
		{
			name: "overflow of the count to 0", file: npyBytes(1, dictionary("'<f8'", "(4294967296, 4294967296)")), kind: ErrMalformed,
			message: "malformed: cut short: shape (4294967296, 4294967296) of 8 bytes each, but 0 bytes follow the header",
		},
		{
			name: "overflow of the bytes to 0", file: npyBytes(1, dictionary("'<f8'", "(2305843009213693952,)")), kind: ErrMalformed,
			message: "malformed: cut short: shape (2305843009213693952,) of 8 bytes each, but 0 bytes follow the header",
		},
		{
			name: "size beyond 64 bits", file: npyBytes(1, dictionary("'<f8'", "(36893488147419103232, 1)")), kind: ErrMalformed,
			message: `malformed: the header has "36893488147419103232, 1), }\n" where a size is due`,
		},
		{name: "negative size", file: npyBytes(1, dictionary("'<f8'", "(-1, 2)")), kind: ErrMalformed, message: `malformed: the header has "-1, 2), }\n" where a size is due`},
		{name: "no rows", file: npyBytes(1, dictionary("'<f4'", "(0, 3)")), kind: ErrEmpty, message: "no events: the array's shape is (0, 3)"},
		{name: "no columns", file: npyBytes(1, dictionary("'<f4'", "(3, 0)")), kind: ErrEmpty, message: "no events: the array's shape is (3, 0)"},
		{name: "scalar", file: npyBytes(1, dictionary("'<f4'", "()"), float32(1)), kind: ErrUnsupported, message: "not supported: an array of shape (); (N, D) and (N,) are"},
		{name: "three dimensions", file: npyBytes(1, dictionary("'<f4'", "(1, 2, 3)"), six), kind: ErrUnsupported, message: "not supported: an array of shape (1, 2, 3); (N, D) and (N,) are"},
		{
			name: "integers", file: npyBytes(1, dictionary("'<i4'", "(2, 3)"), six), kind: ErrUnsupported,
			message: `not supported: elements of type "<i4"; f2, f4 and f8 are, such as numpy's astype('float32') gives`,
		},
		{name: "no byte order", file: npyBytes(1, dictionary("'f4'", "(2, 3)"), six), kind: ErrUnsupported, message: `not supported: elements of type "f4"; f2, f4 and f8 are, such as numpy's astype('float32') gives`},
		{name: "empty type", file: npyBytes(1, dictionary("''", "(2, 3)"), six), kind: ErrUnsupported, message: `not supported: elements of type ""; f2, f4 and f8 are, such as numpy's astype('float32') gives`},
		{name: "records", file: npyBytes(1, dictionary("[('x', '<f4')]", "(6,)"), six), kind: ErrUnsupported, message: "not supported: an array of records (a structured type)"},
		{name: "empty dictionary", file: npyBytes(1, "{}", six), kind: ErrMalformed, message: `malformed: the header lacks "descr"`},
		{name: "no dictionary", file: npyBytes(1, "", six), kind: ErrMalformed, message: `malformed: the header has "" where a dictionary is due`},
		{name: "open dictionary", file: npyBytes(1, plain[:20], six), kind: ErrMalformed, message: `malformed: the header has "'fo" where a string is due`},
		{name: "key twice", file: npyBytes(1, "{'descr': '<f4', 'descr': '<f8'}", six), kind: ErrMalformed, message: `malformed: the header has "descr" twice`},
		{name: "unknown key", file: npyBytes(1, "{'colour': '<f4'}", six), kind: ErrMalformed, message: `malformed: the header has the unknown key "colour"`},
		{name: "no colon", file: npyBytes(1, "{'descr' '<f4'}", six), kind: ErrMalformed, message: `malformed: the header has "'<f4'}" where a colon is due`},
		{name: "no comma", file: npyBytes(1, "{'descr': '<f4' 'shape': (2,)}", six), kind: ErrMalformed, message: `malformed: the header has "'shape': (2,)}" where a comma is due`},
		{name: "no truth", file: npyBytes(1, "{'fortran_order': 0}", six), kind: ErrMalformed, message: `malformed: the header has "0}" where True or False is due`},
		{name: "no tuple", file: npyBytes(1, "{'shape': 6}", six), kind: ErrMalformed, message: `malformed: the header has "6}" where a tuple is due`},
		{name: "sizes run together", file: npyBytes(1, "{'shape': (2 3)}", six), kind: ErrMalformed, message: `malformed: the header has "3)}" where a comma is due`},
		{name: "text after the dictionary", file: npyBytes(1, plain+"x", six), kind: ErrMalformed, message: `malformed: the header has "x" where nothing more is due`},
		{
			name: "header longer than read", file: npyBytes(2, plain+strings.Repeat(" ", maxDictionary), six), kind: ErrUnsupported,
			message: fmt.Sprintf("not supported: a header of %d bytes; at most 65535 are read", len(plain)+maxDictionary),
		},
		{name: "column beyond", file: good, columns: "4", kind: ErrSelection, message: "column selection: no column 4; the file has columns 1 to 3, without names"},
		{name: "column by name", file: good, columns: "x", kind: ErrSelection, message: `column selection: no column named "x"; the file has columns 1 to 3, without names`},
	} {
		t.Run(test.name, func(t *testing.T) {
			table, err := readBytes(t, test.file, test.columns, true)
			if !errors.Is(err, test.kind) {
				t.Fatalf("got %v and error %v, want a %q", table, err, test.kind)
			}
			if want := "dataset: array.npy: " + test.message; err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}

func TestReadNpyOfValuesNotFinite(t *testing.T) {
	for _, order := range []string{"False", "True"} {
		for _, bad := range []struct {
			value        float64
			kind         error
			allowMissing bool
		}{{math.NaN(), ErrMissing, false}, {math.Inf(-1), ErrNotFinite, false}, {math.Inf(1), ErrNotFinite, true}} {
			elements := []float64{1, 2, 3, 4, 5, 6}
			row, column := 2, 1
			if order == "True" {
				elements[column*3+row] = bad.value
			} else {
				elements[row*2+column] = bad.value
			}
			file := npyBytes(1, "{'descr': '<f8', 'fortran_order': "+order+", 'shape': (3, 2)}", elements)
			_, err := readBytes(t, file, "", bad.allowMissing)
			want := fmt.Sprintf("dataset: array.npy: row 3, column 2: %v: %v", bad.kind, bad.value)
			if !errors.Is(err, bad.kind) || err.Error() != want {
				t.Errorf("fortran_order %s: got %v, want %s", order, err, want)
			}
			if _, err := readBytes(t, file, "1", false); err != nil {
				t.Errorf("fortran_order %s: a column left out must not matter: %v", order, err)
			}
		}
	}
}

func TestReadNpyWithMissingValues(t *testing.T) {
	nan := math.NaN()
	file := npyBytes(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2)}", []uint16{0x3c00, 0x7e00, 0xfe01, 0xc000})
	got, err := readBytes(t, file, "", true)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{1, float32(nan), float32(nan), -2}
	if diff := cmp.Diff(want, got.Float32, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What a header claims costs nothing before it is held against the size of the file.
func TestReadNpyAllocatesNothingOnAClaim(t *testing.T) {
	for name, file := range map[string][]byte{
		"shape":            npyBytes(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000)}"),
		"header's length":  append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "{'descr'"...),
		"selected columns": npyBytes(1, "{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2)}", []float64{1, 2}),
	} {
		t.Run(name, func(t *testing.T) {
			const bound = 1 << 16 // far above what an error needs, far below what is claimed
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			_, err := readBytes(t, file, "1-1000000000000", false)
			goruntime.ReadMemStats(&after)
			if err == nil {
				t.Error("the file was read")
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > bound {
				t.Errorf("%d bytes allocated for a file of %d", allocated, len(file))
			}
		})
	}
}

// A file that shrinks between the look at its size and the reading.
func TestReadNpyOfAShrinkingFile(t *testing.T) {
	file, err := os.ReadFile("testdata/f8-little-c.npy")
	if err != nil {
		t.Fatal(err)
	}
	for length := range file {
		if _, err := readNpy(bytes.NewReader(file[:length]), int64(len(file)), "array.npy", Options{}); err == nil {
			t.Fatalf("the first %d bytes of %d were read as a whole", length, len(file))
		}
	}
}

func BenchmarkReadNpy(b *testing.B) {
	const rows, columns = 20000, 64
	for _, order := range []string{"False", "True"} {
		b.Run("fortran="+order, func(b *testing.B) {
			file := npyBytes(1, fmt.Sprintf("{'descr': '<f4', 'fortran_order': %s, 'shape': (%d, %d)}", order, rows, columns),
				make([]float32, rows*columns))
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, err := readNpy(bytes.NewReader(file), int64(len(file)), "array.npy", Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
