package gmmspec

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func TestNewParametersCopies(t *testing.T) {
	weights, means := []float64{0.25, 0.75}, mat.NewDense(2, 1, []float64{1, 2})
	covariances := []mat.Symmetric{mat.NewSymDense(1, []float64{3}), mat.NewDiagDense(1, []float64{4})}
	p, err := NewParameters(Full, weights, means, covariances)
	if err != nil {
		t.Fatal(err)
	}
	weights[0] = 9
	means.Set(0, 0, 9)
	covariances[0].(*mat.SymDense).SetSym(0, 0, 9)
	if !slices.Equal(slices.Concat(p.Weights, p.Means, p.Covariances), []float64{0.25, 0.75, 1, 2, 3, 4}) {
		t.Errorf("%+v: want what it was made of", p)
	}
}

// TestNewParametersTypes: of each matrix a type keeps what it has.
func TestNewParametersTypes(t *testing.T) {
	full := mat.NewSymDense(2, []float64{2, 0.5, 0.5, 3})
	diagonal := mat.NewDiagDense(2, []float64{2, 3})
	round := mat.NewDiagDense(2, []float64{2, 2})
	for _, test := range []struct {
		c    Covariance
		s    mat.Symmetric
		want []float64
	}{
		{Full, full, []float64{2, 0.5, 0.5, 3}},
		{Tied, full, []float64{2, 0.5, 0.5, 3}},
		{Full, diagonal, []float64{2, 0, 0, 3}},
		{Diag, diagonal, []float64{2, 3}},
		{Spherical, round, []float64{2}},
	} {
		p, err := NewParameters(test.c, []float64{1}, mat.NewDense(1, 2, nil), []mat.Symmetric{test.s})
		if err != nil || !slices.Equal(p.Covariances, test.want) {
			t.Errorf("%s: %v, error %v: want %v", test.c, p, err, test.want)
		}
	}
}

func TestNewParametersRefuses(t *testing.T) {
	one := []float64{1}
	mean := mat.NewDense(1, 2, nil)
	unit := mat.NewSymDense(2, []float64{1, 0, 0, 1})
	correlated := mat.NewSymDense(2, []float64{1, 0.5, 0.5, 1})
	for _, test := range []struct {
		name        string
		c           Covariance
		weights     []float64
		means       mat.Matrix
		covariances []mat.Symmetric
		want        string
	}{
		{"no means", Full, one, nil, []mat.Symmetric{unit}, "no means"},
		{"a nil pointer to means", Full, one, (*mat.Dense)(nil), []mat.Symmetric{unit}, "no means"},
		{"a nil pointer to a covariance", Full, one, mean, []mat.Symmetric{(*mat.SymDense)(nil)}, "covariance 0 is nil"},
		{"empty means", Full, nil, &mat.Dense{}, nil, "components"},
		{"weights too few", Full, nil, mean, []mat.Symmetric{unit}, "weights"},
		{"weights that sum to 2", Full, []float64{2}, mean, []mat.Symmetric{unit}, "weights"},
		{"a mean that is NaN", Full, one, mat.NewDense(1, 2, []float64{0, math.NaN()}), []mat.Symmetric{unit}, "means"},
		{"covariances too few", Full, one, mean, nil, "0 covariances"},
		{"covariances too many", Tied, []float64{0.5, 0.5}, mat.NewDense(2, 2, nil), []mat.Symmetric{unit, unit}, "2 covariances: want 1"},
		{"no covariance", Full, one, mean, []mat.Symmetric{nil}, "covariance 0 is nil"},
		{"a covariance of other dimensions", Full, one, mean, []mat.Symmetric{mat.NewSymDense(1, one)}, "1×1: want 2×2"},
		{"an indefinite covariance", Full, one, mean, []mat.Symmetric{mat.NewSymDense(2, []float64{1, 2, 2, 1})}, "positive definite"},
		{"entries off the diagonal", Diag, one, mean, []mat.Symmetric{correlated}, "0.5 at (1,0)"},
		{"entries off a round diagonal", Spherical, one, mean, []mat.Symmetric{correlated}, "0.5 at (1,0)"},
		{"variances that differ", Spherical, one, mean, []mat.Symmetric{mat.NewDiagDense(2, []float64{1, 2})}, "1 and 2"},
		{"a type that is none", "round", one, mean, []mat.Symmetric{unit}, "round"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := NewParameters(test.c, test.weights, test.means, test.covariances)
			if p != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v: want one with %q", err, test.want)
			}
		})
	}
}

// TestEvents: every view of the same numbers is the same events.
func TestEvents(t *testing.T) {
	wide := []float64{1, 2, 99, 3, 4}
	for name, view := range map[string]func() (Events, error){
		"float32":         func() (Events, error) { return Float32([]float32{1, 2, 3, 4}, 2, 2) },
		"float64":         func() (Events, error) { return Float64([]float64{1, 2, 3, 4}, 2, 2) },
		"float32, stride": func() (Events, error) { return Float32Stride([]float32{1, 2, 99, 3, 4}, 2, 2, 3) },
		"float64, stride": func() (Events, error) { return Float64Stride(wide, 2, 2, 3) },
		"matrix":          func() (Events, error) { return Matrix(mat.NewDense(2, 2, []float64{1, 2, 3, 4})) },
		"transposed":      func() (Events, error) { return Matrix(mat.NewDense(2, 2, []float64{1, 3, 2, 4}).T()) },
	} {
		events, err := view()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := make([]float64, 4)
		events.Read(got, 0)
		if events.Len() != 2 || events.Dims() != 2 || !slices.Equal(got, []float64{1, 2, 3, 4}) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, view := range map[string]func() (Events, error){
		"no events":       func() (Events, error) { return Float32(nil, 0, 2) },
		"too few numbers": func() (Events, error) { return Float64([]float64{1, 2, 3}, 2, 2) },
		"negative":        func() (Events, error) { return Float64([]float64{1, 2, 3}, -1, 2) },
		"a short stride":  func() (Events, error) { return Float64Stride(wide, 2, 2, 1) },
		"more than there can be": func() (Events, error) {
			return Float64Stride(wide, math.MaxInt/2, 2, math.MaxInt/2)
		},
		"no matrix":               func() (Events, error) { return Matrix(nil) },
		"a nil pointer to matrix": func() (Events, error) { return Matrix((*mat.Dense)(nil)) },
	} {
		if events, err := view(); events != nil || err == nil {
			t.Errorf("%s: %v, error %v: want an error", name, events, err)
		}
	}
}
