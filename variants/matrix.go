package variants

import (
	"fmt"
	"slices"
)

// The matrix form: log-densities are a product of two matrices, the components' weights and the events' features, and so are the
// statistics, of responsibilities and features. A feature is the product of two coordinates of ũ = (u, 1); tensor cores multiply 16
// components, or features, by 16 of what is summed over.

const (
	// matrixSide is the components, features or events that a tensor core takes at a time, and tileFeatures the features where sums
	// are made.
	matrixSide, tileFeatures = 16, 8
	// mostRows is how many times 16 components a chunk has at most: its log-densities stay in a warp's registers.
	mostRows = 4
	// rowBytes is the memory of 16 features' weights for 16 components, in two halves.
	rowBytes = matrixSide * matrixSide * 2 * 2
	// matrixSums is the registers that a thread keeps sums in, and mostSummers the warps of a multiprocessor whose threads do.
	matrixSums, mostSummers = 112, 8
	// matrixHalves is the numbers of 16 bits that a responsibility has at most.
	matrixHalves = 2
	// sharedOfUnit is the shared memory of a multiprocessor of sm_90 that its blocks can have, each with the kilobyte that it takes besides.
	sharedOfUnit = 226 << 10
	// largestMatrixFull and largestMatrixDiag are the most dimensions.
	largestMatrixFull, largestMatrixDiag = 64, 256
	// mostMatrixComponents is the most components: a number of 4 bytes of each in the 48 KiB of shared memory that every block has.
	mostMatrixComponents = 48 << 10 / 4
)

// MatrixLayout is what the matrix form's kernels have in common, whatever the problem.
type MatrixLayout struct {
	Side         int // the components, features or events that a tensor core takes at a time
	StageSteps   int // times 16 features' weights that are fetched at a time where not all stay in shared memory
	EventPadding int // by which rows of a warp's events are longer, so that they lie in different banks
	Events       int // of a warp whose log-densities are in its registers
	Batch        int // events that such a block takes at a time
	BatchPitch   int // between the rows of their coordinates
	Flush        int // batches that are summed in float32 before the sum moves to float64
	Totals       int // room for the total log-likelihoods of blocks
	Labels       int // events that a block puts in their buckets
	Passes       int // of a loop on the device at most
}

// NewMatrixLayout returns it.
func NewMatrixLayout() MatrixLayout {
	return MatrixLayout{Side: matrixSide, StageSteps: 4, EventPadding: 4, Events: matrixSide, Batch: 64, BatchPitch: 80, Flush: 64, Totals: 4096, Labels: 2048, Passes: 64}
}

// Feature is the product of coordinates A and B of ũ = (u₁ … u_D, 1), counted from 0, so that D is the 1. Again is set where
// the same product, or none, is counted elsewhere: it fills up a tile.
type Feature struct {
	A, B  int
	Again bool
}

// Features lists the features of covariance type c, so ordered that a thread needs few coordinates for many, in steps of 16.
//
// For full covariances coordinates come in blocks of 16. The products within a block are those with the coordinate 0 … 8 places on,
// around the block's end, each for all 16; those with coordinates of later blocks are one of them for all 16. What is left over by blocks
// is listed. For diagonal ones each block has its squares and itself.
func (c Covariance) Features(d int) []Feature {
	const padding = matrixSide / 2 * matrixSide // of a block, less than what fills up a step
	all := make([]Feature, 0, c.CellCount(d)+(d/matrixSide+1)*padding)
	list := func(a, b int) { all = append(all, Feature{A: a, B: b}) }
	if c.Kernel() == Diag {
		blocked := d / matrixSide * matrixSide
		for block := 0; block < blocked; block += matrixSide {
			for i := range matrixSide {
				list(block+i, block+i)
			}
			for i := range matrixSide {
				list(block+i, d)
			}
		}
		for a := blocked; a < d; a++ {
			list(a, a)
			list(a, d)
		}
		list(d, d)
	} else {
		blocked := (d + 1) / matrixSide * matrixSide
		for block := 0; block < blocked; block += matrixSide {
			for on := range matrixSide/2 + 1 {
				for i := range matrixSide {
					f := Feature{A: block + i, B: block + (i+on)%matrixSide}
					f.Again = on == matrixSide/2 && i >= on // i+on and i are a pair already
					all = append(all, f)
				}
			}
			for b := block + matrixSide; b <= d; b++ {
				for i := range matrixSide {
					list(block+i, b)
				}
			}
		}
		for a := blocked; a <= d; a++ {
			for b := blocked; b <= a; b++ {
				list(a, b)
			}
		}
	}
	for len(all)%matrixSide != 0 {
		all = append(all, Feature{A: d, B: d, Again: true})
	}
	return all
}

// FeatureTiles lists the same features in tiles of 8, so ordered that neighbouring tiles have the same coordinates A.
func (c Covariance) FeatureTiles(d int) []Feature { return c.tiles(c.Features(d), d) }

// tiles puts features into that order.
func (c Covariance) tiles(features []Feature, d int) []Feature {
	if c.Kernel() == Diag {
		return features
	}
	all := make([]Feature, 0, len(features))
	take := func(tile []Feature) {
		for _, f := range tile {
			if !f.Again {
				all = append(all, tile...)
				return
			}
		}
	}
	blocked := (d + 1) / matrixSide * matrixSide
	rest := 0
	for first := 0; first < blocked; first += tileFeatures {
		for i := 0; i < len(features); i += tileFeatures {
			if features[i].A >= blocked {
				rest = i
				break
			}
			if features[i].A == first {
				take(features[i:][:tileFeatures])
			}
		}
	}
	for i := rest; i < len(features) && (rest > 0 || blocked == 0); i += tileFeatures {
		take(features[i:][:tileFeatures])
	}
	return all
}

// MovingSteps lists which steps of 16 features have weights that depend on the centre that coordinates are about: those with a coordinate
// alone.
func (c Covariance) MovingSteps(d int) []bool { return moving(c.Features(d), d) }

func moving(features []Feature, d int) []bool {
	var all []bool
	for step := range slices.Chunk(features, matrixSide) {
		all = append(all, slices.ContainsFunc(step, func(f Feature) bool { return !f.Again && (f.A == d) != (f.B == d) }))
	}
	return all
}

// MatrixShape is how a problem's matrices are cut up.
type MatrixShape struct {
	Chunks int // of components: the blocks that share an event
	Rows   int // times 16 components of a chunk
	Steps  int // times 16 features
	Moving int // of those steps: see [Covariance.MovingSteps]
	Tiles  int // times 8 features where sums are made
	Ranges int // of tiles: the blocks that share an event and a chunk
	Share  int // tiles of a warp
	// Summers is the warps of a block that sums, and SumBlocks how many of those a multiprocessor has at once.
	Summers, SumBlocks int
	// Span is how many coordinates, from the first to the last, the sums of a range of tiles need at most, the 1 not counted.
	Span int
}

// MatrixShape returns it.
func (p Problem) MatrixShape() MatrixShape {
	rows := (RoundComponents(p.M) + matrixSide - 1) / matrixSide
	s := MatrixShape{Chunks: (rows + mostRows - 1) / mostRows}
	s.Rows = (rows + s.Chunks - 1) / s.Chunks
	features := p.Covariance.Features(p.D)
	tiles := p.Covariance.tiles(features, p.D)
	s.Steps, s.Tiles = len(features)/matrixSide, len(tiles)/tileFeatures
	for _, moving := range moving(features, p.D) {
		if moving {
			s.Moving++
		}
	}
	for _, s.SumBlocks = range []int{2, 1} { // large ones where there is no room for two
		s.Summers = mostSummers / s.SumBlocks
		most := s.Summers * (matrixSums / (4 * s.Rows))
		s.Ranges = (s.Tiles + most - 1) / most
		s.Share = (s.Tiles + s.Summers*s.Ranges - 1) / (s.Summers * s.Ranges)
		s.Span = 0
		s.eachRange(tiles, p.D, func(low, high int) { s.Span = max(s.Span, high-low) })
		if s.SumBlocks*s.sumBytes() <= sharedOfUnit {
			break
		}
	}
	return s
}

// sumBytes is the shared memory of a block that sums: responsibilities of a tile, twice, with the coordinates that it needs and the events'
// scales; and the components' noise and the events that take part.
func (s MatrixShape) sumBytes() int {
	const half, number = 2, 4
	layout := NewMatrixLayout()
	return s.Rows*matrixSide*2*number + 2*(layout.Batch*s.Rows*matrixSide*matrixHalves*half+(s.Span+1)*layout.BatchPitch*number+layout.Batch*number)
}

// FirstCoordinates lists the first coordinate of each range of tiles.
func (s MatrixShape) FirstCoordinates(p Problem) (all []int) {
	s.eachRange(p.Covariance.FeatureTiles(p.D), p.D, func(low, _ int) { all = append(all, low) })
	return all
}

// eachRange calls visit with the first coordinate, and the one after the last, of each range of tiles.
func (s MatrixShape) eachRange(tiles []Feature, d int, visit func(low, high int)) {
	each := s.Share * s.Summers * tileFeatures
	for features := range slices.Chunk(tiles, each) {
		visit(rangeOf(features, d))
	}
}

// rangeOf returns the first coordinate, and the one after the last, of features, the 1 not counted.
func rangeOf(features []Feature, d int) (low, high int) {
	low = d
	for _, f := range features {
		for _, c := range []int{f.A, f.B} {
			if c < d {
				low, high = min(low, c), max(high, c+1)
			}
		}
	}
	return min(low, high), high
}

// tensorCores refuses what tensor cores cannot do, or what only the reference serves.
func tensorCores(p Problem, t Target) string {
	largest := largestMatrixDiag
	if p.Covariance.Kernel() == Full {
		largest = largestMatrixFull
	}
	switch {
	case p.Precision != Float32:
		return "multiplies numbers of 16 bits, in two halves each: " + string(p.Precision) + " has more digits"
	case t.number() < 80:
		return "needs tensor cores that multiply 16 by 16 numbers, of sm_80 and later"
	case p.D > largest:
		return fmt.Sprintf("lists features: at most D=%d for %s", largest, p.Covariance)
	case RoundComponents(p.M) > mostMatrixComponents:
		return fmt.Sprintf("counts the events of each component in shared memory where it sorts them: at most M=%d", mostMatrixComponents)
	}
	return directForm(p, t)
}

// matrixVariant is the matrix form.
func matrixVariant() Variant {
	return Variant{
		Stage: Accumulate, Strategy: "matrix", Events: ByDimension, Parameters: Global, Centred: true,
		Doc:      "Two products of matrices on tensor cores, features by components and events: responsibilities pass through memory.",
		Template: "cuda/accumulate_matrix.cu.tmpl",
		Refuse:   tensorCores,
		Tunables: []Tunable{
			{Name: "warps", Doc: "warps of a block that computes log-densities", Values: []int{16, 12, 8, 4}},
			{Name: "stages", Doc: "how often weights of 64 features are in shared memory at once, 0 for all", Values: []int{0, 3}},
		},
		Resources: matrixResources,
		Work:      func(p Problem, _ Config) Work { return matrixWork(p) },
	}
}

// matrixResources are those of the matrix form: a kernel that makes the features' weights, and those that follow it.
func matrixResources(p Problem, c Config) Resources {
	const (
		reduced     = 32 // sums that a block adds up
		sorters     = 1024
		half        = 2 // bytes
		number, sum = 4, 8
	)
	s, layout, warps := p.MatrixShape(), NewMatrixLayout(), c.Value("warps")
	components, features := s.Chunks*s.Rows*matrixSide, s.Tiles*tileFeatures
	staged := s.Steps
	if c.Value("stages") > 0 {
		staged = c.Value("stages") * layout.StageSteps
	}
	density := Launch{
		Entry: "density", Blocks: s.Chunks, BlocksPerUnit: 1, Threads: warps * warpThreads, Tile: warps * layout.Events,
		SharedBytes: staged*s.Rows*rowBytes + s.Rows*matrixSide*2*number + warps*sum,
	}
	if p.Covariance.Kernel() == Full { // coordinates are needed again and again
		density.SharedBytes += warps * 2 * (p.D + 1) * (layout.Events + layout.EventPadding) * number
	}
	moments := Launch{
		Entry: "moments", Blocks: s.Chunks * s.Ranges, BlocksPerUnit: s.SumBlocks, Threads: s.Summers * warpThreads, Tile: layout.Batch, Sums: true,
		SharedBytes: s.sumBytes(),
	}
	r := Resources{
		Threads: 4 * warpThreads, Tile: density.Tile, Blocks: components,
		// The weights of features; a component's load and noise; the totals of blocks.
		Workspace: s.Chunks*s.Steps*s.Rows*rowBytes + components*(number+sum) + layout.Totals*sum,
		// Where its events are, its centre; the weights of features that depend on it; a component's scale and constant.
		WorkspacePerBucket: (3+p.D)*number + s.Chunks*s.Moving*s.Rows*rowBytes + components*2*number,
		// Responsibilities; for each chunk the highest log-density, and the scale; of 16 events and a chunk, which rows have low halves.
		WorkspacePerEvent: components*matrixHalves*half + 2*s.Chunks*number + (s.Chunks+matrixSide-1)/matrixSide,
		WorkspacePerRow:   s.Chunks * number,
		RowBytes:          components * features * sum,
		Then:              []Launch{density},
	}
	if s.Chunks > 1 {
		r.WorkspaceLabels = (s.Chunks + 1) * number // the highest log-density of all chunks
		r.WorkspacePerEvent += 2 * number
		r.Then = append(r.Then, Launch{Entry: "normalise", Blocks: 1, BlocksPerUnit: 4, Threads: CUDAThreads, Tile: CUDAThreads})
	}
	groups := (p.Covariance.CellCount(p.D) + reduced - 1) / reduced
	r.Then = append(r.Then, moments,
		Launch{Entry: "reduce", Blocks: RoundComponents(p.M) * groups, Threads: 8 * reduced},
		Launch{Entry: "advance", Blocks: RoundComponents(p.M), Threads: CUDAThreads, Loop: true})
	r.Sort = []Launch{
		{Entry: "count_labels", Threads: CUDAThreads, Tile: layout.Labels},
		{Entry: "lay_out", Threads: sorters, Blocks: 1},
		{Entry: "place", Threads: warpThreads, Tile: layout.Labels},
		{Entry: "gather", Threads: CUDAThreads, Tile: CUDAThreads},
	}
	return r
}

// matrixWork counts the products of halves: three for log-densities, and two for sums, as most low halves of responsibilities are left out.
func matrixWork(p Problem) Work {
	const half = 2 // bytes
	s := p.MatrixShape()
	components, events := float64(s.Chunks*s.Rows*matrixSide), float64(max(p.N, 1))
	products := float64(3*s.Steps*matrixSide + 2*s.Tiles*tileFeatures)
	return Work{
		Flops:      events * components * (2*products/tensorRate + softmaxFlops),
		Bytes:      2*eventBytes(p) + 2*half*events*components,
		Efficiency: 0.5,
	}
}

// tensorRate is how many operations tensor cores do while other units do one of float32: mma.sync on an H100.
const tensorRate = 9
