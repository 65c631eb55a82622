package corpus_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
)

// events is how many events a case has in these tests.
const events = 1000

// eachCase runs a test for every case and every covariance type that it is about.
func eachCase(t *testing.T, test func(t *testing.T, c corpus.Case, s *corpus.Sample)) {
	t.Helper()
	for _, c := range corpus.Cases() {
		for _, covariance := range c.Covariances {
			t.Run(c.Name+"/"+string(covariance), func(t *testing.T) {
				test(t, c, c.Sample(1, events, covariance))
			})
		}
	}
}

func TestTable(t *testing.T) {
	names := map[string]bool{}
	for _, c := range corpus.Cases() {
		if names[c.Name] {
			t.Errorf("%s: twice", c.Name)
		}
		names[c.Name] = true
		if !strings.HasSuffix(c.Reason, ".") || len(c.Covariances) == 0 {
			t.Errorf("%s: no reason or no covariance type", c.Name)
		}
	}
}

// TestSamples: events are of the shape told, finite and the same each time; starts are mixtures.
func TestSamples(t *testing.T) {
	eachCase(t, func(t *testing.T, c corpus.Case, s *corpus.Sample) {
		if len(s.X) != s.N*s.D {
			t.Fatalf("%d numbers: want %d×%d", len(s.X), s.N, s.D)
		}
		rounded := s.Rounded()
		for i, v := range s.X {
			if !(math.Abs(v) <= mixture.MaxMagnitude) || math.IsInf(float64(rounded[i]), 0) {
				t.Fatalf("number %d is %v", i, v)
			}
		}
		again := c.Sample(1, events, s.Covariance)
		compare.Exact().Check(t, compare.Bits("events", again.X, s.X))
		if other := c.Sample(2, events, s.Covariance); compare.Bits("events", other.X, s.X).Error == 0 {
			t.Error("another seed gives the same events")
		}
		for _, p := range []*mixture.Parameters{s.Start, s.Truth} {
			if p == nil {
				continue
			}
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			if p.M != s.M || p.D != s.D || p.Covariance != s.Covariance {
				t.Errorf("parameters of M=%d D=%d %s: want %v", p.M, p.D, p.Covariance, s)
			}
		}
	})
}

// TestRandom: a random sample is exact in float32, so that both views are one.
func TestRandom(t *testing.T) {
	for _, c := range mixture.Covariances() {
		s := corpus.Random(1, 100, 3, 4, c)
		for i, v := range s.Rounded() {
			if float64(v) != s.X[i] {
				t.Fatalf("number %d is %v in float32 and %v in float64", i, v, s.X[i])
			}
		}
		if err := s.Truth.Validate(); err != nil {
			t.Error(err)
		}
		if err := s.Start.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestRandomIsDrawnFromTruth: a fit from the truth stays near it, by what chance allows: 1/√N_m is 0.02 with 5000 events
// of each component, and the entries of covariances and overlaps make up to some times that.
func TestRandomIsDrawnFromTruth(t *testing.T) {
	chance := compare.Tolerance{Warn: 0.15, Fail: 0.2}
	for _, c := range mixture.Covariances() {
		s := corpus.Random(1, 10000, 2, 3, c)
		view, err := s.Events()
		if err != nil {
			t.Fatal(err)
		}
		result, err := reference.Fit(mixture.Data{Events: view}, s.Truth, mixture.Prior{Ridge: make([]float64, s.D)}, 5)
		if err != nil {
			t.Fatal(err)
		}
		chance.Check(t, compare.Parameters(result.Parameters, s.Truth)...)
	}
}

// TestCasesAreWhatTheySay measures what makes a case hard.
func TestCasesAreWhatTheySay(t *testing.T) {
	summaries := map[string]*mixture.Summary{}
	samples := map[string]*corpus.Sample{}
	for _, c := range corpus.Cases() {
		s := c.Sample(1, events, c.Covariances[0])
		view, err := s.Events()
		if err != nil {
			t.Fatal(err)
		}
		summary, err := mixture.Summarize(t.Context(), mixture.Data{Events: view})
		if err != nil {
			t.Fatal(err)
		}
		samples[c.Name], summaries[c.Name] = s, summary
	}
	for name, holds := range map[string]func(s *corpus.Sample, x *mixture.Summary) bool{
		"tight-1000": func(s *corpus.Sample, x *mixture.Summary) bool {
			return x.Variance[0] > 1e5*s.Truth.Covariances[0]
		},
		"nested": func(s *corpus.Sample, _ *mixture.Summary) bool {
			d := s.D
			return s.Truth.Means[0] == s.Truth.Means[2*d] && s.Truth.Covariances[0] > 1e3*s.Truth.Covariances[2*d*d]
		},
		"shifted": func(_ *corpus.Sample, x *mixture.Summary) bool {
			return x.Mean[0] > 100*math.Sqrt(x.Variance[0])
		},
		"scales": func(_ *corpus.Sample, x *mixture.Summary) bool { return x.Variance[3] > 1e20*x.Variance[0] },
		"rare": func(s *corpus.Sample, _ *mixture.Summary) bool {
			return s.Truth.Weights[0] == 0.1 // 100 of 1000
		},
		"outliers": func(_ *corpus.Sample, x *mixture.Summary) bool { return x.High[0] > 500 || x.Low[0] < -500 },
		"near-singular": func(s *corpus.Sample, _ *mixture.Summary) bool {
			for m := range s.M { // the difference of two coordinates hardly varies
				mean := s.Truth.Mean(m)
				if math.Abs((s.X[0]-mean[0])-(s.X[1]-mean[1])) < 0.01 {
					return true
				}
			}
			return false
		},
		"more-components-than-events": func(s *corpus.Sample, _ *mixture.Summary) bool { return s.M > s.N },
		"repeated": func(s *corpus.Sample, x *mixture.Summary) bool {
			return s.X[0] == s.X[9] && s.X[0] != s.X[3] && x.Variance[0] > 0
		},
		"one-point":          func(_ *corpus.Sample, x *mixture.Summary) bool { return x.High[2] == x.Low[2] },
		"constant-dimension": func(_ *corpus.Sample, x *mixture.Summary) bool { return x.High[1] == x.Low[1] && x.High[0] > x.Low[0] },
		"emptied":            func(s *corpus.Sample, x *mixture.Summary) bool { return s.Start.Mean(2)[0] > 1000*x.High[0] },
		"twins":              func(s *corpus.Sample, _ *mixture.Summary) bool { return s.Start.Means[0] == s.Start.Means[s.D] },
		"one-dimension":      func(s *corpus.Sample, _ *mixture.Summary) bool { return s.D == 1 },
		"one-event":          func(s *corpus.Sample, _ *mixture.Summary) bool { return s.N == 1 },
		"huge":               func(_ *corpus.Sample, x *mixture.Summary) bool { return x.MaxAbs(0) > 1e30 },
		"tiny":               func(_ *corpus.Sample, x *mixture.Summary) bool { return x.MaxAbs(0) < 1e-28 },
	} {
		s, ok := samples[name]
		if !ok {
			t.Errorf("%s: no such case", name)
			continue
		}
		if !holds(s, summaries[name]) {
			t.Errorf("%s: is not what it says", name)
		}
	}
}
