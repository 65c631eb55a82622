package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit statuses.
const (
	statusDone   = 0
	statusFailed = 1 // the work or the data failed
	statusMisuse = 2 // the command was used wrongly
)

// run does what the command line says and returns the exit status. The first interruption cancels the verb's context; the
// next one ends the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()

	began := false
	root := newRoot()
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	out := bufio.NewWriter(stdout)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)

	verb, err := root.ExecuteContextC(ctx)
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		err = fmt.Errorf("standard output: %w", flushErr)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	var misuse *misuseError
	switch {
	case err == nil:
		return statusDone
	case !began || errors.As(err, &misuse): // what fails before a verb begins is its flags and arguments
		fmt.Fprintf(stderr, "gmmspec: %s (see %s --help)\n", oneLine(err), verb.CommandPath())
		return statusMisuse
	}
	fmt.Fprintf(stderr, "gmmspec: %s\n", oneLine(err))
	return statusFailed
}

// misuseError is a wrong use of the command that only its verb could see.
type misuseError struct{ text string }

func misuse(format string, args ...any) error { return &misuseError{fmt.Sprintf(format, args...)} }

// Error returns what is wrong.
func (e *misuseError) Error() string { return e.text }
