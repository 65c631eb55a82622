package cc_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cc/object"
)

// compile returns the sealed object of a source. Without a compiler it skips the test, or fails it when the list in
// GMMSPEC_REQUIRE names cc.
func compile(t testing.TB, source string) []byte {
	t.Helper()
	c, err := compiler.Find(compiler.Options{})
	require.Have(t, "cc", err)
	sealed, log, err := c.Compile(t.Context(), t.Name(), preamble+source)
	if err != nil {
		t.Fatal(err)
	}
	if log != "" {
		t.Errorf("the compiler warns: %s", log)
	}
	return sealed
}

// preamble begins every source here.
const preamble = `#include <stdint.h>
#define EXPORT __attribute__((visibility("default")))
`

// function compiles a source and returns its function named run.
func function(t testing.TB, source string) cc.Func {
	t.Helper()
	library, err := cc.Open(compile(t, source), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run, err := library.Func("run")
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestOpenGarbage(t *testing.T) {
	for _, garbage := range [][]byte{nil, []byte("garbage"), bytes.Repeat([]byte("\x7fELF"), 1<<12)} {
		if _, err := cc.Open(garbage, t.TempDir()); !errors.Is(err, object.ErrUnsealed) {
			t.Errorf("error for %.8q is %v, want object.ErrUnsealed", garbage, err)
		}
	}
}

// TestOpenDamaged flips one bit of every byte of an object and cuts it short at every length, any of which
// would crash the loader at some place.
func TestOpenDamaged(t *testing.T) {
	sealed := compile(t, "EXPORT int64_t run(void) { return 1; }")
	dir := t.TempDir()
	damaged := bytes.Clone(sealed)
	for i := range sealed {
		damaged[i] ^= 1 << (i % 8)
		if _, err := cc.Open(damaged, dir); !errors.Is(err, object.ErrDamaged) && !errors.Is(err, object.ErrUnsealed) {
			t.Fatalf("byte %d flipped: error is %v, want object.ErrDamaged or object.ErrUnsealed", i, err)
		}
		damaged[i] = sealed[i]
		if _, err := cc.Open(sealed[:i], dir); !errors.Is(err, object.ErrUnsealed) {
			t.Fatalf("cut to %d bytes: error is %v, want object.ErrUnsealed", i, err)
		}
	}
	if _, err := cc.Open(damaged, dir); err != nil {
		t.Errorf("the whole object again: %v", err)
	}
}

// TestOpenUnresolved opens an object that asks for a function which does not exist: the loader's own refusal.
func TestOpenUnresolved(t *testing.T) {
	sealed := compile(t, "int64_t nowhere_to_be_found(void);\nEXPORT int64_t run(void) { return nowhere_to_be_found(); }")
	dir := t.TempDir()
	_, err := cc.Open(sealed, dir)
	if err == nil || !strings.Contains(err.Error(), "nowhere_to_be_found") {
		t.Errorf("error is %v, want it to name the function", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("Open leaves %v behind, %v", entries, err)
	}
}

// TestOpenMany holds several libraries with functions of the same name: none may be taken for another.
func TestOpenMany(t *testing.T) {
	const libraries = 5
	var runs [libraries]cc.Func
	for i := range runs {
		runs[i] = function(t, fmt.Sprintf("EXPORT int64_t run(void) { return %d; }", i))
	}
	for i, run := range runs {
		if got := run.Call(); got != int64(i) {
			t.Errorf("library %d returns %d", i, got)
		}
	}
}

func TestFuncMissing(t *testing.T) {
	library, err := cc.Open(compile(t, "EXPORT int64_t run(void) { return 1; }\nint64_t hidden(void) { return 2; }"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"walk", "hidden", ""} {
		if _, err := library.Func(name); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("error for function %q is %v, want one that names it", name, err)
		}
	}
	if _, err := new(cc.Library).Func("malloc"); err == nil {
		t.Error("a Library that was not opened has functions")
	}
}
