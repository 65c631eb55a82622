package gmmspec

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
)

// differentialCase is one point of the grid.
type differentialCase struct {
	variant    string
	config     variants.Config
	stage      variants.Stage
	covariance Covariance
	precision  variants.Precision
	weighted   bool
	vector     int // of C, in bytes: compilers make do where the processor has smaller ones
	d, m       int
}

func (c differentialCase) String() string {
	config := c.config.String()
	if c.vector > 0 {
		config = strings.Trim(fmt.Sprintf("%s,vector=%d", config, c.vector), ",")
	}
	return fmt.Sprintf("precision=%s/variant=%s/config=%s/cov=%s/weighted=%v/d=%d/m=%d", c.precision, c.variant, config, c.covariance, c.weighted, c.d, c.m)
}

// differentialEvents lists the numbers of events that each case is tried on, which are not compiled in. They lie around the
// tiles (32, 64, 128, 256 events) and the block that the C runtime calls kernels for (2048).
func differentialEvents() []int { return []int{1, 31, 63, 64, 65, 129, 259, 2047, 2049, 4099} }

// stages lists the kernels that a case needs: all but the one under test serve to run it.
func (c differentialCase) stages() []variants.Stage {
	switch c.stage {
	case variants.Moments:
		return []variants.Stage{variants.EStep, variants.Moments}
	case variants.EStep:
		return []variants.Stage{variants.EStep, variants.Score}
	default:
		return []variants.Stage{c.stage}
	}
}

// differentialFactors lists the values of each factor of the grid for a backend's variants in all their configurations.
func differentialFactors(b variants.Backend) [][]any {
	var rows []any
	for _, v := range variants.All() {
		if v.Backend != b {
			continue
		}
		for _, config := range v.Configs() {
			rows = append(rows, variants.Candidate{Variant: v, Config: config})
		}
	}
	vectors := []any{0}
	if b == variants.CC {
		vectors = nil
		for _, size := range variants.VectorSizes() {
			vectors = append(vectors, size)
		}
	}
	return [][]any{
		rows,
		{Full, Diag, Tied, Spherical},
		{variants.Float32, variants.Float64},
		{false, true},
		vectors,
		{1, 2, 3, 7, 13, 19, 32, 39},
		{1, 2, 5, 33, 64},
	}
}

// leastTarget is a device of the row's backend on which every case of the grid runs: on CUDA, of those that the row accepts, one with
// the least shared memory.
func leastTarget(v variants.Variant, p variants.Problem) variants.Target {
	if v.Backend == variants.CC {
		return ccTarget()
	}
	var least variants.Target
	for _, arch := range variants.CUDAArchs() {
		t, err := variants.CUDAArch(arch)
		if err != nil {
			panic(err)
		}
		if least.Arch == "" || v.Refuse(p, least) != "" || v.Refuse(p, t) == "" && t.SharedPerBlock < least.SharedPerBlock {
			least = t
		}
	}
	return least
}

// newDifferentialCase reads a choice of one value of each factor; ok is false where the row has no such kernel.
func newDifferentialCase(values []any) (c differentialCase, ok bool) {
	candidate := values[0].(variants.Candidate)
	v := candidate.Variant
	c = differentialCase{
		variant: v.Name(), config: candidate.Config, stage: v.Stage,
		covariance: values[1].(Covariance), precision: values[2].(variants.Precision), weighted: values[3].(bool),
		vector: values[4].(int), d: values[5].(int), m: values[6].(int),
	}
	p := variants.Problem{M: c.m, D: c.d, Covariance: variants.Covariance(c.covariance), Precision: c.precision, Weighted: c.weighted}
	if p.Covariance.Kernel() != v.Covariance {
		return c, false
	}
	return c, v.Serves(p, leastTarget(v, p), c.config) == ""
}

// differentialCases selects from the grid: at an intensity of 1, the default, a pairwise selection; of 2 the whole grid with one D
// and M in turn for each combination of the rest; of 3 the whole grid.
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
		last := len(factors) - 2
		product(factors[:last], func(values []any) {
			d, m := factors[last], factors[last+1]
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

// TestDifferential judges every variant of every backend by the reference: statistics, the M-step, log-likelihoods, labels and
// responsibilities, poisoned before; inputs must be as they were, and a second run the same to the bit.
func TestDifferential(t *testing.T) {
	w := newWorkshop()
	for _, b := range []variants.Backend{variants.CC, variants.CUDA} {
		t.Run("backend="+string(b), func(t *testing.T) {
			require.Have(t, string(b), available(w, b))
			for _, c := range differentialCases(differentialFactors(b), require.Intensity(t)) {
				t.Run(c.String(), func(t *testing.T) {
					t.Parallel()
					device := openDifferential(t, w, b, c)
					for _, n := range differentialEvents() {
						t.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) { differential(t, device, c, n) })
					}
				})
			}
		})
	}
}

// available says why a backend cannot be used here.
func available(w *workshop, b variants.Backend) error {
	if b == variants.CC {
		if err := w.loadsC(); err != nil {
			return err
		}
		_, err := w.findCC()
		return err
	}
	if _, err := w.cudaDevice(0); err != nil {
		return err
	}
	_, err := w.openNVRTC()
	return err
}

// judged is what the judge does of a case: labels are judged by all responsibilities.
func (c differentialCase) judged() differentialCase {
	if c.stage == variants.Score {
		c.stage = variants.EStep
	}
	return c
}

// openDifferential opens a device with the kernels of a case, and no others.
func openDifferential(t *testing.T, w *workshop, b variants.Backend, c differentialCase) mixture.Device {
	t.Helper()
	s, err := newSettings(c.m, c.d, []Option{
		withWorkshop(w), WithDevice(string(b)), WithVariant(c.variant), WithPrecision(string(c.precision)), WithCovariance(c.covariance),
	})
	if err != nil {
		t.Fatal(err)
	}
	train := c.stage == variants.Accumulate || c.stage == variants.Moments || c.stage == variants.Update || c.stage == variants.Fit
	chooser := chooser{settings: s, need: autotune.Need{Train: train, Responsibilities: c.stage == variants.EStep, Score: true, Passes: 1}}
	plan, err := chooser.inspected(variants.Problem{
		M: c.m, D: c.d, Covariance: variants.Covariance(c.covariance), Weighted: c.weighted,
	})
	if err != nil {
		t.Fatal(err)
	}
	plan.Choices = slices.DeleteFunc(plan.Choices, func(choice autotune.Choice) bool {
		return !slices.Contains(c.stages(), choice.Stage) || choice.StandsBy
	})
	if len(plan.Choices) != len(c.stages()) || !slices.Contains(plan.Variants(), c.variant) {
		t.Fatalf("the plan is not for the variant under test:\n%v", plan)
	}
	for i := range plan.Choices {
		if choice := &plan.Choices[i]; choice.Variant == c.variant {
			choice.Config, choice.Candidate.Config = c.config.String(), c.config
		}
	}
	plan.Target.VectorBytes = c.vector
	store, err := w.openCache(s.cacheDir)
	if err != nil {
		t.Fatal(err)
	}
	program, err := (&builder{workshop: w, cache: store}).program(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	device, err := openProgram(s, plan, program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, device) })
	return device
}

func differential(t *testing.T, device mixture.Device, c differentialCase, n int) {
	sample := corpus.Random(uint64(n), n, c.m, c.d, c.covariance)
	data := differentialData(t, sample, c)
	before := bitsOf(data)
	got := run(t, device, data, sample.Start, c)
	want := run(t, reference.New(), data, sample.Start, c.judged())
	got.compare(t, want, sample.Start, c)
	again := run(t, device, data, sample.Start, c)
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
		random := rand.New(rand.NewPCG(uint64(sample.N), uint64(c.d)))
		data.Weights = make([]float64, sample.N)
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

func closeIt(t testing.TB, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// outcome is all that a device computes of one set of events, as far as it has kernels for it.
type outcome struct {
	statistics *mixture.Statistics // nil where a case is not about them, as are the others
	updated    *mixture.Parameters
	scores     *mixture.Scores
}

// run has a device compute all that a case is about, into poisoned outputs, without a summary that it did not make itself.
func run(t *testing.T, device mixture.Device, data mixture.Data, p *mixture.Parameters, c differentialCase) (o outcome) {
	t.Helper()
	ctx := context.Background()
	loaded, err := device.Load(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, loaded)
	if kernels, ok := loaded.(runtime.Poisoner); ok {
		kernels.Poison()
	}
	switch c.stage {
	case variants.Accumulate, variants.Moments:
		o.statistics, err = loaded.Accumulate(ctx, p)
	case variants.Update:
		o.updated, err = runUpdate(loaded, data, p)
	case variants.Fit:
		o.statistics, err = runFit(loaded, data, p)
	default:
		n := data.Events.Len()
		o.scores = &mixture.Scores{LogLikelihoods: poison(n), Labels: slices.Repeat([]int{-1}, n)}
		if c.stage == variants.EStep {
			o.scores.Responsibilities = poison(n * p.M)
		}
		err = loaded.Score(ctx, p, o.scores)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// runUpdate is an M-step on the reference's statistics: the device's own, or mixture's.
func runUpdate(loaded mixture.Loaded, data mixture.Data, p *mixture.Parameters) (*mixture.Parameters, error) {
	ctx := context.Background()
	judge, err := reference.New().Load(ctx, data)
	if err != nil {
		return nil, err
	}
	statistics, err := judge.Accumulate(ctx, p)
	if err != nil {
		return nil, err
	}
	summary, err := mixture.Summarize(ctx, data)
	if err != nil {
		return nil, err
	}
	prior := mixture.RelativePrior(summary)
	updater, ok := loaded.(mixture.Updater)
	if !ok {
		updated, _, err := mixture.Update(statistics, prior, p)
		return updated, err
	}
	updated, _, err := updater.Update(statistics, prior, p)
	return updated, err
}

// runFit is the first pass of a fit in one launch, or a pass.
func runFit(loaded mixture.Loaded, data mixture.Data, p *mixture.Parameters) (*mixture.Statistics, error) {
	ctx := context.Background()
	device, ok := loaded.(mixture.Iterator)
	if !ok {
		return loaded.Accumulate(ctx, p)
	}
	summary, err := mixture.Summarize(ctx, data)
	if err != nil {
		return nil, err
	}
	run, err := device.Iterate(ctx, p, mixture.RelativePrior(summary), mixture.Limits{Passes: 1})
	if err != nil {
		return nil, err
	}
	if run == nil || run.Statistics == nil || len(run.Totals) != 1 || run.Totals[0] != run.Statistics.LogLikelihood {
		return nil, fmt.Errorf("the device has handed over: %+v", run)
	}
	return run.Statistics, nil
}

func poison(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

// differentialTolerance is of one pass. Float64: some thousand operations of 1e-16 each. Float32: a log-density is a sum of D
// squares of size 1 and a constant near D, rounded at 6e-8·(D + …); sums of up to a tile's events are rounded at 6e-8·√n, and
// responsibilities carry the error of the log-densities.
func differentialTolerance(p variants.Precision) compare.Tolerance {
	if p == variants.Float64 {
		return compare.Tolerance{Warn: 1e-11, Fail: 1e-9}
	}
	return compare.Tolerance{Warn: 5e-5, Fail: 3e-4}
}

// updateTolerance is of an M-step: a few operations in float64, beside covariances that a few events leave singular but for a
// ridge of 1e-6.
func updateTolerance() compare.Tolerance { return compare.Tolerance{Warn: 1e-9, Fail: 1e-8} }

// compare holds an outcome to the reference's of the same case.
func (o outcome) compare(t *testing.T, want outcome, p *mixture.Parameters, c differentialCase) {
	t.Helper()
	tolerance := differentialTolerance(c.precision)
	if o.statistics != nil {
		tolerance.Check(t, compare.Statistics(o.statistics, want.statistics, p)...)
	}
	if o.updated != nil {
		updateTolerance().Check(t, compare.Parameters(o.updated, want.updated)...)
	}
	if o.scores == nil {
		return
	}
	tolerance.Check(t,
		compare.LogDensities(o.scores.LogLikelihoods, want.scores.LogLikelihoods),
		compare.Labels(o.scores.Labels, want.scores.Responsibilities, p.M),
		compare.Relative("total", []float64{o.scores.Total}, []float64{want.scores.Total}),
	)
	if o.scores.Responsibilities != nil {
		tolerance.Check(t, compare.Absolute("responsibilities", o.scores.Responsibilities, want.scores.Responsibilities))
	}
}

// numbers lists everything for a comparison of bits.
func (o outcome) numbers() []float64 {
	var all []float64
	if s := o.statistics; s != nil {
		all = slices.Concat(s.Origins, s.Weights, s.First, s.Second, []float64{s.LogLikelihood})
	}
	if p := o.updated; p != nil {
		all = slices.Concat(all, p.Weights, p.Means, p.Covariances)
	}
	if o.scores != nil {
		all = slices.Concat(all, []float64{o.scores.Total}, o.scores.LogLikelihoods, o.scores.Responsibilities)
		for _, label := range o.scores.Labels {
			all = append(all, float64(label))
		}
	}
	return all
}
