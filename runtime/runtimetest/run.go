package runtimetest

import (
	"errors"
	"testing"

	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// ErrRefused is wrapped by the error of an [Open] whose device does not serve the problem.
var ErrRefused = errors.New("runtimetest: the device does not serve this problem")

// Open opens the device under test for a problem. The suite closes it.
type Open func(t *testing.T, p Problem) (mixture.Device, error)

// Refusal says which problems a device does not serve, and why.
type Refusal struct {
	Reason string
	Of     func(p Problem) bool
}

// Options narrows the suite.
type Options struct {
	// Problems are tried; nil stands for [Problems] of both precisions.
	Problems []Problem
	// Refuses lists what the device does not serve. Opening it for such a problem must fail with [ErrRefused], and for
	// any other must succeed.
	Refuses []Refusal
	// Judge is whom the device answers to; nil stands for the reference.
	Judge mixture.Device
}

// refused returns the reason why p is refused.
func (o Options) refused(p Problem) (reason string, refused bool) {
	for _, r := range o.Refuses {
		if r.Of(p) {
			return r.Reason, true
		}
	}
	return "", false
}

// Run runs the suite.
func Run(t *testing.T, open Open, options Options) {
	t.Helper()
	if options.Problems == nil {
		options.Problems = append(Problems(runtime.Float32), Problems(runtime.Float64)...)
	}
	if options.Judge == nil {
		options.Judge = reference.New()
	}
	for _, p := range options.Problems {
		t.Run(p.String(), func(t *testing.T) {
			if reason, refused := options.refused(p); refused {
				checkRefused(t, open, p, reason)
				return
			}
			runProblem(t, open, p, options.Judge)
		})
	}
}

// checkRefused holds the device to the list of what it refuses, so that the list stays true.
func checkRefused(t *testing.T, open Open, p Problem, reason string) {
	t.Helper()
	device, err := open(t, p)
	switch {
	case err == nil:
		t.Errorf("opened: want it refused: %s", reason)
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	case !errors.Is(err, ErrRefused):
		t.Errorf("error %v: want ErrRefused: %s", err, reason)
	}
}

// runProblem runs every check on one problem. Checks share a device; those that close one open their own.
func runProblem(t *testing.T, open Open, p Problem, judge mixture.Device) {
	shared := &bench{T: t, problem: p, open: open, judge: judge}
	shared.device = shared.another()
	for _, check := range []struct {
		name string
		run  func(b *bench)
	}{
		{"Name", testName},
		{"Accumulate", testAccumulate},
		{"Score", testScore},
		{"ScoreParts", testScoreParts},
		{"Layouts", testLayouts},
		{"SameBits", testSameBits},
		{"InputsUnchanged", testInputsUnchanged},
		{"Concurrent", testConcurrent},
		{"WeightZero", testWeightZero},
		{"Weights", testWeights},
		{"PartsAdd", testPartsAdd},
		{"FarEvents", testFarEvents},
		{"Update", testUpdate},
		{"OtherProblems", testOtherProblems},
		{"BadParameters", testBadParameters},
		{"BadShapes", testBadShapes},
		{"CancelledBefore", testCancelledBefore},
		{"CancelledDuring", testCancelledDuring},
		{"CloseLoaded", testCloseLoaded},
		{"CloseDevice", testCloseDevice},
	} {
		t.Run(check.name, func(t *testing.T) {
			b := *shared
			b.T = t
			check.run(&b)
		})
	}
}
