package report

import (
	"cmp"
	"image/color"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// missingHue is the ground of a place without a number.
func missingHue() color.Color { return color.Gray{Y: 0xe6} }

// pictureCell is a place of a map.
type pictureCell struct {
	text     string
	hue, ink color.Color
}

// cells draws a map: a cell for each M and D, hatched where it is nil.
type cells [][]*pictureCell

// painted paints the cells of a panel.
func painted(c *contest, p panel, paint func(*result) (pictureCell, bool)) cells {
	var all cells
	for _, m := range p.ms {
		var row []*pictureCell
		for _, d := range p.ds {
			if one, ok := paint(c.at(p, m, d)); ok {
				row = append(row, &one)
			} else {
				row = append(row, nil)
			}
		}
		all = append(all, row)
	}
	return all
}

// DataRange spans the cells.
func (m cells) DataRange() (xmin, xmax, ymin, ymax float64) {
	const half = 0.5
	return -half, float64(len(m[0])) - half, -half, float64(len(m)) - half
}

// Plot draws the cells.
func (m cells) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	const half, gap = 0.5, 1 // the gap is in pixels
	for i, row := range m {
		for j, one := range row {
			left, right := float64(x(float64(j)-half))+gap, float64(x(float64(j)+half))-gap
			bottom, top := float64(y(float64(i)-half))+gap, float64(y(float64(i)+half))-gap
			if one == nil {
				fillRectangle(&c, missingHue(), left, bottom, right, top)
				hatch(&c, left, bottom, right, top)
				continue
			}
			fillRectangle(&c, one.hue, left, bottom, right, top)
			s := style(textSize)
			s.XAlign, s.YAlign, s.Color = draw.XCenter, draw.YCenter, one.ink
			for ; s.Width(one.text) > vg.Length(right-left) && s.Font.Size > 1; s.Font.Size-- {
			}
			c.FillText(s, vg.Point{X: vg.Length((left + right) / 2), Y: vg.Length((bottom + top) / 2)}, one.text)
		}
	}
}

// hatch draws a diagonal over a cell.
func hatch(c *draw.Canvas, left, bottom, right, top float64) {
	line := draw.LineStyle{Color: color.Gray{Y: 0xb0}, Width: 1}
	c.StrokeLine2(line, vg.Length(left), vg.Length(bottom), vg.Length(right), vg.Length(top))
}

// curves draws a line for each strategy, its letter at the right end.
type curves []series

// DataRange spans the times.
func (c curves) DataRange() (xmin, xmax, ymin, ymax float64) {
	x, y := dimensionsOf(c), spanOf(c)
	if x.low == x.high {
		x.low, x.high = x.low/2, x.high*2
	}
	return x.low, x.high, y.low, y.high
}

// dimensions marks each D.
func (c curves) dimensions() plot.ConstantTicks {
	x := dimensionsOf(c)
	const width = 360 // about, of a chart
	var ticks plot.ConstantTicks
	for _, t := range dimensionTicks(c, func(d int) float64 { return width * x.at(float64(d)) }) {
		ticks = append(ticks, plot.Tick{Value: float64(t.size), Label: t.Label})
	}
	return ticks
}

// times marks round times.
func (c curves) times() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, t := range spanOf(c).ticks() {
		ticks = append(ticks, plot.Tick{Value: t, Label: roundDuration(t)})
	}
	return ticks
}

// The measures of a line.
const (
	lineWidth  = 2
	markRadius = 3
)

// Plot draws the lines over a grid.
func (c curves) Plot(canvas draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&canvas)
	grid := draw.LineStyle{Color: color.Gray{Y: 0xdd}, Width: 1}
	for _, t := range c.times() {
		canvas.StrokeLine2(grid, canvas.Min.X, y(t.Value), canvas.Max.X, y(t.Value))
	}
	at := func(s sample) vg.Point { return vg.Point{X: x(float64(s.d)), Y: y(s.seconds)} }
	for _, s := range c {
		c.line(&canvas, s, at)
	}
	c.letters(&canvas, at)
}

// line draws one strategy.
func (c curves) line(canvas *draw.Canvas, s series, at func(sample) vg.Point) {
	slot := min(s.slot, len(letters))
	ink := draw.LineStyle{Color: parseHue(hueOf(slot).dark), Width: lineWidth, Dashes: dashOf(slot)}
	var piece []vg.Point
	for _, p := range s.points {
		if p.gap {
			canvas.StrokeLines(ink, piece)
			piece = nil
		}
		piece = append(piece, at(p))
	}
	canvas.StrokeLines(ink, piece)
	for _, p := range s.points {
		mark := draw.GlyphStyle{Color: ink.Color, Radius: markRadius, Shape: draw.CircleGlyph{}}
		if p.bound {
			mark.Shape = draw.RingGlyph{}
		}
		canvas.DrawGlyphNoClip(mark, at(p))
	}
}

// dashOf is the pattern of a line, that of the page.
func dashOf(slot int) []vg.Length {
	var lengths []vg.Length
	for word := range strings.FieldsSeq(dashes()[slot]) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil // none
		}
		lengths = append(lengths, vg.Length(n))
	}
	return lengths
}

// letters writes each line's letter right of the drawing, apart from the others, and leads from the line's end to it.
func (c curves) letters(canvas *draw.Canvas, at func(sample) vg.Point) {
	lines := slices.DeleteFunc(slices.Clone(c), func(s series) bool { return s.slot >= len(letters) }) // the others share a letter
	end := func(s series) vg.Point { return at(s.points[len(s.points)-1]) }
	slices.SortStableFunc(lines, func(a, b series) int { return cmp.Compare(end(a).Y, end(b).Y) })
	heights := make([]float64, len(lines))
	for i, s := range lines {
		heights[i] = float64(end(s).Y)
	}
	const beside, lead = 14, 8 // pixels right of the drawing: of the letter's middle, and of the end of what leads to it
	for i, height := range apart(heights, textSize, float64(canvas.Min.Y), float64(canvas.Max.Y)) {
		s, from := style(textSize), end(lines[i])
		s.XAlign, s.YAlign, s.Color = draw.XCenter, draw.YCenter, parseHue(hueOf(lines[i].slot).dark)
		const thin = 0.6
		canvas.StrokeLine2(draw.LineStyle{Color: s.Color, Width: thin}, from.X, from.Y, canvas.Max.X+lead, vg.Length(height))
		canvas.FillText(s, vg.Point{X: canvas.Max.X + beside, Y: vg.Length(height)}, letter(lines[i].slot))
	}
}
