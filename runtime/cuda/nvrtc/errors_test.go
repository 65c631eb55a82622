package nvrtc

import (
	"errors"
	"strings"
	"testing"
)

func TestCompileErrorDump(t *testing.T) {
	e := &CompileError{
		Name: "k.cu", Source: strings.Repeat("//\n", 9) + "bad\nlast", Options: []string{"-a", "-b"},
		Log: "k.cu(10): error: bad", Code: CodeCompilation,
	}
	var b strings.Builder
	if err := e.Dump(&b); err != nil {
		t.Fatal(err)
	}
	want := "k.cu: NVRTC_ERROR_COMPILATION (6)\noptions: -a -b\nk.cu(10): error: bad\n" +
		" 1  //\n 2  //\n 3  //\n 4  //\n 5  //\n 6  //\n 7  //\n 8  //\n 9  //\n10  bad\n11  last"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if !errors.Is(e, CodeCompilation) {
		t.Error("a CompileError is not its code")
	}
}
