package runtimetest_test

import (
	"context"
	"fmt"
	"math"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
)

// brute judges the reference: a device built on gonum's normal distributions, one event at a time. Missing coordinates are
// gonum's marginal and conditional distributions, so no formula is the reference's.
type brute struct{ mixture.Data }

func (b brute) Name() string { return "brute" }
func (b brute) Close() error { return nil }

func (b brute) Load(_ context.Context, data mixture.Data) (mixture.Loaded, error) {
	return brute{Data: data}, nil
}

// view is one event under one component.
type view struct {
	logit     float64
	deviation []float64     // E[x | what is present] - μ
	unknown   []int         // the missing dimensions
	spread    mat.Symmetric // their covariance given the others
}

// look looks at event x under component m.
func (b brute) look(p *mixture.Parameters, normals []*distmv.Normal, m int, x []float64) view {
	v := view{deviation: make([]float64, p.D)}
	var known []int
	var values []float64
	for j, c := range x {
		if math.IsNaN(c) {
			v.unknown = append(v.unknown, j)
			continue
		}
		known = append(known, j)
		values = append(values, c)
		v.deviation[j] = c - p.Mean(m)[j]
	}
	normal := normals[m]
	v.logit = math.Log(p.Weights[m])
	switch {
	case len(v.unknown) == 0:
		v.logit += normal.LogProb(x)
	case len(known) == 0:
		v.spread = p.Matrix(m)
	default:
		marginal, ok := normal.MarginalNormal(known, nil)
		if !ok {
			panic("marginal covariance not positive definite")
		}
		v.logit += marginal.LogProb(values)
		conditional, ok := normal.ConditionNormal(known, values, nil)
		if !ok {
			panic("conditional covariance not positive definite")
		}
		for i, j := range v.unknown {
			v.deviation[j] = conditional.Mean(nil)[i] - p.Mean(m)[j]
		}
		var spread mat.SymDense
		conditional.CovarianceMatrix(&spread)
		v.spread = &spread
	}
	return v
}

// each visits the events with their views, log-likelihood, responsibilities and label.
func (b brute) each(p *mixture.Parameters, visit func(n int, w float64, views []view, logSum float64, r []float64, label int)) error {
	normals := make([]*distmv.Normal, p.M)
	for m := range normals {
		var ok bool
		if normals[m], ok = distmv.NewNormal(p.Mean(m), p.Matrix(m), nil); !ok {
			return fmt.Errorf("component %d is not positive definite", m)
		}
	}
	x := make([]float64, p.D)
	for n := range b.Events.Len() {
		b.Events.Read(x, n)
		w := 1.0
		if b.Weights != nil {
			w = b.Weights[n]
		}
		views, logits := make([]view, p.M), make([]float64, p.M)
		for m := range views {
			views[m] = b.look(p, normals, m, x)
			logits[m] = views[m].logit
		}
		logSum := floats.LogSumExp(logits)
		r := make([]float64, p.M)
		for m, l := range logits {
			r[m] = math.Exp(l - logSum)
		}
		visit(n, w, views, logSum, r, floats.MaxIdx(logits))
	}
	return nil
}

func (b brute) Accumulate(_ context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	s := mixture.NewStatistics(p.Covariance, p.M, p.D, p.Means)
	s.Events = int64(b.Events.Len())
	err := b.each(p, func(_ int, w float64, views []view, logSum float64, r []float64, label int) {
		s.EventWeight += w
		if b.Hard {
			logSum = views[label].logit
			clear(r)
			r[label] = 1
		}
		s.LogLikelihood += w * logSum
		for m, v := range views {
			add(s, m, w*r[m], v)
		}
	})
	return s, err
}

// add adds weight w of an event to component m.
func add(s *mixture.Statistics, m int, w float64, v view) {
	s.Weights[m] += w
	second := make([]float64, s.D*s.D)
	for a, v1 := range v.deviation {
		for b, v2 := range v.deviation {
			second[a*s.D+b] = v1 * v2
		}
	}
	for i, a := range v.unknown {
		for k, b := range v.unknown {
			second[a*s.D+b] += v.spread.At(i, k)
		}
	}
	k := 0
	if s.Covariance == mixture.Full {
		k = m * s.D * (s.D + 1) / 2
	}
	for a := range s.D {
		s.First[m*s.D+a] += w * v.deviation[a]
		switch s.Covariance {
		case mixture.Full, mixture.Tied:
			for b := range a + 1 {
				s.Second[k] += w * second[a*s.D+b]
				k++
			}
		case mixture.Diag:
			s.Second[m*s.D+a] += w * second[a*s.D+a]
		case mixture.Spherical:
			s.Second[m] += w * second[a*s.D+a]
		}
	}
}

func (b brute) Score(_ context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	out.Total = 0
	return b.each(p, func(n int, w float64, views []view, logSum float64, r []float64, label int) {
		out.LogLikelihoods[n], out.Labels[n] = logSum, label
		copy(out.Responsibilities[n*p.M:], r)
		if b.Hard {
			logSum = views[label].logit
		}
		out.Total += w * logSum
	})
}
