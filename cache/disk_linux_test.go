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

// TestFullDisk has room for all of an entry, for some of it, and for none: what was stored is still read, what cannot be
// stored leaves nothing, and once there is room again it is.
func TestFullDisk(t *testing.T) {
	if !isolate.WithMounts(t) {
		return
	}
	const pages, room = 64, 8
	payload := strings.Repeat("x", 4*os.Getpagesize()) // 5 pages with the header
	disk := isolate.Mount(t, pages, 0)
	var warnings []error
	c := openAt(t, filepath.Join(disk.Path, "cache"), Options{Warn: func(err error) { warnings = append(warnings, err) }})
	put(t, c, testKey(0), "there before")
	stored := 0
	for left := range room {
		disk.Fill(t, left)
		for _, replaced := range []string{"", "there before"} {
			disk.Empty(t)
			if replaced != "" {
				put(t, c, testKey(1), replaced)
			}
			disk.Fill(t, left)
			err := c.Put(testKey(1), []byte(payload), nil)
			switch {
			case err == nil:
				stored++
				expectHit(t, c, testKey(1), payload)
			case !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), c.Path()):
				t.Errorf("%d pages left: error %v, want the disk's, and the directory", left, err)
			case replaced != "":
				expectHit(t, c, testKey(1), replaced)
			default:
				expectMiss(t, c, testKey(1), ReasonAbsent)
			}
			expectHit(t, c, testKey(0), "there before")
			if files := leftIn(t, c, tmpDir); len(files) != 0 {
				t.Errorf("%d pages left: %v in tmp", left, files)
			}
			if err := c.root.Remove(testKey(1).ID().path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
	if failed := c.Stats().StoreFailures; stored == 0 || failed == 0 {
		t.Errorf("%d stored and %d not, want some", stored, failed)
	}
	t.Logf("0 to %d pages left for an entry of 5: %d stored, %d not, and no trace of those", room-1, stored, c.Stats().StoreFailures)

	disk.Fill(t, 0)
	runs := 0
	for range 2 {
		entry, hit, err := c.Do(t.Context(), testKey(2), computes(payload, &runs))
		if err != nil || hit || string(entry.Payload) != payload {
			t.Errorf("on a full disk: hit %v, %v", hit, err)
		}
	}
	if len(warnings) != 2 || !errors.Is(warnings[0], syscall.ENOSPC) {
		t.Errorf("warnings %v: want one for each of two entries that could not be stored", warnings)
	}
	disk.Empty(t)
	for range 2 {
		if _, _, err := c.Do(t.Context(), testKey(2), computes(payload, &runs)); err != nil {
			t.Error(err)
		}
	}
	expectHit(t, c, testKey(2), payload)
	if report, err := c.Verify(); err != nil || len(report.Bad) != 0 || runs != 3 {
		t.Errorf("%+v, %v, %d runs: want 3", report, err, runs)
	}
}

// TestNoFilesLeft is a disk that has room for so many files: from too few for the cache's directories to enough for an entry.
func TestNoFilesLeft(t *testing.T) {
	if !isolate.WithMounts(t) {
		return
	}
	const rootAndCache, directories, shardAndEntry = 2, 3, 2
	for files := rootAndCache; files <= rootAndCache+directories+shardAndEntry; files++ {
		disk := isolate.Mount(t, 0, files)
		c, err := Open(filepath.Join(disk.Path, "cache"), Options{})
		if files < rootAndCache+directories {
			if c != nil || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%d files: %v, %v, want nil and the disk's error", files, c, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		err = c.Put(testKey(1), []byte("x"), nil)
		if files < rootAndCache+directories+shardAndEntry {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%d files: %v, want the disk's error", files, err)
			}
			expectMiss(t, c, testKey(1), ReasonAbsent)
		} else {
			if err != nil {
				t.Error(err)
			}
			expectHit(t, c, testKey(1), "x")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("a cache on disks of %d to %d files, of which it needs %d, and an entry %d",
		rootAndCache, rootAndCache+directories+shardAndEntry, rootAndCache+directories, shardAndEntry)
}

// expectUnchanging holds that a cache that cannot be written to is still read, and that what it lacks is computed.
func expectUnchanging(t *testing.T, dir string, want error) {
	t.Helper()
	var warnings []error
	c := openAt(t, dir, Options{Warn: func(err error) { warnings = append(warnings, err) }})
	expectHit(t, c, testKey(1), "x")
	runs := 0
	entry, hit, err := c.Do(t.Context(), testKey(2), computes("y", &runs))
	if err != nil || hit || string(entry.Payload) != "y" {
		t.Errorf("got %v, %v, %v", entry, hit, err)
	}
	if len(warnings) != 1 || !errors.Is(warnings[0], want) {
		t.Errorf("warnings %v: want one, %v", warnings, want)
	}
	if report, err := c.Verify(); err != nil || report.Entries != 1 || len(report.Bad) != 0 {
		t.Errorf("%+v, %v: want one entry", report, err)
	}
	t.Logf("%v: %+v", want, c.Stats())
}

func TestReadOnlyDisk(t *testing.T) {
	if !isolate.WithMounts(t) {
		return
	}
	disk := isolate.Mount(t, 0, 0)
	dir := filepath.Join(disk.Path, "cache")
	put(t, openAt(t, dir, Options{}), testKey(1), "x")
	disk.Protect(t, true)
	expectUnchanging(t, dir, syscall.EROFS)
	if c, err := Open(filepath.Join(disk.Path, "other"), Options{}); c != nil || !errors.Is(err, syscall.EROFS) {
		t.Errorf("a new one: %v, %v, want nil and the disk's error", c, err)
	}
	disk.Protect(t, false)
}

func TestReadOnlyDirectory(t *testing.T) {
	if !isolate.WithoutPrivileges(t) {
		return
	}
	dir := filepath.Join(t.TempDir(), "cache")
	put(t, openAt(t, dir, Options{}), testKey(1), "x")
	isolate.Protect(t, dir, true)
	defer isolate.Protect(t, dir, false)
	expectUnchanging(t, dir, fs.ErrPermission)
	if c, err := Open(filepath.Join(dir, "other"), Options{}); c != nil || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a new one: %v, %v, want nil and the system's error", c, err)
	}
}
