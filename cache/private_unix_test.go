//go:build unix

package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gmmspec/gmmspec/internal/isolate"
)

func expectRefused(t *testing.T, dir string) {
	t.Helper()
	c, err := Open(dir, Options{})
	var refused *RefusedError
	if c != nil || !errors.As(err, &refused) || refused.Reason == "" {
		t.Errorf("%s: got %v, %v, want a RefusedError", dir, c, err)
		return
	}
	for _, part := range []string{refused.Path, refused.Reason, DirEnv} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not tell %q: %v", part, err)
		}
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestCreatedPrivate(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	for path, want := range map[string]fs.FileMode{
		c.Path():                               fs.ModeDir | 0o700,
		filepath.Join(c.Path(), "entries"):     fs.ModeDir | 0o700,
		filepath.Join(c.Path(), "tmp"):         fs.ModeDir | 0o700,
		filepath.Join(c.Path(), "locks"):       fs.ModeDir | 0o700,
		filepath.Dir(entryFile(c, testKey(1))): fs.ModeDir | 0o700,
		entryFile(c, testKey(1)):               0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestDirectoryModes(t *testing.T) {
	for mode, refused := range map[fs.FileMode]bool{
		0o700: false, 0o750: false, 0o755: false,
		0o720: true, 0o702: true, 0o770: true, 0o777: true, fs.ModeSticky | 0o777: true,
	} {
		for _, at := range []string{".", "entries", "tmp", "locks"} {
			c := open(t, Options{})
			chmod(t, filepath.Join(c.Path(), at), mode)
			if refused {
				expectRefused(t, c.Path())
			} else {
				openAt(t, c.Path(), Options{})
			}
		}
	}
}

// TestForeignDirectory gives a directory of the cache away; who may not, looks at one that was never theirs.
func TestForeignDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		expectRefused(t, "/")
		return
	}
	for _, at := range []string{".", "entries", "tmp", "locks"} {
		c := open(t, Options{})
		isolate.GiveAway(t, filepath.Join(c.Path(), at))
		expectRefused(t, c.Path())
	}
}

func TestForeignEntry(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	isolate.GiveAway(t, entryFile(c, testKey(1)))
	expectMiss(t, c, testKey(1), ReasonUntrusted)
	expectMiss(t, c, testKey(1), ReasonAbsent)
}

func TestSymlinkedDirectory(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(c.Path(), link); err != nil {
		t.Fatal(err)
	}
	expectHit(t, openAt(t, link, Options{}), testKey(1), "x")
	chmod(t, c.Path(), 0o777)
	expectRefused(t, link)
}

// TestSymlinksInside holds that a link in the cache is not an entry, nor a place for entries.
func TestSymlinksInside(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Rename(entryFile(c, testKey(1)), outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, entryFile(c, testKey(1))); err != nil {
		t.Fatal(err)
	}
	expectMiss(t, c, testKey(1), ReasonUntrusted)
	if _, err := os.Stat(outside); err != nil {
		t.Error("what the link led to was removed with it")
	}

	shard := filepath.Dir(entryFile(c, testKey(2)))
	if err := os.Symlink(t.TempDir(), shard); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(testKey(2), nil, nil); err == nil {
		t.Error("Put followed a link out of the cache")
	}
	expectMiss(t, c, testKey(2), ReasonUnreadable)

	entries := filepath.Join(c.Path(), "entries")
	if err := os.Rename(entries, filepath.Join(t.TempDir(), "moved")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), entries); err != nil {
		t.Fatal(err)
	}
	expectRefused(t, c.Path())
}

func TestEntryModes(t *testing.T) {
	c := open(t, Options{})
	for mode, want := range map[fs.FileMode]Reason{0o622: ReasonUntrusted, 0o660: ReasonUntrusted, 0o602: ReasonUntrusted} {
		put(t, c, testKey(1), "x")
		chmod(t, entryFile(c, testKey(1)), mode)
		expectMiss(t, c, testKey(1), want)
		expectMiss(t, c, testKey(1), ReasonAbsent)
	}
	put(t, c, testKey(1), "x")
	chmod(t, entryFile(c, testKey(1)), 0o644)
	expectHit(t, c, testKey(1), "x")
}

// TestPipeForEntry holds that a lookup does not wait for somebody to write into a pipe.
func TestPipeForEntry(t *testing.T) {
	c := open(t, Options{})
	pipe := entryFile(c, testKey(1))
	if err := os.MkdirAll(filepath.Dir(pipe), dirMode); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, uint32(fileMode)); err != nil {
		t.Fatal(err)
	}
	expectMiss(t, c, testKey(1), ReasonUntrusted)
	expectMiss(t, c, testKey(1), ReasonAbsent)
}
