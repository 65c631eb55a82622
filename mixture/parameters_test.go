package mixture_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

func TestValidateAccepts(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 4, func(t *testing.T, random *rand.Rand) {
			if err := randomModel(random, c, 1+random.IntN(4), 1+random.IntN(5)).Validate(); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestValidateTolerances: a weight may be 0, weights may sum to 1 within 1e-6, covariances be symmetric within 1e-9 of the
// diagonal, at any scale that a float64 holds.
func TestValidateTolerances(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(p *mixture.Parameters)
		ok    bool
	}{
		{"weight of 0", func(p *mixture.Parameters) { copy(p.Weights, []float64{0, 1}) }, true},
		{"sum within", func(p *mixture.Parameters) { p.Weights[0] += 0.9e-6 }, true},
		{"sum without", func(p *mixture.Parameters) { p.Weights[0] += 1.1e-6 }, false},
		{"symmetric within", func(p *mixture.Parameters) { p.Covariances[1] += 0.9e-9 * 2 }, true},
		{"symmetric without", func(p *mixture.Parameters) { p.Covariances[1] += 1.1e-9 * 2 }, false},
		{"huge and asymmetric", func(p *mixture.Parameters) { scale(p, 1e200); p.Covariances[1] *= 2 }, false},
		{"tiny and as symmetric as rounding", func(p *mixture.Parameters) { scale(p, 1e-200); p.Covariances[1] *= 1 + 1e-12 }, true},
	} {
		p := twoComponents()
		test.spoil(p)
		if err := p.Validate(); (err == nil) != test.ok {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}

func scale(p *mixture.Parameters, by float64) {
	for i := range p.Covariances {
		p.Covariances[i] *= by
	}
}

// twoComponents returns a full mixture of two in two dimensions; the standard deviations are √2 and √2.
func twoComponents() *mixture.Parameters {
	return &mixture.Parameters{
		Covariance: mixture.Full, M: 2, D: 2,
		Weights:     []float64{0.5, 0.5},
		Means:       []float64{0, 0, 1, 1},
		Covariances: []float64{2, 1, 1, 2, 2, -1, -1, 2},
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, test := range []struct {
		name      string
		spoil     func(p *mixture.Parameters)
		field     string
		component int
		reason    string
	}{
		{"type", func(p *mixture.Parameters) { p.Covariance = "oblate" }, "covariance_type", -1, `"oblate"`},
		{"no type", func(p *mixture.Parameters) { p.Covariance = "" }, "covariance_type", -1, `""`},
		{"no components", func(p *mixture.Parameters) { p.M = 0 }, "components", -1, "0: want at least 1"},
		{"no dimensions", func(p *mixture.Parameters) { p.D = -1 }, "dimensions", -1, "-1: want at least 1"},
		{"weights' number", func(p *mixture.Parameters) { p.Weights = p.Weights[:1] }, "weights", -1, "1 numbers: want 2"},
		{"means' number", func(p *mixture.Parameters) { p.Means = append(p.Means, 1) }, "means", -1, "5 numbers: want 2×2"},
		{"covariances' number", func(p *mixture.Parameters) { p.Covariances = p.Covariances[:6] }, "covariances", -1, "6 numbers: want 2×2×2"},
		{"negative weight", func(p *mixture.Parameters) { copy(p.Weights, []float64{1.5, -0.5}) }, "weights", 1, "-0.5"},
		{"NaN weight", func(p *mixture.Parameters) { p.Weights[1] = math.NaN() }, "weights", 1, "NaN"},
		{"infinite weight", func(p *mixture.Parameters) { p.Weights[0] = math.Inf(1) }, "weights", 0, "+Inf"},
		{"weights' sum", func(p *mixture.Parameters) { p.Weights[0] = 0.75 }, "weights", -1, "sum to 1.25"},
		{"NaN mean", func(p *mixture.Parameters) { p.Means[3] = math.NaN() }, "means", 1, "NaN"},
		{"mean too large", func(p *mixture.Parameters) { p.Means[0] = -1e151 }, "means", 0, "-1e+151"},
		{"NaN covariance", func(p *mixture.Parameters) { p.Covariances[4] = math.NaN() }, "covariances", 1, "NaN"},
		{"infinite covariance", func(p *mixture.Parameters) { p.Covariances[0] = math.Inf(1) }, "covariances", 0, "+Inf"},
		{"asymmetric", func(p *mixture.Parameters) { p.Covariances[5] = -0.5 }, "covariances", 1, "entry (1,0) is -1, entry (0,1) is -0.5"},
		{"indefinite", func(p *mixture.Parameters) { p.Covariances[5], p.Covariances[6] = 3, 3 }, "covariances", 1, "not positive definite"},
		{"singular", func(p *mixture.Parameters) { p.Covariances[1], p.Covariances[2] = 2, 2 }, "covariances", 0, "not positive definite"},
		{"negative variance", func(p *mixture.Parameters) { p.Covariances[7] = -2 }, "covariances", 1, "not positive definite"},
		{"diag", func(p *mixture.Parameters) { p.Covariance, p.Covariances = mixture.Diag, []float64{1, 1, 1, 0} }, "covariances", 1, "not positive definite"},
		{"spherical", func(p *mixture.Parameters) { p.Covariance, p.Covariances = mixture.Spherical, []float64{1, -1} }, "covariances", 1, "not positive definite"},
		{"tied, of all", func(p *mixture.Parameters) { p.Covariance, p.Covariances = mixture.Tied, []float64{1, 2, 2, 1} }, "covariances", -1, "not positive definite"},
		{"tied, not finite", func(p *mixture.Parameters) {
			p.Covariance, p.Covariances = mixture.Tied, []float64{1, 0, 0, math.NaN()}
		}, "covariances", -1, "NaN"},
		{"tied, asymmetric", func(p *mixture.Parameters) { p.Covariance, p.Covariances = mixture.Tied, []float64{1, 0.5, 0, 1} }, "covariances", -1, "not symmetric"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := twoComponents()
			test.spoil(p)
			wantParameterError(t, p.Validate(), test.field, test.component, test.reason)
		})
	}
	t.Run("none", func(t *testing.T) {
		wantParameterError(t, (*mixture.Parameters)(nil).Validate(), "parameters", -1, "there are none")
	})
}

// TestValidateSizesThatOverflow: 4·2⁶² is 0 to an int, which is the length of no means at all.
func TestValidateSizesThatOverflow(t *testing.T) {
	huge := math.MaxInt/2 + 1
	p := &mixture.Parameters{Covariance: mixture.Diag, M: 4, D: huge, Weights: []float64{1, 0, 0, 0}}
	wantParameterError(t, p.Validate(), "means", -1, "0 numbers: want 4×")
}

func TestClone(t *testing.T) {
	p := twoComponents()
	c := p.Clone()
	c.Weights[0], c.Means[0], c.Covariances[0] = 9, 9, 9
	if p.Weights[0] == 9 || p.Means[0] == 9 || p.Covariances[0] == 9 {
		t.Errorf("the clone shares slices: %+v", p)
	}
}

func TestMean(t *testing.T) {
	p := twoComponents()
	p.Mean(0)[1] = 7
	if p.Means[1] != 7 {
		t.Error("Mean is no view")
	}
	if _ = append(p.Mean(0), 8); p.Means[2] == 8 {
		t.Error("appending to a mean wrote over the next")
	}
}

// TestMatrix compares Σ_1 with one written out, and sees that it is a copy.
func TestMatrix(t *testing.T) {
	for _, test := range []struct {
		covariance  mixture.Covariance
		covariances []float64
		want        []float64
	}{
		{mixture.Full, []float64{1, 0, 0, 1, 2, 1, 1, 3}, []float64{2, 1, 1, 3}},
		{mixture.Tied, []float64{2, 1, 1, 3}, []float64{2, 1, 1, 3}},
		{mixture.Diag, []float64{1, 1, 2, 3}, []float64{2, 0, 0, 3}},
		{mixture.Spherical, []float64{1, 2}, []float64{2, 0, 0, 2}},
	} {
		p := &mixture.Parameters{Covariance: test.covariance, M: 2, D: 2, Covariances: test.covariances}
		got, want := p.Matrix(1), mat.NewDense(2, 2, test.want)
		if !mat.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", test.covariance, mat.Formatted(got), mat.Formatted(want))
		}
		switch m := got.(type) {
		case *mat.SymDense:
			m.SetSym(0, 0, 9)
		case *mat.DiagDense:
			m.SetDiag(0, 9)
		default:
			t.Errorf("%s: Matrix returned a %T", test.covariance, got)
		}
		if !mat.Equal(p.Matrix(1), want) {
			t.Errorf("%s: Matrix is a view", test.covariance)
		}
	}
}
