// Kit is the part of the GPU suite that is no shell script: it makes data, compares fits and times commands.
//
//	kit mixture -n N -m M -d D [-seed S] DIR    writes DIR/events.npy and DIR/start.json
//	kit agree -n N -within X A.json B.json      compares two fits of N events, as `gmmspec train --json` reports them
//	kit time [-runs R] [-cold] -device D COMMAND…  times whole processes of `gmmspec train --json …`
//
// What agree and time find goes to standard output as one JSON object, for the record that bench/gpu.sh writes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Exit statuses, as gmmspec's own.
const (
	statusFailed = 1
	statusUsage  = 2
)

// errUsage is a wrong call.
var errUsage = errors.New("usage: kit mixture|agree|time [flags] …: see go doc ./bench/kit")

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run executes a verb and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := verb(ctx, args, stdout)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, err)
		return statusUsage
	}
	fmt.Fprintln(stderr, "kit:", err)
	return statusFailed
}

// newFlags returns the flags of a verb, which says itself what is wrong with them.
func newFlags(verb string) *flag.FlagSet {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

func verb(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "mixture":
		return makeMixture(args[1:])
	case "agree":
		return agree(args[1:], stdout)
	case "time":
		return timeCommand(ctx, args[1:], stdout)
	}
	return fmt.Errorf("%w: unknown verb %q", errUsage, args[0])
}
