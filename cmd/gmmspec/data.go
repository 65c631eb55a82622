package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/spf13/cobra"
)

// standardStream is what DATA is given as to read standard input.
const standardStream = "-"

// wantData is the check that DATA and nothing else is given.
func wantData() cobra.PositionalArgs { return wantArguments("DATA") }

// completeData lets the shell complete DATA.
func completeData(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"csv", "npy"}, cobra.ShellCompDirectiveFilterFileExt
}

// readData reads DATA. A read that waits for its input does not outlive the verb's context.
func readData(c *cobra.Command, path string, columns *columnsFlag) (*dataset.Table, gmmspec.Events, error) {
	type result struct {
		table *dataset.Table
		err   error
	}
	done := make(chan result, 1)
	go func() {
		table, err := dataset.Map(path, dataset.Options{Columns: columns.selection, MaxMagnitude: gmmspec.MaxMagnitude, Stdin: c.InOrStdin()})
		done <- result{table, err}
	}()
	select {
	case <-c.Context().Done():
		return nil, nil, errors.New("interrupted while reading the data")
	case r := <-done:
		if r.err != nil {
			return nil, nil, r.err
		}
		events, err := gmmspec.Table(r.table)
		return r.table, events, err
	}
}

// checkOutput reports, before the work, an output that could not be written after it, or that would take the place of something read,
// of which it is said what each is.
func checkOutput(c *cobra.Command, output string, reads map[string]string) error {
	if output == "" {
		return nil
	}
	if there, err := os.Stat(output); err == nil && there.Mode().IsRegular() {
		for what, path := range reads {
			if read, err := statInput(c, path); err == nil && os.SameFile(there, read) {
				return misuse("--output %s: that is %s", printable(output), what)
			}
		}
	}
	if err := dataset.Replaceable(output); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// statInput describes a file that is read, or what standard input is.
func statInput(c *cobra.Command, path string) (os.FileInfo, error) {
	if path != standardStream {
		return os.Stat(path)
	}
	if file, ok := c.InOrStdin().(*os.File); ok {
		return file.Stat()
	}
	return nil, os.ErrNotExist
}

// checkDimensions reports data that are not a model's.
func checkDimensions(modelPath string, dimensions int, t *dataset.Table) error {
	if t.Columns == dimensions {
		return nil
	}
	what := fmt.Sprintf("%s has %d dimensions but %s has %d", modelPath, dimensions, t.Source, t.Columns)
	if t.Columns > dimensions {
		what += fmt.Sprintf(": name the model's %d with --columns", dimensions)
	}
	return errors.New(what)
}
