package compiler_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cc/object"
)

const (
	// hangLimit is the time given to compilers that hang: enough for them to start on a busy machine.
	hangLimit = 2 * time.Second
	// patience is how long a process may take to come alive, or to disappear when it is killed.
	patience = 10 * time.Second
)

// kernelName is the name of all kernels here.
const kernelName = "score-diag-lanes"

// goodSource is a kernel that any C compiler takes.
const goodSource = `#include <math.h>
__attribute__((visibility("default"))) void run(const double *x, double *y) { y[0] = exp(x[0]); }
`

// lives counts processes that connect to it and notices when they die.
type lives struct{ listener *net.TCPListener }

// newLives listens until the test ends.
func newLives(t *testing.T) *lives {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return &lives{listener}
}

// address is what a process connects to.
func (l *lives) address() string { return l.listener.Addr().String() }

// wantAlive waits for n processes to come alive and returns their connections.
func (l *lives) wantAlive(t *testing.T, n int) []net.Conn {
	t.Helper()
	deadline := time.Now().Add(patience)
	if err := l.listener.SetDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	alive := make([]net.Conn, n)
	for i := range alive {
		c, err := l.listener.Accept()
		if err != nil {
			t.Fatalf("process %d of %d does not come alive: %v", i+1, n, err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		alive[i] = c
	}
	return alive
}

// wantDead fails the test unless the processes behind the connections die.
func wantDead(t *testing.T, alive []net.Conn) {
	t.Helper()
	for _, c := range alive {
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a process of the compiler outlives it")
		}
	}
}

// faked returns a compiler of which every compilation plays a part, and the directory that holds its private ones.
func faked(t *testing.T, part, use string, timeout time.Duration) (c *compiler.Compiler, tempDir string) {
	t.Helper()
	tempDir = t.TempDir()
	c, err := compiler.Find(compiler.Options{
		Env:     variables(map[string]string{"CC": fake(t, part, use), "CPATH": "/nowhere", "HOME": "/home/of/test"}),
		Timeout: timeout,
		TempDir: tempDir,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, tempDir
}

// wantEmpty fails the test if a compilation left anything in dir.
func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left behind", e.Name())
	}
}

func TestCompile(t *testing.T) {
	dir := t.TempDir()
	c := requireCompiler(t, compiler.Options{TempDir: dir})
	sealed, log, err := c.Compile(t.Context(), kernelName, goodSource)
	if err != nil {
		t.Fatal(err)
	}
	if log != "" {
		t.Errorf("the compiler has something to say: %s", log)
	}
	raw, err := object.Unseal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte("\x00run\x00")) {
		t.Error("the object does not name its function")
	}
	wantEmpty(t, dir)
}

func TestCompileWarning(t *testing.T) {
	c := requireCompiler(t, compiler.Options{})
	_, log, err := c.Compile(t.Context(), kernelName, "#warning mind the gap\n"+goodSource)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, "mind the gap") {
		t.Errorf("log is %q, want the warning", log)
	}
}

func TestCompileBroken(t *testing.T) {
	dir := t.TempDir()
	c := requireCompiler(t, compiler.Options{TempDir: dir})
	source := "#warning first\n" + goodSource + "int broken(void) { return undeclared; }\n"
	_, log, err := c.Compile(t.Context(), kernelName, source)
	var broken *compiler.CompileError
	if !errors.As(err, &broken) {
		t.Fatalf("error is %v, want a *CompileError", err)
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		t.Errorf("error is %v, want it to wrap an *exec.ExitError", err)
	}
	for _, want := range []string{kernelName, "kernel.c:4:", "undeclared"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %q, want it to mention %q", err, want)
		}
	}
	if broken.Source != source || broken.Log != log || broken.Name != kernelName || !slices.Equal(broken.Command, c.Arguments()) {
		t.Errorf("error holds %+v, want what was compiled", broken)
	}
	wantEmpty(t, dir)
}

// TestCompileArguments gives $CC arguments that the source depends on.
func TestCompileArguments(t *testing.T) {
	plain := requireCompiler(t, compiler.Options{})
	cc := strings.Join(plain.Fingerprint.Command, " ") + " -DFIRST=1  -DSECOND"
	env := func(name string) string {
		if name == "CC" {
			return cc
		}
		return os.Getenv(name)
	}
	c, err := compiler.Find(compiler.Options{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	source := "#if FIRST != 1 || !defined SECOND\n#error arguments are lost\n#endif\n" + goodSource
	if _, _, err := c.Compile(t.Context(), kernelName, source); err != nil {
		t.Error(err)
	}
	var broken *compiler.CompileError
	if _, _, err := plain.Compile(t.Context(), kernelName, source); !errors.As(err, &broken) {
		t.Errorf("without the arguments the error is %v, want a *CompileError", err)
	}
}

func TestCompileHang(t *testing.T) {
	t.Parallel()
	lives := newLives(t)
	c, dir := faked(t, "hang", lives.address(), hangLimit)
	_, _, err := c.Compile(t.Context(), kernelName, goodSource)
	wantDead(t, lives.wantAlive(t, 2))
	var timeout *compiler.TimeoutError
	if !errors.As(err, &timeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error is %v, want a *TimeoutError that wraps context.DeadlineExceeded", err)
	}
	if timeout.Name != kernelName || timeout.Limit != hangLimit || !slices.Equal(timeout.Command, c.Arguments()) {
		t.Errorf("error holds %+v, want what was compiled and for how long", timeout)
	}
	wantEmpty(t, dir)
}

// TestCompileCancel ends the caller's context while the compiler and its child run.
func TestCompileCancel(t *testing.T) {
	t.Parallel()
	lives := newLives(t)
	c, dir := faked(t, "hang", lives.address(), time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, _, err := c.Compile(ctx, kernelName, goodSource)
		done <- err
	}()
	alive := lives.wantAlive(t, 2)
	cancel()
	err := <-done
	wantDead(t, alive)
	var timeout *compiler.TimeoutError
	if !errors.Is(err, context.Canceled) || errors.As(err, &timeout) {
		t.Errorf("error is %v, want the context's and no *TimeoutError", err)
	}
	wantEmpty(t, dir)
}

func TestCompileCancelledBefore(t *testing.T) {
	c, dir := faked(t, "silent", noUse, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Compile(ctx, kernelName, goodSource); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
	wantEmpty(t, dir)
}

// TestCompileAbandon plays a compiler that ends well but leaves a child that holds its standard error.
func TestCompileAbandon(t *testing.T) {
	t.Parallel()
	lives := newLives(t)
	c, dir := faked(t, "abandon", lives.address(), time.Hour)
	_, _, err := c.Compile(t.Context(), kernelName, goodSource)
	wantDead(t, lives.wantAlive(t, 1))
	if !errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("error is %v, want exec.ErrWaitDelay", err)
	}
	wantEmpty(t, dir)
}

func TestCompileNoObject(t *testing.T) {
	for _, test := range []struct {
		part  string
		check func(error) bool
	}{
		{"silent", func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		{"directory", func(err error) bool { var e *fs.PathError; return errors.As(err, &e) }},
		{"garbage", func(err error) bool { var e *object.FormatError; return errors.As(err, &e) }},
	} {
		t.Run(test.part, func(t *testing.T) {
			c, dir := faked(t, test.part, noUse, time.Hour)
			sealed, _, err := c.Compile(t.Context(), kernelName, goodSource)
			var output *compiler.OutputError
			if !errors.As(err, &output) || !test.check(err) || sealed != nil {
				t.Errorf("Compile returns %d bytes and %v, want an *OutputError with its reason", len(sealed), err)
			}
			if !strings.Contains(err.Error(), kernelName) {
				t.Errorf("error %q does not name the kernel", err)
			}
			wantEmpty(t, dir)
		})
	}
}

func TestCompileFail(t *testing.T) {
	c, dir := faked(t, "fail", noUse, time.Hour)
	_, log, err := c.Compile(t.Context(), kernelName, goodSource)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("error is %v, want exit status 3", err)
	}
	if !strings.HasSuffix(err.Error(), ": kernel.c:7:1: error: so the part says") {
		t.Errorf("error is %q, want the line that is an error", err)
	}
	if !strings.HasPrefix(log, "reading kernel.c\n") {
		t.Errorf("log is %q, want all that was said", log)
	}
	wantEmpty(t, dir)
}

func TestCompileLongLog(t *testing.T) {
	c, _ := faked(t, "talk", noUse, time.Hour)
	_, log, err := c.Compile(t.Context(), kernelName, goodSource)
	if err == nil {
		t.Fatal("a failing compiler is not noticed")
	}
	const kept = 64 << 10
	if !strings.HasPrefix(log, strings.Repeat("warning\n", kept/len("warning\n"))) {
		t.Errorf("log of %d bytes does not begin with the first %d of what was said", len(log), kept)
	}
	if log[kept:] != "\n[983040 more bytes not kept]\n" {
		t.Errorf("log goes on with %q, want the number of bytes dropped", log[kept:])
	}
}

// TestCompileSurroundings lets the compiler tell where and with which variables it runs.
func TestCompileSurroundings(t *testing.T) {
	c, tempDir := faked(t, "confess", noUse, time.Hour)
	_, log, _ := c.Compile(t.Context(), kernelName, goodSource)
	said := make(map[string]string)
	for line := range strings.Lines(log) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		said[name] = value
	}
	resolved, err := filepath.EvalSymlinks(tempDir)
	if err != nil {
		t.Fatal(err)
	}
	if dir := said["dir"]; filepath.Dir(dir) != resolved && filepath.Dir(dir) != tempDir {
		t.Errorf("runs in %q, want a directory in %s", dir, tempDir)
	}
	if want := "drwx------"; said["mode"] != want {
		t.Errorf("directory has mode %s, want %s", said["mode"], want)
	}
	if dir := said["TMPDIR"]; filepath.Base(dir) != filepath.Base(said["dir"]) {
		t.Errorf("TMPDIR is %q, want the private directory", dir)
	}
	if said["LC_ALL"] != "C" || said["HOME"] != "/home/of/test" {
		t.Errorf("LC_ALL is %q and HOME %q, want C and the home given", said["LC_ALL"], said["HOME"])
	}
	if value, ok := said["CPATH"]; ok {
		t.Errorf("CPATH is %q, want none", value)
	}
}

func TestCompileNoTempDir(t *testing.T) {
	c, dir := faked(t, "silent", noUse, time.Hour)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Compile(t.Context(), kernelName, goodSource); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want fs.ErrNotExist", err)
	}
}

// TestCompileVanished removes the compiler after it was found.
func TestCompileVanished(t *testing.T) {
	real := requireCompiler(t, compiler.Options{Env: variables(map[string]string{"PATH": os.Getenv("PATH")})})
	link := filepath.Join(t.TempDir(), "cc")
	if err := os.Symlink(real.Fingerprint.Command[0], link); err != nil {
		t.Fatal(err)
	}
	c, err := compiler.Find(compiler.Options{Path: link})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	var broken *compiler.CompileError
	if _, _, err := c.Compile(t.Context(), kernelName, goodSource); !errors.As(err, &broken) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want a *CompileError that wraps fs.ErrNotExist", err)
	}
}
