package specializer

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/gmmspec/gmmspec/templates"
	"github.com/gmmspec/gmmspec/variants"
)

// cellsPerLine keeps the cell table readable.
const cellsPerLine = 16

// data is all that templates see: flat, and decided.
type data struct {
	Name, Doc, Entry, Config string
	Covariance               variants.Covariance
	Precision                variants.Precision
	M, D                     int
	Triangle, Tile, Threads  int
	Chunk, Flush, MinBlocks  int
	Correlated, Weighted     bool
	ByDimension, Constant    bool
	Unrolled                 bool // loops over dimensions are
	VectorBytes              int
	variants.RegisterTile
	RowBlocks []rowBlock // that the rows of a factor are taken in
	Folds     []laneFold // by which the lanes of a vector are summed

	FactorLen           int
	FactorAt, FactorDoc string

	Type, Exp, Log   string // of the precision
	Lowest, Farthest string
	Unroll           string // the pragma before loops over dimensions

	settings variants.Config

	Cells       []variants.Cell
	CellRows    []string
	CellStorage string

	Matrix matrix // of the matrix form
	Fit    fit    // of fits in one launch
}

// rowBlock is consecutive rows of a factor.
type rowBlock struct{ First, Rows int }

// laneFold is the lanes of two vectors, the second one's counted after the first one's, that are added where lanes a distance apart are.
type laneFold struct {
	Distance    int
	Here, There string
}

// laneFolds returns the folds of vectors of so many lanes, for every power of two less than that.
func laneFolds(lanes int) []laneFold {
	var folds []laneFold
	for distance := lanes / 2; distance > 0; distance /= 2 {
		var here, there []string
		for lane := range lanes {
			vector := 0
			if lane&distance != 0 {
				vector = lanes
			}
			here, there = append(here, strconv.Itoa(vector+lane)), append(there, strconv.Itoa(vector+lane^distance))
		}
		folds = append(folds, laneFold{distance, strings.Join(here, ", "), strings.Join(there, ", ")})
	}
	return folds
}

// blankLines is more than one empty line in a row.
var blankLines = regexp.MustCompile(`\n{3,}`)

// Render returns the text of a unit.
func Render(u Unit) (Source, error) {
	if err := u.Validate(); err != nil {
		return Source{}, err
	}
	name := path.Base(u.Variant.Template)
	set, err := template.New(name).Option("missingkey=error").ParseFS(templates.Files, "lib/*.tmpl", u.Variant.Template)
	if err != nil {
		return Source{}, fmt.Errorf("specializer: %s: %w", u.Variant.Name(), err)
	}
	d := newData(u)
	var b strings.Builder
	if err := set.Execute(&b, d); err != nil {
		return Source{}, fmt.Errorf("specializer: %s: %w", u.Variant.Name(), err)
	}
	source := Source{
		Name: d.Name, Arch: u.Target.Arch, Entry: d.Entry, Components: d.M,
		Text:      blankLines.ReplaceAllString(b.String(), "\n\n"),
		Resources: u.Variant.Resources(u.Problem, u.Config),
	}
	if u.Variant.Warpgroups {
		source.Arch += "a"
	}
	return source, nil
}

func newData(u Unit) data {
	p, resources := u.Problem, u.Variant.Resources(u.Problem, u.Config)
	d := data{
		Name: u.Variant.Name(), Doc: u.Variant.Doc, Config: u.Config.String(),
		Entry:      strings.ReplaceAll(u.Variant.Name(), "-", "_"),
		Covariance: p.Covariance, Precision: p.Precision,
		M: variants.RoundComponents(p.M), D: p.D,
		Triangle: p.Covariance.Triangle(p.D), Tile: resources.Tile, Threads: resources.Threads,
		Correlated: p.Covariance.Kernel() == variants.Full, Weighted: p.Weighted,
		Chunk: resources.Chunk, Flush: variants.FlushEvents, MinBlocks: resources.MinBlocks(),
		ByDimension: u.Variant.Events == variants.ByDimension, Constant: u.Variant.Parameters == variants.Constant,
		FactorLen: u.Variant.Factor.FactorLen(p.D),
		Cells:     p.Covariance.Cells(p.D), settings: u.Config,
	}
	d.setFactor(u.Variant.Factor)
	d.CellRows = cellRows(d.Cells)
	if d.Config == "" {
		d.Config = "none"
	}
	if u.Target.Backend == variants.CUDA {
		d.CellStorage = "__device__ "
		if u.Variant.Centred {
			d.Matrix = newMatrix(p, u.Variant.Warpgroups, u.Config.Value("warps"), u.Config.Value("stages"))
			d.Matrix.Threads = variants.CUDAThreads
		}
		if u.Variant.Stage == variants.Fit {
			d.Fit = fit{p.FitShape(), p.FitBlocks(u.Target), largest}
		}
	} else {
		d.VectorBytes, d.RegisterTile = u.Target.VectorBytes, u.Target.RegisterTile()
		for first := 0; first < p.D; first += d.Rows {
			d.RowBlocks = append(d.RowBlocks, rowBlock{first, min(d.Rows, p.D-first)})
		}
		d.Folds = laneFolds(d.VectorBytes / p.Precision.Bytes())
	}
	d.setPrecision()
	d.Unroll = "#pragma unroll 1"
	if p.D <= variants.UnrollLimit {
		d.Unroll, d.Unrolled = "#pragma unroll", true
	}
	return d
}

// Value returns the value of a tunable.
func (d data) Value(name string) (int, error) {
	for _, s := range d.settings {
		if s.Name == name {
			return s.Value, nil
		}
	}
	return 0, fmt.Errorf("no tunable %q", name)
}

// setFactor says how a factor's entries are found.
func (d *data) setFactor(l variants.CovarianceLayout) {
	switch l {
	case variants.Packed:
		d.FactorAt, d.FactorDoc = "factor[(a) * ((a) + 1) / 2 + (b)]", "packed lower triangle, by row"
	case variants.Square:
		d.FactorAt, d.FactorDoc = "factor[(b) * D + (a)]", "D×D, by column, 0 above the diagonal"
	case variants.Diagonal:
		d.FactorAt, d.FactorDoc = "factor[a]", "the diagonal"
	}
}

// setPrecision fills in what depends on the floating-point type. FARTHEST is half of what LOWEST leaves, so that a density
// is never under LOWEST, and its square root is far past what events scaled to one can reach.
func (d *data) setPrecision() {
	if d.Precision == variants.Float32 {
		d.Type, d.Exp, d.Log = "float", "expf", "logf"
		d.Lowest, d.Farthest = "-3e38f", "1e30f"
		return
	}
	d.Type, d.Exp, d.Log = "double", "exp", "log"
	d.Lowest, d.Farthest = "-1e308", "1e300"
}

// cellRows writes the cell table, several pairs a line.
func cellRows(cells []variants.Cell) []string {
	items := make([]string, len(cells))
	for i, c := range cells {
		items[i] = fmt.Sprintf("{%d,%d},", c.A, c.B)
	}
	return rows(items)
}

// rows joins items to lines.
func rows(items []string) []string {
	var lines []string
	for line := range slices.Chunk(items, cellsPerLine) {
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}
