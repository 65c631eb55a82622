package compiler

import (
	"fmt"
	"testing"
)

func TestBoundedBuffer(t *testing.T) {
	b := &boundedBuffer{limit: 5}
	for _, step := range []struct{ write, want string }{
		{"", ""},
		{"abc", "abc"},
		{"de", "abcde"},
		{"fgh", "abcde\n[3 more bytes not kept]\n"},
		{"i", "abcde\n[4 more bytes not kept]\n"},
	} {
		if n, err := fmt.Fprint(b, step.write); n != len(step.write) || err != nil {
			t.Errorf("writing %q returns %d, %v", step.write, n, err)
		}
		if got := b.String(); got != step.want {
			t.Errorf("after %q the buffer holds %q, want %q", step.write, got, step.want)
		}
	}
}

func TestSummary(t *testing.T) {
	for log, want := range map[string]string{
		"":                            "",
		"\n \n":                       "",
		"ld: cannot find -lm\nfailed": ": ld: cannot find -lm",
		"k.c: In function 'f':\nk.c:3:1: error: no\nk.c:4:1: error: nor this": ": k.c:3:1: error: no",
	} {
		if got := summary(log); got != want {
			t.Errorf("summary of %q is %q, want %q", log, got, want)
		}
	}
}
