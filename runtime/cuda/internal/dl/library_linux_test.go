package dl_test

import (
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda/internal/dl"
)

// cLibrary holds functions of the C library whose shapes are those of the
// driver's: cuLaunchKernel takes eleven arguments, five of them on the stack.
type cLibrary struct {
	// int snprintf(char *str, size_t size, const char *format, ...)
	Print func(text *byte, size uintptr, format string, a, b, c int32, d uint64, e *byte, f uint32, g, h uint64) int32 `symbol:"snprintf"`
	// int abs(int j)
	Abs func(int32) int32 `symbol:"abs"`
}

func TestLibraryCallsWithElevenArguments(t *testing.T) {
	library, err := dl.Open("libc.so.6")
	if err != nil {
		t.Fatal(err)
	}
	var c cLibrary
	if err := library.Bind(&c); err != nil {
		t.Fatal(err)
	}
	if got := c.Abs(-7); got != 7 {
		t.Errorf("abs(-7) = %d: the sign of a narrow result is lost", got)
	}
	text := make([]byte, 200)
	word := []byte("word\x00")
	n := c.Print(&text[0], uintptr(len(text)), "%d %d %d %lu %s %u %lu %lu",
		-1, 2, -3, 1<<63, &word[0], 1<<31, 1<<40, 5)
	const want = "-1 2 -3 9223372036854775808 word 2147483648 1099511627776 5"
	if got := string(text[:max(n, 0)]); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestOpenAndBindFail(t *testing.T) {
	if _, err := dl.Open("/nonexistent/lib.so"); err == nil || !strings.Contains(err.Error(), "nonexistent") {
		t.Errorf("error %v, want the loader's message", err)
	}
	library, err := dl.Open("libc.so.6")
	if err != nil {
		t.Fatal(err)
	}
	var missing struct {
		F func() `symbol:"gmmspec_no_such_function"`
	}
	if err := library.Bind(&missing); err == nil || missing.F != nil {
		t.Errorf("error %v, want one that names the symbol", err)
	}
}
