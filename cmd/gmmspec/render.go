package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/spf13/cobra"
)

func newRender(shared *sharedFlags) *cobra.Command {
	f := &shapeFlags{shared: shared}
	output := ""
	c := &cobra.Command{
		Use:   "render -M COMPONENTS -D DIMENSIONS [flags]",
		Short: "Print the source of the kernels that a fit would compile",
		Long: `Print the source of the kernels that training and scoring would compile: C for this machine's
processor, or CUDA C++. No compiler and no GPU is needed. Each source is a file of its own: --output
writes them as such, and --variant, which may be repeated, chooses some.`,
		Example: `  gmmspec render -M 64 -D 19
  gmmspec render -M 64 -D 19 --device cuda -o kernels
  gmmspec render -M 64 -D 19 --covariance diag --arch sm_90 --variant score-diag-event`,
		Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := f.all(c)
			if err != nil {
				return err
			}
			sources, err := gmmspec.Render(f.components, f.dimensions, options...)
			if err != nil {
				return err
			}
			if output != "" {
				return writeSources(output, sources)
			}
			printSources(c.OutOrStdout(), sources)
			return nil
		},
	}
	f.add(c)
	f.addArch(c)
	f.addEvents(c)
	f.addKernelDevice(c, "render")
	c.Flags().VarP(&nameFlag{&output}, "output", "o", "write a file a kernel into `DIRECTORY` instead, which is made if need be")
	return c
}

// printSources prints sources, each of several behind a line with its file's name.
func printSources(w io.Writer, sources []gmmspec.Source) {
	for i, source := range sources {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if len(sources) > 1 {
			fmt.Fprintf(w, "// file %s\n\n", source.File)
		}
		fmt.Fprint(w, source.Text)
	}
}

// directoryMode is that of a directory for anybody's files, less the process's mask.
const directoryMode = 0o777

// writeSources writes each source to its file in a directory.
func writeSources(dir string, sources []gmmspec.Source) error {
	if err := os.MkdirAll(dir, directoryMode); err != nil {
		return fmt.Errorf("--output %s: %w", dir, err)
	}
	for _, source := range sources {
		err := dataset.Replace(filepath.Join(dir, source.File), func(w io.Writer) error {
			_, err := io.WriteString(w, source.Text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
