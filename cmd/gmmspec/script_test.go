package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/rogpeppe/go-internal/testscript"
)

// update rewrites the scripts' expectations.
var update = flag.Bool("update", false, "rewrite what scripts compare with")

// TestScript runs testdata/script: the command as its users run it, in a directory, with a cache and a home of its own.
func TestScript(t *testing.T) {
	t.Parallel()
	findings := sync.OnceValues(diagnose)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           func(name string) (bool, error) { return condition(findings, name) },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"fails":     fails,
			"closeto":   closeTo,
			"array":     array,
			"arraynear": arrayNear,
			"npy":       npy,
			"damage":    damage,
		},
	})
}

// setup gives a script its environment: $DATA is the repository's data, $BIN holds the command and nothing else.
func setup(env *testscript.Env) error {
	data, err := filepath.Abs(filepath.Join("..", "..", "testdata", "data"))
	if err != nil {
		return err
	}
	command, err := exec.LookPath("gmmspec")
	if err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("GMMSPEC_CACHE", filepath.Join(env.WorkDir, "cache"))
	env.Setenv("DATA", data)
	env.Setenv("BIN", filepath.Dir(command))
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each process of a test under -race takes a second to end
	for _, name := range searched() {
		env.Setenv(name, os.Getenv(name))
	}
	return os.Mkdir(home, 0o700)
}

// searched lists the environment variables that say where compilers and drivers are.
func searched() []string {
	return []string{"CC", "LD_LIBRARY_PATH", "GMMSPEC_NVRTC", "CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV", "CONDA_PREFIX"}
}

// diagnose asks the command, in a home as empty as a script's, what the machine has.
func diagnose() (map[string]bool, error) {
	home, err := os.MkdirTemp("", "gmmspec-home")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	c := exec.Command("gmmspec", "doctor", "--json")
	c.Env = append(os.Environ(), "HOME="+home, "GMMSPEC_CACHE="+filepath.Join(home, "cache"))
	text, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("gmmspec doctor: %w", err)
	}
	var findings []gmmspec.Finding
	if err := json.Unmarshal(text, &findings); err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, f := range findings {
		have[f.Part] = f.OK
	}
	return map[string]bool{"cc": have["C compiler"], "nvrtc": have["NVRTC"], "cuda": have["NVRTC"] && have["cuda:0"]}, nil
}

// condition answers [cc], [nvrtc] and [cuda], and [root], which permissions do not bind. One that is required and does not
// hold fails the script.
func condition(findings func() (map[string]bool, error), name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	have, err := findings()
	if err != nil {
		return false, err
	}
	holds, known := have[name]
	if !known {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	if !holds && slices.Contains(strings.Split(os.Getenv(require.Variable), ","), name) {
		return false, fmt.Errorf("%s asks for %s, which is not here", require.Variable, name)
	}
	return holds, nil
}

// fails STATUS PROGRAM ARGUMENT… runs a program that must end with the status, silent but for one line on standard error,
// which names the program once.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails STATUS PROGRAM ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("ended with %v: want exit status %d", err, want)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("failed, and wrote to standard output: %q", out)
	}
	text := ts.ReadFile("stderr")
	if !strings.HasPrefix(text, args[1]+": ") || strings.Count(text, "\n") != 1 || strings.Count(text, args[1]+": ") != 1 {
		ts.Fatalf("want one line that names %s once, got %q", args[1], text)
	}
}
