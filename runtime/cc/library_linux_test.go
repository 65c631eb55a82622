//go:build amd64 || arm64

package cc

import (
	"os"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cc/object"
)

// image returns the shared object of a source. Without a compiler it skips the test, or fails it when the list in
// GMMSPEC_REQUIRE names cc.
func image(t *testing.T, source string) []byte {
	t.Helper()
	c, err := compiler.Find(compiler.Options{})
	require.Have(t, "cc", err)
	sealed, _, err := c.Compile(t.Context(), t.Name(), source)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := object.Unseal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// callRun calls the function run of a library.
func callRun(t *testing.T, handle uintptr) int64 {
	t.Helper()
	run, err := (&Library{handle}).Func("run")
	if err != nil {
		t.Fatal(err)
	}
	return run.Call()
}

// descriptors counts the open file descriptors of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestLoadWays loads one object from memory and through a file, in a directory named absolutely and as the working one.
func TestLoadWays(t *testing.T) {
	raw := image(t, `__attribute__((visibility("default"))) long run(void) { return 42; }`)
	dir := t.TempDir()
	t.Chdir(dir)
	for name, load := range map[string]func() (uintptr, error){
		"memory":                      func() (uintptr, error) { return loadMemory(raw) },
		"file in a directory":         func() (uintptr, error) { return loadFile(raw, dir) },
		"file in the working one":     func() (uintptr, error) { return loadFile(raw, ".") },
		"file in the system's choice": func() (uintptr, error) { return loadFile(raw, "") },
	} {
		t.Run(name, func(t *testing.T) {
			handle, err := load()
			if err != nil {
				t.Fatal(err)
			}
			if got := callRun(t, handle); got != 42 {
				t.Errorf("run returns %d, want 42", got)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 0 {
				t.Errorf("%v are left behind, %v", entries, err)
			}
		})
	}
}

// TestLoadFailure checks that a refused object leaves nothing open and that the error tells of both ways.
func TestLoadFailure(t *testing.T) {
	raw := image(t, `long nowhere(void); __attribute__((visibility("default"))) long run(void) { return nowhere(); }`)
	before := descriptors(t)
	_, err := load(raw, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "from memory: ") || !strings.Contains(err.Error(), "through a file: ") {
		t.Errorf("error is %v, want it to tell of both ways", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are open, want %d", after, before)
	}
	if _, err := loadFile(raw, "/no/such/directory"); !os.IsNotExist(err) {
		t.Errorf("error for a missing directory is %v, want os.ErrNotExist", err)
	}
}

// TestStackSize asks the C library how much stack is left where C functions run.
func TestStackSize(t *testing.T) {
	raw := image(t, `#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
__attribute__((visibility("default"))) long run(void) {
	pthread_attr_t attributes;
	void *low;
	size_t size;
	char here;
	if (pthread_getattr_np(pthread_self(), &attributes) != 0) return -1;
	pthread_attr_getstack(&attributes, &low, &size);
	pthread_attr_destroy(&attributes);
	return &here - (char *)low;
}
`)
	handle, err := loadMemory(raw)
	if err != nil {
		t.Fatal(err)
	}
	left := callRun(t, handle)
	t.Logf("%d bytes of stack are left to C", left)
	if left < StackLimit {
		t.Errorf("%d bytes of stack are left to C, want at least %d", left, StackLimit)
	}
}
