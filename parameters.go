package gmmspec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// NewParameters makes a mixture of gonum's types: M weights, an M×D matrix of means, and covariances of D×D, M of them (one
// for Tied). Everything is copied. It returns the first reason for which they are no mixture of the covariance type c: for
// Diag and Spherical, entries off the diagonal too, and for Spherical, variances that differ.
func NewParameters(c Covariance, weights []float64, means mat.Matrix, covariances []mat.Symmetric) (*Parameters, error) {
	if absent(means) {
		return nil, errors.New("gmmspec: no means")
	}
	m, d := means.Dims()
	if err := checkSize(c, m, d); err != nil {
		return nil, err
	}
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

// absent reports whether there is no matrix behind m, be it a nil pointer.
func absent(m mat.Matrix) bool {
	v := reflect.ValueOf(m)
	return m == nil || v.Kind() == reflect.Pointer && v.IsNil()
}
