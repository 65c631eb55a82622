package dataset

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadTellsFormatsByExtension(t *testing.T) {
	folder := t.TempDir()
	array, err := os.ReadFile("testdata/line.npy")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"a.csv": []byte("1\n2\n"), "B.CSV": []byte("1\n"), "c.npy": array, "D.Npy": array} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := Read(path, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if table.Source != path || table.Columns != 1 || len(table.Float64) != table.Rows {
			t.Errorf("%s: got %+v", name, table)
		}
	}
}

func TestReadRefusesPaths(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"folder.csv", "folder.npy"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		path    string
		kind    error
		mention string
	}{
		{"events.txt", ErrUnsupported, `events.txt: not supported: events are read from .csv and .npy files`},
		{"events", ErrUnsupported, `comma-separated text from "-"`},
		{"", ErrUnsupported, ".csv and .npy"},
		{filepath.Join(folder, "none.csv"), fs.ErrNotExist, "none.csv"},
		{filepath.Join(folder, "none.npy"), fs.ErrNotExist, "none.npy"},
		{filepath.Join(folder, "folder.csv"), nil, "folder.csv"},
		{filepath.Join(folder, "folder.npy"), ErrUnsupported, "folder.npy: not supported: not a regular file"},
		{"-", ErrUnsupported, "standard input: not supported: there is none to read"},
	} {
		_, err := Read(test.path, Options{})
		if err == nil || test.kind != nil && !errors.Is(err, test.kind) {
			t.Errorf("Read(%q) gives error %v, want %v", test.path, err, test.kind)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, "dataset: ") || !strings.Contains(text, test.mention) {
			t.Errorf("Read(%q) says %q, without %q", test.path, text, test.mention)
		}
	}
}

// TestReadRefusesMagnitudes: what is beyond the limit is refused with its place, in text and in arrays, and what is at it is not.
func TestReadRefusesMagnitudes(t *testing.T) {
	folder := t.TempDir()
	var array bytes.Buffer
	if err := WriteNpy(&array, []float32{100, 1, -100, 101}, 2, 2); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"a.csv", []byte("x,y\n100,1\n\n-100,-1e9\n"), `line 4, column 2 (y): too large: "-1e9": want at most 100 in magnitude`},
		{"a.npy", array.Bytes(), `row 2, column 2: too large: 101: want at most 100 in magnitude`},
	} {
		path := filepath.Join(folder, test.name)
		if err := os.WriteFile(path, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path, Options{MaxMagnitude: 100})
		if want := "dataset: " + path + ": " + test.want; !errors.Is(err, ErrTooLarge) || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, err := Read(path, Options{}); err != nil {
			t.Errorf("without a limit: %v", err)
		}
	}
}
