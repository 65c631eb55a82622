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
	width       = 1000
	dpi         = 72
	edge        = 12
	textSize    = 13
	titleSize   = 15
	titleHeight = 2 * titleSize
	lineHeight  = 16 // of a line of text
	markRadius  = 4
)

// style is how text is written.
func style(size float64) draw.TextStyle {
	return draw.TextStyle{
		Color: color.Black, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}, Handler: plot.DefaultTextHandler,
		YAlign: draw.YCenter,
	}
}

// draw writes a PNG: a title, what grows as panels of lines, every other problem as bars, and what hollow marks say where there are any.
func (d *drawing) draw(w io.Writer) error {
	title := "An EM iteration on " + d.machine + ", in milliseconds, on a logarithmic axis"
	panels := panelsOf(d.series)
	note := slices.ContainsFunc(slices.Concat(d.problems, d.series), func(p problem) bool {
		return slices.ContainsFunc(p.figures, func(f figure) bool { return !f.counts })
	})
	height := vg.Length(titleHeight + 2*edge)
	height += heightOf(panels) + barsHeight(d.problems)
	if note {
		height += lineHeight
	}
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	c := draw.New(img)
	above := style(titleSize)
	above.XAlign = draw.XCenter
	c.FillText(above, vg.Point{X: width / 2, Y: height - edge - titleHeight/2}, title)
	top := height - edge - titleHeight
	drawPanels(&c, panels, top)
	top -= heightOf(panels)
	drawBars(&c, d.problems, top)
	if note {
		c.FillText(style(textSize), vg.Point{X: edge, Y: edge + lineHeight/2}, "Hollow marks: the error is over the tolerance, or was not checked.")
	}
	_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
	return err
}

func milliseconds(seconds float64) float64 {
	const milli = 1e3
	return milli * seconds
}

// axis is a logarithmic axis of times in milliseconds, from low to high, powers of ten.
type axis struct{ low, high float64 }

// axisOf spans all times.
func axisOf(problems []problem) axis {
	low, high := math.Inf(1), 0.0
	for _, p := range problems {
		for _, f := range p.figures {
			t := milliseconds(f.seconds)
			low, high = min(low, t), max(high, t)
		}
	}
	return axis{math.Pow10(int(math.Floor(math.Log10(low)))), math.Pow10(int(math.Ceil(math.Log10(high))))}
}

// powers lists the powers of ten.
func (a axis) powers() []float64 {
	var all []float64
	for e := int(math.Round(math.Log10(a.low))); e <= int(math.Round(math.Log10(a.high))); e++ {
		all = append(all, math.Pow10(e))
	}
	return all
}

// plain writes a number without a power of ten.
func plain(t float64) string { return strconv.FormatFloat(t, 'f', -1, 64) }
