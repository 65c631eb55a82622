package gmmspec

import (
	"math"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// proper returns parameters of 2 components over 3 dimensions.
func proper(c Covariance) *Parameters {
	p := mixture.NewParameters(c, 2, 3)
	p.Weights = []float64{0.25, 0.75}
	for i := range p.Means {
		p.Means[i] = float64(i)
	}
	identity := mat.NewSymDense(3, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1})
	setCovariance(p, 0, identity)
	if c != Tied {
		setCovariance(p, 1, identity)
	}
	return p
}

func TestNewRefuses(t *testing.T) {
	negative := proper(Full)
	negative.Weights = []float64{-0.5, 1.5}
	for _, test := range []struct {
		name    string
		m, d    int
		options []Option
		want    string
	}{
		{"no components", 0, 3, nil, "0 components"},
		{"negative components", -1, 3, nil, "-1 components"},
		{"no dimensions", 2, 0, nil, "0 dimensions"},
		{"covariance", 2, 3, []Option{WithCovariance("round")}, `"round"`},
		{"device", 2, 3, []Option{WithDevice("tpu")}, `"tpu"`},
		{"no device", 2, 3, []Option{WithDevice("")}, `""`},
		{"numbered cc", 2, 3, []Option{WithDevice("cc:0")}, `"cc:0"`},
		{"cuda without its number", 2, 3, []Option{WithDevice("cuda:")}, `"cuda:"`},
		{"cuda of a name", 2, 3, []Option{WithDevice("cuda:one")}, `"cuda:one"`},
		{"cuda of a negative number", 2, 3, []Option{WithDevice("cuda:-1")}, `"cuda:-1"`},
		{"precision", 2, 3, []Option{WithPrecision("float16")}, `"float16"`},
		{"no error", 2, 3, []Option{WithMaxError(0)}, "maximum error 0"},
		{"negative error", 2, 3, []Option{WithMaxError(-1e-5)}, "maximum error -1e-05"},
		{"NaN error", 2, 3, []Option{WithMaxError(math.NaN())}, "maximum error NaN"},
		{"infinite error", 2, 3, []Option{WithMaxError(math.Inf(1))}, "maximum error +Inf"},
		{"less error than float64's", 2, 3, []Option{WithMaxError(9e-11)}, "at least 1e-10, what float64 promises"},
		{"start", 2, 3, []Option{WithStart("middle")}, `"middle"`},
		{"negative tolerance", 2, 3, []Option{WithTolerance(-1)}, "tolerance -1"},
		{"NaN tolerance", 2, 3, []Option{WithTolerance(math.NaN())}, "tolerance NaN"},
		{"infinite tolerance", 2, 3, []Option{WithTolerance(math.Inf(1))}, "tolerance +Inf"},
		{"negative iterations", 2, 3, []Option{WithIterations(-1, 5)}, "minimum of -1"},
		{"fewer at most than at least", 2, 3, []Option{WithIterations(6, 5)}, "maximum of 5"},
		{"negative ridge", 2, 3, []Option{WithRidge(-1)}, "ridge -1"},
		{"NaN ridge", 2, 3, []Option{WithRidge(math.NaN())}, "ridge NaN"},
		{"no parameters", 2, 3, []Option{WithParameters(nil)}, "initial parameters"},
		{"parameters of other components", 3, 3, []Option{WithParameters(proper(Full))}, "M=2, D=3"},
		{"parameters of other dimensions", 2, 2, []Option{WithParameters(proper(Full))}, "M=2, D=3"},
		{"parameters of another covariance", 2, 3, []Option{WithParameters(proper(Full)), WithCovariance(Diag)}, "full: want diag"},
		{"parameters that are no mixture", 2, 3, []Option{WithParameters(negative)}, "weights: component 0"},
		{"variant", 2, 3, []Option{WithVariant("estep-full-magic")}, `"estep-full-magic"`},
		{"variants", 2, 3, []Option{WithVariant("estep-full-event"), WithVariant("estep-full-component-dimension")}, `"estep-full-event" and "estep-full-component-dimension" are both named for estep`},
		{"fused and moments", 2, 3, []Option{WithVariant("accumulate-full-lanes"), WithVariant("moments-full-lanes")}, `"accumulate-full-lanes" and "moments-full-lanes"`},
		{"variants of two devices", 2, 3, []Option{WithVariant("score-full-lanes"), WithVariant("estep-full-event")}, "different devices"},
		{"variant of another device", 2, 3, []Option{WithVariant("estep-full-event"), WithDevice(DeviceCC)}, "for device cuda, not for cc"},
		{"variant of the reference", 2, 3, []Option{WithVariant("estep-full-lanes"), WithDevice(DeviceReference)}, "not for reference"},
		{"architecture", 2, 3, []Option{WithArch("sm_90")}, "WithArch"},
		{"unknown architecture", 2, 3, []Option{WithArch("sm_1")}, `"sm_1"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			model, err := New(test.m, test.d, test.options...)
			if model != nil || err == nil || !strings.HasPrefix(err.Error(), "gmmspec: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v: want one of gmmspec with %q", err, test.want)
			}
		})
	}
}

// TestNewAccepts: the ends of what is allowed.
func TestNewAccepts(t *testing.T) {
	for name, options := range map[string][]Option{
		"nothing":         nil,
		"zeros":           {WithTolerance(0), WithIterations(0, 0), WithRidge(0), WithSeed(0)},
		"the largest":     {WithIterations(math.MaxInt, math.MaxInt), WithTolerance(math.MaxFloat64), WithSeed(math.MaxUint64)},
		"a numbered cuda": {WithDevice("cuda:7")},
		"no option":       {nil, WithSeed(1)},
		"one a stage":     {WithVariant("score-full-lanes"), WithVariant("estep-full-lanes"), WithVariant("moments-full-lanes")},
		"a variant twice": {WithVariant("score-full-lanes"), WithVariant("score-full-lanes")},
		"no variant":      {WithVariant("a"), WithVariant("b"), WithVariant(""), WithVariant("estep-full-lanes")},
		"no functions":    {WithProgress(nil), WithWarning(nil)},
		"the least error": {WithMaxError(LeastMaxError), WithPrecision(PrecisionFast)},
		"every word":      {WithDevice(DeviceAuto), WithPrecision(PrecisionAuto), WithStart(StartEven), WithCovariance(Tied)},
	} {
		if _, err := New(2, 3, options...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWithoutFunctions: callbacks that are nil are not called.
func TestWithoutFunctions(t *testing.T) {
	events, start := small(t)
	model := mustNew(t, start.M, start.D,
		WithDevice(DeviceCC), WithProgress(nil), WithWarning(nil), WithParameters(start), withWorkshop(without(t)))
	mustTrain(t, model, events)
	if _, err := model.Score(t.Context(), events); err != nil {
		t.Error(err)
	}
}

// TestExpectedPasses: what a fit is planned for, whatever the bounds.
func TestExpectedPasses(t *testing.T) {
	for _, test := range []struct {
		least, most int
		tolerance   float64
		want        int
	}{
		{0, 100, 0, 101},
		{0, 0, 0, 1},
		{0, math.MaxInt, 0, math.MaxInt},
		{0, 100, 1e-3, 31},
		{0, 5, 1e-3, 6},
		{50, 100, 1e-3, 51},
		{math.MaxInt, math.MaxInt, 1e-3, math.MaxInt},
	} {
		s := applied([]Option{WithIterations(test.least, test.most), WithTolerance(test.tolerance)})
		if got := s.expectedPasses(); got != test.want {
			t.Errorf("%+v: %d passes", test, got)
		}
	}
}

func TestCheckOptions(t *testing.T) {
	if err := CheckOptions(WithDevice(DeviceCC), WithArch("sm_90")); err != nil {
		t.Error(err)
	}
	if err := CheckOptions(WithPrecision("float16")); err == nil {
		t.Error("a precision that is not known passes")
	}
}

// TestCovarianceOrder: initial parameters of another covariance type than the one asked for are refused in either order.
func TestCovarianceOrder(t *testing.T) {
	_, start := small(t)
	for _, options := range [][]Option{
		{WithParameters(start), WithCovariance(Diag)}, {WithCovariance(Diag), WithParameters(start)},
	} {
		if _, err := New(start.M, start.D, options...); err == nil || !strings.Contains(err.Error(), "are full: want diag") {
			t.Errorf("error %v", err)
		}
	}
	if model := mustNew(t, start.M, start.D, WithParameters(start)); model.Covariance() != Full {
		t.Errorf("covariance type %s", model.Covariance())
	}
}
