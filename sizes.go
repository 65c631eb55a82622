package gmmspec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Size is how large a problem is.
type Size struct {
	Components, Dimensions, Events int
}

// Sizes is a grid of sizes: every combination of its lists.
type Sizes struct {
	Components, Dimensions, Events []int
}

// SweepSizes returns the grid of the project's own records.
func SweepSizes() Sizes {
	return Sizes{
		Components: []int{1, 5, 16, 32, 64, 128, 512},
		Dimensions: []int{2, 4, 8, 13, 19, 24, 32, 39, 48, 64},
		Events:     []int{10_000, 100_000, 1_000_000},
	}
}

// ParseSizes reads a list of whole numbers of at least 1, separated by commas.
func ParseSizes(text string) ([]int, error) {
	var sizes []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("gmmspec: size %q: want whole numbers of at least 1, separated by commas", part)
		}
		if slices.Contains(sizes, n) {
			return nil, fmt.Errorf("gmmspec: size %d is there twice", n)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

// Or returns the sizes, with others in the place of lists that are empty.
func (s Sizes) Or(others Sizes) Sizes {
	for _, list := range []struct {
		own   *[]int
		other []int
	}{{&s.Components, others.Components}, {&s.Dimensions, others.Dimensions}, {&s.Events, others.Events}} {
		if len(*list.own) == 0 {
			*list.own = list.other
		}
	}
	return s
}

// Problems lists every combination, in an order in which each is as far as can be, in ratio, from those before it: however
// few are done, they tell most of all.
func (s Sizes) Problems() []Size {
	var rest []Size
	for _, n := range s.Events {
		for _, d := range s.Dimensions {
			for _, m := range s.Components {
				rest = append(rest, Size{m, d, n})
			}
		}
	}
	var ordered []Size
	nearest := slices.Repeat([]float64{math.Inf(1)}, len(rest))
	for len(rest) > 0 {
		next := len(rest) / 2 // the first is in the middle
		if len(ordered) > 0 {
			next = 0
			for i, distance := range nearest {
				if distance > nearest[next] {
					next = i
				}
			}
		}
		chosen := rest[next]
		ordered = append(ordered, chosen)
		rest, nearest = slices.Delete(rest, next, next+1), slices.Delete(nearest, next, next+1)
		for i, other := range rest {
			nearest[i] = min(nearest[i], distance(chosen, other))
		}
	}
	return ordered
}

// distance is the sum of the logarithms of the ratios of two sizes.
func distance(a, b Size) float64 {
	ratio := func(x, y int) float64 { return math.Abs(math.Log(float64(x) / float64(y))) }
	return ratio(a.Components, b.Components) + ratio(a.Dimensions, b.Dimensions) + ratio(a.Events, b.Events)
}
