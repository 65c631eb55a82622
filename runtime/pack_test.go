package runtime_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"gonum.org/v1/gonum/stat/distmv"
)

func programFor(p *mixture.Parameters, precision string, components int) *runtime.Program {
	return &runtime.Program{
		Components: components, Dimensions: p.D, Covariance: p.Covariance, Precision: precision,
		Kernels: []runtime.Kernel{{Stage: runtime.EStep, Factor: factorOf(p)}, {Stage: runtime.Score, Factor: runtime.Square}},
	}
}

// factorOf is the layout in which the tests below read records.
func factorOf(p *mixture.Parameters) string {
	if p.Covariance.Correlated() {
		return runtime.Packed
	}
	return runtime.Diagonal
}

// TestPackByHand: Σ = [[4, 2], [2, 5]] = L Lᵀ with L = [[2, 0], [1, 2]], so A = L⁻¹ = [[½, 0], [-¼, ½]] and |Σ| = 16. In the
// frame u = T(x - c), c = (1, 0), T = diag(½, 4), the mean (3, 2) is (1, 8) and A T⁻¹ = [[1, 0], [-½, ⅛]].
func TestPackByHand(t *testing.T) {
	p := &mixture.Parameters{
		Covariance: mixture.Full, M: 1, D: 2, Weights: []float64{1}, Means: []float64{3, 2}, Covariances: []float64{4, 2, 2, 5},
	}
	f := runtime.Frame{Shift: []float64{1, 0}, Scale: []float64{0.5, 4}}
	packed, err := runtime.Pack[float64](programFor(p, runtime.Float64, 2), f, p)
	if err != nil {
		t.Fatal(err)
	}
	constant := -(2*math.Log(2*math.Pi) + math.Log(16)) / 2
	for layout, want := range map[string][]float64{
		runtime.Packed: {0, 1, 8, constant, 1, -0.5, 0.125},
		runtime.Square: {0, 1, 8, constant, 1, -0.5, 0, 0.125},
	} {
		records := packed.Records[layout]
		for i, v := range want {
			if math.Abs(records[i]-v) > 1e-15 {
				t.Errorf("%s: record %v: want %v", layout, records[:len(want)], want)
				break
			}
		}
		padding := make([]float64, len(want))
		padding[3] = math.Inf(-1)
		if got := records[len(want):]; !slices.Equal(got, padding) {
			t.Errorf("%s: a component that fills up: %v: want %v", layout, got, padding)
		}
	}
	if !slices.Equal(packed.Origins, p.Means) {
		t.Errorf("origins %v: want the means", packed.Origins)
	}
}

// TestPackDensity: what a kernel computes of a record is gonum's log-density.
func TestPackDensity(t *testing.T) {
	for _, c := range mixture.Covariances() {
		for _, precision := range []string{runtime.Float32, runtime.Float64} {
			s := corpus.Random(1, 50, 3, 4, c)
			x, events := s.X, must(s.Events())(t)
			summary, err := mixture.Summarize(t.Context(), mixture.Data{Events: events})
			if err != nil {
				t.Fatal(err)
			}
			f := runtime.NewFrame(summary, precision)
			program := programFor(s.Start, precision, 4)
			packed, err := runtime.Pack[float64](program, f, s.Start)
			if err != nil {
				t.Fatal(err)
			}
			u := make([]float64, len(x))
			runtime.Read(f, u, events, 0, make([]float64, len(x)))
			size, records := program.Record(factorOf(s.Start)), packed.Records[factorOf(s.Start)]
			for m := range s.M {
				oracle, ok := distmv.NewNormal(s.Start.Mean(m), s.Start.Matrix(m), nil)
				if !ok {
					t.Fatal("not positive definite")
				}
				record := records[m*size:][:size]
				for n := range s.N {
					got := density(record, u[n*s.D:][:s.D], c.Correlated())
					want := math.Log(s.Start.Weights[m]) + oracle.LogProb(x[n*s.D:][:s.D])
					if math.Abs(got-want) > 1e-10 {
						t.Fatalf("%s, %s: component %d, event %d: %v: want %v", c, precision, m, n, got, want)
					}
				}
			}
		}
	}
}

// must returns the result of a call, unless it failed.
func must[V any](v V, err error) func(t *testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// density is the log-density that a record describes, at u.
func density(record, u []float64, correlated bool) float64 {
	d := len(u)
	mean, constant, factor := record[1:], record[d+1], record[d+2:]
	square, k := 0.0, 0
	for a := range d {
		y, first := 0.0, 0
		if !correlated {
			first = a
		}
		for b := first; b <= a; b++ {
			y += factor[k] * (u[b] - mean[b])
			k++
		}
		square += y * y
	}
	return constant - square/2
}

// TestPackRounds: origins are the means as a float32 kernel has them, near the means themselves.
func TestPackRounds(t *testing.T) {
	p := &mixture.Parameters{Covariance: mixture.Diag, M: 1, D: 1, Weights: []float64{1}, Means: []float64{0.1}, Covariances: []float64{1}}
	f := runtime.Frame{Shift: []float64{0.25}, Scale: []float64{4}}
	packed, err := runtime.Pack[float32](programFor(p, runtime.Float32, 1), f, p)
	if err != nil {
		t.Fatal(err)
	}
	rounded := float32((0.1 - 0.25) * 4)
	if packed.Records[runtime.Diagonal][1] != rounded || packed.Origins[0] != 0.25+float64(rounded)/4 || packed.Origins[0] == 0.1 {
		t.Errorf("mean %v, origin %v", packed.Records[runtime.Diagonal][1], packed.Origins[0])
	}
}

// TestPackPrecision: means and factors that float32 cannot hold next to the events are refused by name in float32 alone.
func TestPackPrecision(t *testing.T) {
	good := &mixture.Parameters{
		Covariance: mixture.Diag, M: 2, D: 1, Weights: []float64{0.5, 0.5}, Means: []float64{0, 1}, Covariances: []float64{1, 1},
	}
	far, narrow := good.Clone(), good.Clone()
	far.Means[1] = 1e19
	narrow.Covariances[1] = 1e-40
	f := runtime.Frame{Shift: []float64{0}, Scale: []float64{1}}
	for name, p := range map[string]*mixture.Parameters{"mean": far, "covariance": narrow} {
		_, err := runtime.Pack[float32](programFor(p, runtime.Float32, 2), f, p)
		precision, ok := errors.AsType[*runtime.PrecisionError](err)
		if !ok || precision.Component != 1 || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "component 1") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := runtime.Pack[float64](programFor(p, runtime.Float64, 2), f, p); err != nil {
			t.Errorf("%s in float64: %v", name, err)
		}
	}
	bad := good.Clone()
	bad.Covariances[0] = -1
	if _, err := runtime.Pack[float64](programFor(bad, runtime.Float64, 2), f, bad); !errors.As(err, new(*mixture.ParameterError)) {
		t.Errorf("a negative variance: error %v", err)
	}
}

// TestUnpack: sums of a frame's coordinates are the statistics of the events, for every covariance type.
func TestUnpack(t *testing.T) {
	for _, c := range mixture.Covariances() {
		for _, precision := range []string{runtime.Float32, runtime.Float64} {
			t.Run(fmt.Sprintf("%s/%s", c, precision), func(t *testing.T) {
				s := corpus.Random(2, 200, 3, 4, c)
				events := must(s.Events())(t)
				data := mixture.Data{Events: events}
				summary := must(mixture.Summarize(t.Context(), data))(t)
				f := runtime.NewFrame(summary, precision)
				program := programFor(s.Start, precision, 5)
				packed := must(runtime.Pack[float64](program, f, s.Start))(t)
				judge := must(reference.New().Load(t.Context(), data))(t)
				want := must(judge.Accumulate(t.Context(), s.Start))(t)
				scores := &mixture.Scores{Responsibilities: make([]float64, s.N*s.M)}
				if err := judge.Score(t.Context(), s.Start, scores); err != nil {
					t.Fatal(err)
				}
				sums := sumsOf(program, f, packed, events, scores)
				got := runtime.Unpack(program, f, s.M, packed.Origins, sums)
				got.Events, got.EventWeight = want.Events, want.EventWeight
				tolerance := compare.Tolerance{Warn: 1e-12, Fail: 1e-12}
				tolerance.Check(t, compare.Statistics(got, want, s.Start)...)
			})
		}
	}
}

// sumsOf makes the sums that a kernel would.
func sumsOf(p *runtime.Program, f runtime.Frame, packed *runtime.PackedModel[float64], events mixture.Events, scores *mixture.Scores) []float64 {
	n, d := events.Len(), p.Dimensions
	u := make([]float64, n*d)
	runtime.Read(f, u, events, 0, make([]float64, n*d))
	sums := make([]float64, p.Sums())
	factor := p.Kernels[0].Factor
	records := packed.Records[factor]
	m := len(scores.Responsibilities) / n
	for i, r := range scores.Responsibilities {
		component, event := i%m, i/m
		cells := sums[component*p.Cells():]
		mean := records[component*p.Record(factor)+1:]
		delta := func(a int) float64 { return u[event*d+a] - mean[a] }
		cells[0] += r
		k := 1 + d
		for a := range d {
			cells[1+a] += r * delta(a)
			first := 0
			if !p.Covariance.Correlated() {
				first = a
			}
			for b := first; b <= a; b++ {
				cells[k] += r * delta(a) * delta(b)
				k++
			}
		}
	}
	sums[p.Sums()-1] = scores.Total
	return sums
}

// TestTakeScores: what kernels computed of a span lands where it belongs, and nothing else is touched.
func TestTakeScores(t *testing.T) {
	nan := math.NaN()
	out := &mixture.Scores{LogLikelihoods: []float64{nan, nan, nan, nan}, Labels: []int{-1, -1, -1, -1}, Responsibilities: slices.Repeat([]float64{nan}, 8)}
	runtime.TakeScores(out, 1, []float32{0.5, 1.5}, []int32{3, 4})
	if !math.IsNaN(out.LogLikelihoods[0]) || out.LogLikelihoods[1] != 0.5 || out.LogLikelihoods[2] != 1.5 || !math.IsNaN(out.LogLikelihoods[3]) {
		t.Errorf("log-likelihoods %v", out.LogLikelihoods)
	}
	if !slices.Equal(out.Labels, []int{-1, 3, 4, -1}) {
		t.Errorf("labels %v", out.Labels)
	}
	// Two events of two components, in rows of pitch 3: r[m·3 + i].
	runtime.TakeResponsibilities(out, 1, 2, 0, 2, 3, []float64{0.1, 0.2, 9})
	runtime.TakeResponsibilities(out, 1, 2, 1, 2, 3, []float64{0.9, 0.8, 9, 7, 7, 7}) // of which the last only fills up
	if got := out.Responsibilities[2:6]; !slices.Equal(got, []float64{0.1, 0.9, 0.2, 0.8}) ||
		!math.IsNaN(out.Responsibilities[1]) || !math.IsNaN(out.Responsibilities[6]) {
		t.Errorf("responsibilities %v", out.Responsibilities)
	}
	runtime.TakeScores(&mixture.Scores{}, 0, []float64{1}, []int32{1}) // nothing is asked for
}

// TestFinishUpdate: where every component went by the book the weights are filled in, and elsewhere mixture does the step.
func TestFinishUpdate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	previous := corpus.Random(1, 1, 2, 2, mixture.Full).Truth
	s := mixture.NewStatistics(mixture.Full, 2, 2, previous.Means)
	for m := range 2 {
		s.Weights[m] = 10 * float64(1+m)
		copy(s.Second[m*3:], []float64{10 + random.Float64(), random.Float64(), 10 + random.Float64()})
	}
	prior := mixture.Prior{Ridge: []float64{0.1, 0.1}, Floor: []float64{1, 1}}
	want, _, err := mixture.Update(s, prior, previous)
	if err != nil {
		t.Fatal(err)
	}
	begun := want.Clone()
	clear(begun.Weights)
	got, report, err := runtime.FinishUpdate(begun, s, prior, previous, []int32{0, 0}, true)
	if err != nil || got != begun || len(report.Empty)+len(report.Floored) != 0 || !slices.Equal(got.Weights, want.Weights) {
		t.Errorf("%+v, %+v: want the weights %v", got, report, want.Weights)
	}
	s.Weights[1] = 21 // more than ten times the dimensions
	if _, _, err := runtime.FinishUpdate(begun, s, prior, previous, []int32{0, 1}, false); err != nil {
		t.Errorf("handed over: %v", err)
	}
	if _, _, err := runtime.FinishUpdate(begun, s, prior, previous, []int32{0, -1}, true); err == nil || !strings.Contains(err.Error(), "component 1 over with status -1") {
		t.Errorf("handed over without need: error %v", err)
	}
	s.Weights[1] = 0
	want, wanted, err := mixture.Update(s, prior, previous)
	if err != nil {
		t.Fatal(err)
	}
	got, report, err = runtime.FinishUpdate(begun, s, prior, previous, []int32{0, 1}, true)
	if err != nil {
		t.Fatal(err)
	}
	compare.Exact().Check(t, compare.Parameters(got, want)...)
	if !slices.Equal(report.Empty, wanted.Empty) || !slices.Equal(report.Empty, []int{1}) {
		t.Errorf("report %+v: want %+v", report, wanted)
	}
}
