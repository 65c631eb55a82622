package main

import (
	"fmt"
	"io"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

func newVariants() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "variants [flags]",
		Short: "List every kernel variant",
		Long:  "List every way there is to do a stage of the work on a kind of device. gmmspec explain says which are chosen, and why.",
		Args:  wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return writeJSON(c.OutOrStdout(), gmmspec.Variants())
			}
			writeVariants(c.OutOrStdout(), gmmspec.Variants())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON list instead")
	return c
}

// writeVariants prints a paragraph a variant.
func writeVariants(w io.Writer, all []gmmspec.VariantInfo) {
	for i, v := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s %s\n    %s\n", v.Device, v.Name, v.Doc)
		for _, tunable := range v.Tunables {
			fmt.Fprintf(w, "    %s\n", tunable)
		}
		if v.Original != "" {
			fmt.Fprintf(w, "    in the 2011 specializer: %s\n", v.Original)
		}
	}
}
