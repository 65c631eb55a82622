package cc

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// blockEvents is how many events a kernel is called for: long enough to hide the call, short enough to stay in the cache
	// at usual D, and to cancel at.
	blockEvents = 2048
	// maxSlices is how many parts the events are summed in, whatever the number of workers.
	maxSlices = 64
	// maxSumsBytes bounds the memory of the slices' sums.
	maxSumsBytes = 64 << 20
	// pieceLength is how many numbers are copied at a time: of as much as a MiB the copy would go past the caches.
	pieceLength = 1 << 14
	// sharedSums is how many sums of slices a goroutine adds up at least: tens of microseconds' work.
	sharedSums = 1 << 16
)

// loaded is events that a device views.
type loaded[T runtime.Real] struct {
	device *Device
	data   mixture.Data
	weight float64 // Σ w_n
	frame  runtime.Frame
	scales []float64 // the frame for kernels: its shift, then its scale
	closed atomic.Bool

	// Memory that one pass leaves for the next: *worker[T], and *[]float64 of sums.
	workers, sums sync.Pool

	poisoned atomic.Bool // what kernels write is filled with NaN before
	direct   atomic.Bool // no kernel is used whose sums are about a centre

	sorting  sync.Mutex  // held while what follows is used
	buckets  *buckets[T] // nil before events are sorted
	resting  int         // passes for which buckets are not tried, as they did not make components less tight
	rest     int         // how many those were to be
	waited   int         // passes in which most components took part since it was seen that they do
	patience int         // how many of those there are before it is seen again
}

func newLoaded[T runtime.Real](d *Device, data mixture.Data, s *mixture.Summary) *loaded[T] {
	l := &loaded[T]{device: d, data: data, weight: s.EventWeight, frame: runtime.CentredFrame(s)}
	l.scales = slices.Concat(l.frame.Shift, l.frame.Scale)
	return l
}

// Close lets go of the events.
func (l *loaded[T]) Close() error {
	l.closed.Store(true)
	return nil
}

// Poison has what kernels write filled with NaN before.
func (l *loaded[T]) Poison() { l.poisoned.Store(true) }

// Direct has sums made by the kernels alone whose sums are about each component's mean, where there are any.
func (l *loaded[T]) Direct() { l.direct.Store(true) }

// poison fills what kernels leave with a worker, where that was asked for.
func (l *loaded[T]) poison(w *worker[T]) {
	if !l.poisoned.Load() {
		return
	}
	for _, numbers := range [][]T{w.scratch, w.responsibilities, w.logLikelihoods} {
		fill(numbers, T(math.NaN()))
	}
	fill(w.labels, -1)
}

func fill[E any](s []E, value E) {
	for i := range s {
		s[i] = value
	}
}

// begin checks that a pass under p can be made. Where it can, the caller must call l.device.mu.RUnlock.
func (l *loaded[T]) begin(ctx context.Context, p *mixture.Parameters) (*runtime.PackedModel[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.device.program.CheckParameters(p); err != nil {
		return nil, err
	}
	packed, err := runtime.Pack[T](l.device.program, l.frame, p)
	if err != nil {
		return nil, err
	}
	l.device.mu.RLock()
	if l.device.closed || l.closed.Load() {
		l.device.mu.RUnlock()
		return nil, mixture.ErrClosed
	}
	return packed, nil
}

// block is events that a kernel is called for.
type block[T runtime.Real] struct {
	from, n int
	events  Arg // n rows, stride apart
	wide    int // 1 where they are of float64
	stride  int
	order   []uint32 // their numbers among the rows, nil where they come one after another
	weights []T      // nil for weights of 1
	frame   []float64
}

// worker is what one goroutine needs to call kernels.
type worker[T runtime.Real] struct {
	weights          []T
	buffer           []float64 // a block of events that are no rows, or lie in a source
	narrow           []float32 // a block of events that lie in a source as float32
	scratch          []T
	responsibilities []T // components × blockEvents
	logLikelihoods   []T
	labels           []int32

	// Of a kernel whose sums are about centres.
	frame  []float64
	active []int32
}

func (l *loaded[T]) newWorker() *worker[T] {
	if w, ok := l.workers.Get().(*worker[T]); ok {
		return w
	}
	p, n := l.device.program, l.longest()
	w := &worker[T]{logLikelihoods: make([]T, n), labels: make([]int32, n), frame: make([]float64, 2*p.Dimensions)}
	if l.data.Weights != nil {
		w.weights = make([]T, n)
	}
	scratch := 0
	for _, k := range p.Kernels {
		scratch = max(scratch, k.ScratchBytes)
	}
	w.scratch = aligned[T](scratch)
	return w
}

// aligned returns that many bytes of numbers, which begin where the largest vector may.
func aligned[T runtime.Real](bytes int) []T {
	size := int(unsafe.Sizeof(T(0)))
	numbers := make([]T, (bytes+vectors512)/size)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(numbers)))) & (vectors512 - 1) / size
	return numbers[skip:][:bytes/size]
}

// take makes events from … from+n ready for a kernel.
func (l *loaded[T]) take(w *worker[T], from, n int) block[T] {
	b := block[T]{from: from, n: n, wide: 1, frame: l.scales}
	switch rows := l.data.Events.(type) {
	case *mixture.Rows[float32]:
		b.wide = 0
		b.events, b.stride = consecutive(rows, &w.narrow, l.longest(), from, n)
	case *mixture.Rows[float64]:
		b.events, b.stride = consecutive(rows, &w.buffer, l.longest(), from, n)
	default:
		d := l.device.program.Dimensions
		room(&w.buffer, l.longest()*d)
		l.data.Events.Read(w.buffer[:n*d], from)
		b.events, b.stride = Ptr(w.buffer), d
	}
	if l.data.Weights != nil {
		b.weights = w.weights[:n]
		for i, v := range l.data.Weights[from:][:n] {
			b.weights[i] = T(v)
		}
	}
	return b
}

// takeOrdered makes the events of these numbers ready for a kernel that reads them in that order.
func (l *loaded[T]) takeOrdered(w *worker[T], order []uint32) block[T] {
	b := block[T]{n: len(order), wide: 1, frame: l.scales}
	switch rows := l.data.Events.(type) {
	case *mixture.Rows[float32]:
		b.wide = 0
		b.events, b.stride, b.order = scattered(rows, &w.narrow, l.longest(), order)
	case *mixture.Rows[float64]:
		b.events, b.stride, b.order = scattered(rows, &w.buffer, l.longest(), order)
	}
	if l.data.Weights != nil {
		b.weights = w.weights[:len(order)]
		for i, number := range order {
			b.weights[i] = T(l.data.Weights[number])
		}
	}
	return b
}

// consecutive returns where a kernel finds n events, and how far apart. In a source nothing guards it: from there they are copied to
// space, of most events.
func consecutive[E runtime.Real](rows *mixture.Rows[E], space *[]E, most, from, n int) (events Arg, stride int) {
	data, stride := rows.Slice()
	if !rows.Guarded() {
		return Ptr(data[from*stride:]), stride
	}
	d := rows.Dims()
	room(space, most*d)
	rows.Guard(func() {
		if stride == d {
			for part := 0; part < n*d; part += pieceLength {
				end := min(part+pieceLength, n*d)
				copy((*space)[part:end], data[from*d+part:])
			}
			return
		}
		for i := range n {
			copy((*space)[i*d:][:d], data[(from+i)*stride:])
		}
	})
	return Ptr(*space), d
}

// scattered is consecutive of the events of these numbers. A copy is in their order, so that none is left.
func scattered[E runtime.Real](rows *mixture.Rows[E], space *[]E, most int, order []uint32) (events Arg, stride int, left []uint32) {
	data, stride := rows.Slice()
	if !rows.Guarded() {
		return Ptr(data), stride, order
	}
	d := rows.Dims()
	room(space, most*d)
	rows.Guard(func() {
		for i, number := range order {
			copy((*space)[i*d:][:d], data[int(number)*stride:])
		}
	})
	return Ptr(*space), d, nil
}

// room makes space hold that many numbers.
func room[E any](space *[]E, length int) {
	if len(*space) < length {
		*space = make([]E, length)
	}
}

// run calls a kernel over a block of events: the arguments that all of them begin with, its own, and the scratch memory.
func (l *loaded[T]) run(k *kernel, w *worker[T], b block[T], packed *runtime.PackedModel[T], own ...Arg) {
	var args [MaxArgs]Arg
	n := copy(args[:], []Arg{b.events, Int(b.wide), Int(b.stride), Int(b.n), Ptr(b.frame), Ptr(b.weights), Ptr(packed.Records[k.Factor])})
	n += copy(args[n:], own)
	args[n] = Ptr(w.scratch)
	k.call.Call(args[:n+1]...)
}

// longest is how many events a block has at most.
func (l *loaded[T]) longest() int { return min(blockEvents, l.data.Events.Len()) }

// blocks is how many blocks the events are.
func (l *loaded[T]) blocks() int { return (l.data.Events.Len() + blockEvents - 1) / blockEvents }

// slices returns in how many slices so many parts are summed, each of that many sums.
func slicesOf(parts, length int) int { return min(parts, maxSlices, max(1, maxSumsBytes/(8*length))) }

// sharers returns how many goroutines share them.
func (l *loaded[T]) sharers(parts, length int) int {
	return min(l.device.workersNow(), slicesOf(parts, length))
}

// zeros returns memory for a slice's sums.
func (l *loaded[T]) zeros(length int) *[]float64 {
	if sums, ok := l.sums.Get().(*[]float64); ok && len(*sums) == length {
		clear(*sums)
		return sums
	}
	sums := make([]float64, length)
	return &sums
}

// pass calls visit for every block of events, as sum does.
func (l *loaded[T]) pass(ctx context.Context, length int, visit func(w *worker[T], b block[T], sums []float64)) ([]float64, error) {
	n := l.data.Events.Len()
	return l.sum(ctx, l.blocks(), length, func(w *worker[T], i int, sums []float64) {
		from := i * blockEvents
		visit(w, l.take(w, from, min(blockEvents, n-from)), sums)
	})
}

// sum calls visit for every one of so many parts of the events. Those of one slice come one after another, and sums belongs to the
// slice: length numbers, zero at first. The slices' sums are then added in order, each worker some of them, so that the result does not depend
// on the workers.
func (l *loaded[T]) sum(ctx context.Context, count, length int, visit func(w *worker[T], part int, sums []float64)) ([]float64, error) {
	slices := slicesOf(count, length)
	parts := make([]*[]float64, slices)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range l.sharers(count, length) {
		wait.Go(func() {
			w := l.newWorker()
			defer l.workers.Put(w)
			for s := int(next.Add(1)) - 1; s < slices; s = int(next.Add(1)) - 1 {
				parts[s] = l.zeros(length)
				for i := s * count / slices; i < (s+1)*count/slices && ctx.Err() == nil; i++ {
					visit(w, i, *parts[s])
				}
			}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	total := make([]float64, length)
	sharers := min(l.sharers(count, length), 1+slices*length/sharedSums)
	for i := range sharers {
		from, to := i*length/sharers, (i+1)*length/sharers
		wait.Go(func() {
			share := total[from:to]
			for _, part := range parts {
				for i, v := range (*part)[from:to] {
					share[i] += v
				}
			}
		})
	}
	wait.Wait()
	for _, part := range parts {
		l.sums.Put(part)
	}
	return total, nil
}

// fused returns the fused kernel whose sums are about each component's mean, nil where there is none.
func (l *loaded[T]) fused() *kernel {
	if k, ok := l.device.kernels[runtime.Accumulate]; ok {
		return &k
	}
	return nil
}

// hasDirect reports whether sums can be had about each component's mean.
func (l *loaded[T]) hasDirect() bool {
	_, split := l.device.kernels[runtime.Moments]
	return split || l.fused() != nil
}

// accumulator returns what to do with each block for sums about each component's mean: run the fused kernel, or, without one, the
// E-step and the moments.
func (l *loaded[T]) accumulator(packed *runtime.PackedModel[T]) (func(*worker[T], block[T], []float64), error) {
	if fused := l.fused(); fused != nil {
		return func(w *worker[T], b block[T], sums []float64) {
			l.poison(w)
			l.run(fused, w, b, packed, Ptr(sums))
		}, nil
	}
	if _, ok := l.device.kernels[runtime.Moments]; !ok {
		return nil, &runtime.MissingStageError{Stage: runtime.Accumulate}
	}
	moments := l.moments(packed)
	estep, err := l.estep(packed)
	if err != nil {
		return nil, err
	}
	return func(w *worker[T], b block[T], sums []float64) {
		estep(w, b, sums[len(sums)-1:])
		moments(w, b, sums)
	}, nil
}

// moments returns a call of the moments kernel on the responsibilities that an E-step has left with the worker.
func (l *loaded[T]) moments(packed *runtime.PackedModel[T]) func(w *worker[T], b block[T], sums []float64) {
	k := l.device.kernels[runtime.Moments]
	return func(w *worker[T], b block[T], sums []float64) {
		l.run(&k, w, b, packed, Ptr(w.responsibilities), Int(len(w.logLikelihoods)), Ptr(sums))
	}
}

// estep returns a call of the E-step that leaves responsibilities and log-likelihoods with the worker.
func (l *loaded[T]) estep(packed *runtime.PackedModel[T]) (func(w *worker[T], b block[T], total []float64), error) {
	k, ok := l.device.kernels[runtime.EStep]
	if !ok {
		return nil, &runtime.MissingStageError{Stage: runtime.EStep}
	}
	return func(w *worker[T], b block[T], total []float64) {
		pitch := len(w.logLikelihoods)
		if w.responsibilities == nil {
			w.responsibilities = make([]T, l.device.program.Components*pitch)
		}
		l.poison(w)
		l.run(&k, w, b, packed, Ptr(w.responsibilities), Int(pitch), Ptr(w.logLikelihoods), Ptr(total))
	}, nil
}

// Score runs the E-step kernel where responsibilities are asked for, and the score kernel for all else.
func (l *loaded[T]) Score(ctx context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	if err := out.Check(l.data.Events.Len(), p.M); err != nil {
		return err
	}
	packed, err := l.begin(ctx, p)
	if err != nil {
		return err
	}
	defer l.device.mu.RUnlock()
	visit, err := l.scorer(packed, p.M, out)
	if err != nil {
		return err
	}
	total, err := l.pass(ctx, 1, visit)
	if err != nil {
		return err
	}
	out.Total = total[0]
	return nil
}

func (l *loaded[T]) scorer(packed *runtime.PackedModel[T], m int, out *mixture.Scores) (func(*worker[T], block[T], []float64), error) {
	score, ok := l.device.kernels[runtime.Score]
	if !ok {
		return nil, &runtime.MissingStageError{Stage: runtime.Score}
	}
	byScore := func(w *worker[T], b block[T], total []float64) {
		l.poison(w)
		l.run(&score, w, b, packed, Ptr(w.logLikelihoods), Ptr(w.labels), Ptr(total))
		runtime.TakeScores(out, b.from, w.logLikelihoods[:b.n], w.labels[:b.n])
	}
	if out.Responsibilities == nil {
		return byScore, nil
	}
	estep, err := l.estep(packed)
	if err != nil {
		return nil, err
	}
	return func(w *worker[T], b block[T], total []float64) {
		var ignored [1]float64
		estep(w, b, ignored[:])
		runtime.TakeResponsibilities(out, b.from, b.n, 0, m, len(w.logLikelihoods), w.responsibilities)
		byScore(w, b, total)
	}, nil
}

// Update runs the update kernel where the program has one.
func (l *loaded[T]) Update(s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters) (*mixture.Parameters, mixture.Report, error) {
	k, ok := l.device.kernels[runtime.Update]
	if !ok {
		return mixture.Update(s, prior, previous)
	}
	l.device.mu.RLock()
	defer l.device.mu.RUnlock()
	if l.device.closed || l.closed.Load() {
		return nil, mixture.Report{}, mixture.ErrClosed
	}
	if err := l.device.program.CheckUpdate(s, prior, previous); err != nil {
		return nil, mixture.Report{}, err
	}
	p := mixture.NewParameters(s.Covariance, s.M, s.D)
	status := make([]int32, s.M)
	work := make([]float64, s.Covariance.SecondLen(1, s.D))
	if l.poisoned.Load() {
		for _, numbers := range [][]float64{p.Means, p.Covariances, work} {
			fill(numbers, math.NaN())
		}
		fill(status, -1)
	}
	k.call.Call(Ptr(s.Weights), Ptr(s.First), Ptr(s.Second), Ptr(s.Origins), Ptr(prior.Ridge), Ptr(runtime.UpdateLimits(s.D)),
		Int(s.M), Ptr(work), Ptr(p.Means), Ptr(p.Covariances), Ptr(status))
	return runtime.FinishUpdate(p, s, prior, previous, status, l.poisoned.Load())
}
