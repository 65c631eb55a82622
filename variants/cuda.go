package variants

import (
	"fmt"
	"slices"
)

const (
	// CUDAThreads is the 2011 specializer's threads in a block of the M-step, still a good number: eight warps hide each
	// other's loads.
	CUDAThreads = 256
	// warpThreads is the threads of a warp.
	warpThreads = 32
	// updateThreads is one warp a component: the factorisation's columns are short.
	updateThreads = warpThreads
	// blockSumBytes is the shared memory that block_sum declares for each thread: a float64.
	blockSumBytes = 8
	// constantBytes is the constant memory of a module, on every architecture.
	constantBytes = 64 * kib
	// chunkBytes is about how much shared memory records are staged in.
	chunkBytes = 16 * kib
	// eventsOfThread is how many events a thread sums of a tile before it moves them to float64.
	eventsOfThread = 16
)

// FlushEvents is how many events are summed in a kernel's precision before the sum moves to float64.
const FlushEvents = 256

// UnrollLimit is the largest D whose loops over dimensions are unrolled in CUDA: the event then stays in registers, and the
// code of a full covariance is D(D+1)/2 multiply-adds.
const UnrollLimit = 32

// tileWidth is how many numbers apart the events of a tile lie in shared memory: D and the homogeneous coordinate, made odd so
// that neighbouring events lie in different banks (WIDTH in the templates).
func tileWidth(d int) int { return (d + 1) | 1 }

// cudaVariants is the table of CUDA variants, in the direct form: a ladder from the 2011 specializer's kernels to register
// tiles.
func cudaVariants() []Variant {
	var rows []Variant
	for _, c := range []Covariance{Full, Diag} {
		for _, v := range slices.Concat(cudaESteps(), cudaMoments(c), cudaOthers(), matrixVariants(), cudaFits()) {
			v.Backend, v.Covariance = CUDA, c
			if v.Factor == "" {
				v.Factor = usualFactor(c)
			}
			if c == Diag && v.Factor == Square {
				v.Factor = Diagonal
			}
			rows = append(rows, v)
		}
	}
	return rows
}

// perEvent are the resources of a kernel with a thread an event.
func perEvent(_ Problem, c Config) Resources {
	threads := c.Value("threads")
	return Resources{Threads: threads, Tile: threads, Blocks: 1, BlocksPerUnit: 16, StaticBytes: blockSumBytes * threads}
}

// threadsOf is the tunable of the same kernels.
func threadsOf() []Tunable {
	return []Tunable{{Name: "threads", Doc: "events a block takes at a time", Values: []int{128, 256}}}
}

// factorOf returns the layout of a problem's factors where a row has the usual one.
func factorOf(p Problem) CovarianceLayout { return usualFactor(p.Covariance.Kernel()) }

// cudaESteps are the E-steps, and the scores that are done the same way.
func cudaESteps() []Variant {
	return []Variant{
		{
			Stage: EStep, Strategy: "event", Events: ByEvent, Parameters: Global,
			Doc:      "A thread an event: log-densities to memory, then responsibilities in place.",
			Template: "cuda/estep_event.cu.tmpl",
			Refuse:   directForm, Tunables: threadsOf(), Resources: perEvent, Work: estepWork(0.25),
		},
		{
			Stage: EStep, Strategy: "event", Events: ByDimension, Parameters: Global,
			Doc:      "A thread an event, whose neighbours read neighbouring numbers.",
			Template: "cuda/estep_event.cu.tmpl",
			Refuse:   directForm, Tunables: threadsOf(), Resources: perEvent, Work: estepWork(0.25),
		},
		{
			Stage: EStep, Strategy: "constant", Events: ByDimension, Parameters: Constant,
			Doc:      "A thread an event, the components in constant memory, which a warp reads in one go.",
			Template: "cuda/estep_event.cu.tmpl",
			Refuse:   constantMemory, Tunables: threadsOf(), Resources: perEvent, Work: estepWork(0.25),
		},
		{
			Stage: EStep, Strategy: "shared", Events: ByDimension, Parameters: Shared,
			Doc:      "A thread an event, all components in shared memory.",
			Template: "cuda/estep_shared.cu.tmpl",
			Refuse:   directForm, Tunables: threadsOf(),
			Resources: func(p Problem, c Config) Resources {
				r := perEvent(p, c)
				r.BlocksPerUnit = 4
				r.SharedBytes = RoundComponents(p.M) * factorOf(p).Record(p.D) * p.Precision.Bytes()
				return r
			},
			Work: estepWork(0.25),
		},
		{
			Stage: EStep, Strategy: "component", Events: ByDimension, Parameters: Shared,
			Doc:      "A block a component, a thread an event, then a second kernel that normalises.",
			Original: "estep1 + estep2",
			Template: "cuda/estep_component.cu.tmpl",
			Refuse:   directForm, Tunables: threadsOf(),
			Resources: func(p Problem, c Config) Resources {
				r := perEvent(p, c)
				r.Then = []Launch{{Entry: "normalise", Threads: r.Threads, Tile: r.Tile, Blocks: 1, BlocksPerUnit: r.BlocksPerUnit}}
				r.Blocks = RoundComponents(p.M)
				r.SharedBytes = factorOf(p).Record(p.D) * p.Precision.Bytes()
				return r
			},
			Work: estepWork(0.2),
		},
		{
			Stage: EStep, Strategy: "warp", Events: ByEvent, Factor: Square, Parameters: Global,
			Doc:      "A warp some events, a lane a row of the factor, which is read as it lies in memory.",
			Template: "cuda/estep_warp.cu.tmpl",
			Refuse:   directForm,
			Tunables: []Tunable{{Name: "events", Doc: "events a warp takes at a time", Values: []int{4, 1}}},
			Resources: func(p Problem, c Config) Resources {
				const warps = 4
				events := c.Value("events")
				return Resources{
					Threads: warps * warpThreads, Tile: warps * events, Blocks: 1, BlocksPerUnit: 16,
					StaticBytes: blockSumBytes * warps * warpThreads, SharedBytes: 2 * warps * events * p.D * p.Precision.Bytes(),
				}
			},
			Work: estepWork(0.1),
		},
		{
			Stage: EStep, Strategy: "tile", Events: ByDimension, Parameters: Shared,
			Doc:      "A tile of events in registers under a chunk of components in shared memory.",
			Template: "cuda/estep_tile.cu.tmpl",
			Refuse:   directForm, Tunables: densityTile(), Resources: densityTileResources, Work: estepWork(0.5),
		},
		{
			Stage: Score, Strategy: "event", Events: ByEvent, Parameters: Global,
			Doc:      "A thread an event: log-likelihood and label in one sweep over the components.",
			Template: "cuda/score_event.cu.tmpl",
			Refuse:   directForm, Tunables: threadsOf(), Resources: perEvent, Work: scoreWork(0.25),
		},
		{
			Stage: Score, Strategy: "constant", Events: ByDimension, Parameters: Constant,
			Doc:      "A thread an event, the components in constant memory, which a warp reads in one go.",
			Template: "cuda/score_event.cu.tmpl",
			Refuse:   constantMemory, Tunables: threadsOf(), Resources: perEvent, Work: scoreWork(0.25),
		},
		{
			Stage: Score, Strategy: "tile", Events: ByDimension, Parameters: Shared,
			Doc:      "A tile of events in registers under a chunk of components in shared memory.",
			Template: "cuda/score_tile.cu.tmpl",
			Refuse:   directForm, Tunables: densityTile(), Resources: densityTileResources, Work: scoreWork(0.5),
		},
	}
}

// constantMemory refuses records that constant memory does not hold.
func constantMemory(p Problem, t Target) string {
	if need := RoundComponents(p.M) * factorOf(p).Record(p.D) * p.Precision.Bytes(); need > constantBytes {
		return fmt.Sprintf("needs %d bytes of constant memory: there are %d", need, constantBytes)
	}
	return directForm(p, t)
}

// densityTile are the tunables of the tiles of events under chunks of components.
func densityTile() []Tunable {
	return []Tunable{
		{Name: "events", Doc: "events of a thread", Values: []int{2, 4, 1}},
		{Name: "threads", Doc: "threads of a block", Values: []int{128}},
	}
}

func densityTileResources(p Problem, c Config) Resources {
	threads, record := c.Value("threads"), (factorOf(p).Record(p.D)+3)/4*4
	r := Resources{
		Threads: threads, Tile: threads * c.Value("events"), Blocks: 1, BlocksPerUnit: 8, StaticBytes: blockSumBytes * threads,
		Chunk: max(1, min(RoundComponents(p.M), chunkBytes/(record*p.Precision.Bytes()))),
	}
	r.SharedBytes = (r.Chunk*record + r.Tile*p.D) * p.Precision.Bytes()
	if p.Covariance.Kernel() == Full {
		r.Registers = c.Value("events") * p.D * p.Precision.Bytes() / registerBytes
	}
	return r
}

// cudaMoments are the strategies for statistics from given responsibilities.
func cudaMoments(c Covariance) []Variant {
	slices := []Tunable{{Name: "blocks", Doc: "blocks of a multiprocessor", Values: []int{8, 32}}}
	rows := []Variant{
		{
			Strategy: "pair", Events: ByDimension, Original: "mstep_covar_V1",
			Doc:      "A block a component and cell, a thread some events.",
			Template: "cuda/moments_pair.cu.tmpl",
			Refuse:   directForm,
			Resources: func(p Problem, _ Config) Resources {
				return perCell(RoundComponents(p.M)*p.Covariance.CellCount(p.D), 0)
			},
			Work: momentsWork(0.05),
		},
		{
			Strategy: "cell", Events: ByEvent, Original: "mstep_covar_V2A",
			Doc:      "A block a component, a thread a cell: all events one after another.",
			Template: "cuda/moments_cell.cu.tmpl",
			Refuse:   threadPerCell,
			Resources: func(p Problem, _ Config) Resources {
				return Resources{Threads: cellThreads(p), Tile: FlushEvents, Blocks: RoundComponents(p.M)}
			},
			Work: momentsWork(0.05),
		},
		{
			Strategy: "slice", Events: ByEvent, Original: "mstep_covar_V2B",
			Doc:      "A block a component and slice of the events, a thread a cell; slices are summed in order, not by atomics.",
			Template: "cuda/moments_cell.cu.tmpl",
			Refuse:   threadPerCell, Tunables: slices,
			Resources: func(p Problem, c Config) Resources {
				return Resources{Threads: cellThreads(p), Tile: FlushEvents, Blocks: RoundComponents(p.M), BlocksPerUnit: c.Value("blocks")}
			},
			Work: momentsWork(0.05),
		},
		{
			Strategy: "all", Events: ByDimension, Original: "mstep_covar_V3",
			Doc:      "A block a cell of every component, a thread some events.",
			Template: "cuda/moments_all.cu.tmpl",
			Refuse:   directForm, Tunables: slices,
			Resources: func(p Problem, c Config) Resources {
				r := perCell(p.Covariance.CellCount(p.D), c.Value("blocks"))
				r.SharedBytes = 2 * RoundComponents(p.M) * p.Precision.Bytes()
				return r
			},
			Work: momentsWork(0.05),
		},
		{
			Strategy: "group", Events: ByDimension,
			Doc:      "A block a cell of several components, a thread some events, each read once for all of them (Pangborn, 2010).",
			Template: "cuda/moments_group.cu.tmpl",
			Refuse:   directForm,
			Tunables: []Tunable{{Name: "group", Doc: "components of a block", Values: []int{6, 4, 8}}},
			Resources: func(p Problem, c Config) Resources {
				group := c.Value("group")
				return perCell((RoundComponents(p.M)+group-1)/group*p.Covariance.CellCount(p.D), 8)
			},
			Work: momentsWork(0.1),
		},
		{
			Strategy: "event", Events: ByDimension,
			Doc:      "A thread some events: all sums of a component in its registers, and reduced over the block in shared memory.",
			Template: "cuda/moments_event.cu.tmpl",
			Refuse:   directForm, Tunables: slices,
			Resources: func(p Problem, c Config) Resources {
				const threads = 128
				words := p.Precision.Bytes() / registerBytes
				return Resources{
					Threads: threads, Tile: threads * eventsOfThread, Blocks: RoundComponents(p.M), BlocksPerUnit: c.Value("blocks"),
					StaticBytes: threads / warpThreads * 8 * p.Covariance.CellCount(p.D),
					Registers:   p.Covariance.CellCount(p.D)*(2+words) + 2*p.D*words,
				}
			},
			Work: momentsWork(0.2),
		},
		{
			Strategy: "staged", Events: ByEvent,
			Doc:      "A block a component and slice, a thread cells; a tile's differences from the mean are in shared memory.",
			Template: "cuda/moments_staged.cu.tmpl",
			Refuse:   directForm,
			Tunables: []Tunable{{Name: "tile", Doc: "events staged in shared memory", Values: []int{128, 32, 4}}},
			Resources: func(p Problem, c Config) Resources {
				tile := c.Value("tile")
				return Resources{
					Threads: CUDAThreads, Tile: tile, Blocks: RoundComponents(p.M), BlocksPerUnit: 16,
					SharedBytes: tile * (tileWidth(p.D) + 1) * p.Precision.Bytes(),
				}
			},
			Work: momentsWork(0.05),
		},
		momentsTile(c),
	}
	for i := range rows {
		rows[i].Stage, rows[i].Parameters = Moments, Global
	}
	return rows
}

// perCell are the resources of a kernel whose blocks each take a cell, their threads some events.
func perCell(blocks, blocksPerUnit int) Resources {
	return Resources{
		Threads: CUDAThreads, Tile: CUDAThreads * eventsOfThread, Blocks: blocks, BlocksPerUnit: blocksPerUnit,
		StaticBytes: blockSumBytes * CUDAThreads,
	}
}

// cellThreads is a thread for each cell, in whole warps.
func cellThreads(p Problem) int {
	return (p.Covariance.CellCount(p.D) + warpThreads - 1) / warpThreads * warpThreads
}

// threadPerCell refuses more cells than a block has threads.
func threadPerCell(p Problem, t Target) string {
	if threads := cellThreads(p); threads > cudaThreadsPerBlock {
		return fmt.Sprintf("needs a thread for each of %d sums of a component: a block has at most %d", p.Covariance.CellCount(p.D), cudaThreadsPerBlock)
	}
	return directForm(p, t)
}

// momentsTile is the register-tiled strategy: patches of the lower triangle for full, components × dimensions for diag.
func momentsTile(c Covariance) Variant {
	v := Variant{
		Strategy: "tile", Events: ByEvent, Refuse: directForm, Work: momentsWork(0.3),
		Doc:      "A thread a square patch of the cells of some components in registers, over a tile of events in shared memory.",
		Template: "cuda/moments_tile.cu.tmpl",
		Tunables: []Tunable{
			{Name: "components", Doc: "components of a block", Values: []int{4, 2, 1}},
			{Name: "tile", Doc: "events staged in shared memory", Values: []int{128, 32}},
		},
		Resources: func(p Problem, c Config) Resources {
			const side = 4
			components, tile := c.Value("components"), c.Value("tile")
			strips := (p.D + side) / side
			parts := (strips*(strips+1)/2 + CUDAThreads - 1) / CUDAThreads
			return Resources{
				Threads: CUDAThreads, Tile: tile, Blocks: (RoundComponents(p.M) + components - 1) / components * parts, BlocksPerUnit: 8,
				SharedBytes: tile * (strips*side + components) * p.Precision.Bytes(),
				Registers:   (components*side*(side+2) + 3*side) * p.Precision.Bytes() / registerBytes,
			}
		},
	}
	if c == Full {
		return v
	}
	v.Doc = "A thread some components × dimensions in registers, over a tile of events and responsibilities in shared memory."
	v.Template = "cuda/moments_tile_diag.cu.tmpl"
	v.Tunables = []Tunable{
		{Name: "side", Doc: "components, and dimensions, of a thread", Values: []int{4, 2}},
		{Name: "tile", Doc: "events staged in shared memory", Values: []int{64, 16, 4}},
	}
	v.Resources = func(p Problem, c Config) Resources {
		side, tile := c.Value("side"), c.Value("tile")
		strips := (p.D + side - 1) / side
		parts := (strips + CUDAThreads - 1) / CUDAThreads
		columns := (strips + parts - 1) / parts
		bands := (RoundComponents(p.M) + side - 1) / side
		rows := min(CUDAThreads/columns, bands)
		return Resources{
			Threads: CUDAThreads, Tile: tile, Blocks: (bands + rows - 1) / rows * parts, BlocksPerUnit: 8,
			SharedBytes: tile * (columns + rows) * side * p.Precision.Bytes(),
			Registers:   side * (3*side + 3) * p.Precision.Bytes() / registerBytes,
		}
	}
	return v
}

// cudaOthers are the fused strategy and the M-step.
func cudaOthers() []Variant {
	return []Variant{
		{
			Stage: Accumulate, Strategy: "tile", Events: ByEvent, Parameters: Global,
			Doc:      "A tile of events a block: responsibilities stay in shared memory, a thread a component's cell.",
			Template: "cuda/accumulate_tile.cu.tmpl",
			Refuse:   directForm,
			Tunables: []Tunable{{Name: "tile", Doc: "events in shared memory", Values: []int{64, 32}}},
			Resources: func(p Problem, c Config) Resources {
				tile := c.Value("tile")
				return Resources{
					Threads: CUDAThreads, Tile: tile, Blocks: 1, BlocksPerUnit: 2, StaticBytes: blockSumBytes * CUDAThreads,
					SharedBytes: tile * (tileWidth(p.D) + RoundComponents(p.M)) * p.Precision.Bytes(),
				}
			},
			Work: accumulateWork(0.1),
		},
		{
			Stage: Update, Strategy: "component", Events: ByEvent, Parameters: Global,
			Doc:      "A warp a component, in float64: mean, covariance, ridge, and a Cholesky factorisation to check them.",
			Original: "mstep_means + constants",
			Template: "cuda/update_component.cu.tmpl",
			Refuse:   ownCovariance,
			Resources: func(p Problem, _ Config) Resources {
				return Resources{Threads: updateThreads, Tile: 1, Blocks: RoundComponents(p.M)}
			},
			Work: updateWork(0.001),
		},
	}
}

// ownCovariance refuses covariance types whose matrices belong to several components.
func ownCovariance(p Problem, t Target) string {
	if p.Covariance != p.Covariance.Kernel() {
		return "sums no covariance over components or dimensions, as " + string(p.Covariance) + " needs"
	}
	return directForm(p, t)
}
