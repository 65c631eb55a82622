package nvrtc

import (
	"errors"
	"testing"
)

func TestCompileErrorIsItsCode(t *testing.T) {
	if e := (&CompileError{Name: "k.cu", Code: CodeCompilation}); !errors.Is(e, CodeCompilation) {
		t.Error("a CompileError is not its code")
	}
}
