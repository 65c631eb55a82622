package mixture_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// maximise is the M-step by scikit-learn's formulas (_gaussian_mixture.py: _estimate_gaussian_parameters), from the events
// and their weighted responsibilities: nk, the new means, and covariances about them plus reg.
func (s *shared) maximise(c mixture.Covariance, reg []float64) *mixture.Parameters {
	d := s.d
	p := mixture.NewParameters(c, s.m, d)
	nk, total := make([]float64, s.m), 0.0
	for n, x := range s.x {
		for m, r := range s.r[n] {
			nk[m] += r
			total += r
			for a, v := range x {
				p.Mean(m)[a] += r * v
			}
		}
	}
	for m := range s.m {
		p.Weights[m] = nk[m] / total
		for a := range d {
			p.Mean(m)[a] /= nk[m]
		}
	}
	switch c {
	case mixture.Full:
		for m := range s.m {
			s.full(p.Covariances[m*d*d:], m, p.Mean(m), nk[m], reg)
		}
	case mixture.Tied: // (XᵀX - Σ nk μμᵀ) / Σ nk
		for a := range d {
			for b := range d {
				sum := 0.0
				for n, x := range s.x {
					for _, r := range s.r[n] {
						sum += r * x[a] * x[b]
					}
				}
				for m, n := range nk {
					sum -= n * p.Mean(m)[a] * p.Mean(m)[b]
				}
				p.Covariances[a*d+b] = sum / total
			}
			p.Covariances[a*d+a] += reg[a]
		}
	case mixture.Diag:
		for m := range s.m {
			copy(p.Covariances[m*d:], s.diagonal(m, p.Mean(m), nk[m], reg))
		}
	case mixture.Spherical: // diag's .mean(1)
		for m := range s.m {
			for _, v := range s.diagonal(m, p.Mean(m), nk[m], reg) {
				p.Covariances[m] += v / float64(d)
			}
		}
	}
	return p
}

// full sets sigma to (r (X - μ))ᵀ (X - μ) / nk + reg.
func (s *shared) full(sigma []float64, m int, mean []float64, n float64, reg []float64) {
	for a := range s.d {
		for b := range s.d {
			sum := 0.0
			for i, x := range s.x {
				sum += s.r[i][m] * (x[a] - mean[a]) * (x[b] - mean[b])
			}
			sigma[a*s.d+b] = sum / n
		}
		sigma[a*s.d+a] += reg[a]
	}
}

// diagonal returns rᵀX² / nk - μ² + reg.
func (s *shared) diagonal(m int, mean []float64, n float64, reg []float64) []float64 {
	variances := make([]float64, s.d)
	for a := range variances {
		for i, x := range s.x {
			variances[a] += s.r[i][m] * x[a] * x[a] / n
		}
		variances[a] += reg[a] - mean[a]*mean[a]
	}
	return variances
}

// update is an M-step that is not refused.
func update(t *testing.T, s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters) (*mixture.Parameters, mixture.Report) {
	t.Helper()
	p, report, err := mixture.Update(s, prior, previous)
	if err != nil {
		t.Fatal(err)
	}
	return p, report
}

func TestUpdateAgainstEvents(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 10, func(t *testing.T, random *rand.Rand) {
			m, d := 1+random.IntN(4), 1+random.IntN(5)
			events := randomShared(random, 40, m, d)
			prior := mixture.Prior{Ridge: make([]float64, d), Floor: make([]float64, d)}
			for j := range d {
				prior.Ridge[j], prior.Floor[j] = random.Float64(), 1e-6
			}
			s := events.statistics(c, normals(random, m*d))
			before := s.Clone()
			got, report := update(t, s, prior, randomModel(random, c, m, d))
			sameBits(t, s, before)
			rounding().Check(t, compare.Parameters(got, events.maximise(c, prior.Ridge))...)
			if len(report.Empty)+len(report.Floored) > 0 {
				t.Errorf("report %+v of a healthy model", report)
			}
			if err := got.Validate(); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestUpdateByHand: two events of one component in one dimension, 1 and 4 with weights 2 and 1, about the origin 1: the mean
// is 2, the variance (2·1 + 1·4)/3 = 2.
func TestUpdateByHand(t *testing.T) {
	s := mixture.NewStatistics(mixture.Diag, 1, 1, []float64{1})
	s.Weights[0], s.First[0], s.Second[0] = 3, 3, 9
	prior := mixture.Prior{Ridge: []float64{0.5}, Floor: []float64{1}}
	p, _ := update(t, s, prior, mixture.NewParameters(mixture.Diag, 1, 1))
	if p.Weights[0] != 1 || p.Means[0] != 2 || p.Covariances[0] != 2.5 {
		t.Errorf("got %+v, want weight 1, mean 2, variance 2.5", p)
	}
}

// TestUpdateEmpty: a component of no events keeps its mean, with weight 0 and the ridge for covariance, or where that has a
// 0 the floor as well; the others are what they would be without it.
func TestUpdateEmpty(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		for _, ridge := range [][]float64{{0.25, 0.5}, {0.25, 0}} {
			random := rand.New(rand.NewPCG(1, 0))
			events := randomShared(random, 20, 2, 2)
			for _, r := range events.r {
				r[0], r[1] = 0, r[0]+r[1]
			}
			origins, previous := normals(random, 4), randomModel(random, c, 2, 2)
			prior := mixture.Prior{Ridge: ridge, Floor: []float64{0.125, 0.0625}}
			got, report := update(t, events.statistics(c, origins), prior, previous)
			if !slices.Equal(report.Empty, []int{0}) || report.Floored != nil {
				t.Errorf("ridge %v: report %+v, want component 0 empty and none floored", ridge, report)
			}
			if got.Weights[0] != 0 || got.Weights[1] != 1 || !slices.Equal(got.Mean(0), previous.Mean(0)) {
				t.Errorf("ridge %v: got %+v", ridge, got)
			}
			alone := &shared{m: 1, d: 2, x: events.x}
			for _, r := range events.r {
				alone.r = append(alone.r, r[1:])
			}
			want := alone.maximise(c, ridge)
			for j := range 2 {
				rounding().Check(t, compare.Absolute("the other's covariance",
					[]float64{got.Matrix(1).At(j, 0), got.Matrix(1).At(j, 1)}, []float64{want.Matrix(0).At(j, 0), want.Matrix(0).At(j, 1)}))
			}
			if c == mixture.Tied {
				continue // all share the one covariance
			}
			variances := slices.Clone(ridge)
			if ridge[1] == 0 && c != mixture.Spherical { // the average is positive
				variances = []float64{ridge[0] + prior.Floor[0], ridge[1] + prior.Floor[1]}
			}
			if c == mixture.Spherical {
				variances = []float64{(ridge[0] + ridge[1]) / 2, (ridge[0] + ridge[1]) / 2}
			}
			sigma := got.Matrix(0)
			compare.Exact().Check(t, compare.Bits("the empty one's covariance",
				[]float64{sigma.At(0, 0), sigma.At(0, 1), sigma.At(1, 1)}, []float64{variances[0], 0, variances[1]}))
		}
	})
}

// TestUpdateAllEmpty: statistics of no events leave weights and means as they were.
func TestUpdateAllEmpty(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		previous := randomModel(rand.New(rand.NewPCG(1, 0)), c, 3, 2)
		prior := mixture.Prior{Ridge: []float64{0, 0}, Floor: []float64{1, 1}}
		got, report := update(t, mixture.NewStatistics(c, 3, 2, nil), prior, previous)
		if err := got.Validate(); err != nil {
			t.Error(err)
		}
		if !slices.Equal(got.Weights, previous.Weights) || !slices.Equal(got.Means, previous.Means) {
			t.Errorf("got %+v, want the weights and means of %+v", got, previous)
		}
		if !slices.Equal(report.Empty, []int{0, 1, 2}) || report.Floored != nil {
			t.Errorf("report %+v, want all empty", report)
		}
	})
}

// TestUpdateEmptyWeight: the limit itself is empty, and the weights of the others sum to 1.
func TestUpdateEmptyWeight(t *testing.T) {
	s := mixture.NewStatistics(mixture.Diag, 3, 1, nil)
	s.Weights = []float64{mixture.EmptyWeight, 2 * mixture.EmptyWeight, 1}
	s.First, s.Second = []float64{1, 1, 1}, []float64{1, 1e12, 2}
	prior := mixture.Prior{Ridge: []float64{1}, Floor: []float64{1}}
	p, report := update(t, s, prior, mixture.NewParameters(mixture.Diag, 3, 1))
	if !slices.Equal(report.Empty, []int{0}) {
		t.Errorf("empty: %v, want component 0", report.Empty)
	}
	if p.Weights[0] != 0 || p.Weights[1] == 0 || p.Weights[1]+p.Weights[2] != 1 {
		t.Errorf("weights %v", p.Weights)
	}
}

// coincident is n events at x, about origins elsewhere: the second moments cancel to rounding, of either sign.
func coincident(random *rand.Rand, c mixture.Covariance, n int, x []float64) *mixture.Statistics {
	events := randomShared(random, n, 1, len(x))
	for i := range events.x {
		events.x[i] = x
	}
	return events.statistics(c, normals(random, len(x)))
}

// TestUpdateCollapsed: a component whose events coincide has the floor alone for covariance where there is no ridge, whatever
// the rounding, and is reported; with a ridge it has that.
func TestUpdateCollapsed(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 20, func(t *testing.T, random *rand.Rand) {
			x := normals(random, 2)
			s := coincident(random, c, 50, x)
			floor := []float64{0.5, 0.25}
			for _, test := range []struct {
				ridge, want []float64
				floored     []int
			}{
				{[]float64{0, 0}, floor, []int{0}},
				{[]float64{0.125, 0.0625}, []float64{0.125, 0.0625}, nil},
			} {
				p, report := update(t, s, mixture.Prior{Ridge: test.ridge, Floor: floor}, randomModel(random, c, 1, 2))
				if !slices.Equal(report.Floored, test.floored) || report.Empty != nil {
					t.Errorf("ridge %v: report %+v, want floored %v", test.ridge, report, test.floored)
				}
				want := test.want
				if c == mixture.Spherical {
					average := (want[0] + want[1]) / 2
					want = []float64{average, average}
				}
				sigma := p.Matrix(0)
				rounding().Check(t,
					compare.Absolute("mean", p.Means, x),
					compare.Absolute("covariance", []float64{sigma.At(0, 0), sigma.At(0, 1), sigma.At(1, 1)}, []float64{want[0], 0, want[1]}))
			}
		})
	})
}

// TestUpdateOnALine: events that differ in one direction only leave the rest of the matrix singular: the floor mends it, once.
func TestUpdateOnALine(t *testing.T) {
	for _, c := range []mixture.Covariance{mixture.Full, mixture.Tied} {
		eachSeed(t, 20, func(t *testing.T, random *rand.Rand) {
			events := randomShared(random, 30, 1, 3)
			for i, x := range events.x {
				events.x[i] = []float64{x[0], 2 * x[0], -x[0]}
			}
			prior := mixture.Prior{Ridge: make([]float64, 3), Floor: []float64{1e-3, 1e-3, 1e-3}}
			got, report := update(t, events.statistics(c, normals(random, 3)), prior, randomModel(random, c, 1, 3))
			if !slices.Equal(report.Floored, []int{0}) {
				t.Errorf("%s: floored %v, want component 0", c, report.Floored)
			}
			want := events.maximise(c, prior.Floor)
			rounding().Check(t, compare.Relative("covariance", got.Covariances, want.Covariances))
		})
	}
}

// TestUpdateGrowsTheFloor: a second moment that no events can have, correlated by 2, needs 1 of floor, reached from 1e-6 by
// 1e-6·(1 + 1e2 + 1e4 + 1e6).
func TestUpdateGrowsTheFloor(t *testing.T) {
	s := mixture.NewStatistics(mixture.Full, 1, 2, nil)
	s.Weights[0], s.Second = 1, []float64{1, 2, 1}
	prior := mixture.Prior{Ridge: []float64{0, 0}, Floor: []float64{1e-6, 1e-6}}
	p, report := update(t, s, prior, mixture.NewParameters(mixture.Full, 1, 2))
	if !slices.Equal(report.Floored, []int{0}) {
		t.Errorf("report %+v, want component 0 floored", report)
	}
	rounding().Check(t, compare.Absolute("covariance", p.Covariances, []float64{2.010101, 2, 2, 2.010101}))
}

// TestUpdateGivesUpCorrelation: where all the floor is lost against the entries, the variances remain.
func TestUpdateGivesUpCorrelation(t *testing.T) {
	for _, c := range []mixture.Covariance{mixture.Full, mixture.Tied} {
		s := mixture.NewStatistics(c, 1, 2, nil)
		s.Weights[0], s.Second = 1, []float64{1e60, 2e60, 1e60}
		prior := mixture.Prior{Ridge: []float64{1, 1}, Floor: []float64{1, 1}}
		p, report := update(t, s, prior, mixture.NewParameters(c, 1, 2))
		if !slices.Equal(report.Floored, []int{0}) {
			t.Errorf("%s: report %+v, want component 0 floored", c, report)
		}
		rounding().Check(t, compare.Relative("covariance", p.Covariances, []float64{1e60, 0, 0, 1e60}))
	}
}

// TestUpdateReplacesWhatIsNoVariance: second moments past a float64, for their weight, leave the floor.
func TestUpdateReplacesWhatIsNoVariance(t *testing.T) {
	const grown = 1 + 1e-4*(1+1e2+1e4+1e6+1e8+1e10) // all attempts are made before
	for _, test := range []struct {
		covariance   mixture.Covariance
		second, want []float64
	}{
		{mixture.Full, []float64{1e-9, 0, 1e300}, []float64{grown, 0, 0, 2}},
		{mixture.Diag, []float64{1e-9, 1e300}, []float64{grown, 2}},
		{mixture.Spherical, []float64{1e300}, []float64{(1e-4 + 2) / 2}},
	} {
		s := mixture.NewStatistics(test.covariance, 1, 2, nil)
		s.Weights[0], s.Second = 1e-9, test.second
		prior := mixture.Prior{Ridge: []float64{0, 0}, Floor: []float64{1e-4, 2}}
		p, report := update(t, s, prior, mixture.NewParameters(test.covariance, 1, 2))
		if !slices.Equal(report.Floored, []int{0}) {
			t.Errorf("%s: report %+v, want component 0 floored", test.covariance, report)
		}
		rounding().Check(t, compare.Relative("covariance", p.Covariances, test.want))
	}
}

// TestUpdateTiedReportsDespiteEmpty: the covariance that all share is reported also where component 0 is empty.
func TestUpdateTiedReportsDespiteEmpty(t *testing.T) {
	s := mixture.NewStatistics(mixture.Tied, 2, 1, nil)
	s.Weights[1] = 3
	prior := mixture.Prior{Ridge: []float64{0}, Floor: []float64{1}}
	_, report := update(t, s, prior, mixture.NewParameters(mixture.Tied, 2, 1))
	if !slices.Equal(report.Empty, []int{0}) || !slices.Equal(report.Floored, []int{0}) {
		t.Errorf("report %+v, want component 0 empty and the covariance floored", report)
	}
}

// TestUpdateLeavesAMixture: statistics that no events can have, of any size and with what is no number among them, lead to
// parameters that are valid, and are not changed.
func TestUpdateLeavesAMixture(t *testing.T) {
	odd := []float64{
		0, 1, -1, 1e-60, 1e60, -1e60, 1e-300, 1e300, -1e300, math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64,
		math.NaN(), math.Inf(1), math.Inf(-1),
	}
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 200, func(t *testing.T, random *rand.Rand) {
			m, d := 1+random.IntN(4), 1+random.IntN(4)
			s := randomShared(random, 20, m, d).statistics(c, normals(random, m*d))
			for _, values := range [][]float64{s.Origins, s.Weights, s.First, s.Second} {
				for i := range values {
					if random.IntN(4) == 0 {
						values[i] = odd[random.IntN(len(odd))]
					}
				}
			}
			prior := mixture.Prior{Ridge: make([]float64, d), Floor: make([]float64, d)}
			for j := range d {
				prior.Ridge[j], prior.Floor[j] = float64(random.IntN(2))*1e-6, 1e-6
			}
			before := s.Clone()
			p, _ := update(t, s, prior, randomModel(random, c, m, d))
			sameBits(t, s, before)
			if err := p.Validate(); err != nil {
				t.Errorf("%v, from %+v", err, s)
			}
		})
	})
}

// TestUpdateRefuses: an M-step of what does not fit together is an error.
func TestUpdateRefuses(t *testing.T) {
	one := func(d int) mixture.Prior {
		return mixture.Prior{Ridge: make([]float64, d), Floor: slices.Repeat([]float64{1}, d)}
	}
	negative := one(3)
	negative.Ridge[1] = -1
	previous := mixture.NewParameters(mixture.Full, 2, 3)
	unlike := *previous
	unlike.Means = previous.Means[:5]
	short := mixture.NewStatistics(mixture.Full, 2, 3, nil)
	short.Second = short.Second[:11]
	unknown := mixture.NewStatistics(mixture.Full, 2, 3, nil)
	unknown.Covariance = "round"
	for _, test := range []struct {
		s        *mixture.Statistics
		prior    mixture.Prior
		previous *mixture.Parameters
		want     string
	}{
		{nil, one(3), previous, "there are no statistics"},
		{&mixture.Statistics{Covariance: mixture.Full}, one(3), previous, "0 components and 0 dimensions"},
		{unknown, one(3), previous, "round"},
		{short, one(3), previous, "number of second moments: got 11, want 12"},
		{mixture.NewStatistics(mixture.Full, 2, 3, nil), one(2), previous, "length of the prior's ridge: got 2, want 3"},
		{mixture.NewStatistics(mixture.Full, 2, 3, nil), negative, previous, "the ridge of dimension 1 is -1"},
		{mixture.NewStatistics(mixture.Full, 2, 3, nil), one(3), nil, "no previous parameters"},
		{mixture.NewStatistics(mixture.Full, 3, 3, nil), one(3), previous, "components of the previous parameters: got 2, want 3"},
		{mixture.NewStatistics(mixture.Full, 2, 2, nil), one(2), previous, "dimensions of the previous parameters: got 3, want 2"},
		{mixture.NewStatistics(mixture.Full, 2, 3, nil), one(3), &unlike, "number of previous means: got 5, want 6"},
	} {
		p, _, err := mixture.Update(test.s, test.prior, test.previous)
		wantError(t, err, "mixture: ", test.want)
		if p != nil {
			t.Errorf("%s: parameters %+v", test.want, p)
		}
	}
}
