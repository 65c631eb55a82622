package gmmspec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// Events is N vectors of D numbers: see [Float32], [Float64] and [Matrix].
type Events = mixture.Events

// MaxMagnitude bounds the absolute value of an event's coordinates, whose squares are summed.
const MaxMagnitude = mixture.MaxMagnitude

// Parameters is a mixture of M components over D dimensions.
type Parameters = mixture.Parameters

// Covariance says which covariance entries are free.
type Covariance = mixture.Covariance

// The covariance types.
const (
	Full      = mixture.Full
	Diag      = mixture.Diag
	Tied      = mixture.Tied
	Spherical = mixture.Spherical
)

// ParseCovariance returns the covariance type that s names.
func ParseCovariance(s string) (Covariance, error) { return mixture.ParseCovariance(s) }

// Start is a rule that takes a model's first parameters from the data.
type Start = mixture.Start

// The starting rules.
const (
	StartRandomFromData = mixture.StartRandomFromData
	StartEven           = mixture.StartEven
)

// Progress is where a fit stands.
type Progress = mixture.Progress

// Plan is what is done for a problem on a device, and why.
type Plan = autotune.Plan

// PlanMode says what the choices of a plan may rest on.
type PlanMode = autotune.Mode

// The plan modes.
const (
	// PlanByEstimate takes what was measured, where there is such a thing, and otherwise the cost model.
	PlanByEstimate = autotune.ByEstimate
	// PlanMeasured times the promising candidates of a fit that was not tuned before it runs, and remembers.
	PlanMeasured = autotune.Measure
	// PlanWisdomOnly takes only what was measured, and is an error where nothing was.
	PlanWisdomOnly = autotune.WisdomOnly
	// PlanExplore has every fit run kernels that were not measured yet, and measures them, until all are known.
	PlanExplore = autotune.Explore
)

// Float32 views n events of d numbers each in data, by row and without a gap. Nothing is copied.
func Float32(data []float32, n, d int) (Events, error) { return mixture.Float32(data, n, d, d) }

// Float64 views n events of d numbers each in data, by row and without a gap. Nothing is copied.
func Float64(data []float64, n, d int) (Events, error) { return mixture.Float64(data, n, d, d) }

// Float32Stride views n events of d numbers each in data, event i beginning at data[i·stride].
func Float32Stride(data []float32, n, d, stride int) (Events, error) {
	return mixture.Float32(data, n, d, stride)
}

// Float64Stride views n events of d numbers each in data, event i beginning at data[i·stride].
func Float64Stride(data []float64, n, d, stride int) (Events, error) {
	return mixture.Float64(data, n, d, stride)
}

// Matrix views the rows of m as events. A *mat.Dense is not copied.
func Matrix(m mat.Matrix) (Events, error) {
	if absent(m) {
		return nil, errors.New("gmmspec: events: there is no matrix")
	}
	return mixture.Matrix(m)
}

// absent reports whether there is no matrix behind m, be it a nil pointer.
func absent(m mat.Matrix) bool {
	v := reflect.ValueOf(m)
	return m == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

// NewParameters makes a mixture of gonum's types: M weights, an M×D matrix of means, and covariances of D×D, M of them (one
// for Tied). Everything is copied. It returns the first reason for which they are no mixture of the covariance type c: for
// Diag and Spherical, entries off the diagonal too, and for Spherical, variances that differ.
func NewParameters(c Covariance, weights []float64, means mat.Matrix, covariances []mat.Symmetric) (*Parameters, error) {
	if absent(means) {
		return nil, errors.New("gmmspec: no means")
	}
	m, d := means.Dims()
	p := mixture.NewParameters(c, m, d)
	p.Weights = slices.Clone(weights)
	for i := range m {
		for j := range d {
			p.Means[i*d+j] = means.At(i, j)
		}
	}
	want := m
	if c == Tied {
		want = 1
	}
	if len(covariances) != want {
		return nil, fmt.Errorf("gmmspec: %d covariances: want %d", len(covariances), want)
	}
	for i, s := range covariances {
		if err := checkCovariance(c, s, d); err != nil {
			return nil, fmt.Errorf("gmmspec: covariance %d %w", i, err)
		}
		setCovariance(p, i, s)
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// checkCovariance reports entries of s that a covariance of type c does not have.
func checkCovariance(c Covariance, s mat.Symmetric, d int) error {
	if absent(s) {
		return errors.New("is nil")
	}
	if n := s.SymmetricDim(); n != d {
		return fmt.Errorf("is %d×%d: want %d×%d", n, n, d, d)
	}
	for a := range d {
		for b := range a {
			if v := s.At(a, b); !c.Correlated() && v != 0 {
				return fmt.Errorf("has %v at (%d,%d): want 0 off the diagonal of %s", v, a, b, c)
			}
		}
		if c == Spherical && s.At(a, a) != s.At(0, 0) {
			return fmt.Errorf("has variances %v and %v: want all equal for %s", s.At(0, 0), s.At(a, a), c)
		}
	}
	return nil
}

// setCovariance takes the entries of s that p's covariance type has.
func setCovariance(p *Parameters, i int, s mat.Symmetric) {
	d := p.D
	switch p.Covariance {
	case Full, Tied:
		for a := range d {
			for b := range d {
				p.Covariances[(i*d+a)*d+b] = s.At(a, b)
			}
		}
	case Diag:
		for a := range d {
			p.Covariances[i*d+a] = s.At(a, a)
		}
	case Spherical:
		p.Covariances[i] = s.At(0, 0)
	}
}
