package main

import (
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The measures of the picture in pixels: the drawing library's unit is one, since an inch is 72 of either.
const (
	width      = 1000
	dpi        = 72
	lineHeight = 16 // of a name or a time
	rowGap     = 8  // between problems
	edge       = 12
	namesWidth = 170 // of what stands left of the drawing
	timesWidth = 50  // of the longest time, right of the drawing
	axisHeight = 26
	textSize   = 13
	titleSize  = 15
	markRadius = 4
)

// system is one that was timed.
type system struct {
	name     string
	seconds  func(row) float64
	optional bool // 0 stands for no time
	hue      color.Color
	shape    draw.GlyphDrawer
}

// systems are those that were timed, as they stand below each other. The hues are those of internal/report's lines.
func systems() []system {
	const opaque = 0xff
	return []system{
		{"scikit-learn", func(r row) float64 { return r.ScikitLearn }, false, color.RGBA{0xc0, 0x3c, 0x0a, opaque}, draw.BoxGlyph{}},
		{"Armadillo", func(r row) float64 { return r.Armadillo }, true, color.RGBA{0x8f, 0x73, 0x00, opaque}, draw.PyramidGlyph{}},
		{"numpy, two products", func(r row) float64 { return r.Numpy }, false, color.RGBA{0x70, 0x38, 0xa8, opaque}, draw.RingGlyph{}},
		{"gmmspec, float64", func(r row) float64 { return r.Float64 }, false, color.RGBA{0x00, 0x78, 0x5a, opaque}, draw.CircleGlyph{}},
		{"gmmspec, float32", func(r row) float64 { return r.Float32 }, false, color.RGBA{0x1f, 0x5f, 0xa8, opaque}, draw.CircleGlyph{}},
	}
}

// axis is a logarithmic axis of times in milliseconds, from low to high, powers of ten.
type axis struct{ low, high float64 }

// axisOf spans all times.
func axisOf(rows []row) axis {
	low, high := math.Inf(1), 0.0
	for _, r := range rows {
		for _, s := range systems() {
			if t := milliseconds(s.seconds(r)); t > 0 {
				low, high = min(low, t), max(high, t)
			}
		}
	}
	return axis{math.Pow10(int(math.Floor(math.Log10(low)))), math.Pow10(int(math.Ceil(math.Log10(high))))}
}

// at returns where a time is, from 0 to 1.
func (a axis) at(t float64) float64 {
	if a.low == a.high {
		return 0
	}
	return math.Log(t/a.low) / math.Log(a.high/a.low)
}

func milliseconds(seconds float64) float64 {
	const milli = 1e3
	return milli * seconds
}

// rounded writes a time to three digits.
func rounded(t float64) string {
	const digits, hundred = 3, 100
	if t >= hundred {
		return strconv.FormatFloat(t, 'f', 0, 64)
	}
	return strconv.FormatFloat(t, 'g', digits, 64)
}

// style is how text is written.
func style(size float64) draw.TextStyle {
	return draw.TextStyle{
		Color: color.Black, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}, Handler: plot.DefaultTextHandler,
		YAlign: draw.YCenter,
	}
}

// draw writes a PNG: each problem's name, and below it a line for each system that was timed, with its time at the end.
func (r *record) draw(w io.Writer) error {
	lines := 0
	for _, one := range r.Rows {
		lines += 1 + len(timed(one))
	}
	const titleHeight = 2 * titleSize
	height := vg.Length(titleHeight + lines*lineHeight + len(r.Rows)*rowGap + axisHeight + 2*edge)
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	c := draw.New(img)
	title := style(titleSize)
	title.XAlign = draw.XCenter
	c.FillText(title, vg.Point{X: width / 2, Y: height - edge - titleHeight/2}, "An EM iteration on the processor, in milliseconds, on a logarithmic axis")

	a := axisOf(r.Rows)
	y := height - edge - titleHeight
	a.draw(&c, edge+axisHeight, y)
	for _, one := range r.Rows {
		c.FillText(style(textSize), vg.Point{X: edge, Y: y - lineHeight/2}, one.name())
		y -= lineHeight
		for _, s := range timed(one) {
			s.draw(&c, a, milliseconds(s.seconds(one)), y-lineHeight/2)
			y -= lineHeight
		}
		y -= rowGap
	}
	_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
	return err
}

// timed lists the systems that have a time.
func timed(r row) []system {
	return slices.DeleteFunc(systems(), func(s system) bool { return s.seconds(r) == 0 })
}

// x returns where a time is in the picture.
func (a axis) x(t float64) vg.Length {
	const left, right = edge + namesWidth, width - edge - timesWidth
	return vg.Length(left + a.at(t)*(right-left))
}

// draw draws a line at each power of ten, from bottom to top, its number below.
func (a axis) draw(c *draw.Canvas, bottom, top vg.Length) {
	const ten = 10
	grid := draw.LineStyle{Color: color.Gray{Y: 0xdd}, Width: 1}
	number := style(textSize)
	number.XAlign = draw.XCenter
	for t := a.low; t <= a.high*(1+1e-9); t *= ten {
		c.StrokeLine2(grid, a.x(t), bottom, a.x(t), top)
		c.FillText(number, vg.Point{X: a.x(t), Y: bottom - axisHeight/2}, strconv.FormatFloat(t, 'g', -1, 64))
	}
}

// draw draws a system's time, and its name left of the drawing.
func (s system) draw(c *draw.Canvas, a axis, t float64, y vg.Length) {
	const indent, beside, raised = 2 * edge, 10, 1 // the middle of letters is above that of their line
	text := style(textSize)
	text.Color = s.hue
	c.FillText(text, vg.Point{X: edge + indent, Y: y + raised}, s.name)
	c.StrokeLine2(draw.LineStyle{Color: s.hue, Width: 2}, a.x(a.low), y, a.x(t), y)
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: s.hue, Radius: markRadius, Shape: s.shape}, vg.Point{X: a.x(t), Y: y})
	c.FillText(text, vg.Point{X: a.x(t) + beside, Y: y + raised}, rounded(t))
}
