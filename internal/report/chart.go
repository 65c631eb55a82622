package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The frame of a chart of the page, in pixels: room for the numbers at its axes, and for the letters of the lines.
const (
	chartWidth   = 480
	chartHeight  = 280
	frameLeft    = 62
	frameRight   = chartWidth - 26
	frameTop     = 12
	frameBottom  = chartHeight - 42
	letterGap    = 13 // between the letters of two lines
	labelGap     = 20 // between the numbers of an axis
	histogramTop = 30 // room for the median's number
)

// chart is a drawing of the page: its template draws what is here and decides nothing.
type chart struct {
	ID         string
	Title      string
	Desc       string // what is seen, for who does not see it
	XName      string
	YName      string
	X, Y       []tick
	Lines      []curve
	Bars       []bar
	MedianAt   string // "" for none
	MedianText string
	MedianSide string // the text's anchor
}

// tick is a number at an axis; one without a label is a line alone.
type tick struct {
	At, Label string
	size      int // the D that is marked
}

// curve is one strategy's line.
type curve struct {
	Slot           int // of the hue
	Letter, Name   string
	Pieces         []string // points of an unbroken line each
	Marks          []mark
	EndX, EndY     string // of the letter; "" for none
	LeadX1, LeadY1 string // a thin line leads from the last mark…
	LeadX2, LeadY2 string // …to the letter
}

// mark is one time.
type mark struct {
	X, Y  string
	Bound bool // hollow
	Title string
}

// bar is a bar of a histogram.
type bar struct {
	X, Y, Width, Height, Title string
}

// timeChart draws the times over D at one M.
func timeChart(id string, lines []series, m int, kind string) *chart {
	if len(lines) == 0 {
		return nil
	}
	c := &chart{
		ID: id, Title: fmt.Sprintf("Time against D at M=%d, %s", m, kind), XName: "dimensions D", YName: "a pass",
	}
	names := make([]string, len(lines))
	for i, l := range lines {
		names[i] = l.strategy
	}
	c.Desc = fmt.Sprintf("A line for each of %s: %s. The numbers are in the table below.", strategies(len(lines)), strings.Join(names, ", "))

	times, sizes := spanOf(lines), dimensionsOf(lines)
	x := func(d int) float64 {
		return frameLeft + sizes.at(float64(d))*(frameRight-frameLeft-labelGap/2) + labelGap/4
	}
	y := func(s float64) float64 { return frameBottom - times.at(s)*(frameBottom-frameTop) }
	for _, t := range times.ticks() {
		c.Y = append(c.Y, tick{At: coordinate(y(t)), Label: roundDuration(t)})
	}
	c.X = dimensionTicks(lines, x)

	for _, l := range lines {
		c.Lines = append(c.Lines, curveOf(l, x, y))
	}
	c.placeLetters(lines, x, y)
	return c
}

// dimensionsOf returns the range of D.
func dimensionsOf(lines []series) span {
	s := span{math.Inf(1), 0}
	for _, l := range lines {
		for _, p := range l.points {
			s.low, s.high = min(s.low, float64(p.d)), max(s.high, float64(p.d))
		}
	}
	return s
}

// dimensionTicks marks each D that has a time.
func dimensionTicks(lines []series, x func(int) float64) []tick {
	var ds []int
	for _, l := range lines {
		for _, p := range l.points {
			ds = append(ds, p.d)
		}
	}
	slices.Sort(ds)
	ds = slices.Compact(ds)
	at := make([]float64, len(ds))
	for i, d := range ds {
		at[i] = x(d)
	}
	var ticks []tick
	for i, drawn := range spaced(at, labelGap) {
		t := tick{At: coordinate(at[i]), size: ds[i]}
		if drawn {
			t.Label = strconv.Itoa(ds[i])
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// curveOf draws one line.
func curveOf(l series, x func(int) float64, y func(float64) float64) curve {
	c := curve{Slot: min(l.slot, len(letters)), Letter: letter(l.slot), Name: l.strategy}
	var piece []string
	flush := func() {
		if len(piece) > 1 {
			c.Pieces = append(c.Pieces, strings.Join(piece, " "))
		}
		piece = nil
	}
	for _, p := range l.points {
		if p.gap {
			flush()
		}
		at := mark{
			X: coordinate(x(p.d)), Y: coordinate(y(p.seconds)), Bound: p.bound,
			Title: fmt.Sprintf("%s, D=%d: %s (%s)", l.strategy, p.d, entryTime(p.entry), p.detail),
		}
		c.Marks = append(c.Marks, at)
		piece = append(piece, at.X+","+at.Y)
	}
	flush()
	return c
}

// placeLetters puts the letters of the lines at their right ends, and moves those apart that would cover each other.
func (c *chart) placeLetters(lines []series, x func(int) float64, y func(float64) float64) {
	var order []int
	for i, l := range lines {
		if l.slot < len(letters) { // the others share a letter, which would tell nothing
			order = append(order, i)
		}
	}
	end := func(i int) sample { return lines[i].points[len(lines[i].points)-1] }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(y(end(a).seconds), y(end(b).seconds)) })
	at := make([]float64, len(order))
	for i, line := range order {
		at[i] = y(end(line).seconds)
	}
	const beside, centred = 14, 4 // the letter is right of the frame, and its middle at the line's height
	for i, moved := range apart(at, letterGap, frameTop, frameBottom) {
		l := &c.Lines[order[i]]
		l.EndX, l.EndY = coordinate(frameRight+beside), coordinate(moved+centred)
		l.LeadX1, l.LeadY1 = coordinate(x(end(order[i]).d)), coordinate(at[i])
		l.LeadX2, l.LeadY2 = coordinate(frameRight+beside/2), coordinate(moved)
	}
}

// mostBars is how many bars a histogram has at most, unless it spans more octaves.
const mostBars = 24

// histogram draws gains over a logarithmic axis, with their median.
func histogram(id, title string, gains []gain, d Distribution) *chart {
	if len(gains) == 0 {
		return nil
	}
	c := &chart{ID: id, Title: title, XName: "times as long as the winner", YName: "problems"}
	first, last := math.Floor(math.Log2(d.Min)), math.Floor(math.Log2(d.Max))+1
	perOctave := max(1, math.Floor(mostBars/(last-first)))
	numbers := make([]int, int((last-first)*perOctave))
	for _, g := range gains {
		i := int((math.Log2(g.times) - first) * perOctave)
		numbers[min(max(i, 0), len(numbers)-1)]++
	}
	highest := slices.Max(numbers)
	x := func(octave float64) float64 { return frameLeft + (octave-first)/(last-first)*(frameRight-frameLeft) }
	y := func(n int) float64 { return frameBottom - float64(n)/float64(highest)*(frameBottom-histogramTop) }
	edge := func(i int) float64 { return first + float64(i)/perOctave }
	const gap = 1 // pixel between bars
	for i, n := range numbers {
		if n == 0 {
			continue
		}
		c.Bars = append(c.Bars, bar{
			X: coordinate(x(edge(i))), Width: coordinate(x(edge(i+1)) - x(edge(i)) - gap), Y: coordinate(y(n)), Height: coordinate(frameBottom - y(n)),
			Title: fmt.Sprintf("%s to %s: %s", ratio(math.Exp2(edge(i))), ratio(math.Exp2(edge(i+1))), plural(n, "problem")),
		})
	}
	var at []float64
	for octave := first; octave <= last; octave++ {
		at = append(at, x(octave))
	}
	const wide = 2 * labelGap
	for i, drawn := range spaced(at, wide) {
		t := tick{At: coordinate(at[i])}
		if drawn {
			t.Label = strconv.FormatFloat(math.Exp2(first+float64(i)), 'g', 3, 64) + "×"
		}
		c.X = append(c.X, t)
	}
	for _, n := range []int{0, highest} {
		c.Y = append(c.Y, tick{At: coordinate(y(n)), Label: strconv.Itoa(n)})
	}
	c.MedianAt, c.MedianText, c.MedianSide = coordinate(x(math.Log2(d.Median))), "median "+d.median(ratio), "start"
	if x(math.Log2(d.Median)) > (frameLeft+frameRight)/2 {
		c.MedianSide = "end"
	}
	c.Desc = fmt.Sprintf("Of %s a quarter are below %s, half below %s and a quarter above %s; the largest is %s.",
		plural(d.Number, "problem"), ratio(d.Low), ratio(d.Median), ratio(d.High), ratio(d.Max))
	return c
}
