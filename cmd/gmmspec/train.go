package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/spf13/cobra"
)

// trainFlags are train's own.
type trainFlags struct {
	shared     *sharedFlags
	options    optionFlags
	components int
	least      int // iterations
	most       int
	init       string
	initial    *gmmspec.Parameters // of the model that init names, if it does
	columns    columnsFlag
	output     string
	json       bool
}

func newTrain(shared *sharedFlags) *cobra.Command {
	f := &trainFlags{shared: shared, init: string(gmmspec.StartRandomFromData), most: gmmspec.DefaultMaxIterations}
	c := &cobra.Command{
		Use:   "train -M COMPONENTS [flags] DATA",
		Short: "Fit a mixture to data by expectation maximisation",
		Long: `Fit a mixture to data by expectation maximisation, and print its parameters.

Ctrl-C stops between iterations: the last complete one is printed, and written to --output.`,
		Example: `  gmmspec train -M 2 -o model.json testdata/data/faithful.csv
  gmmspec train -M 3 --columns 1-4 --covariance diag testdata/data/iris.csv
  gmmspec train --init model.json --tol 1e-6 -o model.json testdata/data/faithful.csv`,
		Args: wantData(), ValidArgsFunction: completeData,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	flags := c.Flags()
	flags.VarP(&wholeFlag{&f.components, 1}, "components", "M", "`number` of components; required unless --init is a model")
	f.options.addCovariance(c)
	flags.Var(&nameFlag{&f.init}, "init",
		"`rule` for the first parameters, random_from_data or even, or a model to go on from, MODEL.json")
	complete(c, "init", cobra.ShellCompDirectiveDefault, string(gmmspec.StartRandomFromData), string(gmmspec.StartEven))
	flags.Var(&wholeFlag{&f.most, 0}, "max-iter", "`number` of iterations at most")
	flags.Var(&wholeFlag{&f.least, 0}, "min-iter", "`number` of iterations at least")
	f.options.add(c, "tol", "float", strconv.FormatFloat(gmmspec.DefaultTolerance, 'g', -1, 64),
		"stop once the mean log-likelihood of an event changes by less than `x`; 0 runs every iteration", number(gmmspec.WithTolerance))
	f.options.add(c, "reg-covar", "float", "",
		"add `x` to the covariances' diagonal (default a millionth of each dimension's variance)", number(gmmspec.WithRidge))
	f.options.add(c, "seed", "uint", "0", "`number` that decides a random start", seed)
	f.options.addWork(c)
	f.options.addMaxError(c)
	f.options.addPlan(c)
	f.columns.add(c)
	flags.VarP(&nameFlag{&f.output}, "output", "o", "write the model to `MODEL.json`")
	flags.BoolVar(&f.json, "json", false, "print one JSON object about the fit instead; the parameters are what --output writes")
	return c
}

// seed makes an option of --seed.
func seed(text string) (gmmspec.Option, error) {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, errors.New("want a whole number of at least 0, of 64 bits")
	}
	return gmmspec.WithSeed(value), nil
}

// run fits and reports.
func (f *trainFlags) run(c *cobra.Command, path string) error {
	options, err := f.prepare(c)
	if err != nil {
		return err
	}
	if err := checkOutput(c, f.output, map[string]string{"the data": path}); err != nil {
		return err
	}
	table, events, err := readData(c, path, &f.columns)
	if err != nil {
		return err
	}
	if f.initial != nil {
		if err := checkDimensions(f.init, f.initial.D, table); err != nil {
			return err
		}
	}
	bar := newProgress(c.ErrOrStderr(), table.Rows, f.most)
	model, err := gmmspec.New(f.components, table.Columns, append(options, gmmspec.WithProgress(bar.show))...)
	if err != nil {
		return misuse("%s", oneLine(err))
	}
	bar.start()
	result, err := model.Train(c.Context(), events)
	bar.close()
	interrupted := err != nil && c.Context().Err() != nil
	switch {
	case interrupted && result == nil:
		return errors.New("interrupted before the first iteration: there is nothing to write")
	case err != nil && !interrupted:
		if _, named := errors.AsType[*dataset.Error](err); named {
			return err
		}
		return fmt.Errorf("fitting %s: %w", table.Source, err)
	}
	return f.report(c, table, model, result, interrupted)
}

// report keeps and prints a fit, or of an interrupted one the last complete iteration.
func (f *trainFlags) report(c *cobra.Command, table *dataset.Table, model *gmmspec.Model, result *gmmspec.Result, interrupted bool) error {
	if f.components > table.Rows {
		result.Warnings = append(result.Warnings, fmt.Sprintf("more components than events: %d and %d", f.components, table.Rows))
	}
	kept := ""
	var err error
	if f.output != "" {
		if err = model.Save(f.output); err == nil { // first of all: the fit may have taken hours
			kept = f.output
		}
	}
	if interrupted {
		err = interruption(result.Iterations, kept, err)
	}
	if f.json {
		return errors.Join(err, writeFitJSON(c.OutOrStdout(), result))
	}
	warn(c.ErrOrStderr(), result.Warnings)
	writeFit(c.OutOrStdout(), table, model.Parameters(), result, kept)
	return err
}

// interruption says after which iteration a fit was interrupted, and what became of that one.
func interruption(iteration int, kept string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("interrupted after iteration %d, which could not be kept: %w", iteration, err)
	case kept != "":
		return fmt.Errorf("interrupted after iteration %d, which is in %s", iteration, kept)
	}
	return fmt.Errorf("interrupted after iteration %d", iteration)
}

// prepare holds the flags against each other, before the data are read, and returns all options.
func (f *trainFlags) prepare(c *cobra.Command) ([]gmmspec.Option, error) {
	if f.least > f.most {
		return nil, misuse("--min-iter %d is more than --max-iter %d", f.least, f.most)
	}
	options := append(f.shared.options(), gmmspec.WithIterations(f.least, f.most))
	if f.output == standardStream {
		return nil, misuse("--output -: want a file's name")
	}
	if filepath.Ext(f.init) != ".json" {
		start := gmmspec.WithStart(gmmspec.Start(f.init))
		if err := gmmspec.CheckOptions(start); err != nil {
			return nil, misuse("--init: %s, or a model file, MODEL.json", oneLine(err))
		}
		if f.components == 0 {
			return nil, misuse("--components (-M) is missing")
		}
		return slices.Concat(options, []gmmspec.Option{start}, f.options), nil
	}
	if err := f.readInitial(c); err != nil {
		return nil, err
	}
	return slices.Concat(options, f.options, []gmmspec.Option{gmmspec.WithParameters(f.initial)}), nil
}

// readInitial reads the model that --init names, whose sizes count where flags do not say otherwise.
func (f *trainFlags) readInitial(c *cobra.Command) error {
	model, err := gmmspec.Load(f.init)
	if err != nil {
		return err
	}
	f.initial = model.Parameters()
	if f.components != 0 && f.components != f.initial.M {
		return misuse("--components %d: %s has %d", f.components, f.init, f.initial.M)
	}
	f.components = f.initial.M
	if covariance := c.Flag("covariance"); covariance.Changed && covariance.Value.String() != string(f.initial.Covariance) {
		return misuse("--covariance %s: %s is %s", covariance.Value, f.init, f.initial.Covariance)
	}
	return nil
}
