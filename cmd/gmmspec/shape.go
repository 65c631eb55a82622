package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

// shapeFlags say for which problem code is looked at, without data.
type shapeFlags struct {
	shared     *sharedFlags
	options    optionFlags
	components int
	dimensions int
}

// add defines the flags that explain, render and compile have in common.
func (f *shapeFlags) add(c *cobra.Command) {
	c.Flags().VarP(&wholeFlag{&f.components, 1}, "components", "M", "`number` of components; required")
	c.Flags().VarP(&wholeFlag{&f.dimensions, 1}, "dimensions", "D", "`number` of dimensions; required")
	f.options.addCovariance(c)
	f.options.addPrecision(c)
	f.options.addMaxError(c)
	f.options.addChoice(c, "variant", "", "use the variant of this `name` for its stage, one for each: see gmmspec variants", variantNames(), text(gmmspec.WithVariant))
}

// addEvents defines -N for code that is planned for without data.
func (f *shapeFlags) addEvents(c *cobra.Command) {
	c.Flags().VarP(&optionFlag{options: &f.options, kind: "int", text: "1000000", parse: events}, "events", "N",
		"`number` of events to plan for, which decides what is the fastest")
}

// events makes an option of a number of events.
func events(text string) (gmmspec.Option, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, errors.New("want a whole number of at least 1")
	}
	return gmmspec.WithEvents(n), nil
}

// addArch defines --arch for one architecture.
func (f *shapeFlags) addArch(c *cobra.Command) {
	f.options.add(c, "arch", "string", "", "work for cuda devices of this `architecture`, such as sm_90, without one", text(gmmspec.WithArch))
}

// addKernelDevice defines --device for the devices that run kernels.
func (f *shapeFlags) addKernelDevice(c *cobra.Command, verb string) {
	f.options.addChoice(c, "device", gmmspec.DeviceCC, "`device` to "+verb+" for: cc, cuda or cuda:1; sm_90 stands in where cuda is not there",
		[]string{gmmspec.DeviceCC, gmmspec.DeviceCUDA}, deviceOfKernels)
}

// deviceOfKernels makes an option of the name of a device that runs kernels.
func deviceOfKernels(text string) (gmmspec.Option, error) {
	if text == gmmspec.DeviceAuto || text == gmmspec.DeviceReference {
		return nil, fmt.Errorf("%s has no kernels: want cc or cuda", text)
	}
	return gmmspec.WithDevice(text), nil
}

// all holds the flags against each other, and returns all options.
func (f *shapeFlags) all(c *cobra.Command) ([]gmmspec.Option, error) {
	switch {
	case f.components == 0:
		return nil, misuse("--components (-M) is missing")
	case f.dimensions == 0:
		return nil, misuse("--dimensions (-D) is missing")
	}
	device, arch := c.Flag("device"), c.Flag("arch")
	if arch.Changed && device.Changed && device.Value.String() != gmmspec.DeviceCUDA {
		return nil, misuse("--arch %s: is for --device cuda, not for %s", strings.Trim(arch.Value.String(), "[]"), device.Value)
	}
	options := slices.Concat(f.shared.options(), f.options)
	if !arch.Changed && !device.Changed {
		options = append(options, gmmspec.WithDevice(device.DefValue))
	}
	if err := gmmspec.CheckModel(f.components, f.dimensions, options...); err != nil {
		return nil, misuse("%s", oneLine(err))
	}
	return options, nil
}

// variantNames lists the names that --variant takes.
func variantNames() []string {
	var names []string
	for _, v := range gmmspec.Variants() {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
