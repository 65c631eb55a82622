package cc

import (
	"context"
	"math"
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
)

// loaded is events that a device views.
type loaded[T runtime.Real] struct {
	device *Device
	data   mixture.Data
	weight float64 // Σ w_n
	frame  runtime.Frame
	direct *mixture.Rows[T] // the events where kernels can read them as they are
	closed atomic.Bool

	poisoned atomic.Bool // what kernels write is filled with NaN before
}

func newLoaded[T runtime.Real](d *Device, data mixture.Data, s *mixture.Summary) *loaded[T] {
	l := &loaded[T]{device: d, data: data, weight: s.EventWeight, frame: runtime.NewFrame(s, d.program.Precision)}
	if rows, ok := data.Events.(*mixture.Rows[T]); ok && l.frame.Identity {
		l.direct = rows
	}
	return l
}

// Close lets go of the events.
func (l *loaded[T]) Close() error {
	l.closed.Store(true)
	return nil
}

// Poison has what kernels write filled with NaN before.
func (l *loaded[T]) Poison() { l.poisoned.Store(true) }

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
	events  []T
	stride  int
	weights []T // nil for weights of 1
}

// worker is what one goroutine needs to call kernels.
type worker[T runtime.Real] struct {
	events, weights  []T
	buffer           []float64
	scratch          []T
	responsibilities []T // components × blockEvents
	logLikelihoods   []T
	labels           []int32
}

func (l *loaded[T]) newWorker() *worker[T] {
	p, n := l.device.program, min(blockEvents, l.data.Events.Len())
	w := &worker[T]{logLikelihoods: make([]T, n), labels: make([]int32, n)}
	if l.direct == nil {
		w.events, w.buffer = make([]T, n*p.Dimensions), make([]float64, n*p.Dimensions)
	}
	if l.data.Weights != nil {
		w.weights = make([]T, n)
	}
	scratch := 0
	for _, k := range p.Kernels {
		scratch = max(scratch, k.ScratchBytes)
	}
	var number T
	w.scratch = make([]T, scratch/int(unsafe.Sizeof(number)))
	return w
}

// take makes events from … from+n ready for a kernel.
func (l *loaded[T]) take(w *worker[T], from, n int) block[T] {
	b := block[T]{from: from, n: n}
	if l.direct != nil {
		data, stride := l.direct.Slice()
		b.events, b.stride = data[from*stride:], stride
	} else {
		d := l.device.program.Dimensions
		b.events, b.stride = w.events[:n*d], d
		runtime.Read(l.frame, b.events, l.data.Events, from, w.buffer)
	}
	if l.data.Weights != nil {
		b.weights = w.weights[:n]
		for i, v := range l.data.Weights[from:][:n] {
			b.weights[i] = T(v)
		}
	}
	return b
}

// slices returns in how many parts the events are summed, each of that many sums.
func (l *loaded[T]) slices(length int) int {
	blocks := (l.data.Events.Len() + blockEvents - 1) / blockEvents
	return min(blocks, maxSlices, max(1, maxSumsBytes/(8*length)))
}

// workers returns how many goroutines share them.
func (l *loaded[T]) workers(length int) int { return min(l.device.workersNow(), l.slices(length)) }

// pass calls visit for every block of events. Blocks of one slice come one after another, and sums belongs to the slice:
// length numbers, zero at first. The slices' sums are then added in order, so that the result does not depend on the workers.
func (l *loaded[T]) pass(ctx context.Context, length int, visit func(w *worker[T], b block[T], sums []float64)) ([]float64, error) {
	n := l.data.Events.Len()
	blocks := (n + blockEvents - 1) / blockEvents
	slices := l.slices(length)
	parts := make([][]float64, slices)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range l.workers(length) {
		wait.Go(func() {
			w := l.newWorker()
			for s := int(next.Add(1)) - 1; s < slices; s = int(next.Add(1)) - 1 {
				parts[s] = make([]float64, length)
				for b := s * blocks / slices; b < (s+1)*blocks/slices && ctx.Err() == nil; b++ {
					from := b * blockEvents
					visit(w, l.take(w, from, min(blockEvents, n-from)), parts[s])
				}
			}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	total := parts[0]
	for _, part := range parts[1:] {
		for i, v := range part {
			total[i] += v
		}
	}
	return total, nil
}

// Accumulate runs the fused kernel, or the E-step and the moments of each block in turn.
func (l *loaded[T]) Accumulate(ctx context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	packed, err := l.begin(ctx, p)
	if err != nil {
		return nil, err
	}
	defer l.device.mu.RUnlock()
	visit, err := l.accumulator(packed)
	if err != nil {
		return nil, err
	}
	program := l.device.program
	sums, err := l.pass(ctx, program.Sums(), visit)
	if err != nil {
		return nil, err
	}
	s := runtime.Unpack(program, l.frame, p.M, packed.Origins, sums)
	s.Events, s.EventWeight = int64(l.data.Events.Len()), l.weight
	return s, nil
}

func (l *loaded[T]) accumulator(packed *runtime.PackedModel[T]) (func(*worker[T], block[T], []float64), error) {
	if k, ok := l.device.kernels[runtime.Accumulate]; ok {
		return func(w *worker[T], b block[T], sums []float64) {
			l.poison(w)
			k.call.Call(Ptr(b.events), Int(b.stride), Int(b.n), Ptr(b.weights), Ptr(packed.Records[k.Factor]), Ptr(sums), Ptr(w.scratch))
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
		k.call.Call(Ptr(b.events), Int(b.stride), Int(b.n), Ptr(b.weights), Ptr(packed.Records[k.Factor]),
			Ptr(w.responsibilities), Int(len(w.logLikelihoods)), Ptr(sums), Ptr(w.scratch))
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
		k.call.Call(Ptr(b.events), Int(b.stride), Int(b.n), Ptr(b.weights), Ptr(packed.Records[k.Factor]),
			Ptr(w.responsibilities), Int(pitch), Ptr(w.logLikelihoods), Ptr(total), Ptr(w.scratch))
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
		score.call.Call(Ptr(b.events), Int(b.stride), Int(b.n), Ptr(b.weights), Ptr(packed.Records[score.Factor]),
			Ptr(w.logLikelihoods), Ptr(w.labels), Ptr(total), Ptr(w.scratch))
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
		runtime.TakeResponsibilities(out, b.from, b.n, m, len(w.logLikelihoods), w.responsibilities)
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
	}
	k.call.Call(Ptr(s.Weights), Ptr(s.First), Ptr(s.Second), Ptr(s.Origins), Ptr(prior.Ridge), Ptr(runtime.UpdateLimits(s.D)),
		Int(s.M), Ptr(work), Ptr(p.Means), Ptr(p.Covariances), Ptr(status))
	return runtime.FinishUpdate(p, s, prior, previous, status)
}
