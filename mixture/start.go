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

// First returns the first parameters of m components for data: means by the rule, weights 1/M, and for every component the
// data's variances over M (unbiased, as the original) as a diagonal covariance, at least the prior's floor. The seed decides
// the random choices: the same seed and data give the same parameters.
func (r Start) First(data Data, s *Summary, c Covariance, m int, seed uint64, prior Prior) *Parameters {
	p := NewParameters(c, m, s.D)
	variances := make([]float64, s.D)
	unbiased := 1.0
	if s.N > 1 {
		unbiased = float64(s.N) / float64(s.N-1)
	}
	for j := range variances {
		variances[j] = math.Max(s.Variance[j]*unbiased/float64(m), prior.Floor[j])
	}
	p.addDiagonal(variances, func(int) bool { return true })
	for i := range p.Weights {
		p.Weights[i] = 1 / float64(m)
	}
	if r == StartEven {
		evenMeans(p, data, s)
	} else {
		randomMeans(p, data, rand.New(rand.NewPCG(seed, 0)))
	}
	for i, v := range p.Means {
		if math.IsNaN(v) {
			p.Means[i] = s.Mean[i%s.D]
		}
	}
	return p
}

func evenMeans(p *Parameters, data Data, s *Summary) {
	copy(p.Mean(0), s.Mean)
	for m := 1; m < p.M; m++ {
		event := m * (s.N / p.M)
		if s.N < p.M {
			event = m * s.N / p.M
		}
		data.Events.Read(p.Mean(m), event)
	}
}

// drawsPerComponent bounds how many events are drawn, on average, for each component before repeated vectors are accepted.
const drawsPerComponent = 16

// randomMeans draws events without replacement, passing over weights of 0 and vectors already taken while there is hope.
func randomMeans(p *Parameters, data Data, random *rand.Rand) {
	n := data.Events.Len()
	moved := make(map[int]int) // the sparse part of a Fisher-Yates shuffle: position to event, where they differ
	at := func(i int) int {
		if event, ok := moved[i]; ok {
			return event
		}
		return i
	}
	taken := make(map[string]bool, p.M)
	vector, key := make([]float64, p.D), make([]byte, 8*p.D)
	m := 0
	for drawn := 0; m < p.M && drawn < min(n, p.M*drawsPerComponent); drawn++ {
		other := drawn + random.IntN(n-drawn)
		event := at(other)
		moved[other] = at(drawn)
		if data.Weights != nil && data.Weights[event] == 0 {
			continue
		}
		data.Events.Read(vector, event)
		for j, v := range vector {
			binary.LittleEndian.PutUint64(key[8*j:], math.Float64bits(v))
		}
		if taken[string(key)] {
			continue
		}
		taken[string(key)] = true
		copy(p.Mean(m), vector)
		m++
	}
	for first := max(m, 1); m < p.M; m++ {
		copy(p.Mean(m), p.Mean(m%first))
	}
}
