package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/internal/require"
	"golang.org/x/sys/unix"
)

// patience is how long a process may take for what it does in milliseconds, on a machine that is busy with other tests.
const patience = time.Minute

// command returns the command, in an environment like a script's, to be killed when patience ends.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("gmmspec")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	home := t.TempDir()
	c := exec.CommandContext(ctx, path, args...)
	c.Env = append(os.Environ(), "HOME="+home, "GMMSPEC_CACHE="+filepath.Join(home, "cache"), "GORACE=atexit_sleep_ms=0")
	return c
}

// terminal returns both ends of a pseudo-terminal.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// endless is a fit that ends when it is told to, and shows where it stands.
func endless(t *testing.T, flags ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	data := filepath.Join("..", "..", "testdata", "data", "japanese-vowels.csv")
	args := append([]string{"train", "-M", "4", "--columns", "3-14", "--device", "reference", "--tol", "0", "--max-iter", "1000000000"}, flags...)
	c := command(t, append(args, data)...)
	var stdout bytes.Buffer
	c.Stdout = &stdout
	return c, &stdout
}

// interrupt starts a fit with a terminal for standard error, sends the signal once the bar shows an iteration, and returns all
// that the terminal showed.
func interrupt(t *testing.T, c *exec.Cmd, signal os.Signal) string {
	t.Helper()
	ours, theirs := terminal(t)
	c.Stderr = theirs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	iterating := regexp.MustCompile(`log-likelihood -?\d+\.\d+ an event .*\([1-9]\d*/1000000000\)`)
	var shown bytes.Buffer
	sent, buffer := false, make([]byte, 1<<12)
	for {
		n, err := ours.Read(buffer)
		shown.Write(buffer[:n])
		if err != nil { // EIO: the process has closed its end
			break
		}
		if !sent && iterating.Match(shown.Bytes()) {
			sent = true
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := c.Wait()
	if c.ProcessState.ExitCode() != statusFailed {
		t.Fatalf("ended with %v: want exit status %d; the terminal showed %q", err, statusFailed, shown.String())
	}
	return shown.String()
}

// lastLine returns what is left on a terminal after the bar has been cleared.
func lastLine(shown string) string {
	lines := strings.Split(strings.TrimRight(shown, "\r\n"), "\r")
	return strings.TrimSpace(lines[len(lines)-1])
}

func TestInterruptKeepsTheLastIteration(t *testing.T) {
	t.Parallel()
	model := filepath.Join(t.TempDir(), "model.json")
	c, stdout := endless(t, "-o", model)
	said := lastLine(interrupt(t, c, os.Interrupt))
	match := regexp.MustCompile(`^gmmspec: interrupted after iteration (\d+), which is in (.*)$`).FindStringSubmatch(said)
	if match == nil || match[2] != model {
		t.Fatalf("said %q", said)
	}
	if !regexp.MustCompile(`(?m)^iterations +` + match[1] + `, not converged$`).Match(stdout.Bytes()) {
		t.Errorf("wrote to standard output: %q", stdout)
	}
	text, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"iterations":` + match[1] + `,"converged":false`; !bytes.Contains(text, []byte(want)) {
		t.Errorf("the model's record lacks %s", want)
	}
	score := command(t, "score", "-m", model, "--columns", "3-14", filepath.Join("..", "..", "testdata", "data", "japanese-vowels.csv"))
	if out, err := score.CombinedOutput(); err != nil {
		t.Errorf("the model cannot be used: %v: %s", err, out)
	}
}

func TestTerminateWithoutOutput(t *testing.T) {
	t.Parallel()
	c, stdout := endless(t, "--json")
	said := lastLine(interrupt(t, c, syscall.SIGTERM))
	match := regexp.MustCompile(`^gmmspec: interrupted after iteration (\d+)$`).FindStringSubmatch(said)
	if match == nil {
		t.Fatalf("said %q", said)
	}
	if want := `"iterations":` + match[1] + `,"converged":false`; !strings.Contains(stdout.String(), want) {
		t.Errorf("wrote to standard output: %q, without %s", stdout, want)
	}
}

// TestInterruptWhileReading writes more than a pipe holds, so that the command has begun to read it, and leaves it waiting.
func TestInterruptWhileReading(t *testing.T) {
	t.Parallel()
	const pipeBytes = 1 << 16
	c := command(t, "train", "-M", "2", "-")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write([]byte(strings.Repeat("1,2\n", pipeBytes))); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = c.Wait()
	if got, want := stderr.String(), "gmmspec: interrupted while reading the data\n"; c.ProcessState.ExitCode() != statusFailed || got != want {
		t.Errorf("ended with %v, said %q: want exit status %d and %q", err, got, statusFailed, want)
	}
}

// TestInterruptWhileCompiling has a compiler that answers questions and then hangs.
func TestInterruptWhileCompiling(t *testing.T) {
	t.Parallel()
	_, err := exec.LookPath("cc")
	require.Have(t, "cc", err)
	for _, test := range []struct{ verb, want string }{
		{"train -M 2 --device cc " + filepath.Join("..", "..", "testdata", "data", "faithful.csv"), "before the first iteration: there is nothing to write"},
		{"compile -M 2 -D 2", ""},
	} {
		verb, _, _ := strings.Cut(test.verb, " ")
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			started, compiler := filepath.Join(t.TempDir(), "started"), filepath.Join(t.TempDir(), "hangs")
			script := fmt.Sprintf("#!/bin/sh\ncase \"$1\" in --version|-dumpmachine) exec cc \"$@\";; esac\n: >'%s'\nexec sleep 600\n", started)
			if err := os.WriteFile(compiler, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			c := command(t, strings.Fields(test.verb)...)
			c.Env = append(c.Env, "CC=/bin/sh "+compiler) // not the file itself: a sibling's fork may hold it open for writing yet
			var stderr bytes.Buffer
			c.Stderr = &stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				if _, err := os.Stat(started); err == nil || time.Now().After(deadline) {
					break
				}
			}
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			err := c.Wait()
			want := strings.TrimRight("gmmspec: interrupted "+test.want, " ") + "\n"
			if got := stderr.String(); c.ProcessState.ExitCode() != statusFailed || got != want {
				t.Errorf("ended with %v, said %q: want exit status %d and %q", err, got, statusFailed, want)
			}
		})
	}
}

// TestReaderGone leaves no reader for the results: the command ends, by SIGPIPE as its peers do, and without a word.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	c := command(t, "render", "-M", "64", "-D", "19")
	var stderr bytes.Buffer
	c.Stdout, c.Stderr = writer, &stderr
	err = c.Run()
	status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signal() != syscall.SIGPIPE || stderr.Len() > 0 {
		t.Errorf("ended with %v, said %q", err, stderr.String())
	}
}

// TestBarLeavesNothing shows a bar on a terminal and clears it, so that the results follow on an empty line.
func TestBarLeavesNothing(t *testing.T) {
	t.Parallel()
	ours, theirs := terminal(t)
	c := command(t, "train", "-M", "2", filepath.Join("..", "..", "testdata", "data", "faithful.csv"))
	c.Stderr = theirs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	var shown bytes.Buffer
	_, _ = shown.ReadFrom(ours) // ends with EIO
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if text := shown.String(); !strings.Contains(text, "starting") || lastLine(text) != "" || strings.Contains(text, "\n") {
		t.Errorf("the terminal showed %q", text)
	}
}
