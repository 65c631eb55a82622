// Package require decides whether a test that misses something is skipped or
// fails.
package require

import (
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
