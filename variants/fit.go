package variants

import "fmt"

// A fit in one launch: passes and M-steps of a mixture follow each other in its blocks, which wait for each other where there are several.

const (
	// fitThreads is those of a block: an event each where densities are computed.
	fitThreads = 256
	// largestFit is the most dimensions: a lane of a warp has one of each in the M-step.
	largestFit = 32
	// mostFitComponents is the most components, whose M-steps a block makes.
	mostFitComponents = 32
	// mostFitSums bounds the sums that a block keeps in shared memory, in float64.
	mostFitSums = 64 << 10
	// fitBlocks is how many blocks a multiprocessor has at most: one less where a column of a covariance has more numbers in registers.
	fitBlocks, largestColumn = 3, 20
)

// FitShape is how a block of a fit in one launch is laid out.
type FitShape struct {
	Groups       int // of 4 homogeneous coordinates
	Stride       int // numbers between the events of a tile, such that 8 of them in a row lie in different banks
	FactorGroups int // of 4 entries of a factor
	Tiles        int // of cells, of a component
	CellsOfTile  int
	Shares       int // into which a tile's events are shared out among the threads that sum
	Passes       int // at most
}

// FitShape returns it.
func (p Problem) FitShape() FitShape {
	const four, eight = 4, 8
	m := RoundComponents(p.M)
	s := FitShape{Groups: (p.D + four) / four, Passes: NewMatrixLayout().Passes}
	s.Stride = four * s.Groups
	if s.Stride%eight == 0 {
		s.Stride += four
	}
	if p.Covariance.Kernel() == Full {
		for a := range p.D {
			s.FactorGroups += (a+1)/four + 1
		}
		s.Tiles, s.CellsOfTile = s.Groups*(s.Groups+1)/2, four*four
	} else {
		s.FactorGroups, s.Tiles, s.CellsOfTile = s.Groups, s.Groups, 2*four
	}
	s.Shares = max(1, fitThreads/(m*s.Tiles))
	return s
}

// FitBlocks returns how many such blocks a multiprocessor of t should have at once, as far as its shared memory goes.
func (p Problem) FitBlocks(t Target) int {
	const reserved = 1 << 10 // bytes of shared memory for each block
	most := fitBlocks
	if p.D > largestColumn {
		most--
	}
	return max(1, min(most, (t.SharedPerBlock-reserved)/(p.FitShape().sharedBytes(p)+reserved)))
}

// sharedBytes is the shared memory of a block: the records, the sums, and a tile of events with their responsibilities.
func (s FitShape) sharedBytes(p Problem) int {
	const number, sum = 4, 8
	m := RoundComponents(p.M)
	return s.recordBytes(p) + s.sums(m)*sum + (fitThreads*s.Stride+(fitThreads+1)*m)*number
}

// fitStaticBytes is the shared memory that a block declares besides: warps' totals, and the rules that passes and M-steps go by.
func (p Problem) fitStaticBytes() int {
	const number, rules = 8, 10 // and two for each dimension
	return (fitThreads/warpThreads + rules + 2*p.D) * number
}

// recordBytes is that of the records: of each component the mean, the factor and the constant.
func (s FitShape) recordBytes(p Problem) int {
	const number, four = 4, 4
	return RoundComponents(p.M) * (s.Groups + s.FactorGroups + 1) * four * number
}

// sums is how many a block keeps.
func (s FitShape) sums(m int) int { return s.Shares * m * s.Tiles * s.CellsOfTile }

// cudaFits are the rows that fit in one launch.
func cudaFits() []Variant {
	return []Variant{{
		Stage: Fit, Strategy: "block", Events: ByDimension, Parameters: Shared,
		Doc:      "All passes and M-steps of small mixtures in one launch, a block a mixture, or several that wait for each other.",
		Template: "cuda/fit_block.cu.tmpl",
		Refuse: func(p Problem, t Target) string {
			const sum = 8
			switch s := p.FitShape(); {
			case p.Precision != Float32:
				return "computes densities in float32"
			case p.Covariance != p.Covariance.Kernel():
				return fmt.Sprintf("has an M-step for full and diag, not for %s", p.Covariance)
			case p.D > largestFit:
				return fmt.Sprintf("has a lane of a warp for each dimension: at most D=%d", largestFit)
			case RoundComponents(p.M) > mostFitComponents:
				return fmt.Sprintf("has a lane of a warp for each component: at most M=%d", mostFitComponents)
			case s.sums(RoundComponents(p.M))*sum > mostFitSums:
				return fmt.Sprintf("keeps the sums of all components in a block's shared memory: at most %d KiB, of these %d", mostFitSums>>10, s.sums(RoundComponents(p.M))*sum>>10)
			}
			return directForm(p, t)
		},
		Resources: func(p Problem, _ Config) Resources {
			return Resources{
				Threads: fitThreads, Tile: fitThreads, Blocks: 1, BlocksPerUnit: 1, SharedBytes: p.FitShape().sharedBytes(p),
				StaticBytes: p.fitStaticBytes(), RecordBytes: p.FitShape().recordBytes(p),
			}
		},
		Work: func(p Problem, _ Config) Work {
			return Work{Flops: p.AccumulateFlops(), Bytes: eventBytes(p), Efficiency: 0.4}
		},
	}}
}
