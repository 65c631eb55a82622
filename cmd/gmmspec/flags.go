package main

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/spf13/cobra"
)

// sharedFlags are the flags of every verb.
type sharedFlags struct{ cacheDir string }

// options returns the flags as options.
func (s *sharedFlags) options() []gmmspec.Option {
	if s.cacheDir == "" {
		return nil
	}
	return []gmmspec.Option{gmmspec.WithCacheDir(s.cacheDir)}
}

// nameFlag is a flag that takes a name. An empty one is what is left of a shell's variable that is not set, and no name.
type nameFlag struct{ target *string }

var errNoName = errors.New("the name is empty")

// Set takes the name.
func (f *nameFlag) Set(text string) error {
	if text == "" {
		return errNoName
	}
	*f.target = text
	return nil
}

// String returns the name.
func (f *nameFlag) String() string { return *f.target }

// Type names what the flag takes.
func (f *nameFlag) Type() string { return "string" }

// optionFlags are flags that stand for options, in the order in which they are given.
type optionFlags []gmmspec.Option

// optionFlag is a flag that stands for one option, whose text is checked when it is read: a bad one is a wrong use of the
// command, and the message names the flag.
type optionFlag struct {
	options *optionFlags
	kind    string
	text    string
	parse   func(string) (gmmspec.Option, error)
}

// Set parses and checks the flag's text.
func (f *optionFlag) Set(text string) error {
	option, err := f.parse(text)
	if err == nil {
		err = gmmspec.CheckOptions(option)
	}
	if err != nil {
		return errors.New(oneLine(err))
	}
	f.text, *f.options = text, append(*f.options, option)
	return nil
}

// String returns the flag's text.
func (f *optionFlag) String() string { return f.text }

// Type names what the flag takes.
func (f *optionFlag) Type() string { return f.kind }

// text makes an option of a flag's text as it stands.
func text[T ~string](option func(T) gmmspec.Option) func(string) (gmmspec.Option, error) {
	return func(text string) (gmmspec.Option, error) {
		if text == "" {
			return nil, errNoName
		}
		return option(T(text)), nil
	}
}

// number makes an option of a number.
func number(option func(float64) gmmspec.Option) func(string) (gmmspec.Option, error) {
	return func(text string) (gmmspec.Option, error) {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errors.New("not a number")
		}
		return option(value), nil
	}
}

// add defines a flag that stands for an option; standard is its text where it is not given.
func (o *optionFlags) add(c *cobra.Command, name, kind, standard, usage string, parse func(string) (gmmspec.Option, error)) {
	c.Flags().Var(&optionFlag{options: o, kind: kind, text: standard, parse: parse}, name, usage)
}

// addChoice defines a flag that takes one of a few words, which the shell can complete.
func (o *optionFlags) addChoice(c *cobra.Command, name, standard, usage string, words []string, parse func(string) (gmmspec.Option, error)) {
	o.add(c, name, "string", standard, usage, parse)
	complete(c, name, cobra.ShellCompDirectiveNoFileComp, words...)
}

// complete lets the shell complete the value of a flag, which is defined and not yet completed, with words and what the
// directive says.
func complete(c *cobra.Command, name string, directive cobra.ShellCompDirective, words ...string) {
	if err := c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, directive)); err != nil {
		panic(err)
	}
}

// addWork defines the flags that say where and how work is done.
func (o *optionFlags) addWork(c *cobra.Command) {
	o.addChoice(c, "device", gmmspec.DeviceAuto, "`device` to work on: auto, cuda, cuda:1, cc or reference",
		[]string{gmmspec.DeviceAuto, gmmspec.DeviceCUDA, gmmspec.DeviceCC, gmmspec.DeviceReference}, text(gmmspec.WithDevice))
	o.addManner(c)
}

// addKernelWork is addWork for devices that run kernels.
func (o *optionFlags) addKernelWork(c *cobra.Command) {
	o.addChoice(c, "device", gmmspec.DeviceAuto, "`device` to work on: auto (cuda, where there is one, or else cc), cuda, cuda:1 or cc",
		[]string{gmmspec.DeviceAuto, gmmspec.DeviceCUDA, gmmspec.DeviceCC}, func(text string) (gmmspec.Option, error) {
			if text == gmmspec.DeviceAuto {
				return gmmspec.WithDevice(text), nil
			}
			return deviceOfKernels(text)
		})
	o.addManner(c)
}

// addManner defines the flags that say how work is done.
func (o *optionFlags) addManner(c *cobra.Command) {
	o.addPrecision(c)
	c.Flags().Var(threadsFlag{}, "threads", "`number` of processors to use at once (default $GOMAXPROCS, or all); results do not depend on it")
}

// addPrecision defines --precision.
func (o *optionFlags) addPrecision(c *cobra.Command) {
	o.addChoice(c, "precision", gmmspec.PrecisionAuto,
		"`type` of the kernels' numbers: auto (in a fit the cheapest that keeps --max-error, in scores float64), fast (float32 whatever is "+
			"estimated), float32 (or an error) or float64; sums, and all of the reference, are float64 always",
		[]string{gmmspec.PrecisionAuto, gmmspec.PrecisionFast, gmmspec.PrecisionFloat32, gmmspec.PrecisionFloat64}, text(gmmspec.WithPrecision))
}

// addMaxError defines --max-error.
func (o *optionFlags) addMaxError(c *cobra.Command) {
	o.add(c, "max-error", "float", strconv.FormatFloat(gmmspec.DefaultMaxError, 'g', -1, 64),
		fmt.Sprintf("let an iteration put covariances off from float64's by at most `x` standard deviations; at least %g", gmmspec.LeastMaxError),
		number(gmmspec.WithMaxError))
}

// threadsFlag is a flag that bounds the processors that this program uses.
type threadsFlag struct{}

// Set parses the flag's text, and bounds them.
func (threadsFlag) Set(text string) error {
	const most = 1 << 16 // more is a mistake, and each costs memory
	n := 0
	if err := (&wholeFlag{&n, 1}).Set(text); err != nil {
		return err
	}
	if n > most {
		return errors.New("too large")
	}
	goruntime.GOMAXPROCS(n)
	return nil
}

// String returns nothing, as help says what there is without the flag.
func (threadsFlag) String() string { return "" }

// Type names what the flag takes.
func (threadsFlag) Type() string { return "int" }

// addPlan defines --plan.
func (o *optionFlags) addPlan(c *cobra.Command) {
	o.addChoice(c, "plan", string(gmmspec.PlanByEstimate),
		"what the choice of kernels rests on: estimate, measure, wisdom or explore",
		[]string{string(gmmspec.PlanByEstimate), string(gmmspec.PlanMeasured), string(gmmspec.PlanWisdomOnly), string(gmmspec.PlanExplore)}, text(gmmspec.WithPlanMode))
}

// addCovariance defines --covariance.
func (o *optionFlags) addCovariance(c *cobra.Command) {
	o.addChoice(c, "covariance", string(gmmspec.Full), "covariance `type`: full, diag, tied or spherical",
		[]string{string(gmmspec.Full), string(gmmspec.Diag), string(gmmspec.Tied), string(gmmspec.Spherical)}, text(gmmspec.WithCovariance))
}

// wholeFlag is a flag that takes a whole number.
type wholeFlag struct {
	target *int
	least  int
}

// Set parses and checks the flag's text.
func (f *wholeFlag) Set(text string) error {
	value, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(text, "-"):
		return errors.New("too large")
	case err != nil || value < f.least:
		return fmt.Errorf("want a whole number of at least %d", f.least)
	}
	*f.target = value
	return nil
}

// String returns the number.
func (f *wholeFlag) String() string { return strconv.Itoa(*f.target) }

// Type names what the flag takes.
func (f *wholeFlag) Type() string { return "int" }

// bytesFlag is a flag that takes a number of bytes.
type bytesFlag struct{ target *int64 }

// Set parses the flag's text.
func (f *bytesFlag) Set(text string) error {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < 0 {
		return errors.New("want a whole number of bytes of at least 0, without a unit")
	}
	*f.target = value
	return nil
}

// String returns the flag's number.
func (f *bytesFlag) String() string { return strconv.FormatInt(*f.target, 10) }

// Type names what the flag takes.
func (f *bytesFlag) Type() string { return "int" }

// columnsFlag is a flag that takes a list of columns.
type columnsFlag struct {
	selection dataset.Selection
	text      string
}

// Set parses the flag's text.
func (f *columnsFlag) Set(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("want at least one column")
	}
	selection, err := dataset.ParseSelection(text)
	if err != nil {
		return errors.New(strings.TrimPrefix(oneLine(err), dataset.ErrSelection.Error()+": ")) // cobra has named the flag
	}
	f.selection, f.text = selection, text
	return nil
}

// String returns the flag's text.
func (f *columnsFlag) String() string { return f.text }

// Type names what the flag takes.
func (f *columnsFlag) Type() string { return "list" }

// add defines --columns.
func (f *columnsFlag) add(c *cobra.Command) {
	c.Flags().Var(f, "columns", "`list` of columns to use: numbers from 1, ranges such as 1-13, and names (default all)")
}
