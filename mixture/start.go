package mixture

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// Start is a rule that takes a model's first parameters from the data.
type Start string

// The starting rules.
const (
	// StartRandomFromData takes M events at random, different ones as far as there are, for means.
	StartRandomFromData Start = "random_from_data"
	// StartEven is the rule of the original specializer (gmm.py, 2011): component 0 begins at the mean of all events,
	// component m ≥ 1 at event m·⌊N/M⌋ (at ⌊m·N/M⌋ where N < M).
	StartEven Start = "even"
)

// ParseStart returns the starting rule that s names.
func ParseStart(s string) (Start, error) {
	switch start := Start(s); start {
	case StartRandomFromData, StartEven:
		return start, nil
	}
	return "", fmt.Errorf("mixture: unknown start %q: want random_from_data or even", s)
}

// First returns the first parameters of m ≥ 1 components for data: means by the rule, weights 1/M, and for every component
// the data's variances over M (unbiased over the N events, as the original) as a diagonal covariance, at least the prior's
// floor. A coordinate that is missing from an event that becomes a mean takes its dimension's mean. The seed decides the
// random choices: the same seed and data give the same parameters.
func (r Start) First(data Data, s *Summary, c Covariance, m int, seed uint64, prior Prior) *Parameters {
	p := NewParameters(c, m, s.D)
	unbiased := 1.0
	if s.N > 1 {
		unbiased = float64(s.N) / float64(s.N-1)
	}
	variances := make([]float64, s.D)
	for j, v := range s.Variance {
		variances[j] = v * unbiased / float64(m)
	}
	for j, v := range prior.Floor {
		variances[j] = math.Max(variances[j], v)
	}
	for i := range p.matrices() {
		p.addDiagonal(i, variances, 1)
	}
	for i := range p.Weights {
		p.Weights[i] = 1 / float64(m)
	}
	if r == StartEven {
		evenMeans(p, data, s)
	} else {
		randomMeans(p, data, s, rand.New(rand.NewPCG(seed, 0)))
	}
	return p
}

// readEvent reads event n into x, with the dimension's mean for what is missing.
func readEvent(x []float64, data Data, s *Summary, n int) {
	data.Events.Read(x, n)
	for j, v := range x {
		if math.IsNaN(v) {
			x[j] = s.Mean[j]
		}
	}
}

func evenMeans(p *Parameters, data Data, s *Summary) {
	copy(p.Mean(0), s.Mean)
	for m := 1; m < p.M; m++ {
		event := m * (s.N / p.M)
		if s.N < p.M {
			event = int(int64(m) * int64(s.N) / int64(p.M))
		}
		readEvent(p.Mean(m), data, s, event)
	}
}

// drawsPerComponent bounds how many events are drawn, on average, for each component: data that are still short of
// different vectors then are searched in their order.
const drawsPerComponent = 16

// randomMeans takes different vectors of positive weight for means: events drawn without replacement, then whatever a search
// through all of them finds. Where there are fewer such vectors than components they are repeated; where there is none,
// which [Summarize] refuses, the mean stands in.
func randomMeans(p *Parameters, data Data, s *Summary, random *rand.Rand) {
	taken := newVectors(p.M, p.D)
	vector := make([]float64, p.D)
	m := 0
	take := func(event int) {
		if data.Weights != nil && data.Weights[event] == 0 {
			return
		}
		readEvent(vector, data, s, event)
		if taken.add(vector) {
			copy(p.Mean(m), vector)
			m++
		}
	}
	moved := make(map[int]int) // the sparse part of a Fisher-Yates shuffle: position to event, where they differ
	at := func(i int) int {
		if event, ok := moved[i]; ok {
			return event
		}
		return i
	}
	for drawn := 0; m < p.M && drawn < min(s.N, p.M*drawsPerComponent); drawn++ {
		other := drawn + random.IntN(s.N-drawn)
		event := at(other)
		moved[other] = at(drawn)
		take(event)
	}
	if m < p.M {
		first := random.IntN(s.N)
		for i := 0; m < p.M && i < s.N; i++ {
			take((first + i) % s.N)
		}
	}
	if m == 0 {
		copy(p.Mean(0), s.Mean)
		m = 1
	}
	for found := m; m < p.M; m++ {
		copy(p.Mean(m), p.Mean(m%found))
	}
}

// vectors is a set of vectors.
type vectors struct {
	members map[string]bool
	key     []byte
}

func newVectors(n, d int) *vectors {
	return &vectors{members: make(map[string]bool, n), key: make([]byte, 8*d)}
}

// add adds x, and reports whether it is new.
func (v *vectors) add(x []float64) bool {
	for j, value := range x {
		binary.LittleEndian.PutUint64(v.key[8*j:], math.Float64bits(value+0)) // -0 + 0 is 0
	}
	if v.members[string(v.key)] {
		return false
	}
	v.members[string(v.key)] = true
	return true
}
