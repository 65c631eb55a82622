package mixture_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// shared is events shared among components by weighted responsibilities: all that statistics are made of.
type shared struct {
	m, d int
	x    [][]float64 // N events of D
	r    [][]float64 // w_n r_nm, N×M
}

// randomShared returns n events; each event's responsibilities sum to its weight.
func randomShared(random *rand.Rand, n, m, d int) *shared {
	s := &shared{m: m, d: d}
	for range n {
		r, sum, weight := make([]float64, m), 0.0, 0.5+random.Float64()
		for i := range r {
			r[i] = random.Float64()
			sum += r[i]
		}
		for i := range r {
			r[i] *= weight / sum
		}
		s.x, s.r = append(s.x, normals(random, d)), append(s.r, r)
	}
	return s
}

// part returns the events from, …, to-1.
func (s *shared) part(from, to int) *shared {
	return &shared{m: s.m, d: s.d, x: s.x[from:to], r: s.r[from:to]}
}

// statistics sums the definition of each moment.
func (s *shared) statistics(c mixture.Covariance, origins []float64) *mixture.Statistics {
	t := mixture.NewStatistics(c, s.m, s.d, origins)
	for n, x := range s.x {
		t.Events++
		for m, r := range s.r[n] {
			t.EventWeight += r
			t.LogLikelihood -= r * r // any number will do
			t.Weights[m] += r
			for a := range s.d {
				t.First[m*s.d+a] += r * (x[a] - origins[m*s.d+a])
			}
			addSecond(t, m, r, func(a int) float64 { return x[a] - origins[m*s.d+a] })
		}
	}
	return t
}

// addSecond adds r δδᵀ to component m's second moment.
func addSecond(t *mixture.Statistics, m int, r float64, delta func(int) float64) {
	d := t.D
	for a := range d {
		square := r * delta(a) * delta(a)
		switch t.Covariance {
		case mixture.Diag:
			t.Second[m*d+a] += square
		case mixture.Spherical:
			t.Second[m] += square
		case mixture.Full, mixture.Tied:
			from := 0
			if t.Covariance == mixture.Full {
				from = m * d * (d + 1) / 2
			}
			for b := range a + 1 {
				t.Second[from+a*(a+1)/2+b] += r * delta(a) * delta(b)
			}
		}
	}
}

// sameBits fails unless every number of the two has the same bits.
func sameBits(t *testing.T, got, want *mixture.Statistics) {
	t.Helper()
	compare.Exact().Check(t,
		compare.Bits("origins", got.Origins, want.Origins),
		compare.Bits("weights", got.Weights, want.Weights),
		compare.Bits("first", got.First, want.First),
		compare.Bits("second", got.Second, want.Second),
		compare.Bits("totals", []float64{got.LogLikelihood, got.EventWeight}, []float64{want.LogLikelihood, want.EventWeight}))
	if got.Covariance != want.Covariance || got.M != want.M || got.D != want.D || got.Events != want.Events {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNewStatistics(t *testing.T) {
	origins := []float64{1, 2, 3, 4}
	s := mixture.NewStatistics(mixture.Full, 2, 2, origins)
	origins[0] = 9
	if want := []float64{1, 2, 3, 4}; !slices.Equal(s.Origins, want) {
		t.Errorf("origins are %v, want a copy of %v", s.Origins, want)
	}
	if got := []int{len(s.Weights), len(s.First), len(s.Second)}; !slices.Equal(got, []int{2, 4, 6}) {
		t.Errorf("lengths are %v", got)
	}
	if s := mixture.NewStatistics(mixture.Diag, 1, 2, nil); !slices.Equal(s.Origins, []float64{0, 0}) {
		t.Errorf("origins are %v, want 0", s.Origins)
	}
}

func TestStatisticsClone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	s := randomShared(random, 4, 2, 2).statistics(mixture.Full, normals(random, 4))
	c := s.Clone()
	sameBits(t, c, s)
	for _, slice := range [][]float64{c.Origins, c.Weights, c.First, c.Second} {
		slice[0] = math.Pi
	}
	for _, slice := range [][]float64{s.Origins, s.Weights, s.First, s.Second} {
		if slice[0] == math.Pi {
			t.Error("the clone shares a slice")
		}
	}
}

// TestRecentre: moved statistics are those summed about the new origins, and moved back those that they were.
func TestRecentre(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 5, func(t *testing.T, random *rand.Rand) {
			m, d := 1+random.IntN(3), 1+random.IntN(4)
			events := randomShared(random, 20, m, d)
			here, there := normals(random, m*d), normals(random, m*d)
			s := events.statistics(c, here)
			if err := s.Recentre(there); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.Origins, there) {
				t.Errorf("origins are %v, want %v", s.Origins, there)
			}
			want := events.statistics(c, there)
			rounding().Check(t, moments(s, want)...)
			if err := s.Recentre(here); err != nil {
				t.Fatal(err)
			}
			rounding().Check(t, moments(s, events.statistics(c, here))...)
		})
	})
}

// moments compares what statistics hold as it lies, origins too.
func moments(got, want *mixture.Statistics) []compare.Measure {
	return []compare.Measure{
		compare.Relative("origins", got.Origins, want.Origins),
		compare.Relative("weights", got.Weights, want.Weights),
		compare.Absolute("first moments", got.First, want.First),
		compare.Relative("second moments", got.Second, want.Second),
		compare.Relative("log-likelihood", []float64{got.LogLikelihood}, []float64{want.LogLikelihood}),
		compare.Relative("event weight", []float64{got.EventWeight}, []float64{want.EventWeight}),
		compare.Absolute("events", []float64{float64(got.Events)}, []float64{float64(want.Events)}),
	}
}

// TestRecentreToTheSame changes no bit.
func TestRecentreToTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	origins := normals(random, 6)
	s := randomShared(random, 5, 2, 3).statistics(mixture.Tied, origins)
	before := s.Clone()
	if err := s.Recentre(origins); err != nil {
		t.Fatal(err)
	}
	sameBits(t, s, before)
}

// TestAdd: the statistics of parts, each about origins of its own, add to those of the whole; what is added stays as it was.
func TestAdd(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 5, func(t *testing.T, random *rand.Rand) {
			m, d := 1+random.IntN(3), 1+random.IntN(4)
			events := randomShared(random, 30, m, d)
			origins := normals(random, m*d)
			sum := mixture.NewStatistics(c, m, d, origins)
			for from := 0; from < 30; from += 10 {
				part := events.part(from, from+10).statistics(c, normals(random, m*d))
				before := part.Clone()
				if err := sum.Add(part); err != nil {
					t.Fatal(err)
				}
				sameBits(t, part, before)
			}
			rounding().Check(t, moments(sum, events.statistics(c, origins))...)
		})
	})
}

func TestAddToItself(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	events, origins := randomShared(random, 10, 2, 2), normals(random, 4)
	s := events.statistics(mixture.Full, origins)
	if err := s.Add(s); err != nil {
		t.Fatal(err)
	}
	twice := &shared{m: 2, d: 2, x: append(events.x, events.x...), r: append(events.r, events.r...)}
	rounding().Check(t, moments(s, twice.statistics(mixture.Full, origins))...)
}

// TestRecentreRefuses: origins of another number, or statistics that are not whole, are an error, and nothing is moved.
func TestRecentreRefuses(t *testing.T) {
	s := mixture.NewStatistics(mixture.Full, 2, 3, nil)
	before := s.Clone()
	wantError(t, s.Recentre(make([]float64, 5)), "mixture: number of new origins: got 5, want 6")
	sameBits(t, s, before)
	s.First = s.First[:4]
	wantError(t, s.Recentre(make([]float64, 6)), "mixture: number of first moments: got 4, want 6")
	wantError(t, before.Add(s), "mixture: number of first moments: got 4, want 6")
	wantError(t, before.Add(nil), "mixture: there are no statistics")
}

func TestAddRefuses(t *testing.T) {
	s := mixture.NewStatistics(mixture.Full, 2, 3, nil)
	before := s.Clone()
	for _, test := range []struct {
		c    mixture.Covariance
		m, d int
		want string
	}{
		{mixture.Tied, 2, 3, "statistics of tied added to those of full"},
		{mixture.Full, 1, 3, "components of added statistics: got 1, want 2"},
		{mixture.Full, 2, 4, "dimensions of added statistics: got 4, want 3"},
	} {
		wantError(t, s.Add(mixture.NewStatistics(test.c, test.m, test.d, nil)), "mixture: ", test.want)
	}
	sameBits(t, s, before)
}
