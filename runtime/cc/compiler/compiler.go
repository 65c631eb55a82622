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
	"time"

	"github.com/gmmspec/gmmspec/runtime/cc/object"
)

// DefaultTimeout limits one compilation when Options names no limit. A kernel takes well under a second;
// the largest ones on the slowest machines seen stay below a tenth of this.
const DefaultTimeout = time.Minute

// Names of the files in a compilation's private directory. They are constants, so that the compiler's arguments and
// its messages do not depend on where or for whom a source is compiled.
const (
	sourceName = "kernel.c"
	objectName = "kernel.so"
)

// privateFile is the mode of the files in a compilation's private directory.
const privateFile = 0o600

// A Compiler runs one C compiler. It is safe for concurrent use.
type Compiler struct {
	// Fingerprint is what was learnt of the compiler when it was found.
	Fingerprint Fingerprint
	// Processor is the ProcessorID that objects are compiled for.
	Processor string
	// Attempts lists every command that Find tried, the successful one last.
	Attempts []Attempt

	timeout time.Duration
	tempDir string
	env     func(string) string
}

// Arguments returns the command line that compiles a kernel in the compilation's private directory.
func (c *Compiler) Arguments() []string {
	return slices.Concat(c.Fingerprint.Command, Flags(goruntime.GOARCH), []string{"-o", objectName, sourceName}, libraries())
}

// Identity describes what beside the source decides what a kernel computes: the command line, the compiler's binary, version and
// target, the development kit, and the processor; not the assembler and the linker, which PATH finds for some compilers. It is
// made for the key of a cache, and readable.
func (c *Compiler) Identity() string {
	f := c.Fingerprint
	return fmt.Sprintf("arguments %q\nbinary %q, %d bytes, modified %d ns\nversion %q\ntarget %q\nkit %q\nprocessor %q\n",
		c.Arguments(), f.Path, f.Size, f.ModTime.UnixNano(), f.Version, f.Target,
		[]string{c.env(sdkRoot), c.env(developerDir)}, c.Processor)
}

// Compile turns a kernel's C source into a sealed shared object and returns it with the compiler's messages: warnings, for
// a source that compiles. The name of the kernel appears in errors only.
//
// The error is a *CompileError when the compiler fails, a *TimeoutError when it takes too long, an *OutputError when it claims
// success and leaves no whole shared object, and wraps the context's error when that is what ended it.
// Whatever happens, no file and no process of the compiler's process group stays behind.
func (c *Compiler) Compile(ctx context.Context, name, source string) (sealed []byte, log string, err error) {
	dir, err := os.MkdirTemp(c.tempDir, "gmmspec-cc-") // mode 0700
	if err != nil {
		return nil, "", fmt.Errorf("compiler: private directory: %w", err)
	}
	defer func() {
		if rmErr := os.RemoveAll(dir); rmErr != nil && err == nil {
			sealed, err = nil, fmt.Errorf("compiler: remove private directory: %w", rmErr)
		}
	}()
	if err := os.WriteFile(filepath.Join(dir, sourceName), []byte(source), privateFile); err != nil {
		return nil, "", fmt.Errorf("compiler: write the source of %s: %w", name, err)
	}

	command := c.Arguments()
	messages := &boundedBuffer{limit: logLimit}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	err = execute(ctx, command, dir, environment(c.env, dir), messages, messages)
	log = messages.String()
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), errTimeout):
		return nil, log, &TimeoutError{Name: name, Command: command, Limit: c.timeout, Log: log}
	case ctx.Err() != nil:
		return nil, log, fmt.Errorf("compiler: %s: %w", name, context.Cause(ctx))
	default:
		return nil, log, &CompileError{Name: name, Command: command, Source: source, Log: log, Err: err}
	}

	raw, err := os.ReadFile(filepath.Join(dir, objectName))
	if err != nil {
		return nil, log, &OutputError{Name: name, Command: command, Log: log, Err: err}
	}
	sealed, err = object.Seal(raw)
	if err != nil {
		return nil, log, &OutputError{Name: name, Command: command, Log: log, Err: err}
	}
	return sealed, log, nil
}

// execute runs a command in dir until it ends or ctx does, in which case its process group is killed.
func execute(ctx context.Context, command []string, dir string, env []string, stdout, stderr *boundedBuffer) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = env
	cmd.Stdout = stdout
	cmd.Stderr = stderr
	cmd.WaitDelay = waitDelay
	ownGroup(cmd)
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		_ = cmd.Cancel() // the leader is gone and its children are in the way; those that left the group are out of reach
	}
	return err
}

// waitDelay is how long the output of a compiler that has ended, or was killed, may stay open before it is abandoned. A killed
// group closes it at once; only a process that left the group can hold it.
const waitDelay = 2 * time.Second

// errTimeout marks the end of a compiler's time, as opposed to the end of the caller's context.
var errTimeout = errors.New("compiler: time limit")
