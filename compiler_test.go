package gmmspec

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
)

// fakeArgument, as the first argument, makes the test binary play a C compiler: $CC may carry arguments, so that no script is
// needed and no shell. The second argument is the command of the machine's own compiler, the third the part to play.
const fakeArgument = "-fake-compiler"

// The parts of a fake compiler.
const (
	honest   = "honest"   // compiles
	failing  = "failing"  // says why not
	choosy   = "choosy"   // compiles no E-step
	hanging  = "hanging"  // never ends
	garbling = "garbling" // leaves something that is no object
	lying    = "lying"    // compiles, but every log-density is a little off
	biased   = "biased"   // compiles, but the M-step's means are a little off
	shirking = "shirking" // compiles, but the M-step is handed to the host
	sparing  = "sparing"  // compiles, but labels of 0, which are mostly there already, are not written
)

// source is what a compiler is given.
const source = "kernel.c"

// playCompiler is the whole of a fake compiler; it returns the exit status.
func playCompiler(arguments []string) int {
	command, part, arguments := arguments[0], arguments[1], arguments[2:]
	questions := []string{"--version", "-dumpmachine"}
	for _, a := range arguments {
		if slices.Contains(questions, a) {
			return call(command, arguments)
		}
	}
	const object = "kernel.so"
	switch part {
	case failing:
		fmt.Fprintln(os.Stderr, "kernel.c:1:1: error: so the part says")
		return 1
	case choosy:
		if text, err := os.ReadFile(source); err != nil || bytes.Contains(text, []byte("// estep-")) {
			fmt.Fprintln(os.Stderr, "kernel.c:1:1: error: so the part says")
			return 1
		}
	case hanging:
		time.Sleep(time.Hour)
	case garbling:
		return status(os.WriteFile(object, []byte("garbage"), 0o600))
	case lying:
		return rewrite("record[D + 1] -", "(real)1.01 * record[D + 1] -", command, arguments)
	case shirking:
		return rewrite("status[m] = !(", "status[m] = 1 + !(", command, arguments)
	case sparing:
		return rewrite("if (labels) labels[first + t + i]", "if (labels && label[i]) labels[first + t + i]", command, arguments)
	case biased:
		return rewrite("means[m * D + a] = mean;", "means[m * D + a] = mean + ridge[a];", command, arguments)
	}
	return call(command, arguments)
}

// rewrite compiles the source in which a piece of text is another one, where it occurs.
func rewrite(old, changed, command string, arguments []string) int {
	text, err := os.ReadFile(source)
	if err != nil {
		return status(err)
	}
	if err := os.WriteFile(source, bytes.ReplaceAll(text, []byte(old), []byte(changed)), 0o600); err != nil {
		return status(err)
	}
	return call(command, arguments)
}

func call(command string, arguments []string) int {
	c := exec.Command(command, arguments...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return status(c.Run())
}

func status(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// compilerTimeout is what compilers of tests have: long for a kernel, short for one that hangs.
const compilerTimeout = 10 * time.Second

// playing returns a workshop whose C compiler plays a part.
func playing(t *testing.T, part string) *workshop {
	t.Helper()
	own, err := compiler.Find(compiler.Options{})
	require.Have(t, "cc", err)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cc := strings.Join([]string{self, fakeArgument, own.Fingerprint.Path, part}, " ")
	options := compiler.Options{Timeout: compilerTimeout, Env: func(name string) string {
		if name == "CC" {
			return cc
		}
		return os.Getenv(name)
	}}
	if part == hanging {
		options.Timeout = 2 * time.Second
	}
	w := newWorkshop()
	w.findCC = sync.OnceValues(func() (*compiler.Compiler, error) { return compiler.Find(options) })
	return w
}

// without returns a workshop that finds no C compiler.
func without(t testing.TB) *workshop {
	t.Helper()
	w := newWorkshop()
	nowhere := filepath.Join(t.TempDir(), "no-such-compiler")
	w.findCC = sync.OnceValues(func() (*compiler.Compiler, error) { return compiler.Find(compiler.Options{Path: nowhere}) })
	return w
}
