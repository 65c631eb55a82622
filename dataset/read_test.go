package dataset

import (
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
