package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The measures of the panels in pixels.
const (
	panelHeight  = 340
	legendHeight = 40
	legendGap    = 24 // between its entries
	legendLine   = 30 // the length of an entry's line
)

// panel is the times of one series, against what grows.
type panel struct {
	points []problem // by size
	times  axis      // the same for all panels
}

// panelsOf makes the panels of series, in the order of N, M and D.
func panelsOf(series []problem) []panel {
	var all []panel
	for _, along := range []string{"n", "m", "d"} {
		points := slices.DeleteFunc(slices.Clone(series), func(p problem) bool { return p.Series != along })
		if len(points) == 0 {
			continue
		}
		slices.SortStableFunc(points, func(a, b problem) int { return cmp.Compare(a.size(), b.size()) })
		all = append(all, panel{points, axisOf(series)})
	}
	return all
}

// heightOf is what panels take, with their legend.
func heightOf(panels []panel) vg.Length {
	if len(panels) == 0 {
		return 0
	}
	return panelHeight + legendHeight
}

// drawPanels draws panels side by side, and what their lines are below.
func drawPanels(c *draw.Canvas, panels []panel, top vg.Length) {
	const gap = edge / 2
	for i, p := range panels {
		side := vg.Length(width-2*edge) / vg.Length(len(panels))
		left := edge + vg.Length(i)*side
		p.plot().Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: left + gap, Y: top - panelHeight + gap}, Max: vg.Point{X: left + side - gap, Y: top - gap},
		}})
	}
	x, y := vg.Length(edge), top-panelHeight-edge
	for _, s := range systemsOf(panels) {
		const beside, raised = 6, 1
		text := style(textSize)
		text.Color = s.hue
		c.StrokeLine2(s.line(), x, y, x+legendLine, y)
		if s.shape != nil {
			c.DrawGlyphNoClip(s.mark(true), vg.Point{X: x + legendLine/2, Y: y})
		}
		c.FillText(text, vg.Point{X: x + legendLine + beside, Y: y + raised}, s.name)
		x += legendLine + beside + text.Width(s.name) + legendGap
	}
}

// systemsOf lists the systems of panels, those first that stand first in any point.
func systemsOf(panels []panel) []system {
	var all []system
	for _, p := range panels {
		for _, one := range p.points {
			for _, f := range one.figures {
				if !slices.ContainsFunc(all, func(s system) bool { return s.name == f.name }) {
					all = append(all, f.system)
				}
			}
		}
	}
	return all
}

// plot makes the drawing.
func (p panel) plot() *plot.Plot {
	first := p.points[0]
	drawing := plot.New()
	switch first.Series {
	case "n":
		drawing.Title.Text, drawing.X.Label.Text = fmt.Sprintf("M=%d, D=%d, %s", first.M, first.D, first.Covariance), "events N"
	case "m":
		drawing.Title.Text, drawing.X.Label.Text = fmt.Sprintf("N=%d, D=%d, %s", first.N, first.D, first.Covariance), "components M"
	default:
		drawing.Title.Text, drawing.X.Label.Text = fmt.Sprintf("N=%d, M=%d, %s", first.N, first.M, first.Covariance), "dimensions D"
	}
	drawing.Title.TextStyle.Font, drawing.Title.Padding, drawing.X.Label.Padding = style(textSize).Font, edge/2, edge/2
	for _, a := range []*plot.Axis{&drawing.X, &drawing.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font, a.Scale = style(textSize).Font, style(textSize-1).Font, plot.LogScale{}
	}
	drawing.Add(p)
	drawing.X.Tick.Marker, drawing.Y.Tick.Marker = p.sizes(), p.ticks()
	return drawing
}

// DataRange spans the sizes, and the times of all panels.
func (p panel) DataRange() (xmin, xmax, ymin, ymax float64) {
	low, high := float64(p.points[0].size()), float64(p.points[len(p.points)-1].size())
	if low == high {
		low, high = low/2, high*2
	}
	return low, high, p.times.low, p.times.high
}

// sizes marks each size; of events only powers of ten have a number.
func (p panel) sizes() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, one := range p.points {
		t := plot.Tick{Value: float64(one.size()), Label: strconv.Itoa(one.size())}
		if one.Series == "n" {
			t.Label = powerOfTen(one.size())
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// powerOfTen writes 1000 as 10³, and other numbers not at all.
func powerOfTen(n int) string {
	power := int(math.Round(math.Log10(float64(n))))
	if n != int(math.Pow10(power)) {
		return ""
	}
	raised := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	text := "10"
	for _, digit := range strconv.Itoa(power) {
		text += string(raised[digit-'0'])
	}
	return text
}

// ticks marks the powers of ten of a time.
func (p panel) ticks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, t := range p.times.powers() {
		ticks = append(ticks, plot.Tick{Value: t, Label: plain(t)})
	}
	return ticks
}

// Plot draws the lines over a grid.
func (p panel) Plot(c draw.Canvas, drawing *plot.Plot) {
	x, y := drawing.Transforms(&c)
	for _, t := range p.times.powers() {
		c.StrokeLine2(grid(), c.Min.X, y(t), c.Max.X, y(t))
	}
	for _, s := range systemsOf([]panel{p}) {
		var line []vg.Point
		for _, one := range p.points {
			for _, f := range one.figures {
				if f.name == s.name {
					line = append(line, vg.Point{X: x(float64(one.size())), Y: y(milliseconds(f.seconds))})
				}
			}
		}
		c.StrokeLines(s.line(), line)
	}
	p.marks(&c, x, y)
}

// marks draws a mark at each time.
func (p panel) marks(c *draw.Canvas, x, y func(float64) vg.Length) {
	for _, one := range p.points {
		for _, f := range one.figures {
			if f.shape != nil {
				c.DrawGlyphNoClip(f.mark(f.counts), vg.Point{X: x(float64(one.size())), Y: y(milliseconds(f.seconds))})
			}
		}
	}
}
