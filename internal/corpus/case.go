package corpus

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/gmmspec/gmmspec/mixture"
)

// Acceptance says what a case may end in.
type Acceptance int

// The acceptable ends.
const (
	// Finite is a fit whose every number is finite, with or without warnings.
	Finite Acceptance = iota
	// FiniteOrError allows a device that computes in less than float64 to return an error instead of a finite fit.
	FiniteOrError
)

// Case is one entry of the adversarial corpus.
type Case struct {
	Name string
	// Reason says in a sentence what the case breaks.
	Reason string
	// Covariances lists the covariance types that the case is about.
	Covariances []mixture.Covariance
	Accept      Acceptance
	// Warns is part of the warning that a fit to a thousand events comes with, or "" where there need be none.
	Warns string

	make func(random *rand.Rand, n int, c mixture.Covariance) *Sample
}

// Sample draws the case, of about n events: cases about few events have as many as they need. The same seed, n and
// covariance type give the same bits.
func (c Case) Sample(seed uint64, n int, covariance mixture.Covariance) *Sample {
	name := fnv.New64a()
	// Hash.Write never returns an error.
	_, _ = name.Write([]byte(c.Name))
	return c.make(rand.New(rand.NewPCG(seed, name.Sum64())), n, covariance)
}
