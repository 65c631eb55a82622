package gmmspec

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/variants"
)

// intensityVariable is how much is tested: 1, the default, is a pairwise selection of the differential grid; 2 the whole grid
// with one D and M in turn for each combination of the rest; 3 the whole grid.
const intensityVariable = "GMMSPEC_INTENSITY"

func intensity(t *testing.T) int {
	t.Helper()
	text := os.Getenv(intensityVariable)
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 3 {
		t.Fatalf("%s is %q: want 1, 2 or 3", intensityVariable, text)
	}
	return n
}

// differentialCase is one point of the grid.
type differentialCase struct {
	variant    string
	covariance Covariance
	precision  variants.Precision
	weighted   bool
	n, d, m    int
}

func (c differentialCase) String() string {
	return fmt.Sprintf("precision=%s/variant=%s/cov=%s/weighted=%v/n=%d/d=%d/m=%d",
		c.precision, c.variant, c.covariance, c.weighted, c.n, c.d, c.m)
}

// differentialFactors lists the values of each factor of the grid for a backend's variants. The numbers of events lie around
// the tiles (32, 64, 128, 256 events) and the block that the C runtime calls kernels for (2048).
func differentialFactors(b variants.Backend) [][]any {
	var rows []any
	for _, v := range variants.All() {
		if v.Backend == b {
			rows = append(rows, v)
		}
	}
	return [][]any{
		rows,
		{Full, Diag, Tied, Spherical},
		{variants.Float32, variants.Float64},
		{false, true},
		{1, 31, 63, 64, 65, 129, 259, 2047, 2049, 4099},
		{1, 2, 3, 7, 13, 19, 32, 39},
		{1, 2, 5, 33, 64},
	}
}

// newDifferentialCase reads a choice of one value of each factor; ok is false where the row has no such kernel.
func newDifferentialCase(values []any) (c differentialCase, ok bool) {
	v := values[0].(variants.Variant)
	c = differentialCase{
		variant: v.Name(), covariance: values[1].(Covariance), precision: values[2].(variants.Precision), weighted: values[3].(bool),
		n: values[4].(int), d: values[5].(int), m: values[6].(int),
	}
	p := variants.Problem{M: c.m, D: c.d, Covariance: variants.Covariance(c.covariance), Precision: c.precision, Weighted: c.weighted}
	return c, p.Covariance.Kernel() == v.Covariance && v.Refuse(p, variants.Target{Backend: v.Backend}) == ""
}

// differentialCases selects from the grid, by intensity.
func differentialCases(factors [][]any, intensity int) []differentialCase {
	var cases []differentialCase
	visit := func(values []any) {
		if c, ok := newDifferentialCase(values); ok {
			cases = append(cases, c)
		}
	}
	switch intensity {
	case 1:
		for _, values := range pairwise(factors) {
			visit(values)
		}
	case 2:
		turn := 0
		product(factors[:5], func(values []any) {
			d, m := factors[5], factors[6]
			visit(append(slices.Clone(values), d[turn%len(d)], m[turn/len(d)%len(m)]))
			turn++
		})
	default:
		product(factors, visit)
	}
	return cases
}

// product visits every choice of one value of each factor.
func product(factors [][]any, visit func(values []any)) {
	if len(factors) == 0 {
		visit(nil)
		return
	}
	last := len(factors) - 1
	product(factors[:last], func(values []any) {
		for _, v := range factors[last] {
			visit(append(slices.Clone(values), v))
		}
	})
}

// pairwiseTries is how many random choices the greedy selection takes the best of.
const pairwiseTries = 60

// pairwise selects choices in which every two values of different factors that can occur together do (greedily; Cohen et
// al., The AETG system, 1997). The selection is the same in every run.
func pairwise(factors [][]any) [][]any {
	type half struct{ factor, value int }
	type pair struct{ a, b half }
	pairsOf := func(choice []int) (pairs []pair) {
		for i := range choice {
			for j := range i {
				pairs = append(pairs, pair{half{j, choice[j]}, half{i, choice[i]}})
			}
		}
		return pairs
	}
	random := rand.New(rand.NewPCG(1, 2))
	values := func(choice []int) []any {
		all := make([]any, len(choice))
		for i, v := range choice {
			all[i] = factors[i][v]
		}
		return all
	}
	covered := map[pair]bool{}
	var selected [][]any
	for misses := 0; misses < pairwiseTries; {
		var best []int
		gain := 0
		for range pairwiseTries {
			choice := make([]int, len(factors))
			for i := range choice {
				choice[i] = random.IntN(len(factors[i]))
			}
			if _, ok := newDifferentialCase(values(choice)); !ok {
				continue
			}
			fresh := 0
			for _, p := range pairsOf(choice) {
				if !covered[p] {
					fresh++
				}
			}
			if fresh > gain {
				best, gain = choice, fresh
			}
		}
		if best == nil {
			misses++
			continue
		}
		for _, p := range pairsOf(best) {
			covered[p] = true
		}
		selected = append(selected, values(best))
	}
	return selected
}

// TestDifferential judges every variant of every backend by the reference: statistics, log-likelihoods, labels and
// responsibilities, poisoned before; inputs must be as they were, and a second run the same to the bit.
func TestDifferential(t *testing.T) {
	w := newWorkshop()
	for _, b := range []variants.Backend{variants.CC, variants.CUDA} {
		t.Run("backend="+string(b), func(t *testing.T) {
			require.Have(t, string(b), available(w, b))
			for _, c := range differentialCases(differentialFactors(b), intensity(t)) {
				t.Run(c.String(), func(t *testing.T) { differential(t, w, b, c) })
			}
		})
	}
}

// available says why a backend cannot be used here.
func available(w *workshop, b variants.Backend) error {
	if b == variants.CC {
		_, err := w.findCC()
		return err
	}
	if _, err := w.cudaDevice(0); err != nil {
		return err
	}
	_, err := w.openNVRTC()
	return err
}

func differential(t *testing.T, w *workshop, b variants.Backend, c differentialCase) {
	s, err := newSettings(c.m, c.d, []Option{
		withWorkshop(w), WithDevice(string(b)), WithVariant(c.variant), WithPrecision(string(c.precision)),
		WithCovariance(c.covariance),
	})
	if err != nil {
		t.Fatal(err)
	}
	sample := corpus.Random(uint64(c.n), c.n, c.m, c.d, c.covariance)
	data := differentialData(t, sample, c)
	chooser := chooser{settings: s, need: autotune.Need{Train: true, Responsibilities: true, Variant: c.variant, Passes: 1}}
	plan, err := chooser.plan(problemOf(data, s, c.m))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(plan.Variants(), c.variant) {
		t.Fatalf("the plan is without the variant under test:\n%v", plan)
	}
	device, err := openPlan(t.Context(), s, plan)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, device)
	before := bitsOf(data)
	got := run(t, device, data, sample.Start)
	want := run(t, reference.New(), data, sample.Start)
	got.compare(t, want, sample.Start, c.precision)
	again := run(t, device, data, sample.Start)
	compare.Exact().Check(t, compare.Bits("a second run", again.numbers(), got.numbers()), compare.Bits("inputs", bitsOf(data), before))
}

// differentialData views the sample in the precision under test, with random weights where they are wanted.
func differentialData(t *testing.T, sample *corpus.Sample, c differentialCase) mixture.Data {
	t.Helper()
	view := sample.Events
	if c.precision == variants.Float32 {
		view = sample.Events32
	}
	events, err := view()
	if err != nil {
		t.Fatal(err)
	}
	data := mixture.Data{Events: events}
	if c.weighted {
		random := rand.New(rand.NewPCG(uint64(c.n), uint64(c.d)))
		data.Weights = make([]float64, c.n)
		for i := range data.Weights {
			data.Weights[i] = float64(random.Float32()) + 0x1p-10
		}
	}
	return data
}

// bitsOf copies all inputs.
func bitsOf(data mixture.Data) []float64 {
	all := make([]float64, data.Events.Len()*data.Events.Dims())
	data.Events.Read(all, 0)
	return append(all, data.Weights...)
}

func closeIt(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// outcome is all that a device computes of one set of events.
type outcome struct {
	statistics *mixture.Statistics
	updated    *mixture.Parameters // by the device's M-step
	judged     *mixture.Parameters // by mixture.Update
	scores     *mixture.Scores
}

// run has a device compute everything, into poisoned outputs, without a summary that it did not make itself.
func run(t *testing.T, device mixture.Device, data mixture.Data, p *mixture.Parameters) outcome {
	t.Helper()
	ctx := context.Background()
	loaded, err := device.Load(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, loaded)
	var o outcome
	if o.statistics, err = loaded.Accumulate(ctx, p); err != nil {
		t.Fatal(err)
	}
	summary, err := mixture.Summarize(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	prior := mixture.RelativePrior(summary)
	o.judged, _ = mixture.Update(o.statistics, prior, p)
	o.updated = o.judged
	if own, ok := loaded.(mixture.Updater); ok {
		if o.updated, _, err = own.Update(o.statistics, prior, p); err != nil {
			t.Fatal(err)
		}
	}
	n := data.Events.Len()
	o.scores = &mixture.Scores{LogLikelihoods: poison(n), Responsibilities: poison(n * p.M), Labels: slices.Repeat([]int{-1}, n)}
	if err := loaded.Score(ctx, p, o.scores); err != nil {
		t.Fatal(err)
	}
	return o
}

func poison(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

// Tolerances of one pass, (warn, fail). Float64: some thousand operations of 1e-16 each. Float32: a log-density is a sum of D
// squares of size 1 and a constant near D, rounded at 6e-8·(D + …); sums of up to a tile's events are rounded at 6e-8·√n, and
// responsibilities carry the error of the log-densities.
func (o outcome) tolerance(p variants.Precision) compare.Tolerance {
	if p == variants.Float64 {
		return compare.Tolerance{Warn: 1e-11, Fail: 1e-9}
	}
	return compare.Tolerance{Warn: 5e-5, Fail: 3e-4}
}

func (o outcome) compare(t *testing.T, want outcome, p *mixture.Parameters, precision variants.Precision) {
	t.Helper()
	measures := compare.Statistics(o.statistics, want.statistics, p)
	measures = append(measures,
		compare.LogDensities(o.scores.LogLikelihoods, want.scores.LogLikelihoods),
		compare.Absolute("responsibilities", o.scores.Responsibilities, want.scores.Responsibilities),
		compare.Labels(o.scores.Labels, want.scores.Responsibilities, p.M),
		compare.Relative("total", []float64{o.scores.Total}, []float64{want.scores.Total}),
	)
	o.tolerance(precision).Check(t, measures...)
	// The M-step is judged by mixture's on the same statistics: a few operations in float64.
	compare.Tolerance{Warn: 1e-13, Fail: 1e-11}.Check(t, compare.Parameters(o.updated, o.judged)...)
}

// numbers lists everything for a comparison of bits.
func (o outcome) numbers() []float64 {
	s := o.statistics
	all := slices.Concat(s.Origins, s.Weights, s.First, s.Second, []float64{s.LogLikelihood, o.scores.Total},
		o.updated.Weights, o.updated.Means, o.updated.Covariances, o.scores.LogLikelihoods, o.scores.Responsibilities)
	for _, label := range o.scores.Labels {
		all = append(all, float64(label))
	}
	return all
}
