package specializer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec/variants"
)

// largest is the largest number of a record that is written on the device.
const largest = "1e18"

// fit is what the template of fits in one launch sees besides.
type fit struct {
	variants.FitShape
	Blocks  int // that a multiprocessor should have at once
	Largest string
}

// again marks a feature that is counted elsewhere (AGAIN in the template).
const again = 1 << 15

// matrix is what the template of the matrix form sees besides.
type matrix struct {
	variants.MatrixShape
	variants.MatrixLayout
	Warps, Stages, Threads           int
	Before, Blocks                   int // coordinates before those that come in blocks, of diagonal covariances, and the blocks of 16 of them
	FeatureRows, TileRows, PlaceRows []string
	MovingRows                       []string
	Firsts                           []int
	Largest                          string // number of a record
	Product                          wgmma  // of warpgroups
	EventsRoom                       int    // numbers of a warp's events
	// Of log-densities, where some warps bring weights: the threads of others, and the registers of either.
	DensityThreads, DensityRegisters, BringerRegisters int
}

// newMatrix returns it for a problem in the matrix form.
func newMatrix(p variants.Problem, warpgroup bool, warps, stages int) matrix {
	shape, layout := p.MatrixShape(warpgroup), variants.NewMatrixLayout()
	before, blocks := variants.SplitCoordinates(p.D)
	if p.Covariance.Kernel() == variants.Full {
		before, blocks = 0, (p.D+1)/layout.Side // the 1 is one of those that come in blocks
	}
	m := matrix{
		MatrixShape: shape, MatrixLayout: layout, Warps: warps, Stages: stages, Before: before, Blocks: blocks,
		FeatureRows: pairRows(p.Covariance.Features(p.D)), TileRows: pairRows(p.Covariance.FeatureTiles(p.D)), PlaceRows: placeRows(p),
		MovingRows: movingRows(p),
		Firsts:     shape.FirstCoordinates(p), Largest: largest,
	}
	m.EventsRoom = shape.EventsRoom(p)
	if warpgroup {
		m.Product = newWgmma(layout.Side * shape.Rows)
		m.DensityThreads = warps * 32
		m.DensityRegisters, m.BringerRegisters = variants.DensityRegisters(warps)
	}
	return m
}

// wgmma is a product of a warpgroup, of 64 rows and so many columns, as C++ has it.
type wgmma struct {
	Columns int
	// Places and Operands are a thread's sums.
	Places, Operands string
}

// Place is that of another operand.
func (w wgmma) Place(i int) int { return w.Columns/2 + i }

func newWgmma(columns int) wgmma {
	numbers := columns / 2 // that a thread sums
	places, operands := make([]string, numbers), make([]string, numbers)
	for i := range numbers {
		places[i], operands[i] = fmt.Sprintf("%%%d", i), fmt.Sprintf(`"+f"(sum[%d])`, i)
	}
	return wgmma{columns, strings.Join(places, ","), strings.Join(operands, ", ")}
}

// pairRows writes features, several a line.
func pairRows(features []variants.Feature) []string {
	items := make([]string, len(features))
	for i, f := range features {
		b := f.B
		if f.Again {
			b |= again
		}
		items[i] = fmt.Sprintf("{%d,%d},", f.A, b)
	}
	return rows(items)
}

// movingRows writes which of the steps that depend on a centre each step is, or -1.
func movingRows(p variants.Problem) []string {
	var items []string
	count := 0
	for _, moving := range p.Covariance.MovingSteps(p.D) {
		if !moving {
			items = append(items, "-1,")
			continue
		}
		items = append(items, strconv.Itoa(count)+",")
		count++
	}
	return rows(items)
}

// placeRows writes where each cell is among the features of sums.
func placeRows(p variants.Problem) []string {
	type coordinates struct{ a, b int }
	at := map[coordinates]int{}
	for i, f := range p.Covariance.FeatureTiles(p.D) {
		if !f.Again {
			at[coordinates{max(f.A, f.B), min(f.A, f.B)}] = i
		}
	}
	var items []string
	for _, c := range p.Covariance.Cells(p.D) {
		// Cells count homogeneous coordinates from the 1, which is the last here.
		a, b := (c.A+p.D)%(p.D+1), (c.B+p.D)%(p.D+1)
		items = append(items, strconv.Itoa(at[coordinates{max(a, b), min(a, b)}])+",")
	}
	return rows(items)
}
