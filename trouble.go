package gmmspec

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// ofTheMachine reports whether an error tells of the machine as it is now, and of no kernel: memory that is taken, or a file that
// could not be made.
func ofTheMachine(err error) bool {
	unmade := errors.As(err, new(*fs.PathError)) && !errors.As(err, new(*compiler.OutputError))
	return unmade || errors.Is(err, cuda.ErrOutOfMemory)
}

// ofTheCompiler reports whether an error is that of a C compiler that failed or took too long: for want of time, memory or space,
// or for good.
func ofTheCompiler(err error) bool {
	return errors.As(err, new(*compiler.TimeoutError)) || errors.As(err, new(*compiler.CompileError))
}

// blame returns the error of a candidate's trial as a *autotune.BenchError where the machine is at fault, which it is too where the
// C compiler does not compile the simplest of sources either.
func (l *laboratory) blame(ctx context.Context, err error) error {
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case ofTheMachine(err):
		return &autotune.BenchError{Err: err}
	case ofTheCompiler(err):
		if c, missing := l.settings.workshop.findCC(); missing != nil || compilesNothing(ctx, c) != nil {
			return &autotune.BenchError{Err: err}
		}
	}
	return err
}

// probe is a source that every C compiler compiles.
const probe = "int gmmspec_probe(void) { return 0; }\n"

// compilesNothing returns the error with which a compiler refuses the probe, or nil.
func compilesNothing(ctx context.Context, c *compiler.Compiler) error {
	_, _, err := c.Compile(ctx, "probe", probe)
	return err
}
