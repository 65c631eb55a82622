package gmmspec

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/runtimetest"
	"github.com/gmmspec/gmmspec/variants"
)

// TestConformance runs every compiled device through the suite that the reference passes: results, promises of the
// interface, scikit-learn's fixtures and the adversarial corpus, in both precisions.
func TestConformance(t *testing.T) {
	w := newWorkshop()
	options := runtimetest.Options{Refuses: []runtimetest.Refusal{{
		Reason: "kernels know neither hard assignment nor missing values",
		Of:     func(p runtimetest.Problem) bool { return p.Hard || p.Missing },
	}}}
	for _, b := range []variants.Backend{variants.CC, variants.CUDA} {
		t.Run("backend="+string(b), func(t *testing.T) {
			require.Have(t, string(b), available(w, b))
			for _, precision := range []string{runtime.Float32, runtime.Float64} {
				for _, shape := range shapes(precision) {
					open := func(t *testing.T, p runtimetest.Problem) (mixture.Device, error) {
						return openConforming(t, w, b, p, shape)
					}
					t.Run("precision="+precision+"/shape="+string(shape), func(t *testing.T) {
						options.Problems = runtimetest.Problems(precision)
						t.Run("suite", func(t *testing.T) { runtimetest.Run(t, open, options) })
						t.Run("fixtures", func(t *testing.T) { runtimetest.RunFixtures(t, open, precision, options) })
						t.Run("corpus", func(t *testing.T) { runtimetest.RunCorpus(t, open, precision, options) })
					})
				}
			}
		})
	}
}

// shape is a kind of plan for training.
type shape string

const (
	fused   shape = "fused"   // one kernel sums statistics, and mixture does the M-step
	split   shape = "split"   // an E-step, then moments
	updated shape = "updated" // a kernel does the M-step, where one does
)

// shapes are those that are tried in a precision: all of them, in one or the other. The M-step is float64 in both.
func shapes(precision string) []shape {
	if precision == runtime.Float32 {
		return []shape{fused}
	}
	return []shape{split, updated}
}

// variant names the row that gives a plan its shape.
func (s shape) variant(b variants.Backend, c Covariance) string {
	stage := map[shape]variants.Stage{fused: variants.Accumulate, split: variants.Moments, updated: variants.Update}[s]
	if s == updated && variants.Covariance(c) != variants.Covariance(c).Kernel() {
		return ""
	}
	for _, v := range variants.All() {
		if v.Backend == b && v.Stage == stage && v.Covariance == variants.Covariance(c).Kernel() {
			return v.Name()
		}
	}
	return ""
}

// openConforming opens a device for all that the suite asks of it.
func openConforming(t *testing.T, w *workshop, b variants.Backend, p runtimetest.Problem, like shape) (mixture.Device, error) {
	s, err := newSettings(p.M, p.D, []Option{
		withWorkshop(w), WithDevice(string(b)), WithPrecision(p.Precision), WithCovariance(p.Covariance), WithVariant(like.variant(b, p.Covariance)),
	})
	if err != nil {
		return nil, err
	}
	c := chooser{settings: s, need: autotune.Need{Train: true, Responsibilities: true, Passes: 1}}
	plan, err := c.inspected(variants.Problem{
		M: p.M, D: p.D, N: inspectedEvents, Covariance: variants.Covariance(p.Covariance), Weighted: p.Weighted, Hard: p.Hard, Missing: p.Missing,
	})
	if _, unserved := errors.AsType[*autotune.UnservedError](err); unserved {
		return nil, fmt.Errorf("%w: %w", runtimetest.ErrRefused, err)
	}
	if err != nil {
		return nil, err
	}
	return openPlan(t.Context(), s, plan)
}
