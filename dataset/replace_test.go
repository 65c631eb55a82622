package dataset

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeText(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// checkFolder fails the test unless the folder holds exactly the files of want, by name and text.
func checkFolder(t *testing.T, folder string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if wanted, known := want[entry.Name()]; !known || wanted != string(text) {
			t.Errorf("%s holds %q, want %q (known: %v)", entry.Name(), text, wanted, known)
		}
	}
	if len(entries) != len(want) {
		t.Errorf("the folder holds %d files, want %d", len(entries), len(want))
	}
}

func TestReplace(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out.csv")
	for _, text := range []string{"first\n", "second, and longer\n", ""} {
		if err := Replace(path, writeText(text)); err != nil {
			t.Fatal(err)
		}
		checkFolder(t, folder, map[string]string{"out.csv": text})
	}
}

func TestReplaceKeepsTheOldFileOnFailure(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out.csv")
	if err := Replace(path, writeText("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("half way")
	err := Replace(path, func(w io.Writer) error {
		if err := writeText("ne")(w); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "out.csv") {
		t.Errorf("got %v, want %v with the file's name", err, broken)
	}
	checkFolder(t, folder, map[string]string{"out.csv": "old"})
}

func TestReplaceShowsNothingBeforeTheEnd(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out.csv")
	if err := Replace(path, writeText("old")); err != nil {
		t.Fatal(err)
	}
	err := Replace(path, func(w io.Writer) error {
		if err := writeText("new")(w); err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if string(text) != "old" {
			t.Errorf("the file holds %q while its successor is written", text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checkFolder(t, folder, map[string]string{"out.csv": "new"})
}

func TestReplaceKeepsPermissions(t *testing.T) {
	folder := t.TempDir()
	path, ordinary := filepath.Join(folder, "out.csv"), filepath.Join(folder, "ordinary")
	const unusual fs.FileMode = 0o640
	if err := os.WriteFile(path, nil, unusual); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ordinary, nil, newFileMode); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(folder, "fresh.csv")
	for _, pair := range [][2]string{{path, path}, {fresh, ordinary}} {
		want, err := os.Stat(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := Replace(pair[0], writeText("new")); err != nil {
			t.Fatal(err)
		}
		got, err := os.Stat(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		if got.Mode() != want.Mode() {
			t.Errorf("%s has mode %v, want %v", filepath.Base(pair[0]), got.Mode(), want.Mode())
		}
	}
}

func TestReplaceBehindASymbolicLink(t *testing.T) {
	folder := t.TempDir()
	store := t.TempDir()
	target, link := filepath.Join(store, "target.csv"), filepath.Join(folder, "link.csv")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, writeText("new")); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, store, map[string]string{"target.csv": "new"})
	if to, err := os.Readlink(link); err != nil || to != target {
		t.Errorf("the link is now %q (error %v)", to, err)
	}
}

// A device takes what is written and stays a device.
func TestReplaceOfADevice(t *testing.T) {
	before, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if err := Replace(os.DevNull, writeText("gone")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if after.Mode() != before.Mode() || after.Mode().IsRegular() {
		t.Errorf("%s has mode %v, had %v", os.DevNull, after.Mode(), before.Mode())
	}
	if err := Replace(os.DevNull, func(io.Writer) error { return errFull }); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

// Leftovers of a killed process are stepped over, up to a bound.
func TestReplaceStepsOverLeftovers(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out.csv")
	for stale := range maxStale {
		if err := Replace(path, writeText("new")); err != nil {
			t.Fatalf("with %d leftovers: %v", stale, err)
		}
		leftover, err := target{path: path}.createBeside()
		if err != nil {
			t.Fatal(err)
		}
		if err := leftover.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := Replace(path, writeText("newer")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("with %d leftovers: got %v, want %v", maxStale, err, fs.ErrExist)
	}
}

// TestReplaceable: what keeps Replace from writing shows beforehand, and Replace says the same, of the path that it was given.
func TestReplaceable(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "file"), []byte("old"), newFileMode); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                                     "dataset: write : a file without a name",
		filepath.Join(folder, "directory"):     "it is a directory",
		filepath.Join(folder, "absent", "out"): "no such file or directory",
		filepath.Join(folder, "file", "out"):   "not a directory",
		filepath.Join(folder, "file"):          "",
		filepath.Join(folder, "new"):           "",
		os.DevNull:                             "",
	} {
		written := false
		first := Replaceable(path)
		second := Replace(path, func(w io.Writer) error { written = true; return writeText("new")(w) })
		for _, err := range []error{first, second} {
			switch {
			case want == "" && err != nil:
				t.Errorf("%s: %v", path, err)
			case want != "" && (err == nil || !strings.HasPrefix(err.Error(), "dataset: write "+path+": ") || !strings.HasSuffix(err.Error(), want)):
				t.Errorf("%s: got %v, want %s", path, err, want)
			}
		}
		if written != (want == "") {
			t.Errorf("%s: written: %v", path, written)
		}
	}
	checkFolder(t, filepath.Join(folder, "directory"), nil)
}

// TestReplaceSurvivesAPanic: the caller's panic is the caller's, and leaves nothing behind.
func TestReplaceSurvivesAPanic(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out.csv")
	if err := Replace(path, writeText("old")); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = Replace(path, func(io.Writer) error { panic("half way") })
	}()
	checkFolder(t, folder, map[string]string{"out.csv": "old"})
}

// TestReplaceThroughDanglingLink: links to nothing yet keep pointing where they do, and what they point to is made.
func TestReplaceThroughDanglingLink(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "elsewhere"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"first": "second", "second": filepath.Join(folder, "elsewhere", "out.csv"), "circle": "circle"} {
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	if err := Replace(filepath.Join(folder, "first"), writeText("new")); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, filepath.Join(folder, "elsewhere"), map[string]string{"out.csv": "new"})
	if to, err := os.Readlink(filepath.Join(folder, "first")); err != nil || to != "second" {
		t.Errorf("the link is to %q, %v", to, err)
	}
	if err := Replace(filepath.Join(folder, "circle"), writeText("new")); err == nil {
		t.Error("a link to itself was written to")
	}
}
