package compiler_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
)

// requireCompiler returns the compiler of this machine. Without one it skips the test, or fails it when
// the list in GMMSPEC_REQUIRE names cc.
func requireCompiler(t *testing.T, opts compiler.Options) *compiler.Compiler {
	t.Helper()
	c, err := compiler.Find(opts)
	require.Have(t, "cc", err)
	return c
}

// variables makes an environment of the given variables alone.
func variables(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestFindNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		opts compiler.Options
		want []string // the attempts
	}{
		{
			name: "empty environment",
			opts: compiler.Options{Env: variables(nil)},
			want: []string{"cc (PATH)", "gcc (PATH)", "clang (PATH)"},
		},
		{
			name: "empty directory on PATH, blank CC",
			opts: compiler.Options{Env: variables(map[string]string{"PATH": t.TempDir(), "CC": "  "})},
			want: []string{"cc (PATH)", "gcc (PATH)", "clang (PATH)"},
		},
		{
			name: "missing CC",
			opts: compiler.Options{Env: variables(map[string]string{"CC": "no-such-compiler -O1"})},
			want: []string{"no-such-compiler -O1 ($CC)", "cc (PATH)", "gcc (PATH)", "clang (PATH)"},
		},
		{
			name: "missing option: nothing else is tried",
			opts: compiler.Options{Path: filepath.Join(t.TempDir(), "cc")},
			want: []string{"cc (option)"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := compiler.Find(test.opts)
			var unavailable *compiler.UnavailableError
			if !errors.As(err, &unavailable) {
				t.Fatalf("error is %v, want an *UnavailableError", err)
			}
			if len(unavailable.Attempts) != len(test.want) {
				t.Fatalf("attempts are %v, want %v", unavailable.Attempts, test.want)
			}
			for i, a := range unavailable.Attempts {
				if a.Err == nil || !strings.Contains(a.String(), test.want[i]) {
					t.Errorf("attempt %d is %q, want the failure of %q", i, a, test.want[i])
				}
				if !strings.Contains(err.Error(), a.String()) {
					t.Errorf("the error %q does not list %q", err, a)
				}
			}
		})
	}
}

// TestFindRefuses plays compilers that Find must pass over, and tell why.
func TestFindRefuses(t *testing.T) {
	for _, test := range []struct {
		part string
		want string
	}{
		{"mute", "printed nothing"},
		{"refuse", "error: not today"},
		{"foreign", "compiles for s390x-ibm-zos"},
	} {
		t.Run(test.part, func(t *testing.T) {
			_, err := compiler.Find(compiler.Options{Env: variables(map[string]string{"CC": fake(t, test.part, noUse)})})
			var unavailable *compiler.UnavailableError
			if !errors.As(err, &unavailable) {
				t.Fatalf("error is %v, want an *UnavailableError", err)
			}
			if got := unavailable.Attempts[0].String(); !strings.Contains(got, test.want) {
				t.Errorf("attempt is %q, want it to mention %q", got, test.want)
			}
		})
	}
}

func TestFindGivesUpWaiting(t *testing.T) {
	t.Parallel()
	lives := newLives(t)
	_, err := compiler.Find(compiler.Options{
		Env:     variables(map[string]string{"CC": fake(t, "hang-at-once", lives.address())}),
		Timeout: hangLimit,
	})
	wantDead(t, lives.wantAlive(t, 1))
	var unavailable *compiler.UnavailableError
	if !errors.As(err, &unavailable) {
		t.Fatalf("error is %v, want an *UnavailableError", err)
	}
	if got := unavailable.Attempts[0].Err; !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("attempt ends with %v, want context.DeadlineExceeded", got)
	}
}

// TestFindFallsBack has an unusable $CC, which must be reported, and the PATH of this machine.
func TestFindFallsBack(t *testing.T) {
	env := variables(map[string]string{"CC": "no-such-compiler", "PATH": os.Getenv("PATH")})
	c := requireCompiler(t, compiler.Options{Env: env})
	if len(c.Attempts) < 2 {
		t.Fatalf("attempts are %v, want the unusable $CC and another", c.Attempts)
	}
	if first := c.Attempts[0]; first.Origin != "$CC" || !errors.Is(first.Err, exec.ErrNotFound) {
		t.Errorf("first attempt is %v, want $CC not found", first)
	}
	if last := c.Attempts[len(c.Attempts)-1]; last.Origin != "PATH" || last.Err != nil {
		t.Errorf("last attempt is %v, want one usable, from PATH", last)
	}
}

func TestFindFingerprint(t *testing.T) {
	cc := fake(t, "silent", noUse)
	c, err := compiler.Find(compiler.Options{Env: variables(map[string]string{"CC": "  " + cc + " -DX=1 "})})
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(cc)
	f := c.Fingerprint
	if want := append(words, "-DX=1"); !slices.Equal(f.Command, want) {
		t.Errorf("command is %q, want %q", f.Command, want)
	}
	path, err := filepath.EvalSymlinks(words[0])
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Path != path || f.Size != info.Size() || !f.ModTime.Equal(info.ModTime()) {
		t.Errorf("binary is %s, %d bytes, %v; want %s, %d bytes, %v", f.Path, f.Size, f.ModTime, path, info.Size(), info.ModTime())
	}
	if f.Version != "fake compiler 1.0" || f.Target != machine("silent") {
		t.Errorf("version is %q for %q, want the fake's for %q", f.Version, f.Target, machine("silent"))
	}
	if got, want := f.String(), "fake compiler 1.0, "+machine("silent"); !strings.HasPrefix(got, want) {
		t.Errorf("fingerprint reads %q, want it to begin with %q", got, want)
	}
}

// TestFindLinks finds a compiler through a symbolic link: it is invoked by the link's name, as wrappers such as ccache need,
// and known by the binary behind it.
func TestFindLinks(t *testing.T) {
	real := requireCompiler(t, compiler.Options{Env: variables(map[string]string{"PATH": os.Getenv("PATH")})})
	link := filepath.Join(t.TempDir(), "cc")
	if err := os.Symlink(real.Fingerprint.Command[0], link); err != nil {
		t.Fatal(err)
	}
	c, err := compiler.Find(compiler.Options{Path: link})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Fingerprint.Command[0]; got != link {
		t.Errorf("invoked as %s, want %s", got, link)
	}
	if got := c.Fingerprint.Path; got != real.Fingerprint.Path {
		t.Errorf("binary is %s, want %s", got, real.Fingerprint.Path)
	}
}

// TestFindIgnoresWorkingDirectory puts a program named cc in the working directory and that directory on PATH as ".".
func TestFindIgnoresWorkingDirectory(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(self, "cc"); err != nil {
		t.Fatal(err)
	}
	_, err = compiler.Find(compiler.Options{Env: variables(map[string]string{"PATH": "." + string(os.PathListSeparator)})})
	var unavailable *compiler.UnavailableError
	if !errors.As(err, &unavailable) {
		t.Fatalf("error is %v, want an *UnavailableError", err)
	}
	for _, a := range unavailable.Attempts {
		if !errors.Is(a.Err, exec.ErrNotFound) {
			t.Errorf("attempt %v, want every name not found", a)
		}
	}
}

func TestIdentity(t *testing.T) {
	cc := fake(t, "silent", noUse)
	c, err := compiler.Find(compiler.Options{Env: variables(map[string]string{"CC": cc})})
	if err != nil {
		t.Fatal(err)
	}
	base := c.Identity()
	if base != c.Identity() {
		t.Error("two calls differ")
	}
	for name, change := range map[string]func(*compiler.Compiler){
		"arguments": func(c *compiler.Compiler) { c.Fingerprint.Command = append(slices.Clone(c.Fingerprint.Command), "-g") },
		"framing of arguments": func(c *compiler.Compiler) {
			c.Fingerprint.Command = []string{strings.Join(c.Fingerprint.Command, " ")}
		},
		"path":      func(c *compiler.Compiler) { c.Fingerprint.Path += "x" },
		"size":      func(c *compiler.Compiler) { c.Fingerprint.Size++ },
		"time":      func(c *compiler.Compiler) { c.Fingerprint.ModTime = c.Fingerprint.ModTime.Add(time.Nanosecond) },
		"version":   func(c *compiler.Compiler) { c.Fingerprint.Version += " " },
		"target":    func(c *compiler.Compiler) { c.Fingerprint.Target += "x32" },
		"processor": func(c *compiler.Compiler) { c.Processor += "+" },
	} {
		changed := *c
		change(&changed)
		if changed.Identity() == base {
			t.Errorf("a change of %s leaves the identity as it was", name)
		}
	}
	for _, flag := range c.Arguments() {
		if !strings.Contains(base, flag) {
			t.Errorf("the identity does not mention the argument %q", flag)
		}
	}
	for _, name := range []string{"SDKROOT", "DEVELOPER_DIR"} {
		kit, err := compiler.Find(compiler.Options{Env: variables(map[string]string{"CC": cc, name: "/another/kit"})})
		if err != nil {
			t.Fatal(err)
		}
		if kit.Identity() == base {
			t.Errorf("%s does not change the identity", name)
		}
	}
}
