package gmmspec

import (
	"errors"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/require"
)

// TestUnserved: work that a device has no kernels for is told once, without the names of our packages, with its reason.
func TestUnserved(t *testing.T) {
	for name, test := range map[string]struct {
		d       int
		options []Option
		want    string
	}{
		"size":       {300, nil, "gmmspec: cc has no kernels for M=2 D=300 full float32 (writes out its sums one by one: at most D=256 for full)"},
		"covariance": {2, []Option{WithVariant("score-diag-lanes")}, "gmmspec: score-diag-lanes does not do score on cc for M=2 D=2 full float32 (it is for diag covariances)"},
		"variant":    {2, []Option{WithVariant("score-full-event")}, `gmmspec: variant "score-full-event" is for device cuda, not for cc`},
		"arch":       {2, []Option{WithVariant("score-full-lanes"), WithArch("sm_90")}, `gmmspec: variant "score-full-lanes" is for device cc, not for sm_90`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Render(2, test.d, test.options...)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if unserved := errors.As(err, new(*autotune.UnservedError)); unserved != strings.Contains(test.want, " for M=") {
				t.Errorf("%v: is of planning: %v", err, unserved)
			}
		})
	}
}

// TestUnservedByCompiledC: what the reference alone does is no fault of the compiler's.
func TestUnservedByCompiledC(t *testing.T) {
	require.Have(t, "cc", available(newWorkshop(), "cc"))
	model, err := New(2, 1, WithDevice(DeviceCC), WithHardAssignment())
	if err != nil {
		t.Fatal(err)
	}
	events, err := Float64([]float64{0, 1, 2, 10, 11, 13}, 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	result, err := model.Train(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	const why = "compiled C has no kernels for hard assignment"
	if result.Plan.Why != why || len(result.Warnings) == 0 || result.Warnings[0] != "the reference does the work: "+why {
		t.Errorf("because %q, warned %q", result.Plan.Why, result.Warnings)
	}
}
