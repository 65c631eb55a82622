package main

import (
	"io"
	"path/filepath"
	"slices"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/spf13/cobra"
)

// scoringFlags are the flags that score and predict have in common.
type scoringFlags struct {
	shared  *sharedFlags
	options optionFlags
	model   string
	columns columnsFlag
	output  string
}

// add defines the flags.
func (f *scoringFlags) add(c *cobra.Command) {
	c.Flags().VarP(&nameFlag{&f.model}, "model", "m", "`MODEL.json` that train wrote; required")
	complete(c, "model", cobra.ShellCompDirectiveFilterFileExt, "json")
	f.options.addWork(c)
	f.options.addPlan(c)
	f.columns.add(c)
	c.Flags().VarP(&nameFlag{&f.output}, "output", "o", "write a NumPy array to `FILE.npy` instead of lines to standard output")
}

// open reads the model and the data.
func (f *scoringFlags) open(c *cobra.Command, path string) (*gmmspec.Model, gmmspec.Events, error) {
	if f.model == "" {
		return nil, nil, misuse("--model (-m) is missing")
	}
	if f.model == standardStream {
		return nil, nil, misuse("--model -: want a file's name: only DATA may be standard input")
	}
	if f.output != "" && filepath.Ext(f.output) != ".npy" {
		return nil, nil, misuse("--output %s: want a name that ends in .npy", f.output)
	}
	if err := checkOutput(c, f.output, map[string]string{"the data": path, "the model": f.model}); err != nil {
		return nil, nil, err
	}
	options := slices.Concat(f.shared.options(), f.options, []gmmspec.Option{
		gmmspec.WithWarning(func(text string) { warn(c.ErrOrStderr(), []string{text}) }),
	})
	model, err := gmmspec.Load(f.model, options...)
	if err != nil {
		return nil, nil, err
	}
	table, events, err := readData(c, path, &f.columns)
	if err != nil {
		return nil, nil, err
	}
	return model, events, checkDimensions(f.model, model.Dimensions(), table)
}

// writeRows puts values, a row of the given length for each event, where --output says: a line an event, or an array with an
// axis of columns where there are several.
func writeRows[T dataset.Number](c *cobra.Command, output string, columns int, values []T, shape ...int) error {
	if output == "" {
		return dataset.WriteCSV(c.OutOrStdout(), nil, columns, values)
	}
	return dataset.Replace(output, func(w io.Writer) error { return dataset.WriteNpy(w, values, shape...) })
}
