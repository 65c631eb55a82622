package main

import (
	"fmt"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

func newRender(shared *sharedFlags) *cobra.Command {
	f := &shapeFlags{shared: shared}
	c := &cobra.Command{
		Use:   "render -M COMPONENTS -D DIMENSIONS [flags]",
		Short: "Print the source of the kernels that a fit would compile",
		Long: `Print the source of the kernels that training and scoring would compile: C for this machine's
processor, or CUDA C++. No compiler and no GPU is needed.`,
		Example: `  gmmspec render -M 64 -D 19
  gmmspec render -M 64 -D 19 --covariance diag --arch sm_90 --variant score-diag-direct`,
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
			for i, source := range sources {
				if i > 0 {
					fmt.Fprintln(c.OutOrStdout())
				}
				fmt.Fprint(c.OutOrStdout(), source.Text)
			}
			return nil
		},
	}
	f.add(c)
	f.addArch(c)
	f.options.addChoice(c, "device", gmmspec.DeviceCC, "`device` to render for: cc, cuda or cuda:1; sm_90 stands in where cuda is not there",
		[]string{gmmspec.DeviceCC, gmmspec.DeviceCUDA}, deviceOfKernels)
	return c
}

// deviceOfKernels makes an option of the name of a device that runs kernels.
func deviceOfKernels(text string) (gmmspec.Option, error) {
	if text == gmmspec.DeviceAuto || text == gmmspec.DeviceReference {
		return nil, fmt.Errorf("%s has no kernels: want cc or cuda", text)
	}
	return gmmspec.WithDevice(text), nil
}
