package report

import (
	"cmp"
	"slices"
	"strings"
)

// hue is how a strategy is drawn. Fills carry black text in both themes; lines are drawn on white in dark and on black in fill.
type hue struct{ fill, dark string }

// hues are Paul Tol's light scheme, which is made for cells with text and for readers who confuse colours
// (https://personal.sron.nl/~pault), and two more of the same lightness; dark holds the same hues, dark enough for a line on
// white. Every use has a letter or a mark besides.
func hues() []hue {
	return []hue{
		{"#77aadd", "#1f5fa8"},
		{"#ee8866", "#c03c0a"},
		{"#eedd88", "#8f7300"},
		{"#44bb99", "#00785a"},
		{"#ffaabb", "#c2256c"},
		{"#bbcc33", "#5c7300"},
		{"#99ddff", "#0086b8"},
		{"#c8a2e0", "#7038a8"},
		{"#d8b08c", "#7a4b1f"},
		{"#aaaa00", "#4f4f00"},
	}
}

// otherHue is how the strategies past the last hue are drawn.
func otherHue() hue { return hue{"#dddddd", "#5a5a5a"} }

// letters name the hues, one each; otherLetter names the rest.
const (
	letters     = "ABCDEFGHIJ"
	otherLetter = "*"
)

// legend gives each strategy of a contest its hue: a slot of hues, the same on the whole page.
type legend struct {
	strategies []string // by slot, the most frequent winner first
}

// legends makes the legend of each contest over all environments.
func legends(benches []*bench) map[Contest]legend {
	wins := map[Contest]map[string]int{}
	for _, b := range benches {
		for _, c := range b.contests {
			if wins[c.name] == nil {
				wins[c.name] = map[string]int{}
			}
			for _, r := range c.results {
				for _, e := range r.entries {
					wins[c.name][e.strategy] += 0
				}
				if w, ok := r.winner(); ok {
					wins[c.name][w.strategy]++
				}
			}
		}
	}
	all := map[Contest]legend{}
	for name, numbers := range wins {
		var l legend
		for strategy := range numbers {
			l.strategies = append(l.strategies, strategy)
		}
		slices.SortFunc(l.strategies, func(a, b string) int {
			return cmp.Or(cmp.Compare(numbers[b], numbers[a]), strings.Compare(a, b))
		})
		all[name] = l
	}
	return all
}

// slot returns the place of a strategy's hue; len(letters) stands for all others.
func (l legend) slot(strategy string) int {
	i := slices.Index(l.strategies, strategy)
	if i < 0 || i > len(letters) {
		return len(letters)
	}
	return i
}

// letter returns what a slot is called.
func letter(slot int) string {
	if slot >= len(letters) {
		return otherLetter
	}
	return letters[slot : slot+1]
}

// hueOf returns how a slot is drawn.
func hueOf(slot int) hue {
	if slot >= len(letters) {
		return otherHue()
	}
	return hues()[slot]
}

// key is a line of a legend.
type key struct {
	Slot   int
	Letter string
	Name   string
}

// keys lists the legend; those without a hue of their own are one line.
func (l legend) keys() []key {
	var all []key
	for i, s := range l.strategies {
		if i == len(letters) {
			names := strings.Join(l.strategies[i:min(len(l.strategies), i+mostOthers)], ", ")
			all = append(all, key{i, otherLetter, "any other: " + clip(names, reasonRunes)})
			break
		}
		all = append(all, key{i, letter(i), s})
	}
	return all
}

// mostOthers is how many of the strategies without a hue a legend names at most.
const mostOthers = 10

// step is one hue of the shares of the ceiling, from the least share that has it, and whether text on it is white. They go from
// light to dark in one hue, so that they are told apart without colour.
type step struct {
	from  float64
	fill  string
	white bool
}

func steps() []step {
	return []step{
		{0, "#f0f5fb", false},
		{0.05, "#cfe0f1", false},
		{0.1, "#a5c8e4", false},
		{0.2, "#78aeda", false},
		{0.4, "#2a6fae", true},
		{0.7, "#0b3c78", true},
	}
}

// stepOf returns the place of a share among steps.
func stepOf(share float64) int {
	at := 0
	for i, s := range steps() {
		if share >= s.from {
			at = i
		}
	}
	return at
}
