package dataset

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// slack is what a reader may hold besides what the input calls for: values a byte of input can stand for, rounded up
// to the sizes that memory is handed out in.
const slack = 1 << 12

// checkTable fails the test unless the table's parts agree and its memory is proportional to the input's size.
func checkTable(t *testing.T, table *Table, size int, allowMissing bool) {
	t.Helper()
	if (table.Float32 == nil) == (table.Float64 == nil) {
		t.Fatal("not exactly one of Float32 and Float64 is set")
	}
	if count := len(table.Float32) + len(table.Float64); table.Rows < 1 || table.Columns < 1 || table.Rows*table.Columns != count {
		t.Fatalf("%d x %d in %d values", table.Rows, table.Columns, count)
	}
	if table.Names != nil && len(table.Names) != table.Columns {
		t.Fatalf("%d names for %d columns", len(table.Names), table.Columns)
	}
	// A byte is at most one value of text, and half a value of an array; append may double what is needed.
	if room := cap(table.Float32) + cap(table.Float64); room > 2*size+slack {
		t.Fatalf("room for %d values from %d bytes", room, size)
	}
	for i := range table.Rows * table.Columns {
		var value float64
		if table.Float32 != nil {
			value = float64(table.Float32[i])
		} else {
			value = table.Float64[i]
		}
		if math.IsInf(value, 0) || math.IsNaN(value) && !allowMissing {
			t.Fatalf("value %d is %v", i, value)
		}
	}
}

// sameBits reports whether two slices hold the same values, NaN equal to NaN.
func sameBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}

// FuzzReadCSV: any text gives an error or a sound table, which reads back the same once it is written.
func FuzzReadCSV(f *testing.F) {
	for _, text := range []string{
		"", "\n", "x,y\n1,2\n", "1,2,dog\n", "\uFEFF1\r\n2\r\n", "\"1\",\" 2\"\n", "1,\n,nan\n", "1e999", "inf", "0x1p-2,1_0\n",
		"a,a\n1,2\n", "\"a\nb\",c\n1,2\n", "1\n\"2", ",,\n,,\n", "\x00\xff\n",
	} {
		for _, columns := range []string{"", "1", "2-3,1", "x", "a"} {
			f.Add([]byte(text), columns, true)
			f.Add([]byte(text), columns, false)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, columns string, allowMissing bool) {
		selection, err := ParseSelection(columns)
		if err != nil {
			return
		}
		table, err := Read("-", Options{Columns: selection, AllowMissing: allowMissing, Stdin: bytes.NewReader(text)})
		if err != nil {
			return
		}
		checkTable(t, table, len(text), allowMissing)
		var again bytes.Buffer
		if err := WriteCSV(&again, nil, table.Columns, table.Float64); err != nil {
			t.Fatal(err)
		}
		back, err := Read("-", Options{AllowMissing: allowMissing, Stdin: &again})
		if err != nil {
			t.Fatal(err)
		}
		if back.Rows != table.Rows || back.Columns != table.Columns || !sameBits(back.Float64, table.Float64) {
			t.Fatal("another table came back")
		}
	})
}

// FuzzReadNpy: any bytes give an error or a sound table, which is the same where it is mapped, and reads back so once it is written.
func FuzzReadNpy(f *testing.F) {
	files, err := filepath.Glob("testdata/*.npy")
	if err != nil || len(files) == 0 {
		f.Fatalf("no files to start from: %v", err)
	}
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file, "", false)
		f.Add(file, "1,3", true)
		f.Add(file[:len(file)-1], "", false)
	}
	f.Add(npyBytes(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000)}"), "", false)
	f.Add(npyBytes(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1L,)}", float32(math.NaN())), "1", true)
	f.Fuzz(func(t *testing.T, file []byte, columns string, allowMissing bool) {
		selection, err := ParseSelection(columns)
		if err != nil {
			return
		}
		opts := Options{Columns: selection, AllowMissing: allowMissing}
		table, err := readNpy(bytes.NewReader(file), int64(len(file)), "array.npy", opts)
		_, mapped, mapErr := mapNpy(t, file, opts)
		if err != nil {
			if mapped != nil {
				t.Fatalf("mapped, but not read: %v", err)
			}
			return
		}
		if mapErr != nil || mapped != nil && !sameBits(valuesOf(mapped), valuesOf(table)) {
			t.Fatalf("another table is mapped: %v", mapErr)
		}
		checkTable(t, table, len(file), allowMissing)
		var again bytes.Buffer
		if table.Float32 != nil {
			err = WriteNpy(&again, table.Float32, table.Rows, table.Columns)
		} else {
			err = WriteNpy(&again, table.Float64, table.Rows, table.Columns)
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := readNpy(bytes.NewReader(again.Bytes()), int64(again.Len()), "again.npy", Options{AllowMissing: allowMissing})
		if err != nil {
			t.Fatal(err)
		}
		if back.Rows != table.Rows || back.Columns != table.Columns ||
			!sameBits(widen(back.Float32), widen(table.Float32)) || !sameBits(back.Float64, table.Float64) {
			t.Fatal("another table came back")
		}
	})
}

// mapNpy writes a file and maps it, however small it is; the table is nil where it cannot be viewed as it lies, or nothing is.
func mapNpy(t *testing.T, content []byte, opts Options) (path string, table *Table, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "array.npy")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := openNpy(file, info.Size(), "array.npy", opts)
	if err != nil || !a.asInMemory() {
		_ = file.Close()
		return path, nil, err
	}
	m := newMapping(file, info, "array.npy")
	if m == nil {
		_ = file.Close()
		return path, nil, nil
	}
	table, err = a.view(m)
	return path, table, err
}

// valuesOf lists a table's values without what lies between rows.
func valuesOf(t *Table) []float64 {
	var values []float64
	stride := t.Stride
	if stride == 0 {
		stride = t.Columns
	}
	for row := range t.Rows {
		if t.Float32 != nil {
			values = append(values, widen(t.Float32[row*stride:][:t.Columns])...)
		} else {
			values = append(values, t.Float64[row*stride:][:t.Columns]...)
		}
	}
	return values
}

func widen(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, value := range values {
		wide[i] = float64(value)
	}
	return wide
}

// FuzzSelection: any list is refused, or selects distinct columns that exist.
func FuzzSelection(f *testing.F) {
	for _, list := range []string{"", "1", "1-3,5", "x,y", "3-1", "1,,2", "x-y", "-1", "99999999999999999999", "1-1000000000000"} {
		f.Add(list, 5)
	}
	f.Fuzz(func(t *testing.T, list string, columns int) {
		const widest = 1000
		columns = max(1, columns%widest)
		selection, err := ParseSelection(list)
		if err != nil {
			return
		}
		header := slices.Repeat([]string{"name"}, columns)
		header[columns-1] = "x"
		indices, err := selection.resolve(header, columns)
		if err != nil {
			return
		}
		if len(indices) == 0 {
			t.Fatal("nothing is selected")
		}
		slices.Sort(indices)
		if len(slices.Compact(indices)) != len(indices) || indices[0] < 0 || indices[len(indices)-1] >= columns {
			t.Fatalf("%q selects %v of %d columns", list, indices, columns)
		}
	})
}
