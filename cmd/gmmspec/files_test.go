package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/sbinet/npyio"
)

// closeTo A.json B.json TOLERANCE FIELD… checks that the named fields of two JSON objects have the same form and numbers that
// differ by at most the tolerance, relative to the larger where that is above 1.
func closeTo(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: [!] closeto A.json B.json TOLERANCE FIELD…")
	}
	tolerance, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	var a, b map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &a))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &b))
	var difference error
	for _, field := range args[3:] {
		if a[field] == nil || b[field] == nil {
			ts.Fatalf("no field %q in both", field)
		}
		if err := compareJSON(field, a[field], b[field], tolerance); err != nil && difference == nil {
			difference = err
		}
	}
	if (difference != nil) != neg {
		ts.Fatalf("%s and %s: difference: %v", args[0], args[1], difference)
	}
}

// compareJSON returns the first difference between two values.
func compareJSON(path string, a, b any, tolerance float64) error {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		if !ok || !(math.Abs(a-b) <= tolerance*max(1, math.Abs(a), math.Abs(b))) {
			return fmt.Errorf("%s: %v and %v", path, a, b)
		}
		return nil
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return fmt.Errorf("%s: lists of different lengths", path)
		}
		for i := range a {
			if err := compareJSON(fmt.Sprintf("%s[%d]", path, i), a[i], b[i], tolerance); err != nil {
				return err
			}
		}
		return nil
	}
	if a != b {
		return fmt.Errorf("%s: %v and %v", path, a, b)
	}
	return nil
}

// array FILE.npy TYPE SHAPE FILE.csv checks, with a reader that is not ours, that an array has the type and shape, such as
// "f8" and "272,2", and exactly the numbers of a text file.
func array(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: array FILE.npy TYPE SHAPE FILE.csv")
	}
	file, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	reader, err := npyio.NewReader(file)
	ts.Check(err)
	if got := strings.TrimLeft(reader.Header.Descr.Type, "<|="); got != args[1] {
		ts.Fatalf("type %s: want %s", got, args[1])
	}
	if got := strings.Trim(strings.ReplaceAll(fmt.Sprint(reader.Header.Descr.Shape), " ", ","), "[]"); got != args[2] {
		ts.Fatalf("shape %s: want %s", got, args[2])
	}
	var got []float64
	if args[1] == "i8" {
		var whole []int64
		ts.Check(reader.Read(&whole))
		for _, n := range whole {
			got = append(got, float64(n))
		}
	} else {
		ts.Check(reader.Read(&got))
	}
	records, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[3]))).ReadAll()
	ts.Check(err)
	var want []float64
	for _, record := range records {
		for _, field := range record {
			value, err := strconv.ParseFloat(field, 64)
			ts.Check(err)
			want = append(want, value)
		}
	}
	if !slices.Equal(got, want) {
		ts.Fatalf("the numbers differ")
	}
}

// damage DIRECTORY cuts every file below a directory in half.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage DIRECTORY")
	}
	cut := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Size() == 0 {
			return err
		}
		cut++
		return os.Truncate(path, info.Size()/2)
	}))
	if cut == 0 {
		ts.Fatalf("there is nothing to damage")
	}
}

// npy FILE.npy TYPE SHAPE BYTES writes an array of zeros whose header claims a type, such as <f8, and a shape, such as (3,2),
// whatever the number of bytes behind it.
func npy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: npy FILE.npy TYPE SHAPE BYTES")
	}
	size, err := strconv.Atoi(args[3])
	ts.Check(err)
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", args[1], args[2])
	text := "\x93NUMPY\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header + strings.Repeat("\x00", size)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
