package gmmspec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gmmspec/gmmspec/internal/isolate"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
)

// TestFullDisk: a fit works where there is no room for its kernels, and says so once; nothing is left half written, and once
// there is room they are kept.
func TestFullDisk(t *testing.T) {
	if !isolate.WithMounts(t) {
		return
	}
	const enough = 64 // pages, for all kernels of the fit
	want := fitWith(t, "").parameters
	disk := isolate.Mount(t, enough, 0)
	dir := filepath.Join(disk.Path, "cache")
	for _, left := range []int{0, 6} { // for none of two kernels, and for one
		disk.Fill(t, left)
		got := fitWith(t, dir)
		got.check(t, want, 1, "no space left on device")
		t.Logf("%d pages left: %d stored, %d not; warnings %q", left, got.stats.Stored, got.stats.StoreFailures, got.warnings)
		if got.stats.StoreFailures == 0 || got.stats.Corrupt() != 0 {
			t.Errorf("%+v: want some that could not be stored, and none that is damaged", got.stats)
		}
	}
	if _, err := Compile(t.Context(), 2, 2, nil, WithCacheDir(dir), withWorkshop(newWorkshop())); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("compiling ahead: %v, want the disk's error", err)
	}
	disk.Empty(t)
	for _, stored := range []bool{true, false} {
		got := fitWith(t, dir)
		got.check(t, want, 0, "")
		if (got.stats.Stored > 0) != stored || got.stats.Corrupt() != 0 {
			t.Errorf("with room again: %+v: want all to be stored, and then to be there", got.stats)
		}
	}

	// Without files left there is not even a directory for the cache.
	const root = 1
	none := filepath.Join(isolate.Mount(t, 0, root).Path, "cache")
	fitWith(t, none).check(t, want, 1, "no space left on device")
}

// TestFullTemp: where there is no room to compile in either, the fit is the reference's, and one warning says why.
func TestFullTemp(t *testing.T) {
	if !isolate.WithMounts(t) {
		return
	}
	disk := isolate.Mount(t, 16, 0)
	w := newWorkshop()
	w.findCC = sync.OnceValues(func() (*compiler.Compiler, error) { return compiler.Find(compiler.Options{TempDir: disk.Path}) })
	require.Have(t, "cc", available(w, "cc"))
	disk.Fill(t, 0)
	events, start := small(t)
	model := mustNew(t, start.M, start.D,
		WithParameters(start), WithDevice(DeviceCC), WithCacheDir(filepath.Join(disk.Path, "cache")), withWorkshop(w))
	result := mustTrain(t, model, events)
	if result.Plan.Device != DeviceReference || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "no space left on device") {
		t.Errorf("device %s, warnings %q: want the reference, and one that tells of the disk", result.Plan.Device, result.Warnings)
	}
	t.Logf("device %s, warnings %q", result.Plan.Device, result.Warnings)
}

// checkReadOnly: a fit works on a cache that it may only read, in a directory that protect protects. What is there it uses; what is
// not it compiles, and says once that it is not kept.
func checkReadOnly(t *testing.T, dir, says string, protect func(readOnly bool)) {
	t.Helper()
	want := fitWith(t, "").parameters
	protect(true)
	fitWith(t, dir).check(t, want, 1, says) // not even the directories can be made

	protect(false)
	all := fitWith(t, dir).stats.Stored
	files := entryFiles(t, dir)
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	protect(true)
	got := fitWith(t, dir)
	got.check(t, want, 1, says)
	t.Logf("of %d kernels %d not stored; warnings %q", all, got.stats.StoreFailures, got.warnings)
	if got.stats.StoreFailures != 1 || all != len(files) {
		t.Errorf("%+v of %d kernels: want one that could not be stored", got.stats, all)
	}

	protect(false)
	fitWith(t, dir).check(t, want, 0, "")
	protect(true)
	got = fitWith(t, dir)
	got.check(t, want, 0, "")
	if got.stats.Hits < all || got.stats.StoreFailures != 0 {
		t.Errorf("%+v: want %d kernels to be read", got.stats, all)
	}
	protect(false)
}

func TestReadOnlyDisk(t *testing.T) {
	if !isolate.WithMounts(t) {
		return
	}
	disk := isolate.Mount(t, 0, 0)
	checkReadOnly(t, filepath.Join(disk.Path, "cache"), "read-only file system", func(readOnly bool) { disk.Protect(t, readOnly) })
}

func TestReadOnlyDirectory(t *testing.T) {
	if !isolate.WithoutPrivileges(t) {
		return
	}
	parent := t.TempDir()
	checkReadOnly(t, filepath.Join(parent, "cache"), "permission denied", func(readOnly bool) { isolate.Protect(t, parent, readOnly) })
}
