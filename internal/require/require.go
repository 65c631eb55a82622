// Package require decides whether a test that misses something is skipped or
// fails, and how much is tested.
package require

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"
)

// Variable is the environment variable that lists, between commas, what must be
// there: "nvrtc,cuda".
const Variable = "GMMSPEC_REQUIRE"

// Have ends a test that lacks something named in the list: it is skipped, or fails
// if the list names it. A nil error means that it is there.
func Have(tb testing.TB, name string, err error) {
	tb.Helper()
	if err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv(Variable), ","), name) {
		tb.Fatalf("%s requires %s: %v", Variable, name, err)
	}
	tb.Skipf("without %s: %v", name, err)
}

// IntensityVariable is the environment variable that says how much is tested: 1, the default, as much as belongs in every run;
// 2 more; 3 everything. The tests that look at it say what that is.
const IntensityVariable = "GMMSPEC_INTENSITY"

// Intensity returns how much is to be tested. A variable that says neither 1, 2 nor 3 ends the test.
func Intensity(tb testing.TB) int {
	tb.Helper()
	text := cmp.Or(os.Getenv(IntensityVariable), "1")
	level := slices.Index([]string{"1", "2", "3"}, text) + 1
	if level == 0 {
		tb.Fatalf("%s is %q: want 1, 2 or 3", IntensityVariable, text)
	}
	return level
}
