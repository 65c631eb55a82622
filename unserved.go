package gmmspec

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// unservedError says that a device has no kernels for some work, with each reason once.
type unservedError struct {
	device  string
	variant string // that was asked for, or ""
	stage   variants.Stage
	work    string // "M=4 D=300 full float64", "hard assignment"
	reasons []string
	err     error // of planning
}

// Error names the device, the work and the reasons.
func (e *unservedError) Error() string { return "gmmspec: " + e.on(e.device) }

// Unwrap returns the error of planning.
func (e *unservedError) Unwrap() error { return e.err }

// on is the error with another name for the device.
func (e *unservedError) on(device string) string {
	text := fmt.Sprintf("%s has no kernels for %s", device, e.work)
	if e.variant != "" {
		text = fmt.Sprintf("%s does not do %s on %s for %s", e.variant, e.stage, device, e.work)
	}
	if len(e.reasons) > 0 {
		text += " (" + strings.Join(e.reasons, "; ") + ")"
	}
	return text
}

// unserved words an error of planning for a device, if it is that work is not served.
func unserved(err error, p variants.Problem, d autotune.Device) error {
	stages := unservedStages(err)
	if len(stages) == 0 {
		return err
	}
	p.N = 0 // which no kernel is made for
	e := &unservedError{device: d.Name, work: p.String(), err: err}
	switch {
	case p.Hard:
		e.work = "hard assignment"
		return e
	case p.Missing:
		e.work = "missing values"
		return e
	case stages[0].Variant != "":
		e.variant, e.stage = stages[0].Variant, stages[0].Stage
		e.foreign(p, d.Target.Backend)
	}
	for _, stage := range stages {
		for _, r := range stage.Refused {
			if (e.variant == "" || r.Variant == e.variant) && !slices.Contains(e.reasons, r.Reason) {
				e.reasons = append(e.reasons, r.Reason)
			}
		}
	}
	return e
}

// foreign adds the reason that the variant asked for is written for another covariance type, which is refused without one.
func (e *unservedError) foreign(p variants.Problem, b variants.Backend) {
	v, err := variants.ByName(b, e.variant)
	if err == nil && v.Covariance != p.Covariance.Kernel() {
		e.reasons = append(e.reasons, fmt.Sprintf("it is for %s covariances", v.Covariance))
	}
}

// unservedStages returns the stages that an error says are not served.
func unservedStages(err error) []*autotune.UnservedError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*autotune.UnservedError
		for _, e := range joined.Unwrap() {
			all = append(all, unservedStages(e)...)
		}
		return all
	}
	if stage, ok := errors.AsType[*autotune.UnservedError](err); ok {
		return []*autotune.UnservedError{stage}
	}
	return nil
}
