//go:build darwin || linux

package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"
)

// padded is a .npy file whose elements begin at a multiple of align bytes.
func padded(align int, descr, shape string, elements any) []byte {
	dictionary := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
	const before = 10 // the magic string, the version and the length
	dictionary += strings.Repeat(" ", (align-(before+len(dictionary))%align)%align)
	return npyBytes(1, dictionary, elements)
}

// TestMapAsRead: what is mapped has the values that are read, and what does not lie as memory has it is not mapped.
func TestMapAsRead(t *testing.T) {
	narrow, wide := make([]float32, 12), make([]float64, 12)
	for i := range narrow {
		narrow[i], wide[i] = float32(i)/4-1, float64(i)/3-1
	}
	for name, test := range map[string]struct {
		file    []byte
		columns string
		mapped  bool
	}{
		"float32":                {padded(64, "<f4", "(4, 3)", narrow), "", true},
		"float64":                {padded(64, "<f8", "(4, 3)", wide), "", true},
		"older alignment":        {padded(16, "<f8", "(4, 3)", wide), "", true},
		"float32, 4 bytes":       {padded(4, "<f4", "(4, 3)", narrow), "", true},
		"one dimension":          {padded(64, "<f8", "(12,)", wide), "", true},
		"first columns":          {padded(64, "<f8", "(4, 3)", wide), "1-2", true},
		"last columns":           {padded(64, "<f4", "(4, 3)", narrow), "2,3", true},
		"few columns":            {padded(64, "<f4", "(4, 3)", narrow), "2", false},
		"half of the columns":    {padded(64, "<f4", "(6, 2)", narrow), "2", true},
		"columns with a gap":     {padded(64, "<f8", "(4, 3)", wide), "1,3", false},
		"columns turned round":   {padded(64, "<f8", "(4, 3)", wide), "2,1", false},
		"unaligned":              {padded(1, "<f8", "(4, 3)", wide), "", false},
		"the other byte order":   {padded(64, ">f8", "(4, 3)", reversed(wide)), "", false},
		"float16":                {padded(64, "<f2", "(4, 3)", make([]uint16, 12)), "", false},
		"Fortran order":          {bytes.Replace(padded(64, "<f8", "(4, 3)", wide), []byte("False"), []byte("True "), 1), "", false},
		"one event":              {padded(64, "<f8", "(1, 12)", wide), "2-12", true},
		"more than a page of it": {padded(64, "<f8", "(2000, 3)", make([]float64, 6000)), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			selection, err := ParseSelection(test.columns)
			if err != nil {
				t.Fatal(err)
			}
			if name == "unaligned" && len(test.file)%8 == 0 {
				t.Fatal("the file is aligned")
			}
			path, got, err := mapNpy(t, test.file, Options{Columns: selection})
			if err != nil || (got != nil) != test.mapped {
				t.Fatalf("mapped: %v, error %v; want %v", got != nil, err, test.mapped)
			}
			if got == nil {
				return
			}
			want, err := Read(path, Options{Columns: selection})
			if err != nil {
				t.Fatal(err)
			}
			if got.Rows != want.Rows || got.Columns != want.Columns || (got.Float32 == nil) != (want.Float32 == nil) || !sameBits(valuesOf(got), valuesOf(want)) {
				t.Errorf("mapped %d×%d: %v\nread %d×%d: %v", got.Rows, got.Columns, valuesOf(got), want.Rows, want.Columns, valuesOf(want))
			}
		})
	}
}

// reversed returns numbers whose bytes are those of the ones given from the last to the first.
func reversed(values []float64) []uint64 {
	bits := make([]uint64, len(values))
	for i, value := range values {
		bits[i] = binary.BigEndian.Uint64(binary.LittleEndian.AppendUint64(nil, math.Float64bits(value)))
	}
	return bits
}

// TestMapRefusesValues: what Read refuses of values Map refuses in the same words.
func TestMapRefusesValues(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e200} {
		for _, opts := range []Options{{}, {AllowMissing: true}, {MaxMagnitude: 1e150}} {
			for _, columns := range []string{"", "2-3", "1-2"} {
				values := make([]float64, 12)
				values[2*3+2] = bad
				var err error
				if opts.Columns, err = ParseSelection(columns); err != nil {
					t.Fatal(err)
				}
				content := padded(64, "<f8", "(4, 3)", values)
				_, _, err = mapNpy(t, content, opts)
				_, want := readNpy(bytes.NewReader(content), int64(len(content)), "array.npy", opts)
				if fmt.Sprint(err) != fmt.Sprint(want) {
					t.Errorf("%v, columns %q, %+v: got %v, want %v", bad, columns, opts, err, want)
				}
			}
		}
	}
}

// largeFile writes an array of zeros that is just large enough to be mapped.
func largeFile(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.npy")
	header := padded(64, "<f4", fmt.Sprintf("(%d, 4)", (size-128)/16), []float32{})
	if err := os.WriteFile(path, header, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(header))+(size-128)/16*16); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMapTakesNoMemory: a large file is left where it is, and a small one is read.
func TestMapTakesNoMemory(t *testing.T) {
	const bound = 1 << 20
	for size, mapped := range map[int64]bool{leastMapped + 1024: true, leastMapped / 2: false} {
		path := largeFile(t, size)
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		table, err := Map(path, Options{})
		goruntime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if (table.Mapping != nil) != mapped {
			t.Errorf("%d bytes: mapped: %v, want %v", size, table.Mapping != nil, mapped)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; mapped && allocated > bound {
			t.Errorf("%d bytes allocated for a file that is mapped", allocated)
		}
		read, err := Read(path, Options{})
		if err != nil || read.Mapping != nil || len(read.Float32) != len(table.Float32) {
			t.Errorf("Read: mapped: %v, error %v", read.Mapping != nil, err)
		}
	}
}

// TestMappingIsLetGo: a file that nobody has any more is closed.
func TestMappingIsLetGo(t *testing.T) {
	path := largeFile(t, leastMapped+1024)
	table, err := Map(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := table.Mapping.held.file
	goruntime.GC()
	if _, err := file.Stat(); err != nil {
		t.Fatalf("closed while there is a table: %v", err)
	}
	goruntime.KeepAlive(table)
	table = nil
	const patience = 1000
	for range patience {
		goruntime.GC()
		if _, err = file.Stat(); errors.Is(err, os.ErrClosed) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("still open: %v", err)
}

// TestMappingOfAChangingFile: whatever becomes of a file, looking at it within Guard goes on, and Intact says what it was.
func TestMappingOfAChangingFile(t *testing.T) {
	const rows = 4096 // several pages
	content := padded(64, "<f8", fmt.Sprintf("(%d, 3)", rows), make([]float64, 3*rows))
	for name, test := range map[string]struct {
		change func(path string) error
		kind   error // nil where the file is as good as before
		text   string
	}{
		"nothing": {func(string) error { return nil }, nil, ""},
		"cut to nothing": {
			func(path string) error { return os.Truncate(path, 0) },
			ErrCutShort, fmt.Sprintf("dataset: array.npy: cut short while it was being read: 0 bytes are left of %d", len(content)),
		},
		"cut in half":    {func(path string) error { return os.Truncate(path, int64(len(content)/2)) }, ErrCutShort, "are left of"},
		"appended to":    {func(path string) error { return os.Truncate(path, int64(len(content)+1)) }, ErrChanged, "dataset: array.npy: changed while it was being read"},
		"cut and filled": {func(path string) error { return errors.Join(os.Truncate(path, 0), rewrite(path, content)) }, ErrChanged, "dataset: array.npy: changed while it was being read"},
		"written to":     {func(path string) error { return rewrite(path, content) }, ErrChanged, "dataset: array.npy: changed while it was being read"},
		"replaced": {func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path+".new", path))
		}, nil, ""},
		"removed": {os.Remove, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path, table, err := mapNpy(t, content, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := test.change(path); err != nil {
				t.Fatal(err)
			}
			sum, whole := 0.0, false
			copied := make([]float64, len(table.Float64))
			table.Mapping.Guard(func() {
				for _, value := range table.Float64 {
					sum += value
				}
				copy(copied, table.Float64)
				whole = true
			})
			err = table.Mapping.Intact()
			if !errors.Is(err, test.kind) || (err == nil) != (test.kind == nil) || err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %q", err, test.text)
			}
			if cut := strings.HasPrefix(name, "cut to") || strings.HasPrefix(name, "cut in"); whole == cut {
				t.Errorf("looked at all of it: %v", whole)
			}
		})
	}
}

// rewrite writes to a file that is there, a second later than it was made.
func rewrite(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	later := time.Now().Add(time.Second) // however coarse the file system's clock is
	return errors.Join(err, file.Close(), os.Chtimes(path, later, later))
}

// TestGuardIsForFaultsAlone: other panics go on, and faults elsewhere.
func TestGuardIsForFaultsAlone(t *testing.T) {
	_, table, err := mapNpy(t, padded(64, "<f8", "(3,)", make([]float64, 3)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if reason := recover(); reason != "mine" {
			t.Errorf("recovered %v", reason)
		}
		if err := table.Mapping.Intact(); err != nil {
			t.Error(err)
		}
	}()
	table.Mapping.Guard(func() { panic("mine") })
}
