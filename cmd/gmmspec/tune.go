package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/gmmspec/gmmspec"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// tuneFlags are the flags of tune.
type tuneFlags struct {
	shared  *sharedFlags
	options optionFlags
	sizes   gmmspec.Sizes
	sweep   bool
	budget  time.Duration
	asJSON  bool
}

// defaultBudget is the time for one problem.
const defaultBudget = 60 * time.Second

func newTune(shared *sharedFlags) *cobra.Command {
	f := &tuneFlags{shared: shared}
	c := &cobra.Command{
		Use:   "tune -M COMPONENTS -D DIMENSIONS [flags]",
		Short: "Find out which kernels are fastest for a problem, and remember",
		Long: `Compile every kernel that could do a problem's work, hold each against the reference, time those that
are right on the device, and keep what was found: from then on plans rest on it. Candidates run in a
process of their own, so that one that crashes or hangs is recorded and costs nothing else. What is known
already is not done again. Interrupted, tune keeps what it has learned.

-M, -D and -N take lists, and every combination is tuned; --sweep is for the grid of the project's own
records where they are not given.`,
		Example: `  gmmspec tune -M 64 -D 19
  gmmspec tune -M 16,64,256 -D 19 -N 100000,1000000 --covariance diag --device cuda --budget 30s`,
		Args: wantArguments(),
		RunE: f.run,
	}
	flags := c.Flags()
	flags.VarP(&sizesFlag{target: &f.sizes.Components}, "components", "M", "`numbers` of components; required without --sweep")
	flags.VarP(&sizesFlag{target: &f.sizes.Dimensions}, "dimensions", "D", "`numbers` of dimensions; required without --sweep")
	flags.VarP(&sizesFlag{target: &f.sizes.Events}, "events", "N", "`numbers` of events that are timed (default 1000000)")
	flags.BoolVar(&f.sweep, "sweep", false, "tune a grid of sizes, those that tell most first")
	flags.DurationVar(&f.budget, "budget", defaultBudget, "`time` for each problem; 0 is no bound")
	flags.BoolVar(&f.asJSON, "json", false, "print a JSON object a problem instead of a table")
	f.options.addCovariance(c)
	f.options.addKernelWork(c)
	f.options.addMaxError(c)
	return c
}

// sizesFlag is a flag that takes a list of whole numbers.
type sizesFlag struct{ target *[]int }

// Set parses the flag's text.
func (f *sizesFlag) Set(text string) error {
	sizes, err := gmmspec.ParseSizes(text)
	if err != nil {
		return errors.New(oneLine(err))
	}
	*f.target = sizes
	return nil
}

// String returns the list.
func (f *sizesFlag) String() string {
	text := ""
	for i, n := range *f.target {
		if i > 0 {
			text += ","
		}
		text += strconv.Itoa(n)
	}
	return text
}

// Type names what the flag takes.
func (f *sizesFlag) Type() string { return "list" }

// tuneEvents is the number of events that are timed where none is given.
const tuneEvents = 1_000_000

func (f *tuneFlags) run(c *cobra.Command, _ []string) error {
	sizes := f.sizes
	if f.sweep {
		sizes = sizes.Or(gmmspec.SweepSizes())
	}
	switch {
	case len(sizes.Components) == 0:
		return misuse("--components (-M) is missing")
	case len(sizes.Dimensions) == 0:
		return misuse("--dimensions (-D) is missing")
	case f.budget < 0:
		return misuse("--budget %v: want at least 0", f.budget)
	}
	sizes = sizes.Or(gmmspec.Sizes{Events: []int{tuneEvents}})
	options := slices.Concat(f.shared.options(), f.options)
	for _, m := range sizes.Components {
		for _, d := range sizes.Dimensions {
			if err := gmmspec.CheckModel(m, d, options...); err != nil {
				return misuse("%s", oneLine(err))
			}
		}
	}
	bar := newTuneBar(c.ErrOrStderr())
	tuner, err := gmmspec.NewTuner(gmmspec.TunerOptions{Worker: f.worker(c), Budget: f.budget, Progress: bar.show}, options...)
	if err != nil {
		return err
	}
	err = f.tune(c, tuner, sizes, bar)
	return errors.Join(err, tuner.Close())
}

// worker returns what starts this program as a worker for a device.
func (f *tuneFlags) worker(c *cobra.Command) func(device string) *exec.Cmd {
	return func(device string) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			self = os.Args[0]
		}
		args := []string{workerVerb, "--device", device}
		if flag := c.Flag("cache-dir"); flag.Changed {
			args = append(args, "--cache-dir", flag.Value.String())
		}
		return exec.Command(self, args...)
	}
}

// tune tunes one problem after another.
func (f *tuneFlags) tune(c *cobra.Command, tuner *gmmspec.Tuner, sizes gmmspec.Sizes, bar *tuneBar) error {
	problems := sizes.Problems()
	var failed []error
	for i, p := range problems {
		bar.begin(i, len(problems), p)
		tuning, err := tuner.Tune(c.Context(), p.Components, p.Dimensions, int64(p.Events))
		bar.end()
		if tuning != nil {
			if err := f.report(c.OutOrStdout(), tuner, tuning); err != nil {
				return err
			}
		}
		if errors.Is(err, context.Canceled) || err != nil && len(problems) == 1 {
			return err
		}
		if err != nil { // one problem of many, whose reason is said and kept
			fmt.Fprintf(c.ErrOrStderr(), "gmmspec: warning: %s\n", oneLine(err))
			failed = append(failed, err)
		}
	}
	if len(failed) == len(problems) {
		return errors.New("no problem could be tuned")
	}
	return nil
}

// report prints what was learned of one problem.
func (f *tuneFlags) report(w io.Writer, tuner *gmmspec.Tuner, t *gmmspec.Tuning) error {
	if f.asJSON {
		return writeJSON(w, tuner.Report(t))
	}
	writeTuning(w, tuner.Report(t))
	return nil
}

// writeTuning prints a table of trials, the fastest of each stage first, and the winners.
func writeTuning(w io.Writer, r gmmspec.TuneReport) {
	fmt.Fprintf(w, "%s on %s (%s)\n", r.Problem, r.Environment.Device, r.Environment.Compiler)
	table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0)
	fmt.Fprintln(table, "variant\tconfiguration\toutcome\ttime\tquartiles\tof the ceiling\terror")
	for _, one := range r.Trials {
		takes := "-\t-\t-"
		if one.Seconds > 0 {
			takes = fmt.Sprintf("%s\t%s - %s\t%.0f %%", seconds(one.Seconds), seconds(one.Low), seconds(one.High), 100*one.Ceiling)
		}
		outcome := string(one.Outcome)
		if one.Reason != "" {
			outcome += ": " + line(one.Reason)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.1e\n", one.Variant, one.Config, outcome, takes, one.Error)
	}
	table.Flush()
	if r.Known == len(r.Trials) && r.Known > 0 {
		fmt.Fprintln(w, "all of it was known already")
	}
	for _, name := range r.Missing {
		fmt.Fprintf(w, "no time was left for %s\n", name)
	}
	for _, one := range r.Winners {
		fmt.Fprintf(w, "fastest for %s: %s %s, %s\n", one.Stage, one.Variant, one.Config, seconds(one.Seconds))
	}
	fmt.Fprintln(w)
}

// seconds words a time of some microseconds or more.
func seconds(s float64) string {
	const digits = 3
	unit, name := 1.0, "s"
	switch {
	case s < 1e-3:
		unit, name = 1e-6, "µs"
	case s < 1:
		unit, name = 1e-3, "ms"
	}
	return strconv.FormatFloat(s/unit, 'g', digits, 64) + " " + name
}

// tuneBar shows on a terminal where a tuning stands.
type tuneBar struct {
	out  io.Writer
	on   bool
	what string
	bar  *progressbar.ProgressBar
	step string
}

func newTuneBar(w io.Writer) *tuneBar { return &tuneBar{out: w, on: isTerminal(w)} }

// begin says which problem is next.
func (b *tuneBar) begin(i, n int, p gmmspec.Size) {
	b.what = fmt.Sprintf("%d/%d M=%d D=%d N=%d", i+1, n, p.Components, p.Dimensions, p.Events)
}

// show draws a step that is done; each kind of step has a bar of its own.
func (b *tuneBar) show(p gmmspec.TuneProgress) {
	if !b.on {
		return
	}
	if b.step != p.Step {
		b.end()
		b.step = p.Step
		b.bar = newBar(b.out, p.Total)
	}
	b.bar.Describe(b.what + " " + p.Step)
	_ = b.bar.Set(p.Done) // a terminal that cannot be written to shows nothing
}

// end clears the bar.
func (b *tuneBar) end() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
	b.bar, b.step = nil, ""
}

// workerVerb is the verb of a tuner's worker, which help does not show.
const workerVerb = "trials"

func newWorker(shared *sharedFlags) *cobra.Command {
	var options optionFlags
	c := &cobra.Command{
		Use: workerVerb, Hidden: true, Args: wantArguments(),
		Short: "Do the trials that a tuner asks for on standard input",
		RunE: func(c *cobra.Command, _ []string) error {
			out := unbuffered{c.OutOrStdout()}
			return gmmspec.ServeTrials(c.Context(), c.InOrStdin(), out, slices.Concat(shared.options(), options)...)
		},
	}
	options.addWork(c)
	return c
}

// unbuffered hands on every write at once.
type unbuffered struct{ io.Writer }

// Write writes, and flushes what has a buffer.
func (u unbuffered) Write(p []byte) (int, error) {
	n, err := u.Writer.Write(p)
	if f, ok := u.Writer.(interface{ Flush() error }); ok && err == nil {
		err = f.Flush()
	}
	return n, err
}
