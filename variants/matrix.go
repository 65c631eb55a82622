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
	// mostRows is how many times 16 components a chunk has at most, whose log-densities stay in registers, and mostGroupRows that of warpgroups.
	mostRows, mostGroupRows = 4, 8
	// rowBytes is the memory of 16 features' weights for 16 components, in two halves.
	rowBytes = matrixSide * matrixSide * 2 * 2
	// matrixSums is the registers that a thread keeps sums in, and mostSummers the warps of a multiprocessor whose threads do.
	matrixSums, mostSummers = 112, 8
	// groupRows is the features, or events, that a warpgroup multiplies.
	groupRows = 64
	// groupWarps is the warps of a warpgroup, and mostSums how many times 64 features and 64 components those of a multiprocessor sum.
	groupWarps, mostSums = 4, 4
	// feederRegisters is the registers of a thread that has batches come to those that sum, adderRegisters where some sum the 1 besides, bringerRegisters of one that has weights come, and
	// mostSummerRegisters of one that multiplies.
	feederRegisters, adderRegisters, bringerRegisters, mostSummerRegisters = 40, 56, 24, 240
	// leastRing and mostRing are the batches that a block of warpgroups has in shared memory: one that is multiplied, one whose features are made, and
	// those that are on their way.
	leastRing, mostRing = 3, 6
	// matrixHalves is the numbers of 16 bits that a responsibility has at most.
	matrixHalves = 2
	// sharedOfUnit is the shared memory of a multiprocessor of sm_90.
	sharedOfUnit = 228 * kib
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
	RingBlocks   int // times 16 coordinates of a warp's events that are in shared memory at once, of diagonal covariances
	Events       int // of a warp whose log-densities are in its registers
	Batch        int // events that a block which sums takes at a time
	BatchPitch   int // between the rows of their coordinates
	Flush        int // batches that are summed in float32 before the sum moves to float64
	Totals       int // room for the total log-likelihoods of blocks
	Labels       int // events that a block puts in their buckets
	Passes       int // of a loop on the device at most
}

// NewMatrixLayout returns it.
func NewMatrixLayout() MatrixLayout {
	return MatrixLayout{Side: matrixSide, StageSteps: 4, EventPadding: 4, RingBlocks: 4, Events: matrixSide, Batch: 64, BatchPitch: 80, Flush: 64, Totals: 4096, Labels: 2048, Passes: 64}
}

// Feature is the product of coordinates A and B of ũ = (u₁ … u_D, 1), counted from 0, so that D is the 1. Again is set where
// the same product, or none, is counted elsewhere: it fills up a tile.
type Feature struct {
	A, B  int
	Again bool
}

// Features lists the features of covariance type c that log-densities need, all but the 1, so ordered that a thread needs few coordinates for many, in
// steps of 16.
//
// For full covariances coordinates come in blocks of 16. The products within a block are those with the coordinate 0 … 8 places on,
// around the block's end, each for all 16; those with coordinates of later blocks are one of them for all 16. What is left over by blocks
// is listed. For diagonal ones each block has its squares and itself; up to 8 coordinates that are left over come first, in a step of both.
func (c Covariance) Features(d int) []Feature {
	if c.Kernel() == Diag {
		return diagonalSteps(d)
	}
	return filled(fullFeatures(d), d, matrixSide)
}

// filled fills features up to a multiple of so many.
func filled(all []Feature, d, size int) []Feature {
	for len(all)%size != 0 {
		all = append(all, Feature{A: d, B: d, Again: true})
	}
	return all
}

// SplitCoordinates says in how many blocks of 16 coordinates come, and how many before.
func SplitCoordinates(d int) (before, blocks int) {
	before, blocks = d%matrixSide, d/matrixSide
	if before > matrixSide/2 {
		return 0, blocks + 1
	}
	return before, blocks
}

// diagonalSteps is Features of diagonal covariances.
func diagonalSteps(d int) (all []Feature) {
	both := func(first, end, size int) {
		for a := first; a < end; a++ {
			all = append(all, Feature{A: a, B: a})
		}
		all = filled(all, d, size)
		for a := first; a < end; a++ {
			all = append(all, Feature{A: a, B: d})
		}
		all = filled(all, d, size)
	}
	before, _ := SplitCoordinates(d)
	both(0, before, matrixSide/2)
	for first := before; first < d; first += matrixSide {
		both(first, min(d, first+matrixSide), matrixSide)
	}
	return all
}

// fullFeatures is Features of full covariances, but for what fills the last step.
func fullFeatures(d int) (all []Feature) {
	list := func(a, b int) { all = append(all, Feature{A: a, B: b}) }
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
		for b := blocked; b <= a && b < d; b++ {
			list(a, b)
		}
	}
	return all
}

// FeatureTiles lists all features, the 1 last, in tiles of 8, so ordered that neighbouring tiles have the same coordinates A: of diagonal covariances each
// second tile has the squares of those that the next has alone.
func (c Covariance) FeatureTiles(d int) (all []Feature) {
	if c.Kernel() == Diag {
		for first := 0; first < d; first += tileFeatures {
			end := min(d, first+tileFeatures)
			for a := first; a < end; a++ {
				all = append(all, Feature{A: a, B: a})
			}
			all = filled(all, d, tileFeatures)
			for a := first; a < end; a++ {
				all = append(all, Feature{A: a, B: d})
			}
		}
		return filled(append(all, Feature{A: d, B: d}), d, tileFeatures)
	}
	features, blocked := fullFeatures(d), (d+1)/matrixSide*matrixSide
	if blocked <= d {
		features = append(features, Feature{A: d, B: d})
	}
	features = filled(features, d, tileFeatures)
	take := func(tile []Feature) {
		for _, f := range tile {
			if !f.Again {
				all = append(all, tile...)
				return
			}
		}
	}
	rest := slices.IndexFunc(features, func(f Feature) bool { return f.A >= blocked })
	if rest < 0 {
		rest = len(features)
	}
	for first := 0; first < blocked; first += tileFeatures {
		for tile := range slices.Chunk(features[:rest], tileFeatures) {
			if tile[0].A == first {
				take(tile)
			}
		}
	}
	for tile := range slices.Chunk(features[rest:], tileFeatures) {
		take(tile)
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
	// Warpgroup says that four warps multiply together.
	Warpgroup bool

	Chunks int // of components: the blocks that share an event
	Rows   int // times 16 components of a chunk
	Steps  int // times 16 features
	Moving int // of those steps: see [Covariance.MovingSteps]
	Tiles  int // times 8 features where sums are made
	// Apart says that the 1 is none of them, since it alone would take 64 features more: warps that feed sum it.
	Apart  bool
	Ranges int // of tiles: the blocks that share an event and a chunk
	Share  int // tiles of a warp, or of a warpgroup
	// Summers is the warps of a block that sum, and SumBlocks how many of those blocks a multiprocessor has at once.
	Summers, SumBlocks int
	// Parts is how many times 64 features a warpgroup sums, Feeders the threads of its block that bring what is summed, and Ring how many batches
	// of that are in shared memory at once.
	Parts, Feeders, Ring int
	// SummerRegisters and FeederRegisters are what threads of a block of warpgroups have.
	SummerRegisters, FeederRegisters int
	// Span is how many coordinates, from the first to the last, the sums of a range of tiles need at most, the 1 not counted.
	Span int
}

// MatrixShape returns it.
func (p Problem) MatrixShape(warpgroup bool) MatrixShape {
	rows, most := (RoundComponents(p.M)+matrixSide-1)/matrixSide, mostRows
	if warpgroup {
		most = mostGroupRows
	}
	s := MatrixShape{Warpgroup: warpgroup, Chunks: (rows + most - 1) / most}
	s.Rows = (rows + s.Chunks - 1) / s.Chunks
	features := p.Covariance.Features(p.D)
	tiles := p.Covariance.FeatureTiles(p.D)
	s.Steps, s.Tiles = len(features)/matrixSide, len(tiles)/tileFeatures
	for _, moving := range moving(features, p.D) {
		if moving {
			s.Moving++
		}
	}
	if warpgroup {
		s.sumByWarpgroups(tiles, p.D)
		return s
	}
	for _, s.SumBlocks = range []int{2, 1} { // large ones where there is no room for two
		s.Summers = mostSummers / s.SumBlocks
		most := s.Summers * (matrixSums / (4 * s.Rows))
		s.Ranges = (s.Tiles + most - 1) / most
		s.Share = (s.Tiles + s.Summers*s.Ranges - 1) / (s.Summers * s.Ranges)
		s.Span = s.span(tiles, p.D)
		if s.sumBytes() <= sharedOfBlock(s.SumBlocks) {
			break
		}
	}
	return s
}

// sumByWarpgroups says how the sums of tiles are shared among warpgroups: as few ranges as there is room for, of three at most where each has 64
// features, or two that have 128.
func (s *MatrixShape) sumByWarpgroups(tiles []Feature, d int) {
	most := mostSums
	if s.Rows > mostRows {
		most /= 2
	}
	const groupTiles = groupRows / tileFeatures
	s.Apart = s.Tiles%groupTiles == 1 && s.Tiles > 1 && tiles[(s.Tiles-1)*tileFeatures] == (Feature{A: d, B: d}) &&
		(s.Rows <= mostRows || s.Tiles > most*groupTiles) // two warps of a block are fast enough for half of the rows
	if s.Apart {
		s.Tiles--
		tiles = tiles[:s.Tiles*tileFeatures]
	}
	all := (s.Tiles + groupTiles - 1) / groupTiles
	s.Ranges = (all + most - 1) / most
	groups := (all + s.Ranges - 1) / s.Ranges
	s.Parts = 1
	if groups == mostSums {
		groups, s.Parts = groups/2, 2
	}
	s.Share, s.Summers, s.Feeders = s.Parts*groupRows/tileFeatures, groups*groupWarps, groupWarps*warpThreads
	s.Span = s.span(tiles, d)
	s.SumBlocks = 1
	if groups == 1 && s.Rows <= mostRows && s.ring(2) >= leastRing {
		s.SumBlocks = 2
	}
	s.Ring = min(mostRing, max(leastRing, s.ring(s.SumBlocks)))
	s.FeederRegisters = feederRegisters
	if s.Apart {
		s.FeederRegisters = adderRegisters
	}
	// What a launch has of registers, of which feeders leave some to the others.
	threads := s.Summers*warpThreads + s.Feeders
	pool := registersOfUnit / s.SumBlocks / threads / 8 * 8 * threads
	s.SummerRegisters = min(mostSummerRegisters, (pool-s.Feeders*s.FeederRegisters)/(s.Summers*warpThreads)/8*8)
}

// ring is how many batches there is room for where so many blocks share a multiprocessor.
func (s MatrixShape) ring(blocks int) int {
	return (sharedOfBlock(blocks) - s.asideBytes()) / (s.batchBytes() + gateBytes)
}

// EventsRoom is how many numbers of shared memory a warp's events have that it computes log-densities of: of full covariances for all coordinates, and for the
// responsibilities of warpgroups in their place.
func (s MatrixShape) EventsRoom(p Problem) int {
	layout := NewMatrixLayout()
	pitch, shares := layout.Events+layout.EventPadding, 0
	if s.Warpgroup {
		const halves = 2 // of a number
		shares = layout.Events * s.Rows * matrixSide / halves
	}
	if p.Covariance.Kernel() == Full {
		return max((p.D+1)*pitch, shares)
	}
	return layout.RingBlocks*layout.Side*pitch + shares
}

// DensityRegisters is the registers of a thread of so many warps that compute log-densities from weights which others bring, and of those others.
func DensityRegisters(warps int) (own, others int) {
	groups := warps / groupWarps
	return min(mostSummerRegisters, (registersOfUnit/(groupWarps*warpThreads)-bringerRegisters)/groups/8*8), bringerRegisters
}

// Features is how many there are room for in a row of sums.
func (s MatrixShape) Features() int {
	if s.Apart {
		return (s.Tiles + 1) * tileFeatures
	}
	return s.Tiles * tileFeatures
}

// units is how many warps, or warpgroups, of a block that sums have tiles of their own.
func (s MatrixShape) units() int {
	if s.Warpgroup {
		return s.Summers / groupWarps
	}
	return s.Summers
}

// span is how many coordinates the ranges of tiles need at most.
func (s MatrixShape) span(tiles []Feature, d int) (most int) {
	s.eachRange(tiles, d, func(low, high int) { most = max(most, high-low) })
	return most
}

// sharedOfBlock is the shared memory that each of some blocks of a multiprocessor can have, beside the kilobyte that it takes.
func sharedOfBlock(blocks int) int { return sharedOfUnit/blocks - kib }

// sumBytes is the shared memory of a block that sums.
func (s MatrixShape) sumBytes() int {
	if s.Warpgroup {
		return s.asideBytes() + s.Ring*(s.batchBytes()+gateBytes)
	}
	return s.asideBytes() + 2*s.batchBytes()
}

// gateBytes is what a place in a ring has besides: two gates, and which batch is in it.
const gateBytes = 24

// batchBytes is what a batch has of it: responsibilities, the coordinates that the block needs and the 1, and the events' scales.
func (s MatrixShape) batchBytes() int {
	const half, number = 2, 4
	layout := NewMatrixLayout()
	shares := layout.Batch * s.Rows * matrixSide * matrixHalves * half
	switch {
	case s.Warpgroup && s.Chunks > 1: // a chunk's share
		return shares + (s.Span+2)*layout.Batch*number
	case s.Warpgroup:
		return shares + (s.Span+1)*layout.Batch*number
	}
	return shares + (s.Span+1)*layout.BatchPitch*number + layout.Batch*number
}

// asideBytes is what a block has besides: the components' noise and the events that take part; and for two warps that sum the 1 a batch's shares.
func (s MatrixShape) asideBytes() int {
	const number, adders = 4, 2
	bytes := s.Rows * matrixSide * 2 * number
	if s.Apart {
		bytes += adders * NewMatrixLayout().Batch * number
	}
	return bytes
}

// FirstCoordinates lists the first coordinate of each range of tiles.
func (s MatrixShape) FirstCoordinates(p Problem) (all []int) {
	s.eachRange(p.Covariance.FeatureTiles(p.D)[:s.Tiles*tileFeatures], p.D, func(low, _ int) { all = append(all, low) })
	return all
}

// eachRange calls visit with the first coordinate, and the one after the last, of each range of tiles.
func (s MatrixShape) eachRange(tiles []Feature, d int, visit func(low, high int)) {
	each := s.Share * s.units() * tileFeatures
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

// warpgroups refuses what warpgroups cannot do.
func warpgroups(p Problem, t Target) string {
	switch {
	case t.number() != 90:
		return "needs tensor cores that warpgroups share, of sm_90 alone"
	case t.OldCompiler:
		return "needs NVRTC 12.0 or later, which knows sm_90a"
	}
	return tensorCores(p, t)
}

// matrixVariants are the matrix form: products of warpgroups, where there are such, and of warps.
func matrixVariants() []Variant {
	warpgroup := matrixVariant()
	warpgroup.Strategy, warpgroup.Warpgroups = "warpgroup", true
	warpgroup.Doc = "Two products of matrices on tensor cores that four warps share, features by components and events: responsibilities pass through memory."
	warpgroup.Refuse = warpgroups
	warpgroup.Tunables[0].Values, warpgroup.Tunables[1].Values = []int{12, 8, 4}, []int{0, 4}
	warpgroup.Resources = func(p Problem, c Config) Resources { return matrixResources(p, c, p.MatrixShape(true)) }
	warpgroup.Work = func(p Problem, _ Config) Work { return matrixWork(p, p.MatrixShape(true), groupRate) }
	return []Variant{warpgroup, matrixVariant()}
}

// matrixVariant is the one of warps.
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
		Resources: func(p Problem, c Config) Resources { return matrixResources(p, c, p.MatrixShape(false)) },
		Work:      func(p Problem, _ Config) Work { return matrixWork(p, p.MatrixShape(false), tensorRate) },
	}
}

// matrixResources are those of the matrix form: a kernel that makes the features' weights, and those that follow it.
func matrixResources(p Problem, c Config, s MatrixShape) Resources {
	const (
		reduced     = 32 // sums that a block adds up
		sorters     = 1024
		half        = 2 // bytes
		number, sum = 4, 8
	)
	layout, warps := NewMatrixLayout(), c.Value("warps")
	components, features := s.Chunks*s.Rows*matrixSide, s.Features()
	staged := s.Steps
	if c.Value("stages") > 0 {
		staged = c.Value("stages") * layout.StageSteps
	}
	density := Launch{
		Entry: "density", Blocks: s.Chunks, BlocksPerUnit: 1, Threads: warps * warpThreads, Tile: warps * layout.Events,
		Registers:   2 * layout.Events * s.Rows * matrixSide / warpThreads,
		SharedBytes: staged*s.Rows*rowBytes + s.Rows*matrixSide*2*number + warps*sum,
	}
	if s.Warpgroup && c.Value("stages") > 0 { // which others bring, who leave most of their registers to those that compute
		own := density.Threads
		density.Threads += groupWarps * warpThreads
		density.Registers = density.Registers * own / density.Threads
		density.SharedBytes += 2 * c.Value("stages") * sum
	}
	events := s.EventsRoom(p)
	if p.Covariance.Kernel() == Full {
		events *= 2 // the next ones
	}
	density.SharedBytes += warps * events * number
	moments := Launch{
		Entry: "moments", Blocks: s.Chunks * s.Ranges, BlocksPerUnit: s.SumBlocks, Threads: s.Summers*warpThreads + s.Feeders, Tile: layout.Batch, Sums: true,
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
	}
	if s.Warpgroup { // coordinates times scales, and zeros
		r.WorkspacePerEvent += (p.D + 1) * number
		r.Workspace += layout.Side * s.Rows * matrixSide * half
	}
	if s.Chunks > 1 || s.Warpgroup && p.Covariance.Kernel() == Diag {
		r.Then = append(r.Then, Launch{Entry: "normalise", Blocks: 1, BlocksPerUnit: 4, Threads: CUDAThreads, Tile: CUDAThreads})
	}
	groups := (p.Covariance.CellCount(p.D) + reduced - 1) / reduced
	r.Then = append(r.Then, moments,
		Launch{Entry: "reduce", Blocks: RoundComponents(p.M) * groups, Threads: 8 * reduced},
		Launch{Entry: "advance", Blocks: RoundComponents(p.M), Threads: CUDAThreads, Loop: true})
	r.Label = Launch{Entry: "label", Blocks: 1, BlocksPerUnit: 8, Threads: CUDAThreads, Tile: CUDAThreads}
	r.Sort = []Launch{
		{Entry: "count_labels", Threads: CUDAThreads, Tile: layout.Labels},
		{Entry: "lay_out", Threads: sorters, Blocks: 1},
		{Entry: "place", Threads: warpThreads, Tile: layout.Labels},
		{Entry: "gather", Threads: CUDAThreads, Tile: CUDAThreads},
	}
	return r
}

// matrixWork counts the products of halves, of what fills up blocks too: three for log-densities, and two for sums, as most low halves of responsibilities are left out.
func matrixWork(p Problem, s MatrixShape, rate float64) Work {
	const half = 2 // bytes
	components, events := float64(s.Chunks*s.Rows*matrixSide), float64(max(p.N, 1))
	products := float64(3*s.Steps*matrixSide + 2*s.Ranges*s.units()*s.Share*tileFeatures)
	return Work{
		Flops:      events * components * (2*products/rate + softmaxFlops),
		Bytes:      2*eventBytes(p) + 2*half*events*components,
		Efficiency: 0.5,
	}
}

// How many operations tensor cores do while other units do one of float32, on an H100: mma.sync, and wgmma.
const tensorRate, groupRate = 9, 15
