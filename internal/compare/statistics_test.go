package compare_test

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// example returns statistics of 10 events of weight 1 in two dimensions: component 0 holds 8, component 1 holds 2, and
// component 2 none.
func example(c mixture.Covariance) *mixture.Statistics {
	s := mixture.NewStatistics(c, 3, 2, []float64{1, 2, 3, 4, 0, 0})
	s.Weights = []float64{8, 2, 0}
	s.First = []float64{0.5, -1, 2, 3, 0, 0}
	switch c {
	case mixture.Full:
		s.Second = []float64{8, 1, 32, 8, 5, 18, 0, 0, 0}
	case mixture.Tied:
		s.Second = []float64{10, 3, 40}
	case mixture.Diag:
		s.Second = []float64{8, 32, 8, 18, 0, 0}
	case mixture.Spherical:
		s.Second = []float64{32, 16, 0}
	}
	s.LogLikelihood, s.Events, s.EventWeight = -30, 10, 10
	return s
}

// narrow returns parameters whose standard deviations are 0.1: less than the example's events'.
func narrow(c mixture.Covariance) *mixture.Parameters {
	p := mixture.NewParameters(c, 3, 2)
	for i := range p.Covariances {
		p.Covariances[i] = 0.01
		if c.Correlated() && i%4 != 0 && i%4 != 3 {
			p.Covariances[i] = 0
		}
	}
	return p
}

// TestStatisticsByHand changes one number at a time. Component 0 holds 8 events, its σ are √(8/8) = 1 and √(32/8) = 2;
// component 1 holds 2, with σ of 2 and 3. Under tied covariances σ are 1 and 2 for all, and 10 events share them; under
// spherical ones component 0 has σ² = 32/(8·2) = 2.
func TestStatisticsByHand(t *testing.T) {
	for _, c := range []struct {
		name       string
		covariance mixture.Covariance
		change     func(s *mixture.Statistics)
		what       string
		want       float64
	}{
		{"N_0", mixture.Diag, func(s *mixture.Statistics) { s.Weights[0] += 4 }, "statistics' weights", 0.5},
		{"N_2 counts as one event", mixture.Diag, func(s *mixture.Statistics) { s.Weights[2] = 0.25 }, "statistics' weights", 0.25},
		{"first of full", mixture.Full, func(s *mixture.Statistics) { s.First[3] += 0.6 }, "first", 0.1},
		{"first of tied", mixture.Tied, func(s *mixture.Statistics) { s.First[3] += 0.6 }, "first", 0.15},
		{"first of spherical", mixture.Spherical, func(s *mixture.Statistics) { s.First[1] += 0.8 }, "first", 0.1 / math.Sqrt2},
		{"second of full, diagonal", mixture.Full, func(s *mixture.Statistics) { s.Second[2] += 3.2 }, "second", 0.1},
		{"second of full, off", mixture.Full, func(s *mixture.Statistics) { s.Second[4] += 1.2 }, "second", 0.1},
		{"second of tied", mixture.Tied, func(s *mixture.Statistics) { s.Second[1] += 2 }, "second", 0.1},
		{"second of diag", mixture.Diag, func(s *mixture.Statistics) { s.Second[3] += 1.8 }, "second", 0.1},
		{"second of spherical", mixture.Spherical, func(s *mixture.Statistics) { s.Second[0] += 3.2 }, "second", 0.1},
		{"log-likelihood", mixture.Full, func(s *mixture.Statistics) { s.LogLikelihood++ }, "log-likelihood", 0.1},
		{"event weight", mixture.Full, func(s *mixture.Statistics) { s.EventWeight++ }, "event weight", 0.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := example(c.covariance)
			c.change(got)
			measures := compare.Statistics(got, example(c.covariance), narrow(c.covariance))
			if m := find(t, measures, c.what); !near(m.Error, c.want) {
				t.Errorf("%v: want %v", m, c.want)
			}
			for _, m := range measures {
				if m.What != find(t, measures, c.what).What && m.Error != 0 {
					t.Errorf("%v: want none", m)
				}
			}
		})
	}
}

// TestStatisticsFewEvents: a component that holds one event, close to its mean, is measured by its own width.
func TestStatisticsFewEvents(t *testing.T) {
	want := mixture.NewStatistics(mixture.Diag, 1, 1, []float64{0})
	want.Weights, want.First, want.Second = []float64{1}, []float64{1e-3}, []float64{1e-6}
	want.Events, want.EventWeight = 1, 1
	p := &mixture.Parameters{
		Covariance: mixture.Diag, M: 1, D: 1,
		Weights: []float64{1}, Means: []float64{0}, Covariances: []float64{4},
	}
	got := want.Clone()
	got.First[0] += 0.2
	got.Second[0] += 0.8
	measures := compare.Statistics(got, want, p)
	for _, what := range []string{"first", "second"} {
		if m := find(t, measures, what); !near(m.Error, map[string]float64{"first": 0.1, "second": 0.2}[what]) {
			t.Errorf("%v: want 0.2/2 and 0.8/4", m)
		}
	}
}

// TestStatisticsOrigins: other origins do not make other statistics.
func TestStatisticsOrigins(t *testing.T) {
	for _, c := range mixture.Covariances() {
		want := example(c)
		got := want.Clone()
		if err := got.Recentre([]float64{2, 4, -1, 0, 8, 16}); err != nil {
			t.Fatal(err)
		}
		compare.Tolerance{Warn: 1e-14, Fail: 1e-13}.Check(t, compare.Statistics(got, want, narrow(c))...)
	}
}

// TestStatisticsNaN puts a NaN in every place of either side.
func TestStatisticsNaN(t *testing.T) {
	for _, c := range mixture.Covariances() {
		fields := func(s *mixture.Statistics) [][]float64 { return [][]float64{s.Weights, s.First, s.Second, s.Origins} }
		for f, values := range fields(example(c)) {
			for i := range values {
				bad := example(c)
				fields(bad)[f][i] = math.NaN()
				if !anyWrong(compare.Statistics(bad, example(c), narrow(c))) ||
					!anyWrong(compare.Statistics(example(c), bad, narrow(c))) {
					t.Errorf("%s: field %d, NaN at %d passes", c, f, i)
				}
			}
		}
		bad := example(c)
		bad.LogLikelihood = math.NaN()
		if !anyWrong(compare.Statistics(bad, example(c), narrow(c))) {
			t.Errorf("%s: a NaN log-likelihood passes", c)
		}
	}
}

func TestStatisticsShapes(t *testing.T) {
	for _, change := range []func(s *mixture.Statistics){
		func(s *mixture.Statistics) { s.M = 2 },
		func(s *mixture.Statistics) { s.D = 3 },
		func(s *mixture.Statistics) { s.Events++ },
		func(s *mixture.Statistics) { s.Second = s.Second[1:] },
		func(s *mixture.Statistics) { s.Origins = nil },
	} {
		got := example(mixture.Full)
		change(got)
		if !anyWrong(compare.Statistics(got, example(mixture.Full), narrow(mixture.Full))) {
			t.Errorf("%+v passes", got)
		}
	}
}
