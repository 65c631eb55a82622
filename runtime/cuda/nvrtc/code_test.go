package nvrtc

import (
	"strings"
	"testing"
)

func TestCodeNames(t *testing.T) {
	seen := map[string]Code{}
	for c := CodeSuccess; c <= CodeTimeTraceFileWriteFailed; c++ {
		name := c.Name()
		if other, ok := seen[name]; ok {
			t.Errorf("%d and %d are both %s", c, other, name)
		}
		seen[name] = c
	}
	if name := (CodeTimeTraceFileWriteFailed + 1).Name(); !strings.HasSuffix(name, "UNNAMED") || seen[name] != 0 {
		t.Errorf("a code past the last is %s", name)
	}
	if got, want := CodeCompilation.Error(), "NVRTC_ERROR_COMPILATION (6)"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
