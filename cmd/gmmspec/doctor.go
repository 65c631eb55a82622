package main

import (
	"fmt"
	"io"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

func newDoctor(shared *sharedFlags) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Say what this machine has for specialisation, and what to install",
		Long: `Look for a C compiler, NVRTC, a CUDA driver with its devices, and a place for the cache; say what
was found, what was not, every place tried, and what to install. None of them is required: plain Go
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
			writeFindings(c.OutOrStdout(), findings)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON list instead")
	return c
}

// writeFindings prints a paragraph a part.
func writeFindings(w io.Writer, findings []gmmspec.Finding) {
	for _, f := range findings {
		state := "found"
		if !f.OK {
			state = "missing"
		}
		fmt.Fprintf(w, "%-7s  %s: %s\n", state, f.Part, line(f.Text))
		for _, place := range f.Tried {
			fmt.Fprintf(w, "         tried %s\n", line(place))
		}
		if f.Advice != "" {
			fmt.Fprintf(w, "         to do: %s\n", f.Advice)
		}
	}
}
