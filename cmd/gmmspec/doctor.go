package main

import (
	"fmt"
	"io"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

func newDoctor(shared *sharedFlags) *cobra.Command {
	asJSON, verbose := false, false
	c := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Say what this machine has for specialisation, and what to install",
		Long: `Look for a C compiler, NVRTC, a CUDA driver with its devices, and a place for the cache; say what
was found, what was not, where it was looked for, and what to install. None of them is required: plain Go
does the work where they are missing, so that doctor succeeds whatever it finds.`,
		Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			findings, err := gmmspec.Diagnose(shared.options()...)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), findings)
			}
			writeFindings(c.OutOrStdout(), findings, verbose)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON list instead")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "print every place tried on a line of its own")
	return c
}

// writeFindings prints a paragraph a part.
func writeFindings(w io.Writer, findings []gmmspec.Finding, verbose bool) {
	for _, f := range findings {
		state := "found"
		if !f.OK {
			state = "missing"
		}
		fmt.Fprintf(w, "%-7s  %s: %s\n", state, f.Part, line(f.Text))
		for tried := f.Tried; len(tried) > 0; {
			alike := 1
			for !verbose && alike < len(tried) && tried[alike].Origin == tried[0].Origin && tried[alike].Outcome == tried[0].Outcome {
				alike++
			}
			what := fmt.Sprintf("%s (%s)", tried[0].Place, tried[0].Origin)
			if alike > 1 {
				what = fmt.Sprintf("%d places (%s)", alike, tried[0].Origin)
			}
			fmt.Fprintf(w, "         tried %s: %s\n", line(what), line(tried[0].Outcome))
			tried = tried[alike:]
		}
		if f.Advice != "" {
			fmt.Fprintf(w, "         to do: %s\n", f.Advice)
		}
	}
}
