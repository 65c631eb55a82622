package runtime_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// TestSizes: a component's record is 0, D means, a constant and the factor; its cells are N_m and the first and second moments;
// the total log-likelihood comes last.
func TestSizes(t *testing.T) {
	for c, triangle := range map[mixture.Covariance]int{mixture.Full: 6, mixture.Tied: 6, mixture.Diag: 3, mixture.Spherical: 3} {
		p := runtime.Program{Components: 5, Dimensions: 3, Covariance: c}
		if p.Record(runtime.Packed) != 5+triangle || p.Record(runtime.Square) != 5+9 || p.Cells() != 4+triangle || p.Sums() != 5*(4+triangle)+1 {
			t.Errorf("%s: records %d and %d, cells %d, sums %d", c, p.Record(runtime.Packed), p.Record(runtime.Square), p.Cells(), p.Sums())
		}
	}
}

// TestSlices: as many as 132 multiprocessors have room for, or of sums in two rounds where those leave at least a 16th fewer of them idle.
func TestSlices(t *testing.T) {
	const tile, units = 64, 132
	for _, test := range []struct {
		blocks, n int
		sums      bool
		want      int
	}{
		{1, 1e6, true, 132},
		{4, 1e6, true, 33},
		{16, 1e6, true, 8},  // 128 of 132, and 256 of 264
		{17, 1e6, true, 15}, // 119 of 132, or 255 of 264
		{17, 1e6, false, 7},
		{88, 1e6, true, 3},
		{200, 1e6, true, 1},
		{300, 1e6, true, 1}, // more than there is room for in two rounds
		{17, 10 * tile, true, 10},
		{17, 1, true, 1},
	} {
		l := runtime.Launch{Blocks: test.blocks, BlocksPerUnit: 1, Tile: tile, Sums: test.sums}
		if got := l.Slices(test.n, units); got != test.want {
			t.Errorf("%+v of %d events: %d, want %d", l, test.n, got, test.want)
		}
	}
	if got := (runtime.Launch{Blocks: 17, Tile: tile}).Slices(1e6, units); got != 1 {
		t.Errorf("where events are not cut: %d slices", got)
	}
}

func TestMissingStage(t *testing.T) {
	if err := (&runtime.MissingStageError{Stage: runtime.EStep}); !strings.Contains(err.Error(), "estep") {
		t.Error(err)
	}
}

func TestCheckData(t *testing.T) {
	program := runtime.Program{Components: 2, Dimensions: 2}
	weighted := program
	weighted.Weighted = true
	two := must(mixture.Float64(make([]float64, 6), 3, 2, 0))(t)
	three := must(mixture.Float64(make([]float64, 6), 2, 3, 0))(t)
	ones := []float64{1, 1, 1}
	for _, test := range []struct {
		name    string
		program runtime.Program
		data    mixture.Data
		want    string
	}{
		{"plain", program, mixture.Data{Events: two}, ""},
		{"weighted", weighted, mixture.Data{Events: two, Weights: ones}, ""},
		{"other dimensions", program, mixture.Data{Events: three}, "dimensions"},
		{"weights that were not compiled for", program, mixture.Data{Events: two, Weights: ones}, "without weights"},
		{"weights that are missing", weighted, mixture.Data{Events: two}, "with weights"},
		{"weights too few", weighted, mixture.Data{Events: two, Weights: ones[1:]}, "event weights"},
		{"hard", program, mixture.Data{Events: two, Hard: true}, "soft"},
		{"missing", program, mixture.Data{Events: two, Missing: true}, "missing"},
	} {
		if err := test.program.CheckData(test.data); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v: want %q", test.name, err, test.want)
		}
	}
}

func TestCheckWeights(t *testing.T) {
	for _, test := range []struct {
		precision string
		weight    float64
		refused   bool
	}{
		{runtime.Float32, 1, false}, {runtime.Float32, 1e18, false}, {runtime.Float32, 1e19, true}, {runtime.Float64, 1e100, false},
	} {
		err := (&runtime.Program{Precision: test.precision}).CheckWeights([]float64{1, test.weight})
		if errors.As(err, new(*runtime.PrecisionError)) != test.refused {
			t.Errorf("%+v: %v", test, err)
		}
		if err != nil && strings.Contains(err.Error(), "component") {
			t.Errorf("%v: no component is at fault", err)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	program := runtime.Program{Components: 4, Dimensions: 2, Covariance: mixture.Full}
	good := corpus.Random(1, 1, 3, 2, mixture.Full).Truth
	if err := program.CheckParameters(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(p *mixture.Parameters){
		"dimensions":           func(p *mixture.Parameters) { p.D = 3 },
		"components too many":  func(p *mixture.Parameters) { p.M = 5 },
		"no components":        func(p *mixture.Parameters) { p.M = 0 },
		"covariance":           func(p *mixture.Parameters) { p.Covariance = mixture.Tied },
		"weights too few":      func(p *mixture.Parameters) { p.Weights = p.Weights[1:] },
		"means too few":        func(p *mixture.Parameters) { p.Means = p.Means[1:] },
		"covariances too few":  func(p *mixture.Parameters) { p.Covariances = nil },
		"covariances too many": func(p *mixture.Parameters) { p.Covariances = append(p.Covariances, 1) },
	} {
		bad := good.Clone()
		spoil(bad)
		if err := program.CheckParameters(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCheckUpdate(t *testing.T) {
	program := runtime.Program{Components: 4, Dimensions: 2, Covariance: mixture.Full}
	previous := corpus.Random(1, 1, 3, 2, mixture.Full).Truth
	statistics := mixture.NewStatistics(mixture.Full, 3, 2, nil)
	prior := mixture.Prior{Ridge: []float64{1, 1}}
	if err := program.CheckUpdate(statistics, prior, previous); err != nil {
		t.Error(err)
	}
	if err := program.CheckUpdate(statistics, mixture.Prior{}, previous); err == nil {
		t.Error("no ridge: no error")
	}
	if err := program.CheckUpdate(statistics, prior, corpus.Random(1, 1, 3, 3, mixture.Full).Truth); err == nil {
		t.Error("previous parameters of other dimensions: no error")
	}
	for name, spoil := range map[string]func(s *mixture.Statistics){
		"components":           func(s *mixture.Statistics) { s.M = 2 },
		"dimensions":           func(s *mixture.Statistics) { s.D = 3 },
		"covariance":           func(s *mixture.Statistics) { s.Covariance = mixture.Diag },
		"weights":              func(s *mixture.Statistics) { s.Weights = nil },
		"origins":              func(s *mixture.Statistics) { s.Origins = s.Origins[1:] },
		"first moments":        func(s *mixture.Statistics) { s.First = s.First[1:] },
		"second moments":       func(s *mixture.Statistics) { s.Second = s.Second[1:] },
		"too much of a moment": func(s *mixture.Statistics) { s.Second = append(s.Second, 1) },
	} {
		bad := statistics.Clone()
		spoil(bad)
		if err := program.CheckUpdate(bad, prior, previous); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
