package report

import (
	"cmp"
	"math"
	"slices"
)

// series is one strategy's times over D at one M.
type series struct {
	strategy string
	slot     int
	points   []sample
}

// sample is a time at one D. A gap says that the D before it, at which strategies were tried, has none.
type sample struct {
	d   int
	gap bool
	entry
}

// overD returns a series for each strategy that has a time at m, in the order of the legend.
func (c *contest) overD(p panel, m int, l legend) []series {
	byName := map[string]*series{}
	last := map[string]int{}
	var all []*series
	tried := slices.DeleteFunc(slices.Clone(p.ds), func(d int) bool { return c.at(p, m, d) == nil })
	for i, d := range tried {
		r := c.at(p, m, d)
		for _, e := range r.entries {
			s := byName[e.strategy]
			if s == nil {
				s = &series{strategy: e.strategy, slot: l.slot(e.strategy)}
				byName[e.strategy] = s
				all = append(all, s)
			}
			s.points = append(s.points, sample{d, len(s.points) > 0 && last[e.strategy] != i-1, e})
			last[e.strategy] = i
		}
	}
	slices.SortFunc(all, func(a, b *series) int {
		return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.strategy, b.strategy))
	})
	lines := make([]series, len(all))
	for i, s := range all {
		lines[i] = *s
	}
	return lines
}

// middle returns the M with the most times in a panel, the middle one of equals; false where there is no time.
func (c *contest) middle(p panel) (m int, ok bool) {
	most := 0
	var best []int
	for _, m := range p.ms {
		times := 0
		for _, d := range p.ds {
			if r := c.at(p, m, d); r != nil {
				times += len(r.entries)
			}
		}
		if times > most {
			most, best = times, nil
		}
		if times > 0 && times == most {
			best = append(best, m)
		}
	}
	if most == 0 {
		return 0, false
	}
	return best[len(best)/2], true
}

// span is a range of positive numbers that a logarithmic axis shows.
type span struct{ low, high float64 }

// spanOf returns the range of the times, a little wider than they are.
func spanOf(lines []series) span {
	const margin = 1.25
	s := span{math.Inf(1), 0}
	for _, l := range lines {
		for _, p := range l.points {
			s.low, s.high = min(s.low, p.seconds), max(s.high, p.seconds)
		}
	}
	return span{s.low / margin, s.high * margin}
}

// at returns where v lies between low, 0, and high, 1.
func (s span) at(v float64) float64 {
	if s.high <= s.low {
		return 0.5
	}
	return math.Log(v/s.low) / math.Log(s.high/s.low)
}

// ticks returns round numbers within: powers of ten, and 2 and 5 times those where the span is short.
func (s span) ticks() []float64 {
	const (
		short = 1000 // a longer span has at least three powers of ten
		most  = 12   // decades that are all marked
	)
	steps := []float64{1}
	if s.high/s.low < short {
		steps = []float64{1, 2, 5}
	}
	first, last := int(math.Floor(math.Log10(s.low))), int(math.Ceil(math.Log10(s.high)))
	every := 1 + (last-first)/most
	var all []float64
	for e := first; e <= last; e += every {
		for _, f := range steps {
			if v := f * math.Pow10(e); v >= s.low && v <= s.high {
				all = append(all, v)
			}
		}
	}
	return all
}

// apart moves positions, given in order, so that neighbours are at least gap apart and all stay between low and high if they
// can.
func apart(at []float64, gap, low, high float64) []float64 {
	moved := slices.Clone(at)
	for i := range moved {
		moved[i] = max(moved[i], low)
		if i > 0 {
			moved[i] = max(moved[i], moved[i-1]+gap)
		}
	}
	limit := high
	for i := len(moved) - 1; i >= 0; i-- {
		moved[i] = min(moved[i], limit)
		limit = moved[i] - gap
	}
	return moved
}

// spaced returns which labels of an axis are drawn: those at least gap behind the last one that is.
func spaced(at []float64, gap float64) []bool {
	drawn := make([]bool, len(at))
	last := math.Inf(-1)
	for i, x := range at {
		if x-last >= gap {
			drawn[i], last = true, x
		}
	}
	return drawn
}
