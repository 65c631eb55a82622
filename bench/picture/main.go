// Picture draws what bench/cpu/run and bench/peers/peers.py have measured: the time of an iteration of each system on each row, and, of
// rows along which N, M or D grows, against what grows.
//
//	picture RECORD.json… PICTURE.png
//
// Several records, of one machine, are drawn as one.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gmmspec/gmmspec/dataset"
)

// Exit statuses, as gmmspec's own.
const (
	statusFailed = 1
	statusUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run draws records into a file and returns the exit status.
func run(args []string, stderr io.Writer) int {
	const fewest = 2
	if len(args) < fewest {
		fmt.Fprintln(stderr, "usage: picture RECORD.json... PICTURE.png")
		return statusUsage
	}
	last := len(args) - 1
	if err := picture(args[:last], args[last]); err != nil {
		fmt.Fprintln(stderr, "picture:", err)
		return statusFailed
	}
	return 0
}

func picture(from []string, to string) error {
	var all drawing
	for _, path := range from {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		one, err := parse(text)
		if err == nil && all.machine != "" && all.machine != one.machine {
			err = errors.New("of " + one.machine + ", and a record before it of " + all.machine)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all.machine = one.machine
		all.problems = append(all.problems, one.problems...)
		all.series = append(all.series, one.series...)
	}
	return dataset.Replace(to, func(w io.Writer) error { return all.draw(w) })
}
