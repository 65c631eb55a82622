package compiler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"
)

// Options say where to look for a compiler and how to run it. The zero value is ready to use.
type Options struct {
	// Path names the compiler's binary. When it is set nothing else is tried.
	Path string
	// Env looks up environment variables; nil means os.Getenv.
	Env func(string) string
	// Timeout limits one compilation; zero means DefaultTimeout. It also limits each question that Find asks a compiler.
	Timeout time.Duration
	// TempDir holds the private directories of compilations; empty means os.TempDir().
	TempDir string
}

// Where an Attempt's command comes from.
const (
	originOption = "option"
	OriginCC     = "$CC" // the environment variable
	originPATH   = "PATH"
)

// An Attempt is one command that Find tried.
type Attempt struct {
	Origin  string // "option", "$CC" or "PATH"
	Command string // as given, before it was looked up
	Err     error  // why it cannot be used, or nil
}

// String returns the command and the outcome on one line.
func (a Attempt) String() string {
	if a.Err != nil {
		return fmt.Sprintf("%s (%s): %v", a.Command, a.Origin, a.Err)
	}
	return fmt.Sprintf("%s (%s): usable", a.Command, a.Origin)
}

// Find returns the first usable compiler of: the one that opts names; otherwise $CC, which may
// carry arguments separated by spaces, then cc, gcc and clang on PATH. A compiler is usable when it answers
// --version and -dumpmachine and compiles for the system and processor that this program runs on.
// Compiler.Attempts tells what became of the others. When there is none the error is an *UnavailableError.
func Find(opts Options) (*Compiler, error) {
	if opts.Env == nil {
		opts.Env = os.Getenv
	}
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.TempDir == "" {
		opts.TempDir = os.TempDir()
	}
	processor, err := ProcessorID()
	if err != nil {
		return nil, err
	}
	var attempts []Attempt
	for _, c := range candidates(opts) {
		fingerprint, err := inspect(c.command, opts)
		attempts = append(attempts, Attempt{Origin: c.origin, Command: strings.Join(c.command, " "), Err: err})
		if err == nil {
			return &Compiler{
				Fingerprint: fingerprint,
				Processor:   processor,
				Attempts:    attempts,
				timeout:     opts.Timeout,
				tempDir:     opts.TempDir,
				env:         opts.Env,
			}, nil
		}
	}
	return nil, &UnavailableError{Attempts: attempts}
}

// A candidate is a command that may be a compiler.
type candidate struct {
	origin  string
	command []string
}

// candidates lists what Find tries, in order.
func candidates(opts Options) []candidate {
	if opts.Path != "" {
		return []candidate{{originOption, []string{opts.Path}}}
	}
	var list []candidate
	if words := strings.Fields(opts.Env("CC")); len(words) > 0 {
		list = append(list, candidate{OriginCC, words})
	}
	for _, name := range []string{"cc", "gcc", "clang"} {
		list = append(list, candidate{originPATH, []string{name}})
	}
	return list
}

// inspect learns a compiler's fingerprint from its binary and its answers, or why it cannot be used.
func inspect(command []string, opts Options) (Fingerprint, error) {
	path, err := lookPath(command[0], opts.Env("PATH"))
	if err != nil {
		return Fingerprint{}, err
	}
	command = slices.Concat([]string{path}, command[1:])
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Fingerprint{}, err
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return Fingerprint{}, err
	}
	version, err := ask(command, "--version", opts)
	if err != nil {
		return Fingerprint{}, err
	}
	target, err := ask(command, "-dumpmachine", opts)
	if err != nil {
		return Fingerprint{}, err
	}
	if err := checkTarget(target, goruntime.GOOS, goruntime.GOARCH); err != nil {
		return Fingerprint{}, err
	}
	return Fingerprint{
		Command: command,
		Path:    resolved,
		Size:    info.Size(),
		ModTime: info.ModTime(),
		Version: version,
		Target:  target,
	}, nil
}

// lookPath returns the absolute path of a program: name itself if it contains a separator, or else what the directories in
// the list path hold. Relative directories are passed over: what the working directory holds is nobody's choice.
func lookPath(name, path string) (string, error) {
	if filepath.Base(name) != name {
		absolute, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		return exec.LookPath(absolute)
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// ask returns the first line that a compiler prints in answer to an option.
func ask(command []string, option string, opts Options) (string, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), min(opts.Timeout, askTimeout), errTimeout)
	defer cancel()
	stdout, stderr := &boundedBuffer{limit: logLimit}, &boundedBuffer{limit: logLimit}
	question := slices.Concat(command, []string{option})
	err := execute(ctx, question, opts.TempDir, environment(opts.Env, opts.TempDir), stdout, stderr)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s %s: no answer: %w", command[0], option, context.DeadlineExceeded)
	default:
		return "", fmt.Errorf("%s %s: %w%s", command[0], option, err, summary(stderr.String()))
	}
	line, _, _ := strings.Cut(stdout.String(), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("%s %s: %w", command[0], option, errNoAnswer)
	}
	return line, nil
}

// askTimeout limits a question to a compiler. The answer takes milliseconds; wrappers that start an interpreter
// or read a cold disk, seconds.
const askTimeout = 10 * time.Second

// errNoAnswer is the outcome of a question that printed nothing.
var errNoAnswer = errors.New("printed nothing")
