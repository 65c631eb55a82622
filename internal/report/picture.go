package report

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/variants"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The files of [WritePNGs].
const (
	WinnersPNG = "winners.png" // which strategy wins training where
	TimePNG    = "time.png"    // time against D of each way to train
	CeilingPNG = "ceiling.png" // the share of the ceiling that training reaches
)

// The measures of a picture in pixels: the drawing library's unit is one, since an inch is 72 of either.
const (
	pictureWidth = 1000
	pictureDPI   = 72
	mapHeight    = 250 // of one map
	timeHeight   = 470 // of the charts
	rowHeight    = 24  // of a line of a legend
	textSize     = 13
	titleSize    = 15
	edge         = 12
)

// mostMaps is how many maps stand side by side, so that a letter has room in a cell.
const mostMaps = 3

// WritePNGs draws pictures of the environment with the most trials for a README, 1000 pixels wide on white, into a directory,
// and returns the names of the files: which strategy wins where, the time against D, and the distance from the ceiling, which is
// left out where no ceiling is known. They show the precision with the most problems won. Its error says that there is nothing
// to draw, or is the directory's.
func WritePNGs(dir string, records []autotune.Record, ceilings Ceilings) ([]string, error) {
	return writePNGs(dir, records, ceilings, variants.ByName)
}

func writePNGs(dir string, records []autotune.Record, ceilings Ceilings, table rows) ([]string, error) {
	benches, err := gather(records, ceilings, table)
	if err != nil {
		return nil, err
	}
	b, keys := benches[0], legends(benches)
	var names []string
	for _, f := range []struct {
		name    string
		picture *picture
	}{
		{WinnersPNG, b.winnersPicture(keys)},
		{TimePNG, b.timePicture(keys)},
		{CeilingPNG, b.ceilingPicture()},
	} {
		if f.picture == nil {
			continue
		}
		if err := f.picture.write(filepath.Join(dir, f.name)); err != nil {
			return names, err
		}
		names = append(names, f.name)
	}
	if len(names) == 0 {
		return nil, errors.New("report: no record has a time: there is nothing to draw")
	}
	return names, nil
}

// picture is drawings side by side and below each other, a title above and a legend below.
type picture struct {
	title  string
	rows   [][]*plot.Plot
	height float64 // of a row
	margin float64 // right of each drawing
	keys   []pictureKey
}

// pictureKey is an entry of a picture's legend: a letter on its hue, or a line.
type pictureKey struct {
	letter, name string
	hue          color.Color
	ink          color.Color
}

// write draws the picture into a file.
func (p *picture) write(path string) error {
	lines := wrap(p.keys, pictureWidth-2*edge)
	const titleHeight = 2 * titleSize
	height := titleHeight + float64(len(p.rows))*p.height + float64(len(lines))*rowHeight + 2*edge
	img := vgimg.NewWith(vgimg.UseWH(pictureWidth, vg.Length(height)), vgimg.UseDPI(pictureDPI), vgimg.UseBackgroundColor(color.White))
	c := draw.New(img)
	title := style(titleSize)
	title.XAlign = draw.XCenter
	c.FillText(title, vg.Point{X: pictureWidth / 2, Y: vg.Length(height - titleHeight + edge/2)}, p.title)
	columns := 1
	for _, row := range p.rows {
		columns = max(columns, len(row))
	}
	width := float64(pictureWidth-2*edge) / float64(columns)
	for i, row := range p.rows {
		top := height - titleHeight - float64(i)*p.height
		for j, one := range row {
			left := edge + float64(j)*width
			const gap = edge / 2
			one.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: vg.Length(left + gap), Y: vg.Length(top - p.height + gap)},
				Max: vg.Point{X: vg.Length(left + width - gap - p.margin), Y: vg.Length(top - gap)},
			}})
		}
	}
	for i, line := range lines {
		y := float64(len(lines)-i-1)*rowHeight + edge
		x := float64(edge)
		for _, k := range line {
			k.draw(&c, x, y)
			x += k.width()
		}
	}
	return dataset.Replace(path, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
		return err
	})
}

// The measures of a legend's entry.
const (
	chipWidth  = 24
	chipHeight = 18
	chipGap    = 6
	keyGap     = 22
)

func (k pictureKey) width() float64 {
	return chipWidth + chipGap + float64(style(textSize).Width(k.name)) + keyGap
}

func (k pictureKey) draw(c *draw.Canvas, x, y float64) {
	fillRectangle(c, k.hue, x, y, x+chipWidth, y+chipHeight)
	s := style(textSize)
	s.YAlign = draw.YCenter
	c.FillText(s, vg.Point{X: vg.Length(x + chipWidth + chipGap), Y: vg.Length(y + chipHeight/2)}, k.name)
	s.XAlign, s.Color = draw.XCenter, k.ink
	c.FillText(s, vg.Point{X: vg.Length(x + chipWidth/2), Y: vg.Length(y + chipHeight/2)}, k.letter)
}

// name adds the strategies whose slots are used to the legend.
func (p *picture) name(l legend, used map[int]bool, inks func(hue) (ground, ink color.Color)) {
	for _, k := range l.keys() {
		if !used[k.Slot] {
			continue
		}
		if k.Slot >= len(letters) {
			k.Name = "any other" // a picture has no room for their names
		}
		ground, ink := inks(hueOf(k.Slot))
		p.keys = append(p.keys, pictureKey{k.Letter, k.Name, ground, ink})
	}
}

// wrap breaks a legend into lines.
func wrap(keys []pictureKey, width float64) [][]pictureKey {
	var lines [][]pictureKey
	left := 0.0
	for _, k := range keys {
		if len(lines) == 0 || k.width() > left {
			lines, left = append(lines, nil), width
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], k)
		left -= k.width()
	}
	return lines
}

// style is how text is written.
func style(size float64) draw.TextStyle {
	return draw.TextStyle{
		Color: color.Black, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}, Handler: plot.DefaultTextHandler,
	}
}

// parseHue reads a colour of ours, "#rrggbb".
func parseHue(text string) color.Color {
	n, _ := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 32)
	return color.RGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: math.MaxUint8}
}

func fillRectangle(c *draw.Canvas, hue color.Color, left, bottom, right, top float64) {
	l, b, r, t := vg.Length(left), vg.Length(bottom), vg.Length(right), vg.Length(top)
	c.FillPolygon(hue, []vg.Point{{X: l, Y: b}, {X: r, Y: b}, {X: r, Y: t}, {X: l, Y: t}})
}

// frame makes an empty drawing.
func frame(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font = style(textSize).Font
	p.Title.Padding = edge / 2
	p.X.Label.Padding = edge / 4
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = style(textSize).Font, style(textSize-1).Font
	}
	return p
}

// pictured returns the panels that a picture of maps shows: of the precision with the most wins, without flags, a row for each
// covariance type and the largest N of each.
func (c *contest) pictured() [][]panel {
	wins := map[variants.Precision]int{}
	for _, r := range c.results {
		if _, ok := r.winner(); ok {
			wins[r.problem.Precision]++
		}
	}
	precision := variants.Float32
	if wins[variants.Float64] > wins[variants.Float32] {
		precision = variants.Float64
	}
	var lines [][]panel
	for _, covariance := range []variants.Covariance{variants.Full, variants.Diag} {
		var line []panel
		for _, p := range c.panels {
			want := variants.Problem{N: p.kind.N, Covariance: covariance, Precision: precision}
			if _, ok := c.middle(p); ok && p.kind == want {
				line = append(line, p)
			}
		}
		if len(line) > 0 {
			lines = append(lines, line[max(0, len(line)-mostMaps):])
		}
	}
	return lines
}

// contest returns the contest of a name, nil where nobody took part.
func (b *bench) contest(name Contest) *contest {
	i := slices.IndexFunc(b.contests, func(c *contest) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return b.contests[i]
}

// mapPicture draws the maps of training, whose cells are painted by paint, or hatched where it returns false.
func (b *bench) mapPicture(title string, paint func(*result) (pictureCell, bool)) *picture {
	c := b.contest(Training)
	if c == nil {
		return nil
	}
	drawing := &picture{title: title + ", " + clip(b.environment.Device, labelRunes), height: mapHeight}
	for _, line := range c.pictured() {
		var row []*plot.Plot
		for _, p := range line {
			one := frame(kindWords(p.kind), "dimensions D", "components M")
			one.Add(painted(c, p, paint))
			one.X.Tick.Marker, one.Y.Tick.Marker = nominal(p.ds), nominal(p.ms)
			for _, a := range []*plot.Axis{&one.X, &one.Y} {
				a.Tick.Length, a.Width, a.Padding = 0, 0, 0
			}
			row = append(row, one)
		}
		drawing.rows = append(drawing.rows, row)
	}
	if len(drawing.rows) == 0 {
		return nil
	}
	return drawing
}

// nominal labels places by sizes.
func nominal(sizes []int) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i, s := range sizes {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: strconv.Itoa(s)})
	}
	return ticks
}

func (b *bench) winnersPicture(keys map[Contest]legend) *picture {
	l := keys[Training]
	used, missing := map[int]bool{}, false
	p := b.mapPicture("Fastest way to train", func(r *result) (pictureCell, bool) {
		w, ok := r.winner()
		missing = missing || !ok
		slot := min(l.slot(w.strategy), len(letters))
		used[slot] = used[slot] || ok
		return pictureCell{letter(slot), parseHue(hueOf(slot).fill), color.Black}, ok
	})
	if p == nil {
		return nil
	}
	p.name(l, used, func(h hue) (ground, ink color.Color) { return parseHue(h.fill), color.Black })
	if missing {
		p.keys = append(p.keys, pictureKey{"", "no time", missingHue(), color.Black})
	}
	return p
}

func (b *bench) ceilingPicture() *picture {
	known, missing := false, false
	p := b.mapPicture("Share of the ceiling in percent, by the fastest way to train", func(r *result) (pictureCell, bool) {
		w, ok := r.winner()
		ok = ok && w.floor.seconds > 0
		known, missing = known || ok, missing || !ok
		s := steps()[stepOf(w.share())]
		ink := color.Color(color.Black)
		if s.white {
			ink = color.White
		}
		return pictureCell{strings.TrimSuffix(percent(w.share()), " %"), parseHue(s.fill), ink}, ok
	})
	if p == nil || !known {
		return nil
	}
	for i, s := range steps() {
		words := "from " + percent(s.from)
		if i == 0 {
			words = "less than " + percent(steps()[1].from)
		}
		p.keys = append(p.keys, pictureKey{"", words, parseHue(s.fill), color.Black})
	}
	if missing {
		p.keys = append(p.keys, pictureKey{"", "not known", missingHue(), color.Black})
	}
	return p
}

// timePicture draws the time against D of each way to train, at one M and the largest N.
func (b *bench) timePicture(keys map[Contest]legend) *picture {
	c := b.contest(Training)
	if c == nil {
		return nil
	}
	const letterMargin = 24
	drawing := &picture{title: "Time of a pass of training, " + clip(b.environment.Device, labelRunes), height: timeHeight, margin: letterMargin}
	l := keys[Training]
	used := map[int]bool{}
	var row []*plot.Plot
	for _, line := range c.pictured() {
		p := line[len(line)-1]
		m, _ := c.middle(p)
		lines := curves(c.overD(p, m, l))
		one := frame(fmt.Sprintf("M=%d, %s", m, kindWords(p.kind)), "dimensions D", "")
		one.Add(lines)
		one.X.Scale, one.Y.Scale = plot.LogScale{}, plot.LogScale{}
		one.X.Tick.Marker, one.Y.Tick.Marker = lines.dimensions(), lines.times()
		row = append(row, one)
		for _, s := range lines {
			used[min(s.slot, len(letters))] = true
		}
	}
	if len(row) == 0 {
		return nil
	}
	drawing.rows = [][]*plot.Plot{row}
	drawing.name(l, used, func(h hue) (ground, ink color.Color) { return parseHue(h.dark), color.White })
	return drawing
}
