package isolate

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
)

// variable names the test that runs again in this process.
const variable = "GMMSPEC_ISOLATED"

// Alone reports whether the test runs in a process of its own. If not it runs the test in one, fails and skips as it does
// there, and the caller must return.
func Alone(t *testing.T) bool {
	t.Helper()
	alone, err := again(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	return alone
}

// again is Alone for a process of further attributes; the error says that there is none to be had.
func again(t *testing.T, attributes *syscall.SysProcAttr) (inside bool, err error) {
	t.Helper()
	if os.Getenv(variable) == t.Name() {
		return true, nil
	}
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v")
	child.Env = append(os.Environ(), variable+"="+t.Name(), "GORACE=atexit_sleep_ms=0") // else each process of a test under -race takes a second to end
	child.SysProcAttr = attributes
	out, err := child.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		return false, err
	}
	t.Logf("in a process of its own:\n%s", out)
	switch {
	case err != nil:
		t.Error(err)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name()+" ")):
		t.SkipNow()
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")):
		t.Error("did not run again")
	}
	return false, nil
}

// Protect takes this user's own permission to write from a directory and all directories in it, or gives it back.
func Protect(t *testing.T, dir string, readOnly bool) {
	t.Helper()
	mode := fs.FileMode(0o700)
	if readOnly {
		mode = 0o500
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// GiveAway makes a file another user's, as only the superuser may: anybody else's test is skipped.
func GiveAway(t *testing.T, path string) {
	t.Helper()
	require.Have(t, "root", os.Chown(path, os.Geteuid()+1, os.Getegid()))
}
