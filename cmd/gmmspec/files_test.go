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

// array FILE.npy TYPE SHAPE FILE.csv checks that an array has the type and shape, such as <f8 and (272,2), and exactly the
// numbers of a text file.
func array(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: array FILE.npy TYPE SHAPE FILE.csv")
	}
	got, header := readArray(ts, args[0])
	if header.Descr.Type != args[1] {
		ts.Fatalf("type %s: want %s", header.Descr.Type, args[1])
	}
	shape := "(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(header.Descr.Shape), " ", ","), "[]") + ")"
	if shape != args[2] {
		ts.Fatalf("shape %s: want %s", shape, args[2])
	}
	if !slices.Equal(got, readText(ts, args[3])) {
		ts.Fatalf("the numbers differ")
	}
}

// arrayNear FILE.npy FILE.csv TOLERANCE checks that an array has as many numbers as a text file, which differ by at most the
// tolerance.
func arrayNear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: arraynear FILE.npy FILE.csv TOLERANCE")
	}
	tolerance, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	got, _ := readArray(ts, args[0])
	want := readText(ts, args[1])
	if len(got) != len(want) {
		ts.Fatalf("%d numbers: want %d", len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			ts.Fatalf("number %d is %v: want %v", i, got[i], want[i])
		}
	}
}

// readArray reads an array with a reader that is not ours.
func readArray(ts *testscript.TestScript, path string) ([]float64, npyio.Header) {
	file, err := os.Open(ts.MkAbs(path))
	ts.Check(err)
	defer file.Close()
	reader, err := npyio.NewReader(file)
	ts.Check(err)
	if reader.Header.Descr.Type != "<i8" {
		var numbers []float64
		ts.Check(reader.Read(&numbers))
		return numbers, reader.Header
	}
	var whole []int64
	ts.Check(reader.Read(&whole))
	numbers := make([]float64, len(whole))
	for i, n := range whole {
		numbers[i] = float64(n)
	}
	return numbers, reader.Header
}

// readText reads the numbers of a text file without a header.
func readText(ts *testscript.TestScript, path string) []float64 {
	records, err := csv.NewReader(strings.NewReader(ts.ReadFile(path))).ReadAll()
	ts.Check(err)
	var numbers []float64
	for _, record := range records {
		for _, field := range record {
			number, err := strconv.ParseFloat(field, 64)
			ts.Check(err)
			numbers = append(numbers, number)
		}
	}
	return numbers
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
