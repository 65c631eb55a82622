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
func Have(t testing.TB, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv(Variable), ","), name) {
		t.Fatalf("%s requires %s: %v", Variable, name, err)
	}
	t.Skipf("without %s: %v", name, err)
}
