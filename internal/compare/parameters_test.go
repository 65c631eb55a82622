package compare_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
)

// find returns the measure of the given name.
func find(t *testing.T, measures []compare.Measure, what string) compare.Measure {
	t.Helper()
	for _, m := range measures {
		if strings.HasPrefix(m.What, what) {
			return m
		}
	}
	t.Fatalf("no measure of %s in %v", what, measures)
	return compare.Measure{}
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-14 }

// TestCovariancesByHand: Σ = diag(4, 1) twice, and ΔΣ of the second has 0.2 off the diagonal. ‖ΔΣ‖_F = 0.2√2 and
// ‖Σ‖_F = √(2·17); the worst entry is 0.2/√(4·1) = 0.1; L = diag(2, 1), so L⁻¹ΔΣL⁻ᵀ has 0.1 off the diagonal, and
// eigenvalues ±0.1.
func TestCovariancesByHand(t *testing.T) {
	want := &mixture.Parameters{
		Covariance: mixture.Full, M: 2, D: 2,
		Weights: []float64{0.5, 0.5}, Means: make([]float64, 4), Covariances: []float64{4, 0, 0, 1, 4, 0, 0, 1},
	}
	got := want.Clone()
	got.Covariances[5], got.Covariances[6] = 0.2, 0.2
	measures := compare.Covariances(got, want)
	for what, e := range map[string]float64{
		"covariances, Frobenius": 0.2 * math.Sqrt2 / math.Sqrt(34),
		"covariances, entries":   0.1,
		"covariances, whitened":  0.1,
	} {
		if m := find(t, measures, what); !near(m.Error, e) {
			t.Errorf("%v: want %v", m, e)
		}
	}
	if at := find(t, measures, "covariances, entries").At; at[0] != 1 || at[1] == at[2] {
		t.Errorf("worst entry at %v: want component 1, off the diagonal", at)
	}
}

// TestParametersByHand: the second mean is off by half a standard deviation, the weights by 0.01.
func TestParametersByHand(t *testing.T) {
	want := &mixture.Parameters{
		Covariance: mixture.Spherical, M: 2, D: 2,
		Weights: []float64{0.5, 0.5}, Means: []float64{0, 0, 5, 5}, Covariances: []float64{1, 4},
	}
	got := want.Clone()
	got.Weights = []float64{0.49, 0.51}
	got.Means[3] = 6
	measures := compare.Parameters(got, want)
	if m := find(t, measures, "weights"); !near(m.Error, 0.01) {
		t.Errorf("%v: want 0.01", m)
	}
	if m := find(t, measures, "means"); !near(m.Error, 0.5) || m.At[0] != 1 || m.At[1] != 1 {
		t.Errorf("%v: want 0.5 at [1 1]", m)
	}
	compare.Exact().Check(t, compare.Covariances(got, want)...)
}

// TestSmallComponent: a component 100 times tighter whose covariance is wrong by 2 % hides from the Frobenius ratio, and
// from neither other measure.
func TestSmallComponent(t *testing.T) {
	want := &mixture.Parameters{
		Covariance: mixture.Diag, M: 2, D: 1,
		Weights: []float64{0.5, 0.5}, Means: []float64{0, 0}, Covariances: []float64{1, 1e-4},
	}
	got := want.Clone()
	got.Covariances[1] *= 1.02
	measures := compare.Covariances(got, want)
	if m := find(t, measures, "covariances, Frobenius"); !(m.Error < 1e-5) {
		t.Errorf("%v: want it hidden", m)
	}
	for _, what := range []string{"covariances, entries", "covariances, whitened"} {
		if m := find(t, measures, what); !near(m.Error, 0.02) || m.At[0] != 1 {
			t.Errorf("%v: want 0.02 of component 1", m)
		}
	}
}

// TestParametersNaN puts a NaN in every place of either side.
func TestParametersNaN(t *testing.T) {
	for _, c := range mixture.Covariances() {
		want := corpus.Random(1, 1, 2, 3, c).Truth
		fields := func(p *mixture.Parameters) [][]float64 { return [][]float64{p.Weights, p.Means, p.Covariances} }
		for f, values := range fields(want) {
			for i := range values {
				got := want.Clone()
				fields(got)[f][i] = math.NaN()
				for _, pair := range [][2]*mixture.Parameters{{got, want}, {want, got}} {
					if !anyWrong(compare.Parameters(pair[0], pair[1])) {
						t.Errorf("%s: field %d, NaN at %d passes", c, f, i)
					}
				}
			}
		}
	}
}

func anyWrong(measures []compare.Measure) bool {
	for _, m := range measures {
		if loose().Judge(m.Error) == compare.Wrong {
			return true
		}
	}
	return false
}

func TestParametersShapes(t *testing.T) {
	want := corpus.Random(1, 1, 2, 3, mixture.Full).Truth
	for _, other := range []*mixture.Parameters{
		corpus.Random(1, 1, 3, 3, mixture.Full).Truth,
		corpus.Random(1, 1, 2, 2, mixture.Full).Truth,
		corpus.Random(1, 1, 2, 3, mixture.Tied).Truth,
	} {
		if !anyWrong(compare.Parameters(other, want)) || !anyWrong(compare.Covariances(other, want)) {
			t.Errorf("%v passes as %v", other, want)
		}
	}
	compare.Exact().Check(t, compare.Parameters(want.Clone(), want)...)
}
