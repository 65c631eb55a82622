package runtime

import (
	"context"
	"fmt"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
)

// The names of the stages.
const (
	EStep      = "estep"
	Moments    = "moments"
	Accumulate = "accumulate"
	Score      = "score"
	Update     = "update"
	Fit        = "fit"
)

// The names of the precisions.
const (
	Float32 = "float32"
	Float64 = "float64"
)

// The layouts of events and of the factors in records.
const (
	ByEvent     = "event"     // N×D
	ByDimension = "dimension" // D×N
	Packed      = "packed"    // the lower triangle, by row
	Square      = "square"    // D×D, by column, 0 above the diagonal
	Diagonal    = "diagonal"
)

// Kernel is one compiled kernel and how it is launched.
type Kernel struct {
	Variant string // the variant's name, with its configuration
	Stage   string
	Entry   string // the function's name in Binary
	Binary  []byte // a cubin or PTX for cuda, a shared object for cc

	Events   string // how it reads events: ByEvent or ByDimension
	Factor   string // how it reads factors: Packed, Square or Diagonal
	Constant bool   // it has the records in constant memory, as ConstantRecords; cuda
	Centred  bool   // it sums about a centre that all components share, and moves its sums to their means

	Threads       int // in a block; cuda
	SharedBytes   int // dynamic shared memory of a block; cuda
	Blocks        int // that share the work on the same events: the grid's first dimension; cuda
	BlocksPerUnit int // that each multiprocessor should have, 0 for no cutting of events in slices; cuda
	Tile          int // events taken at a time
	ScratchBytes  int // of a worker; cc

	Then              []Launch // kernels of Binary that are launched next, with the same arguments; cuda
	Workspace         int      // bytes that those share; cuda
	WorkspacePerEvent int      // bytes that they share besides for each event, of which 64 are counted at a time; cuda
	RowBytes          int      // of a slice's sums where they are no statistics yet; cuda
	RecordBytes       int      // of all components' records, where the kernel makes them; cuda

	WorkspaceLabels    int      // bytes of an event before its label, where there are several chunks of components; cuda
	WorkspacePerRow    int      // bytes that they share for each row of sums; cuda
	WorkspacePerBucket int      // bytes that they share for each bucket of events; cuda
	Label              Launch   // the kernel of Binary that labels events, after those before the first that sums; cuda
	Sort               []Launch // kernels of Binary that sort events into buckets, one after the other; cuda
}

// Launch is how a kernel that follows another is launched.
type Launch struct {
	Entry         string
	Threads       int
	SharedBytes   int
	Tile          int
	Blocks        int
	BlocksPerUnit int
	Sums          bool // each of its slices leaves a row of sums
	Loop          bool // only where one pass follows another without the host
}

// launch is how the kernel itself is.
func (k *Kernel) launch() Launch {
	return Launch{
		Entry: k.Entry, Threads: k.Threads, SharedBytes: k.SharedBytes, Tile: k.Tile, Blocks: k.Blocks, BlocksPerUnit: k.BlocksPerUnit,
	}
}

// Launches lists how the kernel and those that follow it are launched, in order.
func (k *Kernel) Launches() []Launch { return append([]Launch{k.launch()}, k.Then...) }

// Of kernels in matrix form, and of those that fit in one launch.
const (
	LoopPasses  = 64 // that follow each other on the device at most, in one launch or in several
	BatchEvents = 64 // events that a workspace is made for at a time
)

// ConstantRecords is the symbol of the records in a kernel's constant memory.
const ConstantRecords = "params"

// Slices returns in how many parts, the grid's second dimension, n events are cut on a device of that many multiprocessors: as many as
// there is room for at once, or for sums in two rounds where those leave fewer multiprocessors idle; and no more than there are tiles.
func (l Launch) Slices(n, units int) int {
	if l.BlocksPerUnit == 0 {
		return 1
	}
	slices := l.room(units)
	if both := l.room(2 * units); l.Sums && both*16 >= 2*slices*17 {
		slices = both
	}
	return max(1, min(slices, (n+l.Tile-1)/l.Tile))
}

// Round returns how many events fill such a device: a tile for each slice that there is room for.
func (l Launch) Round(units int) int {
	if l.BlocksPerUnit == 0 {
		return l.Tile
	}
	return max(1, l.room(units)) * l.Tile
}

// room is how many slices there is room for at once.
func (l Launch) room(units int) int { return l.BlocksPerUnit * units / l.Blocks }

// Program is the kernels of one plan.
type Program struct {
	Components int // that the kernels are compiled for; a model may have fewer
	Dimensions int
	Covariance mixture.Covariance
	Precision  string // Float32 or Float64
	Weighted   bool
	Kernels    []Kernel

	// MaxError is what an iteration in float32 may put covariances off by for the cheapest form of sums to be taken: see [Program.Keeps].
	// 0 stands for [DefaultMaxError]; float64 has [LeastMaxError] always.
	MaxError float64
	// Promised makes parameters of which no form is within MaxError a *[PrecisionError].
	Promised bool
}

// StageTimer is a loaded set of events that can time one kernel at a time.
type StageTimer interface {
	// Time runs a stage's kernel over all events under p, once for warming up and then repeats times, and returns the seconds
	// of each.
	Time(ctx context.Context, stage string, p *mixture.Parameters, repeats int) ([]float64, error)
}

// Poisoner is a loaded set of events that can show what its kernels leave unwritten.
type Poisoner interface {
	// Poison has all memory that a kernel is to write filled with ones before each of its runs from now on: NaN as a number,
	// -1 as a label. Results stay the same, where kernels are right. An M-step that is handed to the host without need is an error.
	Poison()
}

// Forgetter is a loaded set of events that learns, from each pass, how the next are best made.
type Forgetter interface {
	// Forget has what comes of the events be what came of them first, whatever passes and fits were made since, and gives back most of the
	// memory that was taken for it, where that is much.
	Forget() error
}

// MissingStageError reports work that a program has no kernel for.
type MissingStageError struct{ Stage string }

// Error names the stage.
func (e *MissingStageError) Error() string {
	return fmt.Sprintf("runtime: the program has no kernel for stage %s", e.Stage)
}

// CheckData reports events that the program was not made for.
func (p *Program) CheckData(data mixture.Data) error {
	if d := data.Events.Dims(); d != p.Dimensions {
		return &mixture.ShapeError{What: "dimensions of the events", Got: d, Want: p.Dimensions}
	}
	if data.Weights != nil && len(data.Weights) != data.Events.Len() {
		return &mixture.ShapeError{What: "number of event weights", Got: len(data.Weights), Want: data.Events.Len()}
	}
	switch {
	case data.Weights != nil && !p.Weighted:
		return fmt.Errorf("runtime: the program was made for events without weights")
	case data.Weights == nil && p.Weighted:
		return fmt.Errorf("runtime: the program was made for events with weights")
	case data.Hard:
		return fmt.Errorf("runtime: the program was made for soft assignment")
	case data.Missing:
		return fmt.Errorf("runtime: the program was made for events without missing values")
	}
	return nil
}

// CheckWeights reports a weight that the program's numbers cannot hold with what it is multiplied by.
func (p *Program) CheckWeights(weights []float64) error {
	if p.Precision != Float32 {
		return nil
	}
	for _, w := range weights {
		if w > largestFloat32 {
			return &PrecisionError{Component: -1, Reason: fmt.Sprintf("the weight %g of an event is too large", w)}
		}
	}
	return nil
}

// Directer is a loaded set of events whose sums can be made about each component's mean or about a centre that all share, whichever is
// the faster and accurate enough.
type Directer interface {
	// Direct has them be made about each component's mean from now on.
	Direct()
}

// CheckParameters reports a model that the program was not made for.
func (p *Program) CheckParameters(m *mixture.Parameters) error {
	switch {
	case m.D != p.Dimensions:
		return &mixture.ShapeError{What: "dimensions of the model", Got: m.D, Want: p.Dimensions}
	case m.M < 1 || m.M > p.Components:
		return &mixture.ShapeError{What: "components of the model", Got: m.M, Want: p.Components}
	case m.Covariance != p.Covariance:
		return &mixture.ParameterError{Field: "covariance_type", Index: -1, Reason: fmt.Sprintf(
			"the program was made for %s, not %s", p.Covariance, m.Covariance)}
	}
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"number of weights", len(m.Weights), m.M},
		{"number of means", len(m.Means), m.M * m.D},
		{"number of covariances", len(m.Covariances), m.Covariance.Len(m.M, m.D)},
	} {
		if f.got != f.want {
			return &mixture.ShapeError{What: f.what, Got: f.got, Want: f.want}
		}
	}
	return nil
}

// CheckUpdate reports statistics, a prior or previous parameters that an M-step of the program cannot start from.
func (p *Program) CheckUpdate(s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters) error {
	if err := p.CheckParameters(previous); err != nil {
		return err
	}
	if s.Covariance != p.Covariance {
		return &mixture.ParameterError{Field: "covariance_type", Index: -1, Reason: fmt.Sprintf(
			"the program was made for %s, not for statistics of %s", p.Covariance, s.Covariance)}
	}
	m, d := previous.M, p.Dimensions
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"components of the statistics", s.M, m},
		{"dimensions of the statistics", s.D, d},
		{"number of weights of the statistics", len(s.Weights), m},
		{"number of origins", len(s.Origins), m * d},
		{"number of first moments", len(s.First), m * d},
		{"number of second moments", len(s.Second), s.Covariance.SecondLen(m, d)},
		{"length of the prior's ridge", len(prior.Ridge), d},
	} {
		if f.got != f.want {
			return &mixture.ShapeError{What: f.what, Got: f.got, Want: f.want}
		}
	}
	return nil
}

// centred reports whether a kernel sums about a centre.
func (p *Program) centred() bool {
	return slices.ContainsFunc(p.Kernels, func(k Kernel) bool { return k.Centred })
}

// factors lists the layouts of factors that the program's kernels read.
func (p *Program) factors() []string {
	var all []string
	for _, k := range p.Kernels {
		if k.Stage != Update && k.Stage != Fit && !slices.Contains(all, k.Factor) {
			all = append(all, k.Factor)
		}
	}
	return all
}

// Reads reports whether a kernel reads events in the layout.
func (p *Program) Reads(events string) bool {
	return slices.ContainsFunc(p.Kernels, func(k Kernel) bool { return k.Stage != Update && k.Events == events })
}

// triangle is how many second moments of a component a kernel sums.
func (p *Program) triangle() int {
	if p.Covariance.Correlated() {
		return p.Dimensions * (p.Dimensions + 1) / 2
	}
	return p.Dimensions
}

// Record is how many numbers describe a component to a kernel that reads factors in the layout: 0, the mean, the constant,
// the factor.
func (p *Program) Record(factor string) int {
	if factor == Square {
		return p.Dimensions + 2 + p.Dimensions*p.Dimensions
	}
	return p.Dimensions + 2 + p.triangle()
}

// Cells is how many sums a kernel makes for each component: N_m, the first moments, the second moments.
func (p *Program) Cells() int { return 1 + p.Dimensions + p.triangle() }

// Sums is how many sums a kernel makes: the cells of all components, then the total log-likelihood.
func (p *Program) Sums() int { return p.Components*p.Cells() + 1 }
