package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

func newExplain(shared *sharedFlags) *cobra.Command {
	f := &shapeFlags{shared: shared}
	events, most, asJSON := 0, gmmspec.DefaultMaxIterations, false
	c := &cobra.Command{
		Use:   "explain -M COMPONENTS -D DIMENSIONS -N EVENTS [flags]",
		Short: "Say what a fit would run, and why not something else",
		Long: `Print the plan of a fit on this machine: the device and the kernels chosen, what is expected of
each, and the reason for which every other was refused. A fit may stop before --max-iter, so that 30
iterations are planned for where a tolerance allows it; the start is one pass more.`,
		Example: `  gmmspec explain -M 64 -D 19 -N 1000000
  gmmspec explain -M 64 -D 19 -N 1000000 --arch sm_90`,
		Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := f.all(c)
			if err != nil {
				return err
			}
			if events == 0 {
				return misuse("--events (-N) is missing")
			}
			options = append(options, gmmspec.WithIterations(0, most))
			plan, err := gmmspec.Explain(f.components, f.dimensions, int64(events), options...)
			if err != nil {
				return err
			}
			for i := range plan.Others {
				o := &plan.Others[i]
				o.Reason = strings.TrimPrefix(line(o.Reason), o.Device+": ")
			}
			if asJSON {
				plan.Choices, plan.Candidates = listed(plan.Choices), listed(plan.Candidates)
				plan.Others, plan.Refused = listed(plan.Others), listed(plan.Refused)
				return writeJSON(c.OutOrStdout(), plan)
			}
			fmt.Fprint(c.OutOrStdout(), plan)
			return nil
		},
	}
	f.add(c)
	f.addArch(c)
	f.options.addPlan(c)
	c.Flags().VarP(&wholeFlag{&events, 1}, "events", "N", "`number` of events; required")
	f.options.addChoice(c, "device", gmmspec.DeviceAuto, "`device` to plan for: auto, cuda, cuda:1, cc or reference",
		[]string{gmmspec.DeviceAuto, gmmspec.DeviceCUDA, gmmspec.DeviceCC, gmmspec.DeviceReference}, text(gmmspec.WithDevice))
	c.Flags().Var(&wholeFlag{&most, 0}, "max-iter", "`number` of iterations at most")
	f.options.add(c, "tol", "float", strconv.FormatFloat(gmmspec.DefaultTolerance, 'g', -1, 64),
		"stop once the mean log-likelihood of an event changes by less than `x`; 0 runs every iteration", number(gmmspec.WithTolerance))
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead")
	return c
}
