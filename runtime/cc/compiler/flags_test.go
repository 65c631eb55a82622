package compiler

import (
	"slices"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	for goarch, native := range map[string]string{"amd64": "-march=native", "arm64": "-mcpu=native", "riscv64": ""} {
		flags := Flags(goarch)
		if !slices.Equal(flags, Flags(goarch)) {
			t.Errorf("%s: two calls differ", goarch)
		}
		got := ""
		for _, f := range flags {
			if strings.HasSuffix(f, "=native") {
				got += f
			}
			if strings.Contains(f, "fast-math") || f == "-Ofast" {
				t.Errorf("%s: %s gives up NaN, infinities and the order of sums", goarch, f)
			}
		}
		if got != native {
			t.Errorf("%s: native code is asked for by %q, want %q", goarch, got, native)
		}
	}
}
