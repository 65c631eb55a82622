package variants

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Stage is one part of the work that touches events or statistics.
type Stage string

// The stages.
const (
	// EStep computes the N×M responsibilities and the log-likelihoods.
	EStep Stage = "estep"
	// Moments sums statistics from given responsibilities.
	Moments Stage = "moments"
	// Accumulate is EStep and Moments fused: responsibilities never leave the chip.
	Accumulate Stage = "accumulate"
	// Score computes log-likelihoods and labels.
	Score Stage = "score"
	// Update is the M-step: statistics in, parameters out.
	Update Stage = "update"
	// Fit is passes and M-steps, one after the other.
	Fit Stage = "fit"
)

// Stages lists the stages.
func Stages() []Stage { return []Stage{EStep, Moments, Accumulate, Score, Update, Fit} }

// Variant is one way to do one stage on one backend.
type Variant struct {
	Backend    Backend
	Stage      Stage
	Covariance Covariance       // full or diag: see [Covariance.Kernel]
	Strategy   string           // one word
	Events     EventLayout      // how the events are read
	Factor     CovarianceLayout // how a component's factor is read
	Parameters Memory           // where the components' records are read from
	Centred    bool             // it sums about a centre that all components share
	Warpgroups bool             // it has instructions of sm_90a alone, for which it is compiled
	Doc        string           // one sentence
	Original   string           // the name in the 2011 specializer, where it had one
	Template   string           // the file under templates/

	// Refuse returns why the row does not serve a problem on a target, "" where it does. What the hardware limits of
	// Target say is not its business: Resources are checked against those.
	Refuse   func(Problem, Target) string
	Tunables []Tunable
	// Resources gives what a configuration needs of the device.
	Resources func(Problem, Config) Resources
	// Work gives the operations and traffic of one pass.
	Work func(Problem, Config) Work
}

// Resources is what a kernel needs of a device, and how it is launched.
type Resources struct {
	// Threads is the number of threads in a block; 0 for cc.
	Threads int `json:"threads,omitempty"`
	// SharedBytes is the dynamic shared memory of a block; 0 for cc.
	SharedBytes int `json:"shared_bytes,omitempty"`
	// StaticBytes is the shared memory that the kernel declares besides; 0 for cc.
	StaticBytes int `json:"static_bytes,omitempty"`
	// Tile is how many events (for update: components) a block takes at a time.
	Tile int `json:"tile"`
	// Blocks is how many blocks share the work on the same events, as by component: the grid's first dimension; 0 for cc.
	Blocks int `json:"blocks,omitempty"`
	// BlocksPerUnit is how many blocks each multiprocessor should have. Events are cut in as many slices as that takes, the
	// grid's second dimension; 0 cuts nothing. A block takes a slice's tiles one after another.
	BlocksPerUnit int `json:"blocks_per_unit,omitempty"`
	// Registers is how many registers of a thread the kernel's own arrays take, of 32 bits each; 0 where that is no concern.
	Registers int `json:"registers,omitempty"`
	// Chunk is how many components a kernel stages at a time, where it does.
	Chunk int `json:"chunk,omitempty"`
	// Then lists kernels of the same source that are launched next, with the same arguments.
	Then []Launch `json:"then,omitempty"`
	// Workspace is the device memory that the kernels of a source share, WorkspacePerEvent what it has besides for each event,
	// of which 64 are counted at a time.
	Workspace         int `json:"workspace,omitempty"`
	WorkspacePerEvent int `json:"workspace_per_event,omitempty"`
	// WorkspaceLabels is how many bytes of an event lie before its label, the chunk of components that is the likeliest; 0 where there is one.
	WorkspaceLabels int `json:"workspace_labels,omitempty"`
	// WorkspacePerRow is what they share for each row of sums.
	WorkspacePerRow int `json:"workspace_per_row,omitempty"`
	// WorkspacePerBucket is what they share for each bucket of events, the table of buckets and their centres first.
	WorkspacePerBucket int `json:"workspace_per_bucket,omitempty"`
	// RowBytes is what a slice's sums take where they are no statistics yet, or 0.
	RowBytes int `json:"row_bytes,omitempty"`
	// RecordBytes is what the records of all components take, where the kernel makes them.
	RecordBytes int `json:"record_bytes,omitempty"`
	// Label is the kernel of the same source that says which component is the likeliest at each event, after those of Then before its sums.
	Label Launch `json:"label,omitzero"`
	// Sort lists kernels of the same source that sort events into buckets, one after the other.
	Sort []Launch `json:"sort,omitempty"`
	// ScratchBytes is the memory that a worker brings; 0 for cuda.
	ScratchBytes int `json:"scratch_bytes,omitempty"`
}

// Launch is how a kernel that follows another is launched: see [Resources].
type Launch struct {
	Entry         string `json:"entry"`
	Threads       int    `json:"threads"`
	SharedBytes   int    `json:"shared_bytes,omitempty"`
	Tile          int    `json:"tile,omitempty"`
	Blocks        int    `json:"blocks"`
	BlocksPerUnit int    `json:"blocks_per_unit,omitempty"`
	Registers     int    `json:"registers,omitempty"` // that a thread keeps numbers in
	Sums          bool   `json:"sums,omitempty"`      // each of its slices leaves a row of sums
	Loop          bool   `json:"loop,omitempty"`      // only where one pass follows another without the host
}

// Work is what one pass costs, whoever does it.
type Work struct {
	Flops float64 // floating-point operations, an exponential counted as [ExpFlops]
	Bytes float64 // moved to and from memory
	// Efficiency is about which share of the device's peak the row computes at: what estimates rest on where no model was fitted to
	// measurements.
	Efficiency float64
}

// ExpFlops is how many floating-point operations an exponential counts for.
const ExpFlops = 20

// Candidate is a variant with a configuration that a target can run.
type Candidate struct {
	Variant Variant
	Config  Config
}

// Rejection says why a variant, or one of its configurations, does not serve a problem on a target.
type Rejection struct {
	Variant string  `json:"variant"`
	Backend Backend `json:"backend"`
	Config  string  `json:"config,omitempty"`
	Reason  string  `json:"reason"`
}

// All lists every variant: the registry.
func All() []Variant { return append(ccVariants(), cudaVariants()...) }

// ByName returns the variant of a backend with the name given.
func ByName(b Backend, name string) (Variant, error) {
	var names []string
	for _, v := range All() {
		if v.Backend != b {
			continue
		}
		if v.Name() == name {
			return v, nil
		}
		names = append(names, v.Name())
	}
	return Variant{}, fmt.Errorf("variants: no variant %q for %s: there are %s", name, b, strings.Join(names, ", "))
}

const (
	// registerBytes is the size of a register.
	registerBytes = 4
	// mostRegisters is what a kernel's arrays may take of the 255 registers that a thread can address.
	mostRegisters = 200
)

const (
	// registersOfUnit is the registers of a multiprocessor, on every architecture.
	registersOfUnit = 64 << 10
	// usualRegisters is what a thread is left where its arrays leave room in it: half of a multiprocessor's threads can then
	// run at once. otherRegisters is for all else in a kernel.
	usualRegisters = 128
	otherRegisters = 64
)

// MinBlocks returns how many blocks a multiprocessor should hold at once, from which a compiler concludes how many registers
// a thread may use: left alone it spills some to have more blocks.
func (r Resources) MinBlocks() int {
	if r.Registers+otherRegisters > usualRegisters {
		return 1
	}
	return max(1, registersOfUnit/usualRegisters/max(1, r.Threads))
}

// largestGrid is the most blocks in the first dimension of a grid, on every architecture.
const largestGrid = math.MaxInt32

// Candidates lists the ways to do a stage of p on t, preferred configurations first, and why the others are not among them.
func Candidates(stage Stage, p Problem, t Target) (serve []Candidate, refused []Rejection) {
	for _, v := range All() {
		if v.Stage != stage || v.Backend != t.Backend || v.Covariance != p.Covariance.Kernel() {
			continue
		}
		if reason := v.Refuse(p, t); reason != "" {
			refused = append(refused, Rejection{Variant: v.Name(), Backend: v.Backend, Reason: reason})
			continue
		}
		for _, c := range v.Configs() {
			if reason := v.Resources(p, c).exceeds(t); reason != "" {
				refused = append(refused, Rejection{Variant: v.Name(), Backend: v.Backend, Config: c.String(), Reason: reason})
				continue
			}
			serve = append(serve, Candidate{v, c})
		}
	}
	return serve, refused
}

// Serves returns why a configuration does not serve a problem on a target, "" where it does.
func (v Variant) Serves(p Problem, t Target, c Config) string {
	if reason := v.Refuse(p, t); reason != "" {
		return reason
	}
	return v.Resources(p, c).exceeds(t)
}

// exceeds says which limit of t the resources break, "" for none.
func (r Resources) exceeds(t Target) string {
	if t.Backend != CUDA {
		return ""
	}
	for _, l := range slices.Concat([]Launch{{Threads: r.Threads, SharedBytes: r.SharedBytes + r.StaticBytes}}, r.Then, r.Sort, []Launch{r.Label}) {
		if l.SharedBytes > t.SharedPerBlock {
			return fmt.Sprintf("needs %d bytes of shared memory a block: %s has %d", l.SharedBytes, t.Arch, t.SharedPerBlock)
		}
		if room := registersOfUnit/max(l.Threads, 1) - otherRegisters; l.Registers > room {
			return fmt.Sprintf("keeps %d numbers of 32 bits in registers of each of %d threads: there is room for %d", l.Registers, l.Threads, room)
		}
		if l.Threads > t.ThreadsPerBlock {
			return fmt.Sprintf("needs %d threads a block: %s has %d", l.Threads, t.Arch, t.ThreadsPerBlock)
		}
	}
	if r.Registers > mostRegisters {
		return fmt.Sprintf("keeps %d numbers of 32 bits in registers: a thread has room for %d", r.Registers, mostRegisters)
	}
	if r.Blocks > largestGrid {
		return fmt.Sprintf("needs %d blocks: a grid has at most %d", r.Blocks, largestGrid)
	}
	return ""
}

// Slices returns in how many parts n events are cut on a device of that many multiprocessors: as many as there is room for at once, and
// no more than there are tiles.
func (r Resources) Slices(n int64, units int) int {
	if r.BlocksPerUnit == 0 {
		return 1
	}
	wanted := int64(r.BlocksPerUnit * units / r.Blocks)
	return int(max(1, min(wanted, (n+int64(r.Tile)-1)/int64(r.Tile))))
}

// What the direct form's kernels are written out for: a table of cells, and for CUDA an event in registers or local memory.
// Past these sizes compiling takes minutes, and the cells' coordinates would not fit their type.
const (
	largestFull = 256
	largestDiag = 4096
)

// directForm refuses what only the reference serves so far.
func directForm(p Problem, t Target) string {
	switch {
	case t.Backend == CC && ccScratch(p, ccTiles()[0], p.D) > mostScratch:
		return fmt.Sprintf("keeps a tile's densities of all components with each worker: at most %d MiB", mostScratch>>20)
	case p.Missing:
		return "has no form for missing values"
	case p.Hard:
		return "has no form for hard assignment"
	}
	largest := largestDiag
	if p.Covariance.Kernel() == Full {
		largest = largestFull
	}
	if p.D > largest {
		return fmt.Sprintf("writes out its sums one by one: at most D=%d for %s", largest, p.Covariance)
	}
	return ""
}
