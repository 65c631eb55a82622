package nvrtc

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// scripted is a compiler in which one function fails, and that counts programs.
type scripted struct {
	fail      string
	code      Code
	created   int
	destroyed int
	options   int32
}

func (s *scripted) compiler(major, minor int) *Compiler {
	result := func(function string) Code {
		if function == s.fail {
			return s.code
		}
		return CodeSuccess
	}
	size := func(function string) func(handle, *uintptr) Code {
		return func(_ handle, bytes *uintptr) Code { *bytes = 1; return result(function) }
	}
	get := func(function string) func(handle, *byte) Code {
		return func(_ handle, output *byte) Code { *output = 'x'; return result(function) }
	}
	return &Compiler{major: major, minor: minor, api: &api{
		CreateProgram: func(program *handle, _, _ *byte, _ int32, _, _ **byte) Code {
			if code := result("create"); code != CodeSuccess {
				return code
			}
			s.created++
			*program = handle(s.created)
			return CodeSuccess
		},
		CompileProgram: func(_ handle, count int32, _ **byte) Code {
			s.options = count
			return result("compile")
		},
		GetProgramLogSize: size("log size"), GetProgramLog: get("log"),
		GetPTXSize: size("ptx size"), GetPTX: get("ptx"),
		GetCUBINSize: size("cubin size"), GetCUBIN: get("cubin"),
		DestroyProgram: func(*handle) Code { s.destroyed++; return result("destroy") },
	}}
}

func TestCompileFreesTheProgramOnEveryPath(t *testing.T) {
	for _, function := range []string{"", "create", "compile", "log size", "log", "ptx size", "ptx", "cubin size", "cubin", "destroy"} {
		s := &scripted{fail: function, code: CodeInternalError}
		result, err := s.compiler(13, 0).Compile(context.Background(), Program{Name: "k.cu", Arch: "sm_90"})
		if s.created != s.destroyed {
			t.Errorf("%s fails: %d programs created, %d destroyed", function, s.created, s.destroyed)
		}
		if function == "" && (err != nil || string(result.Cubin) != "x") {
			t.Errorf("result %v, error %v", result, err)
		}
		if function != "" && (!errors.Is(err, CodeInternalError) || result != nil) {
			t.Errorf("%s fails: result %v, error %v", function, result, err)
		}
		var compile *CompileError
		if errors.As(err, &compile) != (function == "compile") {
			t.Errorf("%s fails: error %T", function, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	s := new(scripted)
	c := s.compiler(13, 0)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Compile(ended, Program{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if _, err := c.Compile(context.Background(), Program{Source: "a\x00b"}); err == nil {
		t.Error("a source that holds a zero byte is taken, and would be cut there")
	}
	if s.created != 0 {
		t.Errorf("%d programs created", s.created)
	}
}

func TestOptions(t *testing.T) {
	base := []string{"--gpu-architecture=sm_90a", "--std=c++17", "--ptxas-options=-v"}
	for _, test := range []struct {
		major, minor int
		noCache      bool
		split        bool
	}{{11, 2, false, false}, {12, 8, false, false}, {12, 9, true, false}, {13, 0, true, true}} {
		c := new(scripted).compiler(test.major, test.minor)
		want := slices.Clone(base)
		if test.noCache {
			want = append(want, "--no-cache")
		}
		if test.split {
			want = append(want, "--split-compile=4")
		}
		want = append(want, "--maxrregcount=64", "-DX=1")
		if got := c.Options(Program{Arch: "sm_90a", Options: []string{"--maxrregcount=64", "-DX=1"}}); !slices.Equal(got, want) {
			t.Errorf("NVRTC %d.%d: options %v, want %v", test.major, test.minor, got, want)
		}
	}
}
