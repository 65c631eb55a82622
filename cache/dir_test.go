package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestDefaultDir(t *testing.T) {
	t.Setenv(DirEnv, filepath.Join(t.TempDir(), "named"))
	named := os.Getenv(DirEnv)
	if got, err := DefaultDir(); err != nil || got != named {
		t.Errorf("got %q, %v, want %q", got, err, named)
	}
	if got := openAt(t, "", Options{}).Path(); got != named {
		t.Errorf("Open with no directory opened %q, want %q", got, named)
	}
	t.Setenv(DirEnv, "")
	t.Setenv("HOME", filepath.Join(t.TempDir(), "home"))
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DefaultDir(); err != nil || got != filepath.Join(base, "gmmspec") {
		t.Errorf("got %q, %v, want gmmspec in %q", got, err, base)
	}
}

func TestNoHome(t *testing.T) {
	for _, name := range []string{DirEnv, "HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	if c, err := Open("", Options{}); err == nil || c != nil {
		t.Errorf("got %v, %v, want nil and an error", c, err)
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	c := openAt(t, "relative", Options{})
	put(t, c, testKey(1), "x")
	t.Chdir(t.TempDir())
	expectHit(t, c, testKey(1), "x")
	if !filepath.IsAbs(c.Path()) {
		t.Errorf("Path is %q, not absolute", c.Path())
	}
}

// TestExisting opens what is there, and makes nothing where nothing is.
func TestExisting(t *testing.T) {
	foreign := t.TempDir()
	if err := os.Mkdir(filepath.Join(foreign, "tmp"), dirMode); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{foreign, filepath.Join(foreign, "absent"), t.TempDir()} {
		before, _ := os.ReadDir(dir)
		c, err := Open(dir, Options{Existing: true})
		if !errors.Is(err, fs.ErrNotExist) || c != nil {
			t.Errorf("%s: got %v, %v, want nil and that it is not there", dir, c, err)
		}
		if after, _ := os.ReadDir(dir); len(after) != len(before) {
			t.Errorf("%s: %d files became %d", dir, len(before), len(after))
		}
	}
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	expectHit(t, openAt(t, c.Path(), Options{Existing: true}), testKey(1), "x")
}

// TestFileInTheWay has a file wherever the cache needs a directory, which stops the superuser as well.
func TestFileInTheWay(t *testing.T) {
	for _, at := range []string{".", "entries", "tmp", "locks"} {
		dir := filepath.Join(t.TempDir(), "cache")
		file := filepath.Join(dir, at)
		if err := os.MkdirAll(filepath.Dir(file), dirMode); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, fileMode); err != nil {
			t.Fatal(err)
		}
		c, err := Open(dir, Options{})
		if err == nil || c != nil {
			t.Errorf("a file at %s: got %v, %v, want nil and an error", at, c, err)
		}
		var refused *RefusedError
		if at != "." && (!errors.As(err, &refused) || refused.Path != file) {
			t.Errorf("a file at %s: got %v, want a RefusedError", at, err)
		}
		expectMiss(t, c, testKey(1), ReasonNoCache)
	}
}

// TestDiskGoesBad spoils an open cache's directory: what was stored is still read, and storing fails.
func TestDiskGoesBad(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	replaceByFile(t, filepath.Join(c.Path(), "tmp"))
	if err := c.Put(testKey(2), nil, nil); err == nil {
		t.Error("Put succeeded without a place for temporary files")
	}
	expectHit(t, c, testKey(1), "x")
	expectMiss(t, c, testKey(2), ReasonAbsent)

	c = open(t, Options{})
	plantDir := filepath.Dir(entryFile(c, testKey(1)))
	if err := os.WriteFile(plantDir, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(testKey(1), nil, nil); err == nil {
		t.Error("Put succeeded without a place for entries")
	}
	if left := leftIn(t, c, tmpDir); len(left) != 0 {
		t.Errorf("left in tmp after a failure: %v", left)
	}
}

// TestDirectoryForEntry has a directory under the name of an entry: an empty one is removed, a full one stays a miss.
func TestDirectoryForEntry(t *testing.T) {
	c := open(t, Options{})
	if err := os.MkdirAll(entryFile(c, testKey(1)), dirMode); err != nil {
		t.Fatal(err)
	}
	expectMiss(t, c, testKey(1), ReasonUntrusted)
	expectMiss(t, c, testKey(1), ReasonAbsent)
	if err := os.MkdirAll(filepath.Join(entryFile(c, testKey(1)), "full"), dirMode); err != nil {
		t.Fatal(err)
	}
	expectMiss(t, c, testKey(1), ReasonUntrusted)
	expectMiss(t, c, testKey(1), ReasonUntrusted)
	if err := c.Put(testKey(1), nil, nil); err == nil {
		t.Error("Put replaced a directory")
	}
}

func replaceByFile(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, fileMode); err != nil {
		t.Fatal(err)
	}
}
