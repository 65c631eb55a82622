package variants

// EventLayout is the order of the events' numbers in memory.
type EventLayout string

// The event layouts.
const (
	// ByEvent has the D numbers of an event side by side: N×D.
	ByEvent EventLayout = "event"
	// ByDimension has the events' numbers of a dimension side by side: D×N.
	ByDimension EventLayout = "dimension"
)

// CovarianceLayout is how the factor A of a component, Σ⁻¹ = AᵀA, lies in its record.
type CovarianceLayout string

// The covariance layouts.
const (
	// Packed is the lower triangle, row by row.
	Packed CovarianceLayout = "packed"
	// Square is all of D×D, column by column, with zeros above the diagonal: rows lie side by side.
	Square CovarianceLayout = "square"
	// Diagonal is the D entries of a diagonal factor.
	Diagonal CovarianceLayout = "diagonal"
)

// Memory is where a kernel reads the components' records from.
type Memory string

// The memories.
const (
	// Global is device memory, or for cc all there is.
	Global Memory = "global"
	// Shared is a block's shared memory, to which it copies them.
	Shared Memory = "shared"
	// Constant is constant memory, to which the runtime copies them before each launch.
	Constant Memory = "constant"
)

// FactorLen returns how many numbers a factor takes in the layout.
func (l CovarianceLayout) FactorLen(d int) int {
	switch l {
	case Packed:
		return d * (d + 1) / 2
	case Square:
		return d * d
	default:
		return d
	}
}

// Record returns how many numbers describe one component to a kernel: a zero, the mean, the constant and the factor. The
// zero is the mean of the homogeneous coordinate.
func (l CovarianceLayout) Record(d int) int { return d + 2 + l.FactorLen(d) }
