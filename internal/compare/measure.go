package compare

import (
	"fmt"
	"math"
)

// Measure is the largest error of one kind.
type Measure struct {
	// What says what was compared, and the scale of the error.
	What string
	// Error is at least 0, or NaN.
	Error float64
	// At is where it is: indices, the slowest first, or nil where the measure is of the whole.
	At        []int
	Got, Want float64
}

// String tells the error, its place and both numbers.
func (m Measure) String() string {
	if m.At == nil {
		return fmt.Sprintf("%s: error %.3g: got %v, want %v", m.What, m.Error, m.Got, m.Want)
	}
	return fmt.Sprintf("%s: error %.3g at %v: got %v, want %v", m.What, m.Error, m.At, m.Got, m.Want)
}

// add takes the error of got at the place given, |got - want| / scale, if it is the worst so far. Equal numbers, infinite
// ones too, have no error whatever the scale.
func (m *Measure) add(got, want, scale float64, at ...int) {
	e := 0.0
	if got != want {
		e = math.Abs(got-want) / scale
	}
	m.take(e, got, want, at...)
}

// take takes an error if it is the worst so far.
func (m *Measure) take(e, got, want float64, at ...int) {
	if math.IsNaN(m.Error) || e <= m.Error && m.At != nil {
		return
	}
	m.Error, m.Got, m.Want = e, got, want
	m.At = append([]int{}, at...)
}

// mismatch is the measure of results that cannot be compared.
func mismatch(what string, got, want int) Measure {
	return Measure{What: what, Error: math.Inf(1), Got: float64(got), Want: float64(want)}
}

// Worst returns the measure of the largest error; one that is NaN is the largest.
func Worst(measures ...Measure) Measure {
	var worst Measure
	for i, m := range measures {
		if i == 0 || !math.IsNaN(worst.Error) && !(m.Error <= worst.Error) {
			worst = m
		}
	}
	return worst
}

// Absolute measures max |got - want|.
func Absolute(what string, got, want []float64) Measure {
	m := Measure{What: what + ", absolute"}
	if len(got) != len(want) {
		return mismatch("length of "+what, len(got), len(want))
	}
	for i, v := range got {
		m.add(v, want[i], 1, i)
	}
	return m
}

// Relative measures max |got - want| / max |want|.
func Relative(what string, got, want []float64) Measure {
	if len(got) != len(want) {
		return mismatch("length of "+what, len(got), len(want))
	}
	scale := 0.0
	for _, v := range want {
		scale = math.Max(scale, math.Abs(v))
	}
	m := Measure{What: what + ", relative"}
	for i, v := range got {
		m.add(v, want[i], scale, i)
	}
	return m
}

// Bits measures how many numbers differ in their bits; NaN equals itself, and 0 differs from -0.
func Bits(what string, got, want []float64) Measure {
	if len(got) != len(want) {
		return mismatch("length of "+what, len(got), len(want))
	}
	m := Measure{What: what + ", numbers of other bits"}
	for i, v := range got {
		if math.Float64bits(v) == math.Float64bits(want[i]) {
			continue
		}
		if m.Error == 0 {
			m.At, m.Got, m.Want = []int{i}, v, want[i]
		}
		m.Error++
	}
	return m
}

// LogDensities measures the largest absolute error of log-densities, log-likelihoods or logits: an error of ε in them is a
// relative error of ε in what they are logarithms of.
func LogDensities(got, want []float64) Measure { return Absolute("log-densities", got, want) }

// Labels measures how much less responsible the components chosen are than the most responsible one, given all N×M
// responsibilities: 0 where every label is an arg max, and small where only near ties were decided otherwise. A label that
// names no component is an infinite error.
func Labels(got []int, responsibilities []float64, components int) Measure {
	if len(got)*components != len(responsibilities) {
		return mismatch("length of labels", len(got), len(responsibilities)/components)
	}
	measure := Measure{What: "labels, responsibility lost"}
	for n, label := range got {
		row := responsibilities[n*components:][:components]
		best := 0
		for m, r := range row {
			if r > row[best] {
				best = m
			}
		}
		lost := math.Inf(1)
		if label >= 0 && label < components {
			lost = row[best] - row[label]
		}
		measure.take(lost, float64(label), float64(best), n)
	}
	return measure
}
