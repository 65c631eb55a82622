package require_test

import (
	"cmp"
	"errors"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
)

// recorder notes how a test would have ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper() {}

// Fatalf and Skipf return here, as those of a real test do not: the first counts.
func (r *recorder) Fatalf(string, ...any) { r.ended = cmp.Or(r.ended, "failed") }
func (r *recorder) Skipf(string, ...any)  { r.ended = cmp.Or(r.ended, "skipped") }

func TestHave(t *testing.T) {
	missing := errors.New("not found")
	for _, test := range []struct {
		list, name string
		err        error
		want       string
	}{
		{"", "cuda", nil, ""},
		{"cuda", "cuda", nil, ""},
		{"", "cuda", missing, "skipped"},
		{"nvrtc", "cuda", missing, "skipped"},
		{"cc,cuda", "cuda", missing, "failed"},
	} {
		t.Setenv(require.Variable, test.list)
		r := new(recorder)
		require.Have(r, test.name, test.err)
		if r.ended != test.want {
			t.Errorf("list %q, %s, error %v: %q, want %q", test.list, test.name, test.err, r.ended, test.want)
		}
	}
}

func TestIntensity(t *testing.T) {
	for text, want := range map[string]int{"": 1, "1": 1, "2": 2, "3": 3, "0": 0, "4": 0, "much": 0, "10": 0} {
		t.Setenv(require.IntensityVariable, text)
		r := &recorder{TB: t}
		if got := require.Intensity(r); got != want || (r.ended == "failed") != (want == 0) {
			t.Errorf("%q: %d, %s", text, got, r.ended)
		}
	}
}
