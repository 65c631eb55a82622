package mixture

import (
	"errors"
	"fmt"
)

// Statistics is all that EM needs to know of events, and all that a pass over them returns: with responsibilities r_nm,
// weights w_n and an origin o_m for each component,
//
//	Weights[m]  N_m = Σ_n w_n r_nm
//	First[m]    Σ_n w_n r_nm (x_n - o_m)
//	Second[m]   Σ_n w_n r_nm (x_n - o_m)(x_n - o_m)ᵀ, its covariance type's part
//
// It is small, and additive: see [Statistics.Add]. Second holds for full the packed lower triangle of each component, row by
// row; for tied one such triangle, summed over the components; for diag the D diagonal entries of each; for spherical the
// trace of each.
type Statistics struct {
	Covariance Covariance
	M, D       int

	Origins []float64 // M×D
	Weights []float64 // M
	First   []float64 // M×D
	Second  []float64 // Covariance.SecondLen(M, D)

	// LogLikelihood is Σ_n w_n log p(x_n) under the parameters of the pass; under hard assignment as [Scores].Total.
	LogLikelihood float64
	// Events is N, the number of events summed.
	Events int64
	// EventWeight is Σ_n w_n.
	EventWeight float64
}

// NewStatistics returns statistics of no events, about the origins given: M×D, copied; nil for 0.
func NewStatistics(c Covariance, m, d int, origins []float64) *Statistics {
	s := &Statistics{
		Covariance: c, M: m, D: d,
		Origins: make([]float64, m*d),
		Weights: make([]float64, m),
		First:   make([]float64, m*d),
		Second:  make([]float64, c.SecondLen(m, d)),
	}
	copy(s.Origins, origins)
	return s
}

// Clone returns a copy of s.
func (s *Statistics) Clone() *Statistics {
	c := NewStatistics(s.Covariance, s.M, s.D, s.Origins)
	copy(c.Weights, s.Weights)
	copy(c.First, s.First)
	copy(c.Second, s.Second)
	c.LogLikelihood, c.Events, c.EventWeight = s.LogLikelihood, s.Events, s.EventWeight
	return c
}

// validateSizes reports statistics whose fields do not agree with M, D and the covariance type.
func (s *Statistics) validateSizes() error {
	if s == nil {
		return errors.New("mixture: there are no statistics")
	}
	if _, err := ParseCovariance(string(s.Covariance)); err != nil {
		return err
	}
	if s.M < 1 || s.D < 1 {
		return fmt.Errorf("mixture: statistics of %d components and %d dimensions: want at least 1", s.M, s.D)
	}
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"number of origins", len(s.Origins), s.M * s.D},
		{"number of weights of the statistics", len(s.Weights), s.M},
		{"number of first moments", len(s.First), s.M * s.D},
		{"number of second moments", len(s.Second), s.Covariance.SecondLen(s.M, s.D)},
	} {
		if f.got != f.want {
			return &ShapeError{What: f.what, Got: f.got, Want: f.want}
		}
	}
	return nil
}

// Add adds the statistics of other events under the same parameters. The two may have different origins: t's are moved to
// s's. t is not changed. Statistics of other shapes are refused with a *[ShapeError] or *[ParameterError].
func (s *Statistics) Add(t *Statistics) error {
	for _, one := range []*Statistics{s, t} {
		if err := one.validateSizes(); err != nil {
			return err
		}
	}
	switch {
	case s.Covariance != t.Covariance:
		return &ParameterError{Field: "covariance_type", Index: -1, Reason: "statistics of " + string(t.Covariance) + " added to those of " + string(s.Covariance)}
	case s.M != t.M:
		return &ShapeError{What: "components of added statistics", Got: t.M, Want: s.M}
	case s.D != t.D:
		return &ShapeError{What: "dimensions of added statistics", Got: t.D, Want: s.D}
	}
	moved := t.Clone()
	moved.recentre(s.Origins)
	for i, v := range moved.Weights {
		s.Weights[i] += v
	}
	for i, v := range moved.First {
		s.First[i] += v
	}
	for i, v := range moved.Second {
		s.Second[i] += v
	}
	s.LogLikelihood += t.LogLikelihood
	s.Events += t.Events
	s.EventWeight += t.EventWeight
	return nil
}

// Recentre moves the origins to those given (M×D). With δ = o' - o,
//
//	First'  = First - N δ
//	Second' = Second - δ Firstᵀ - First δᵀ + N δδᵀ
//
// Origins of another number are refused with a *[ShapeError], and s is not changed then.
func (s *Statistics) Recentre(origins []float64) error {
	if err := s.validateSizes(); err != nil {
		return err
	}
	if len(origins) != s.M*s.D {
		return &ShapeError{What: "number of new origins", Got: len(origins), Want: s.M * s.D}
	}
	s.recentre(origins)
	return nil
}

// recentre is Recentre of what has its sizes.
func (s *Statistics) recentre(origins []float64) {
	d := s.D
	delta := make([]float64, d)
	for m := range s.M {
		moved := false
		for j := range d {
			delta[j] = origins[m*d+j] - s.Origins[m*d+j]
			moved = moved || delta[j] != 0
		}
		if !moved {
			continue
		}
		n, first := s.Weights[m], s.First[m*d:][:d]
		switch s.Covariance {
		case Full:
			recentreTriangle(s.Second[m*d*(d+1)/2:], n, first, delta)
		case Tied:
			recentreTriangle(s.Second, n, first, delta)
		case Diag:
			second := s.Second[m*d:][:d]
			for j, v := range delta {
				second[j] += v * (n*v - 2*first[j])
			}
		case Spherical:
			for j, v := range delta {
				s.Second[m] += v * (n*v - 2*first[j])
			}
		}
		for j, v := range delta {
			first[j] -= n * v
		}
		copy(s.Origins[m*d:], origins[m*d:][:d])
	}
}

func recentreTriangle(second []float64, n float64, first, delta []float64) {
	k := 0
	for i := range delta {
		for j := range i + 1 {
			second[k] += n*delta[i]*delta[j] - delta[i]*first[j] - first[i]*delta[j]
			k++
		}
	}
}
