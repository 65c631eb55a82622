package gmmspec

import (
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// TestPrecisionChosen: what a precision stands for is the same on every device, and depends on the work and on what may be off.
func TestPrecisionChosen(t *testing.T) {
	train, score := autotune.Need{Train: true, Passes: 1}, autotune.Need{Score: true, Passes: 1}
	for _, test := range []struct {
		precision string
		maxError  float64
		need      autotune.Need
		want      variants.Precision
		promised  bool
	}{
		{PrecisionAuto, DefaultMaxError, train, variants.Float32, true},
		{PrecisionAuto, LeastFloat32MaxError, train, variants.Float32, true},
		{PrecisionAuto, 0.99 * LeastFloat32MaxError, train, variants.Float64, false},
		{PrecisionAuto, 1, score, variants.Float64, false},
		{PrecisionFast, LeastMaxError, train, variants.Float32, false},
		{PrecisionFast, DefaultMaxError, score, variants.Float32, false},
		{PrecisionFloat32, LeastMaxError, train, variants.Float32, false},
		{PrecisionFloat64, 1, train, variants.Float64, false},
	} {
		for name, device := range map[string]Option{"cc": WithDevice(DeviceCC), "cuda": WithArch("sm_90")} {
			s, err := newSettings(4, 3, []Option{device, WithPrecision(test.precision), WithMaxError(test.maxError), withWorkshop(without(t))})
			if err != nil {
				t.Fatal(err)
			}
			c := chooser{settings: s, need: test.need}
			if s.arch != "" {
				s.device = DeviceCUDA
			}
			plan, err := c.inspected(s.problem(4, 3, 1_000_000))
			if err != nil {
				t.Fatal(err)
			}
			c.promise(plan)
			if plan.Problem.Precision != test.want || plan.Promised != test.promised || plan.WhyPrecision == "" {
				t.Errorf("%s with %s and %g: %s, promised %v, %q", name, test.precision, test.maxError, plan.Problem.Precision, plan.Promised, plan.WhyPrecision)
			}
		}
	}
}
