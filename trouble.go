package gmmspec

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/runtime/cc"
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

// blames reports whether an error of building, opening or running kernels is theirs, and not the machine's, as it is too where the C
// compiler does not compile the simplest of sources either.
func (s *settings) blames(ctx context.Context, err error) bool {
	if ofTheMachine(err) {
		return false
	}
	if !ofTheCompiler(err) {
		return true
	}
	c, missing := s.workshop.findCC()
	return missing == nil && compilesNothing(ctx, c) == nil
}

// blame returns the error of a candidate's trial as a *autotune.BenchError where the machine is at fault.
func (l *laboratory) blame(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || l.settings.blames(ctx, err) {
		return err
	}
	return &autotune.BenchError{Err: err}
}

// probe is a source that every C compiler compiles, with a function.
const (
	probe         = "__attribute__((visibility(\"default\"))) int " + probeFunction + "(void) { return 0; }\n"
	probeFunction = "gmmspec_probe"
)

// compilesNothing returns why a compiler does not make an object of the probe that can be opened, or nil.
func compilesNothing(ctx context.Context, c *compiler.Compiler) error {
	object, _, err := c.Compile(ctx, "probe", probe)
	if err != nil {
		return err
	}
	return opens(object, probeFunction)
}

// opens returns why an object that was compiled is not one in which the function is found, or nil.
func opens(object []byte, function string) error {
	library, err := cc.Open(object, "")
	if err != nil {
		return err
	}
	_, err = library.Func(function)
	return err
}
