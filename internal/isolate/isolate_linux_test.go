package isolate_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gmmspec/gmmspec/internal/isolate"
)

func TestWithoutPrivileges(t *testing.T) {
	if !isolate.WithoutPrivileges(t) {
		return
	}
	dir := t.TempDir()
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	isolate.Protect(t, dir, true)
	for _, d := range []string{dir, inside} {
		if err := os.WriteFile(filepath.Join(d, "file"), nil, 0o600); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v: want permissions to bind", err)
		}
	}
	isolate.Protect(t, dir, false)
	if err := os.WriteFile(filepath.Join(inside, "file"), nil, 0o600); err != nil {
		t.Error(err)
	}
}

func TestDisk(t *testing.T) {
	if !isolate.WithMounts(t) {
		return
	}
	disk := isolate.Mount(t, 8, 0)
	page := make([]byte, os.Getpagesize())
	file := filepath.Join(disk.Path, "file")
	disk.Fill(t, 1)
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Errorf("one page: %v", err)
	}
	if err := os.WriteFile(file, append(page, 0), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v: want no room for a second page", err)
	}
	disk.Empty(t)
	disk.Protect(t, true)
	if err := os.WriteFile(file, page, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Errorf("error %v: want a disk that is read only", err)
	}
	disk.Protect(t, false)
	if err := os.WriteFile(file, append(page, 0), 0o600); err != nil {
		t.Errorf("two pages: %v", err)
	}

	disk = isolate.Mount(t, 0, 3) // of which the root is one
	if err := errors.Join(os.Mkdir(filepath.Join(disk.Path, "a"), 0o700), os.Mkdir(filepath.Join(disk.Path, "b"), 0o700)); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(disk.Path, "c"), 0o700); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v: want no room for a third directory", err)
	}
}
