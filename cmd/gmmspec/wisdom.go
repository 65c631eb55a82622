package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/spf13/cobra"
)

func newWisdom(shared *sharedFlags) *cobra.Command {
	c := &cobra.Command{
		Use: "wisdom VERB", Short: "Look after what tuning has learned",
		Long: `Tuning keeps a record of every kernel that it tried: a time, or why there is none. Plans rest on the
records of this machine's own device, driver and compiler, as long as the kernel is the one that was timed.`,
	}
	leadsOn(c)
	output := ""
	export := &cobra.Command{
		Use: "export [flags]", Short: "Write all records as text", Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			return exportWisdom(c.OutOrStdout(), shared.cacheDir, output)
		},
	}
	export.Flags().VarP(&nameFlag{&output}, "output", "o", "write to this `file` instead of standard output")
	asJSON := false
	list := &cobra.Command{
		Use: "list [flags]", Short: "Print every record, a line each", Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error { return listWisdom(c.OutOrStdout(), shared.cacheDir, asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print a JSON list instead")
	stale, failed := false, false
	forget := &cobra.Command{
		Use: "forget [flags]", Short: "Drop all records, or some", Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := gmmspec.ForgetWisdom(shared.cacheDir, func(r gmmspec.TrialRecord) bool {
				return !stale && !failed || stale && gmmspec.StaleTrial(r) || failed && !r.Timed()
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d records forgotten\n", n)
			return nil
		},
	}
	forget.Flags().BoolVar(&stale, "stale", false, "only those of kernels that have changed since")
	forget.Flags().BoolVar(&failed, "failed", false, "only those of kernels that were found to be of no use: tune tries them again")
	for _, verb := range []*cobra.Command{
		list,
		export,
		{
			Use: "import FILE", Short: "Add the records of a file, but for those that are older than what is here", Args: wantArguments("FILE"),
			RunE: func(c *cobra.Command, args []string) error {
				return importWisdom(c.OutOrStdout(), shared.cacheDir, args[0])
			},
		},
		forget,
		{
			Use: "verify", Short: "Say which records are of kernels that have changed since", Args: wantArguments(),
			RunE: func(c *cobra.Command, _ []string) error { return verifyWisdom(c.OutOrStdout(), shared.cacheDir) },
		},
	} {
		verb.DisableFlagsInUseLine = true
		c.AddCommand(verb)
	}
	return c
}

// loadWisdom reads the records of a cache's directory.
func loadWisdom(cacheDir string) (*gmmspec.Wisdom, error) {
	store, err := gmmspec.OpenWisdom(cacheDir)
	if err != nil {
		return nil, err
	}
	return store.Load()
}

func listWisdom(w io.Writer, cacheDir string, asJSON bool) error {
	wisdom, err := loadWisdom(cacheDir)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w, listed(wisdom.Records()))
	}
	table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0)
	fmt.Fprintln(table, "device\tproblem\tvariant\tconfiguration\toutcome\ttime")
	for _, r := range wisdom.Records() {
		took := "-"
		if r.Timed() {
			took = seconds(r.Seconds)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(r.Device), r.Problem, r.Variant, r.Config, r.Outcome, took)
	}
	return table.Flush()
}

func exportWisdom(w io.Writer, cacheDir, output string) error {
	wisdom, err := loadWisdom(cacheDir)
	if err != nil {
		return err
	}
	if output == "" {
		_, err := wisdom.WriteTo(w)
		return err
	}
	return dataset.Replace(output, func(w io.Writer) error {
		_, err := wisdom.WriteTo(w)
		return err
	})
}

// openRecords opens a file of records, unpacked if its name ends in .gz.
func openRecords(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return file, err
	}
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", printable(path), err), file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{unpacked, file}, nil
}

func importWisdom(w io.Writer, cacheDir, path string) error {
	file, err := openRecords(path)
	if err != nil {
		return err
	}
	defer file.Close()
	added, older, err := gmmspec.ImportWisdom(cacheDir, file)
	if err != nil {
		return fmt.Errorf("%s: %w", printable(path), err)
	}
	fmt.Fprintf(w, "%d records imported\n", added)
	if older > 0 {
		fmt.Fprintf(w, "%d were older than those that are here\n", older)
	}
	return nil
}

func verifyWisdom(w io.Writer, cacheDir string) error {
	stale, all, err := gmmspec.StaleWisdom(cacheDir)
	if err != nil {
		return err
	}
	for _, r := range stale {
		fmt.Fprintf(w, "stale: %s, %s %s: the kernel has changed since\n", r.Problem, r.Variant, r.Config)
	}
	fmt.Fprintf(w, "%d records, %d of them stale\n", all, len(stale))
	return nil
}
