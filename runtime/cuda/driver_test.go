package cuda

import (
	"errors"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda/internal/dl"
)

func TestCandidates(t *testing.T) {
	paths := func(variable string) string {
		var list []string
		for _, a := range candidates(func(name string) string {
			if name == LibraryVariable {
				return variable
			}
			return ""
		}) {
			list = append(list, a.Path)
		}
		return strings.Join(list, " ")
	}
	if got, want := paths(""), "libcuda.so.1 /usr/lib/wsl/lib/libcuda.so.1"; got != want {
		t.Errorf("candidates %s, want %s", got, want)
	}
	if got, want := paths("/mine.so"), "/mine.so"; got != want {
		t.Errorf("with %s set: candidates %s, want it alone", LibraryVariable, got)
	}
}

func TestBindFirst(t *testing.T) {
	missing := errors.New("cannot open")
	list := func() []Attempt { return []Attempt{{Path: "a"}, {Path: "b"}, {Path: "c"}} }
	api, attempts := bindFirst(list(), func(path string, _ any) error {
		if path == "b" {
			return nil
		}
		return missing
	})
	if api == nil || len(attempts) != 2 || !errors.Is(attempts[0].Err, missing) || attempts[1].Err != nil {
		t.Errorf("attempts %v, want the second to succeed", attempts)
	}
	api, attempts = bindFirst(list(), func(string, any) error { return missing })
	if api != nil || len(attempts) != 3 || !errors.Is(attempts[2].Err, missing) {
		t.Errorf("attempts %v, want three that fail", attempts)
	}
}

func TestEveryFunctionNamesItsSymbol(t *testing.T) {
	var api API
	seen := map[string]bool{}
	err := dl.Bind(&api, func(symbol string) uintptr {
		if !strings.HasPrefix(symbol, "cu") || seen[symbol] {
			t.Errorf("symbol %q is no driver function's, or bound twice", symbol)
		}
		seen[symbol] = true
		return 1
	}, func(any, uintptr) {})
	if err != nil {
		t.Error(err)
	}
}

func TestUnavailableError(t *testing.T) {
	missing := errors.New("cannot open shared object file")
	err := error(&UnavailableError{Attempts: []Attempt{{Path: "libcuda.so.1", Why: "soname", Err: missing}}})
	if !errors.Is(err, ErrUnavailable) {
		t.Error("it is not ErrUnavailable")
	}
	if want := ": libcuda.so.1 (soname): cannot open shared object file"; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("message %q, want it to end in %q", err, want)
	}
	err = &UnavailableError{Cause: &Error{Call: "cuInit", Result: ResultNoDevice}}
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, ResultNoDevice) {
		t.Errorf("error %v, want ErrUnavailable and CUDA_ERROR_NO_DEVICE", err)
	}
	if want := "cuda: not available: cuda: cuInit: CUDA_ERROR_NO_DEVICE (100)"; err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
}

func TestParseVersion(t *testing.T) {
	for number, want := range map[int32]string{13000: "13.0", 12040: "12.4", 11080: "11.8"} {
		if got := parseVersion(number).String(); got != want {
			t.Errorf("%d is version %s, want %s", number, got, want)
		}
	}
}

func TestUUID(t *testing.T) {
	u := UUID{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10}
	if got, want := u.String(), "GPU-01234567-89ab-cdef-fedc-ba9876543210"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDeviceWithoutDriver(t *testing.T) {
	if _, err := (Device{}).Open(); !errors.Is(err, ErrArgument) {
		t.Errorf("error %v, want ErrArgument", err)
	}
}
