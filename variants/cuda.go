package variants

// The 2011 specializer's threads in a block of the M-step, still a good number: eight warps hide each other's loads.
const cudaThreads = 256

// updateThreads is one warp a component: the factorisation's columns are short.
const updateThreads = 32

// blockSumBytes is the shared memory that block_sum declares for each thread: a float64.
const blockSumBytes = 8

// tileWidth is how many numbers apart the events of a tile lie in shared memory: D and the homogeneous coordinate, made odd so
// that neighbouring events lie in different banks (WIDTH in the templates).
func tileWidth(d int) int { return (d + 1) | 1 }

// cudaVariants is the table of CUDA variants. The direct form below is the ladder's first rung: clear, and right at any size
// that fits.
func cudaVariants() []Variant {
	var rows []Variant
	for _, c := range []Covariance{Full, Diag} {
		rows = append(rows,
			Variant{
				Backend: CUDA, Stage: EStep, Covariance: c, Strategy: "event",
				Doc:      "A thread an event: log-densities to memory, then responsibilities in place.",
				Original: "estep1 + estep2",
				Template: "cuda/estep_event.cu.tmpl",
				Refuse:   directForm,
				Tunables: []Tunable{{Name: "threads", Doc: "events a block takes at a time", Values: []int{128, 256}}},
				Resources: func(_ Problem, c Config) Resources {
					threads := c.Value("threads")
					return Resources{Threads: threads, Tile: threads, BlocksPerUnit: 16, StaticBytes: blockSumBytes * threads}
				},
				Work: estepWork(0.25),
			},
			Variant{
				Backend: CUDA, Stage: Moments, Covariance: c, Strategy: "component",
				Doc:      "A block a component and slice of the events, a thread a cell; slices are summed in order.",
				Original: "mstep_covar_V2B",
				Template: "cuda/moments_component.cu.tmpl",
				Refuse:   directForm,
				Tunables: []Tunable{{Name: "tile", Doc: "events staged in shared memory", Values: []int{128, 64, 32, 16}}},
				Resources: func(p Problem, c Config) Resources {
					tile := c.Value("tile")
					return Resources{
						Threads: cudaThreads, Tile: tile, BlocksPerUnit: 1, PerComponent: true,
						SharedBytes: tile * (tileWidth(p.D) + 1) * p.Precision.Bytes(),
					}
				},
				Work: momentsWork(0.05),
			},
			Variant{
				Backend: CUDA, Stage: Accumulate, Covariance: c, Strategy: "tile",
				Doc:      "A tile of events a block: responsibilities stay in shared memory, a thread a component's cell.",
				Template: "cuda/accumulate_tile.cu.tmpl",
				Refuse:   directForm,
				Tunables: []Tunable{{Name: "tile", Doc: "events in shared memory", Values: []int{64, 32}}},
				Resources: func(p Problem, c Config) Resources {
					tile := c.Value("tile")
					return Resources{
						Threads: cudaThreads, Tile: tile, BlocksPerUnit: 2, StaticBytes: blockSumBytes * cudaThreads,
						SharedBytes: tile * (tileWidth(p.D) + RoundComponents(p.M)) * p.Precision.Bytes(),
					}
				},
				Work: accumulateWork(0.1),
			},
			Variant{
				Backend: CUDA, Stage: Score, Covariance: c, Strategy: "event",
				Doc:      "A thread an event: log-likelihood and label in one sweep over the components.",
				Template: "cuda/score_event.cu.tmpl",
				Refuse:   directForm,
				Tunables: []Tunable{{Name: "threads", Doc: "events a block takes at a time", Values: []int{128, 256}}},
				Resources: func(_ Problem, c Config) Resources {
					threads := c.Value("threads")
					return Resources{Threads: threads, Tile: threads, BlocksPerUnit: 16, StaticBytes: blockSumBytes * threads}
				},
				Work: scoreWork(0.25),
			},
			Variant{
				Backend: CUDA, Stage: Update, Covariance: c, Strategy: "component",
				Doc:      "A warp a component, in float64: mean, covariance, ridge, and a Cholesky factorisation to check them.",
				Original: "mstep_means + constants",
				Template: "cuda/update_component.cu.tmpl",
				Refuse:   ownCovariance,
				Resources: func(Problem, Config) Resources {
					return Resources{Threads: updateThreads, Tile: 1, PerComponent: true}
				},
				Work: updateWork(0.001),
			},
		)
	}
	return rows
}

// ownCovariance refuses covariance types whose matrices belong to several components.
func ownCovariance(p Problem, t Target) string {
	if p.Covariance != p.Covariance.Kernel() {
		return "sums no covariance over components or dimensions, as " + string(p.Covariance) + " needs"
	}
	return directForm(p, t)
}
