package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/internal/report"
	"github.com/spf13/cobra"
)

func newReport(shared *sharedFlags) *cobra.Command {
	var output, from string
	c := &cobra.Command{
		Use:   "report -o FILE.html [flags]",
		Short: "Draw what tuning has learned: which kernels win where, and how near the ceiling",
		Long: `Draw the records of tuning as one page that needs nothing else: which kernel wins where, time against
dimensions for each, the gain over the 2011 specializer's default, and the distance from the device's
ceiling. With -o DIRECTORY/ pictures (.png) are written instead. A summary goes to standard output.`,
		Example: `  gmmspec report -o report.html
  gmmspec report --from sweep.jsonl.gz -o pictures/`,
		Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			if output == "" {
				return misuse("--output (-o) is missing")
			}
			if !strings.HasSuffix(output, ".html") && !strings.HasSuffix(output, string(filepath.Separator)) {
				return misuse("--output %s: want a name that ends in .html, or a directory that ends in %c", printable(output), filepath.Separator)
			}
			if strings.HasSuffix(output, ".html") {
				if err := checkOutput(c, output, map[string]string{"the data": from}); err != nil {
					return err
				}
			}
			wisdom, err := reported(shared.cacheDir, from)
			if err != nil {
				return err
			}
			return writeReport(c.OutOrStdout(), wisdom, output)
		},
	}
	c.Flags().VarP(&nameFlag{&output}, "output", "o", "write the page to this `file`, or pictures to a directory that ends in /; required")
	c.Flags().Var(&nameFlag{&from}, "from", "draw the records of this `file`, packed if it ends in .gz, instead of this machine's")
	complete(c, "output", cobra.ShellCompDirectiveFilterFileExt, "html")
	return c
}

// reported reads the records that are drawn.
func reported(cacheDir, from string) (*gmmspec.Wisdom, error) {
	if from == "" {
		return loadWisdom(cacheDir)
	}
	file, err := openRecords(from)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	wisdom, err := gmmspec.ReadWisdom(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable(from), err)
	}
	return wisdom, nil
}

func writeReport(w io.Writer, wisdom *gmmspec.Wisdom, output string) error {
	records, ceilings := wisdom.Records(), report.Ceilings{}
	if len(records) == 0 {
		return errors.New("there are no records: gmmspec tune makes some, and --from reads a file of them")
	}
	for _, r := range records {
		if _, known := ceilings[r.Model()]; known {
			continue
		}
		if peak, ok := gmmspec.Peak(r.Environment); ok {
			ceilings[r.Model()] = report.Ceiling{Float32: peak.Float32, Float64: peak.Float64, Bandwidth: peak.Bandwidth}
		}
	}
	summaries, err := report.Summarize(records, ceilings)
	if err != nil {
		return err
	}
	if strings.HasSuffix(output, string(filepath.Separator)) {
		err = os.MkdirAll(output, 0o777)
		if err == nil {
			_, err = report.WritePNGs(output, records, ceilings)
		}
	} else {
		err = dataset.Replace(output, func(w io.Writer) error { return report.WriteHTML(w, records, ceilings) })
	}
	if err != nil {
		return err
	}
	for _, s := range summaries {
		fmt.Fprint(w, s)
	}
	return nil
}
