package cuda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// reduceEntry is the kernel that sums what the blocks of an accumulate or moments kernel left, in the same module.
const reduceEntry = "reduce"

// Engine runs a program of compiled kernels on one device as a [mixture.Device]. Events are uploaded once, in the program's
// precision and [runtime.Frame]; where they do not fit the device's memory, as many stay as do, and every pass brings the others.
type Engine struct {
	context *Context
	program *runtime.Program
	kernels map[string]engineKernel
	matrix  *engineKernel // what sums about a centre that components share, or nil
	modules []*Module
	stream  *Stream

	mu     sync.RWMutex // held for reading by every load and pass
	closed bool

	batches batches // what mixtures that are fitted together take

	heldMu sync.Mutex
	held   map[releaser]bool // what was loaded and not yet closed
}

// releaser is what an engine closes before itself.
type releaser interface{ release() error }

// engineKernel is a stage's kernel, loaded.
type engineKernel struct {
	*runtime.Kernel
	launches []engineLaunch // the kernel, and what follows it
	label    []engineLaunch // what labels events, if there is such
	sort     []engineLaunch // what sorts events into buckets
	reduce   *Function      // of kernels that sum statistics
	constant DevicePtr      // where the records go, or 0
}

// densities are those of the launches that leave responsibilities, and pass those and the ones that sum them.
func (k engineKernel) densities() []engineLaunch {
	return k.before(func(l engineLaunch) bool { return l.Sums })
}

func (k engineKernel) pass() []engineLaunch {
	return k.before(func(l engineLaunch) bool { return l.Loop })
}

// before returns the launches before the first of a kind: all of them where there is none.
func (k engineKernel) before(kind func(engineLaunch) bool) []engineLaunch {
	if i := slices.IndexFunc(k.launches, kind); i >= 0 {
		return k.launches[:i]
	}
	return k.launches
}

// engineLaunch is one of a kernel's launches, loaded.
type engineLaunch struct {
	runtime.Launch
	function *Function
}

// NewEngine loads the program's kernels. The context stays the caller's, to be closed after the engine.
func NewEngine(c *Context, program *runtime.Program) (*Engine, error) {
	e := &Engine{context: c, program: program, kernels: map[string]engineKernel{}, held: map[releaser]bool{}, batches: newBatches()}
	if err := e.load(); err != nil {
		return nil, errors.Join(err, e.unload())
	}
	return e, nil
}

func (e *Engine) load() error {
	var err error
	if e.stream, err = e.context.NewStream(); err != nil {
		return err
	}
	for i := range e.program.Kernels {
		k := &e.program.Kernels[i]
		if err := e.loadKernel(k); err != nil {
			return fmt.Errorf("cuda: %s: %w", k.Variant, err)
		}
	}
	return nil
}

func (e *Engine) loadKernel(k *runtime.Kernel) error {
	module, err := e.context.LoadModule(k.Binary)
	if err != nil {
		return err
	}
	e.modules = append(e.modules, module)
	loaded := engineKernel{Kernel: k}
	var labels []runtime.Launch
	if k.Label.Entry != "" {
		labels = append(labels, k.Label)
	}
	for _, of := range []struct {
		launches []runtime.Launch
		loaded   *[]engineLaunch
	}{{k.Launches(), &loaded.launches}, {labels, &loaded.label}, {k.Sort, &loaded.sort}} {
		for _, l := range of.launches {
			function, err := module.Function(l.Entry)
			if err != nil {
				return err
			}
			if err := function.SetMaxDynamicShared(l.SharedBytes); err != nil {
				return err
			}
			*of.loaded = append(*of.loaded, engineLaunch{l, function})
		}
	}
	if k.Centred {
		e.matrix = &loaded
		return nil
	}
	if k.Constant {
		if loaded.constant, _, err = module.Global(runtime.ConstantRecords); err != nil {
			return err
		}
	}
	if k.Stage == runtime.Accumulate || k.Stage == runtime.Moments {
		if loaded.reduce, err = module.Function(reduceEntry); err != nil {
			return err
		}
	}
	e.kernels[k.Stage] = loaded
	return nil
}

// Name returns "cuda:" and the device's number.
func (e *Engine) Name() string { return fmt.Sprintf("cuda:%d", e.context.Device().Ordinal) }

// Load uploads the events if they fit; passes under way go on.
func (e *Engine) Load(ctx context.Context, data mixture.Data) (mixture.Loaded, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, mixture.ErrClosed
	}
	if err := e.program.CheckData(data); err != nil {
		return nil, err
	}
	summary, err := data.Summarized(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.program.CheckWeights(data.Weights); err != nil {
		return nil, err
	}
	if e.program.Precision == runtime.Float32 {
		return load[float32](ctx, e, data, summary)
	}
	return load[float64](ctx, e, data, summary)
}

func load[T runtime.Real](ctx context.Context, e *Engine, data mixture.Data, s *mixture.Summary) (mixture.Loaded, error) {
	r := newResident[T](e, data, s)
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, r.release())
	}
	e.hold(r, true)
	return r, nil
}

// hold notes that something is loaded, or is no more.
func (e *Engine) hold(r releaser, held bool) {
	e.heldMu.Lock()
	defer e.heldMu.Unlock()
	if held {
		e.held[r] = true
	} else {
		delete(e.held, r)
	}
}

// Close waits for loads and passes under way, frees what the engine holds on the device, and refuses further use.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	var all []error
	for r := range e.held {
		all = append(all, r.release())
	}
	return errors.Join(append(all, e.unload())...)
}

func (e *Engine) unload() error {
	all := []error{e.batches.close(e.context)}
	for _, m := range e.modules {
		all = append(all, m.Close())
	}
	if e.stream != nil {
		all = append(all, e.stream.Close())
	}
	return errors.Join(all...)
}

// threadsOfReduce is the block of the reduce kernel.
const threadsOfReduce = 256

// slices returns in how many parts a launch cuts n events.
func (e *Engine) slices(l engineLaunch, n int) int {
	return l.Slices(n, e.context.Device().Multiprocessors)
}

// round is how many events fill the device with a launch's blocks, a tile each.
func (e *Engine) round(l engineLaunch) int { return l.Round(e.context.Device().Multiprocessors) }

// launch puts a kernel on the engine's stream, for events cut in that many slices.
func (e *Engine) launch(l engineLaunch, slices int, args ...any) error {
	return l.function.Launch(Dim3{X: l.Blocks, Y: slices}, Dim3{X: l.Threads}, l.SharedBytes, e.stream, args...)
}
