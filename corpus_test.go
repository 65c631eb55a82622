package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	corpusEvents = 1000
	// corpusMany is how many events a component that is rare is drawn among too.
	corpusMany       = 1_000_000
	corpusIterations = 10
	// corpusFit64 and corpusFit32 bound the errors of means and covariances after one iteration, by standard deviations:
	// events that all but coincide have none but the ridge's.
	corpusFit64, corpusFit32 = 1e-9, 1e-4
	// corpusTimeout is far more than any of these fits takes.
	corpusTimeout = time.Minute
)

// TestCorpus trains on the adversarial corpus through the public API: every fit is finite or, in float32, a typed error, and
// ends. It logs how far one iteration, from the start and from later on, and the log-densities of the start are from the reference's.
func TestCorpus(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		var table strings.Builder
		columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(columns, "case\tcovariance\tevents\tlog-densities\tmeans\tcovariances, worst entry\tFrobenius\tmeans later\tworst entry\tFrobenius\twarnings\t")
		for _, c := range corpus.Cases() {
			for _, drawn := range corpusDraws(t, c) {
				covariance := drawn.covariance
				t.Run(fmt.Sprintf("%s/%s/n=%d", c.Name, covariance, drawn.n), func(t *testing.T) {
					s := c.Sample(1, drawn.n, covariance)
					warnings, err := on.trainCorpus(t, s)
					if err != nil {
						if on.precision == PrecisionFloat64 || c.Accept != corpus.FiniteOrError || !errors.As(err, new(*runtime.PrecisionError)) {
							t.Errorf("%v: %s", err, c.Reason)
						}
						fmt.Fprintf(columns, "%s\t%s\t%d\trefused: %v\n", c.Name, covariance, s.N, err)
						return
					}
					if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, c.Warns) }) && c.Warns != "" {
						t.Errorf("warnings %q: want one that says %q", warnings, c.Warns)
					}
					fmt.Fprintf(columns, "%s\t%s\t%d\t%s\t%d\t\n", c.Name, covariance, s.N, on.corpusErrors(t, s), len(warnings))
				})
			}
		}
		if err := columns.Flush(); err != nil {
			t.Fatal(err)
		}
		t.Logf("one iteration from the start on %s in %s, against the reference:\n%s", on.device, on.precision, &table)
	})
}

// draw is how a case is drawn.
type draw struct {
	covariance Covariance
	n          int
}

// corpusDraws lists how a case is drawn: with every covariance type that it is about. What is rare is drawn among many, too: with
// full covariances, and above an intensity of 1 with all.
func corpusDraws(t *testing.T, c corpus.Case) []draw {
	t.Helper()
	var all []draw
	for _, covariance := range c.Covariances {
		all = append(all, draw{covariance, corpusEvents})
		if c.Name == "rare" && (covariance == Full || require.Intensity(t) > 1) {
			all = append(all, draw{covariance, corpusMany})
		}
	}
	return all
}

// corpusModel is a model for a sample.
func (on tried) corpusModel(t *testing.T, s *corpus.Sample, options ...Option) *Model {
	t.Helper()
	common := []Option{WithCovariance(s.Covariance), WithTolerance(0)}
	if s.Start != nil {
		common = append(common, WithParameters(s.Start))
	}
	options = append(common, options...)
	return on.model(t, s.M, s.D, options...)
}

// trainCorpus trains on a sample and checks that all that comes of it is finite. Its error is the device's refusal.
func (on tried) trainCorpus(t *testing.T, s *corpus.Sample) (warnings []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), corpusTimeout)
	defer cancel()
	events, err := s.Events()
	if err != nil {
		t.Fatal(err)
	}
	model := on.corpusModel(t, s, WithIterations(0, corpusIterations))
	result, err := model.Train(ctx, events)
	if err != nil {
		return nil, err
	}
	scores, responsibilities, err := model.Eval(ctx, events)
	if err != nil {
		return nil, err
	}
	for _, v := range slices.Concat(result.History, scores, responsibilities.RawMatrix().Data) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("%v among the results", v)
		}
	}
	if err := model.Parameters().Validate(); err != nil {
		t.Error(err)
	}
	if labels, err := model.Predict(ctx, events); err != nil || slices.Min(labels) < 0 || slices.Max(labels) >= s.M {
		t.Errorf("labels from %d to %d, error %v", slices.Min(labels), slices.Max(labels), err)
	}
	return result.Warnings, nil
}

// corpusErrors measures one iteration from the start, and one from where the reference is after some, and the log-densities of the
// start, against the reference's. The latter have no bound in float32: those of an event a thousand standard deviations away are a
// million, of which float32 has seven digits.
func (on tried) corpusErrors(t *testing.T, s *corpus.Sample) string {
	t.Helper()
	judge := tried{device: DeviceReference, precision: PrecisionFloat64}
	events, err := s.Events()
	if err != nil {
		t.Fatal(err)
	}
	after := func(on tried, iterations int, options ...Option) *Model {
		model := on.corpusModel(t, s, append(options, WithIterations(0, iterations))...)
		on.train(t, model, events)
		return model
	}
	var scores [2][]float64
	for i, on := range []tried{on, judge} {
		if scores[i], err = after(on, 0).Score(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	texts := []string{fmt.Sprintf("%.1e", compare.LogDensities(scores[0], scores[1]).Error)}
	tolerance := compare.Tolerance{Warn: corpusFit32, Fail: corpusFit32}
	if on.precision == PrecisionFloat64 {
		tolerance = compare.Tolerance{Warn: corpusFit64, Fail: corpusFit64}
	}
	starts := [][]Option{nil}
	if s.N <= corpusEvents { // of many events it takes the reference too long
		starts = append(starts, []Option{WithParameters(after(judge, corpusIterations).Parameters())})
	}
	for _, start := range starts {
		measures := compare.Parameters(after(on, 1, start...).Parameters(), after(judge, 1, start...).Parameters())
		for _, what := range []string{"means", "covariances, entries", "covariances, Frobenius"} {
			measure := measures[slices.IndexFunc(measures, func(m compare.Measure) bool { return strings.HasPrefix(m.What, what) })]
			tolerance.Check(t, measure)
			texts = append(texts, fmt.Sprintf("%.1e", measure.Error))
		}
	}
	for range 7 - len(texts) { // the table's columns
		texts = append(texts, "-")
	}
	return strings.Join(texts, "\t")
}

// TestTwins: of components that are equal a label is the lower one, on every device.
func TestTwins(t *testing.T) {
	cases := corpus.Cases()
	c := cases[slices.IndexFunc(cases, func(c corpus.Case) bool { return c.Name == "twins" })]
	onAll(t, func(t *testing.T, on tried) {
		for _, covariance := range c.Covariances {
			events, start := sampled(t, c.Sample(1, corpusEvents, covariance))
			twins := start.Clone()
			twins.Weights[0] = twins.Weights[1]
			labels, err := on.model(t, start.M, start.D, WithParameters(twins)).Predict(t.Context(), events)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(labels, 1) || !slices.Contains(labels, 0) {
				t.Errorf("%s: labels 1, which is as likely as 0 everywhere", covariance)
			}
		}
	})
}

// TestFarFromEverything: events, and parameters, at the edge of what a precision holds have finite scores, or a typed error.
func TestFarFromEverything(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		for _, mean := range []float64{1, 1e10, 1e17, 1e30, 1e150} {
			for _, variance := range []float64{1e-30, 1e-12, 1, 1e30, 1e290} {
				p := mixture.NewParameters(Full, 2, 2)
				p.Weights = []float64{0.5, 0.5}
				p.Means = []float64{mean, -mean, mean, mean}
				p.Covariances = []float64{variance, 0, 0, variance, variance, 0, 0, 1}
				events := viewed(t, []float64{0, 0, 1, 2, -1, 3}, 3, 2)
				scores, responsibilities, err := on.model(t, 2, 2, WithParameters(p)).Eval(t.Context(), events)
				if err != nil {
					if on.precision == PrecisionFloat64 || !errors.As(err, new(*runtime.PrecisionError)) {
						t.Errorf("mean %g, variance %g: %v", mean, variance, err)
					}
					continue
				}
				for _, v := range slices.Concat(scores, responsibilities.RawMatrix().Data) {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Errorf("mean %g, variance %g: scores %v, responsibilities %v", mean, variance, scores, responsibilities.RawMatrix().Data)
						break
					}
				}
			}
		}
	})
}
