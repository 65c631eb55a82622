package main

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The measures of the bars in pixels.
const (
	rowGap     = 8   // between problems
	namesWidth = 170 // of what stands left of the drawing
	timesWidth = 50  // of the longest time, right of the drawing
	axisHeight = 26
)

// at returns where a time is, from 0 to 1.
func (a axis) at(t float64) float64 {
	if a.low == a.high {
		return 0
	}
	return math.Log(t/a.low) / math.Log(a.high/a.low)
}

// rounded writes a time to three digits.
func rounded(t float64) string {
	const digits, hundred = 3, 100
	if t >= hundred {
		return strconv.FormatFloat(t, 'f', 0, 64)
	}
	scale := math.Pow10(digits - 1 - int(math.Floor(math.Log10(t))))
	return plain(math.Round(t*scale) / scale)
}

// barsHeight is what the bars of problems take.
func barsHeight(problems []problem) vg.Length {
	if len(problems) == 0 {
		return 0
	}
	lines := 0
	for _, p := range problems {
		lines += 1 + len(p.figures)
	}
	return vg.Length(lines*lineHeight + len(problems)*rowGap + axisHeight)
}

// drawBars draws each problem's name, and below it a line for each system that was timed, with its time at the end.
func drawBars(c *draw.Canvas, problems []problem, y vg.Length) {
	if len(problems) == 0 {
		return
	}
	a := axisOf(problems)
	a.draw(c, y-barsHeight(problems)+axisHeight, y)
	for _, p := range problems {
		c.FillText(style(textSize), vg.Point{X: edge, Y: y - lineHeight/2}, p.name())
		y -= lineHeight
		for _, f := range p.figures {
			f.draw(c, a, y-lineHeight/2)
			y -= lineHeight
		}
		y -= rowGap
	}
}

// x returns where a time is in the picture.
func (a axis) x(t float64) vg.Length {
	const left, right = edge + namesWidth, width - edge - timesWidth
	return vg.Length(left + a.at(t)*(right-left))
}

// draw draws a line at each power of ten, from bottom to top, its number below.
func (a axis) draw(c *draw.Canvas, bottom, top vg.Length) {
	number := style(textSize)
	number.XAlign = draw.XCenter
	for _, t := range a.powers() {
		c.StrokeLine2(grid(), a.x(t), bottom, a.x(t), top)
		c.FillText(number, vg.Point{X: a.x(t), Y: bottom - axisHeight/2}, plain(t))
	}
}

// grid is how lines at round numbers are drawn.
func grid() draw.LineStyle { return draw.LineStyle{Color: color.Gray{Y: 0xdd}, Width: 1} }

// draw draws a system's time, and its name left of the drawing.
func (f figure) draw(c *draw.Canvas, a axis, y vg.Length) {
	const indent, beside, raised = 2 * edge, 10, 1 // the middle of letters is above that of their line
	text, t := style(textSize), milliseconds(f.seconds)
	text.Color = f.hue
	c.FillText(text, vg.Point{X: edge + indent, Y: y + raised}, f.name)
	c.StrokeLine2(f.line(), a.x(a.low), y, a.x(t), y)
	if f.shape != nil {
		c.DrawGlyphNoClip(f.mark(f.counts), vg.Point{X: a.x(t), Y: y})
	}
	c.FillText(text, vg.Point{X: a.x(t) + beside, Y: y + raised}, rounded(t))
}
