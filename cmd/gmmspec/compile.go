package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

func newCompile(shared *sharedFlags) *cobra.Command {
	f := &shapeFlags{shared: shared}
	var archs []string
	asJSON := false
	c := &cobra.Command{
		Use:   "compile -M COMPONENTS -D DIMENSIONS [flags]",
		Short: "Compile the kernels of a fit ahead of it",
		Long: `Compile what training and scoring would, keep it in the cache, and print what each kernel takes.
With --arch that is CUDA for the architectures given, and no GPU is needed; with --device cuda, for the
GPU that is here; otherwise C for this machine's processor.`,
		Example: `  gmmspec compile -M 64 -D 19
  gmmspec compile -M 64 -D 19 --arch sm_90,sm_80`,
		Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := f.all(c)
			if err != nil {
				return err
			}
			if c.Flag("arch").Changed && len(archs) == 0 {
				archs = []string{""}
			}
			for i, arch := range archs {
				if arch == "" {
					return misuse("--arch: %s", errNoName)
				}
				if slices.Contains(archs[:i], arch) {
					return misuse("--arch: %s is given twice", arch)
				}
				if err := gmmspec.CheckOptions(append(slices.Clip(options), gmmspec.WithArch(arch))...); err != nil {
					return misuse("--arch: %s", oneLine(err))
				}
			}
			options = append(options, gmmspec.WithWarning(func(text string) { warn(c.ErrOrStderr(), []string{text}) }))
			kernels, err := gmmspec.Compile(c.Context(), f.components, f.dimensions, archs, options...)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), kernels)
			}
			writeCompiled(c.OutOrStdout(), kernels)
			return nil
		},
	}
	f.add(c)
	f.addEvents(c)
	f.addKernelDevice(c, "compile")
	c.Flags().StringSliceVar(&archs, "arch", nil, "cuda `architectures`, such as sm_90,sm_80")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON list instead of a table")
	return c
}

// writeCompiled prints a line a kernel. Of C it is not known what it takes.
func writeCompiled(w io.Writer, kernels []gmmspec.Compiled) {
	table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0)
	fmt.Fprintln(table, "arch\tkernel\tregisters\tspills (bytes)\tshared memory (bytes)\tcompiled")
	for _, k := range kernels {
		takes := "-\t-\t-"
		if strings.HasPrefix(k.Arch, "sm_") {
			takes = fmt.Sprintf("%d\t%d\t%d", k.Registers, k.Spills, k.Shared)
		}
		when := "in " + rounded(k.Time)
		if k.Cached {
			when = "before"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.Arch, k.Variant, takes, when)
	}
	table.Flush()
}
