package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
	"gonum.org/v1/gonum/mat"
)

const (
	// selfTestEvents is more than one tile of any variant, and not a whole number of them.
	selfTestEvents = 293
	// selfTestFlops bounds what the reference does for a self-test, some 10 ms, by leaving out components beyond the first
	// selfTestComponents: large problems have most of theirs as padding.
	selfTestFlops      = 30e6
	selfTestComponents = 3
	// selfTestSpread keeps the components overlapping, so that every responsibility counts.
	selfTestSpread = 0.5
	// selfTestFloat64 and selfTestFloat32 bound the difference from the reference for each dimension, and as if there were at
	// least selfTestDimensions: rounding, with room. A miscompiled kernel is wrong in the first digits.
	selfTestFloat64    = 1e-11
	selfTestFloat32    = 1e-5
	selfTestDimensions = 100
)

// selfTest runs a plan's kernels on small problems and compares with the reference: compilers are broken at times, and so
// are objects.
func selfTest(ctx context.Context, device mixture.Device, plan *Plan) error {
	for _, m := range selfTestSizes(plan.Problem) {
		sized := *plan
		sized.Problem.M = m
		some, err := selfTestMeasures(ctx, device, &sized)
		if err != nil {
			return fmt.Errorf("gmmspec: the self-test on %s: %w", device.Name(), err)
		}
		for _, stage := range variants.Stages() {
			if worst := compare.Worst(some[stage]...); selfTestTolerance(plan, stage).Judge(worst.Error) == compare.Wrong {
				return fmt.Errorf("gmmspec: the kernels on %s fail their self-test: %v", device.Name(), worst)
			}
		}
	}
	return nil
}

// selfTestTolerance is what the plan's kernels for a stage may differ from the reference by. The M-step is float64 always.
func selfTestTolerance(plan *Plan, stage variants.Stage) compare.Tolerance {
	fail := selfTestFloat64
	if plan.Problem.Precision == variants.Float32 && stage != variants.Update {
		fail = selfTestFloat32
	}
	fail *= float64(max(plan.Problem.D, selfTestDimensions))
	return compare.Tolerance{Warn: fail, Fail: fail}
}

// selfTestMeasures does what the plan is for on both devices, and measures the differences, by the stage whose kernel is at fault
// unless what it builds on is: moments build on the E-step.
func selfTestMeasures(ctx context.Context, device mixture.Device, plan *Plan) (measures map[variants.Stage][]compare.Measure, err error) {
	measures = map[variants.Stage][]compare.Measure{}
	data, p, err := selfTestProblem(plan.Problem)
	if err != nil {
		return nil, err
	}
	got, err := device.Load(ctx, data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, got.Close()) }()
	got.(runtime.Poisoner).Poison() // an old result must not pass for a new one
	want, err := reference.New().Load(ctx, data)
	if err != nil {
		return nil, err
	}
	_, fused := plan.Choice(variants.Accumulate)
	_, split := plan.Choice(variants.Moments)
	if fused || split {
		b, err := want.Accumulate(ctx, p)
		if err != nil {
			return nil, err
		}
		summary, err := mixture.Summarize(ctx, data)
		if err != nil {
			return nil, err
		}
		prior := mixture.RelativePrior(summary)
		// Before it is told to go without: passes and M-steps that follow each other on the device.
		iterating := variants.Accumulate
		if _, fits := plan.Choice(variants.Fit); fits {
			iterating = variants.Fit
		}
		if measures[iterating], err = selfTestIterate(ctx, got, want, data, prior, p); err != nil {
			return nil, err
		}
		for way := range plan.Ways(variants.Accumulate, variants.Moments) {
			a, err := got.Accumulate(ctx, p)
			if err != nil {
				return nil, err
			}
			stage := variants.Accumulate
			if split && (!fused || way > 0) {
				stage = variants.Moments
			}
			measures[stage] = append(measures[stage], compare.Statistics(a, b, p)...)
			if device, ok := got.(runtime.Directer); ok {
				device.Direct() // what stands by is tested too
			}
		}
		if measures[variants.Update], err = selfTestUpdate(got, prior, b, p); err != nil {
			return nil, err
		}
	}
	_, responsible := plan.Choice(variants.EStep)
	a, b := selfTestScores(p.M, responsible), selfTestScores(p.M, true)
	if err := errors.Join(got.Score(ctx, p, a), want.Score(ctx, p, b)); err != nil {
		return nil, err
	}
	measures[variants.Score] = []compare.Measure{
		compare.LogDensities(a.LogLikelihoods, b.LogLikelihoods), compare.Labels(a.Labels, b.Responsibilities, p.M),
	}
	if responsible {
		measures[variants.EStep] = []compare.Measure{compare.Absolute("responsibilities", a.Responsibilities, b.Responsibilities)}
	}
	return measures, nil
}

// selfTestPasses is how many a fit on the device makes: with one more, of so few events, what differs by rounding comes to differ in the first
// digits.
const selfTestPasses = 2

// selfTestIterate measures what a fit on the device comes to, where it goes on there by itself, against passes and M-steps of the reference.
func selfTestIterate(ctx context.Context, got, want mixture.Loaded, data mixture.Data, prior mixture.Prior, p *mixture.Parameters) ([]compare.Measure, error) {
	device, ok := got.(mixture.Iterator)
	if !ok {
		return nil, nil
	}
	run, err := device.Iterate(ctx, p, prior, mixture.Limits{Passes: selfTestPasses})
	if err != nil || run == nil || run.Parameters == nil {
		return nil, err
	}
	n := float64(data.Events.Len())
	var totals, expected []float64 // an event
	for pass, total := range run.Totals {
		s, err := want.Accumulate(ctx, p)
		if err != nil {
			return nil, err
		}
		totals, expected = append(totals, total/n), append(expected, s.LogLikelihood/n)
		if pass+1 < len(run.Totals) {
			if p, _, err = mixture.Update(s, prior, p); err != nil {
				return nil, err
			}
		}
	}
	return append(compare.Parameters(run.Parameters, p), compare.Absolute("log-likelihoods an event", totals, expected)), nil
}

// selfTestUpdate measures the device's M-step, where it has one, on the reference's statistics.
func selfTestUpdate(loaded mixture.Loaded, prior mixture.Prior, s *mixture.Statistics, p *mixture.Parameters) ([]compare.Measure, error) {
	device, ok := loaded.(mixture.Updater)
	if !ok {
		return nil, nil
	}
	got, _, err := device.Update(s, prior, p)
	if err != nil {
		return nil, err
	}
	want, _, err := mixture.Update(s, prior, p)
	if err != nil {
		return nil, err
	}
	return compare.Parameters(got, want), nil
}

// selfTestScores asks for everything, poisoned: what a kernel leaves unwritten shows.
func selfTestScores(m int, responsibilities bool) *mixture.Scores {
	out := &mixture.Scores{LogLikelihoods: make([]float64, selfTestEvents), Labels: make([]int, selfTestEvents)}
	for i := range out.LogLikelihoods {
		out.LogLikelihoods[i], out.Labels[i] = math.NaN(), -1
	}
	if responsibilities {
		out.Responsibilities = make([]float64, selfTestEvents*m)
		for i := range out.Responsibilities {
			out.Responsibilities[i] = math.NaN()
		}
	}
	return out
}

// selfTestProblem makes random events and a random model of the problem's kind.
func selfTestProblem(p variants.Problem) (mixture.Data, *mixture.Parameters, error) {
	random := rand.New(rand.NewPCG(uint64(p.M), uint64(p.D)))
	numbers := make([]float64, selfTestEvents*p.D)
	for i := range numbers {
		numbers[i] = random.NormFloat64()
	}
	events, err := mixture.Float64(numbers, selfTestEvents, p.D, p.D)
	if err != nil {
		return mixture.Data{}, nil, err
	}
	data := mixture.Data{Events: events}
	if p.Weighted {
		data.Weights = make([]float64, selfTestEvents)
		for i := range data.Weights {
			data.Weights[i] = random.Float64()
		}
	}
	m := selfTestSize(p)
	parameters := mixture.NewParameters(mixture.Covariance(p.Covariance), m, p.D)
	for i := range parameters.Means {
		parameters.Means[i] = selfTestSpread * random.NormFloat64()
	}
	for i := range parameters.Weights {
		parameters.Weights[i] = 1 / float64(m)
	}
	for i := range m {
		setCovariance(parameters, i, selfTestCovariance(p.D))
		if p.Covariance == variants.Tied {
			break
		}
	}
	return data, parameters, nil
}

// selfTestSizes returns the numbers of components to test kernels with, which serve others than the problem's too: as many as
// they are compiled for, and, where fewer have the same kernels, so many that one is padding.
func selfTestSizes(p variants.Problem) []int {
	p.M = variants.RoundComponents(p.M)
	sizes := []int{selfTestSize(p)}
	if p.M--; p.M > 0 && variants.RoundComponents(p.M) > p.M {
		sizes = append(sizes, selfTestSize(p))
	}
	return slices.Compact(sizes)
}

// selfTestSize returns how many components take part: all of the problem's, as far as that is quickly judged.
func selfTestSize(p variants.Problem) int {
	one := p
	one.M, one.N = 1, selfTestEvents
	return min(p.M, max(selfTestComponents, int(selfTestFlops/one.AccumulateFlops())))
}

// selfTestCorrelation is between neighbouring dimensions; at most ½ keeps the matrix positive definite.
const selfTestCorrelation = 0.4

// selfTestCovariance returns a matrix of variances that grow with the dimension.
func selfTestCovariance(d int) mat.Symmetric {
	s := mat.NewSymDense(d, nil)
	for a := range d {
		deviation := 1 + float64(a)/float64(d)
		s.SetSym(a, a, deviation*deviation)
		if a > 0 {
			s.SetSym(a, a-1, selfTestCorrelation*deviation*(1+float64(a-1)/float64(d)))
		}
	}
	return s
}
