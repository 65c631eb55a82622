package reference

import (
	"context"
	"math"
	goruntime "runtime"
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
)

const (
	// chunkWork is about how many multiplications one chunk of events should take: some milliseconds, so that
	// cancelling is prompt, and far more than handing out a chunk costs.
	chunkWork = 1 << 20
	// minChunk events outweigh adding the chunk's sums to the total.
	minChunk = 16
	// maxChunk events stay in a core's cache at any usual D.
	maxChunk = 512
	// sumsBudget bounds the numbers in all workers' sums together: 1 GiB.
	sumsBudget = 1 << 27
)

// chunkEvents returns how many events one chunk holds. It depends on the shape of the problem alone, so that sums have one
// order whatever the number of processors.
func chunkEvents(p *mixture.Parameters) int {
	work := p.M * p.D
	if p.Covariance.Correlated() {
		work *= p.D
	}
	return max(minChunk, min(chunkWork/work, maxChunk))
}

// worker evaluates events chunk by chunk.
type worker struct {
	model     *model
	data      mixture.Data
	evaluator evaluator
	size      int       // events in a chunk
	rows      []float64 // one chunk
	order     []int     // in which its events are visited
	logits    []float64 // M, of one event
	delta     []float64 // D
}

func newWorker(data mixture.Data, m *model) *worker {
	size := min(chunkEvents(m.Parameters), data.Events.Len())
	return &worker{
		order: make([]int, size), model: m, data: data, evaluator: m.evaluator(data.Missing), size: size,
		rows: make([]float64, size*m.D), logits: make([]float64, m.M), delta: make([]float64, m.D),
	}
}

// each reads a chunk and calls visit for each of its events with its number and weight, when the evaluator observes it and
// logits holds its logits. Events that miss the same coordinates come together, so that they share what depends on that.
func (w *worker) each(chunk int, visit func(n int, weight float64)) {
	from := chunk * w.size
	count := min(w.size, w.data.Events.Len()-from)
	w.data.Events.Read(w.rows[:count*w.model.D], from)
	order := w.order[:count]
	for i := range order {
		order[i] = i
	}
	if w.data.Missing {
		slices.SortStableFunc(order, w.byPattern)
	}
	for _, i := range order {
		weight := 1.0
		if w.data.Weights != nil {
			weight = w.data.Weights[from+i]
		}
		w.evaluator.observe(w.row(i))
		w.model.logits(w.logits, w.evaluator)
		visit(from+i, weight)
	}
}

// row returns event i of the chunk.
func (w *worker) row(i int) []float64 { return w.rows[i*w.model.D:][:w.model.D] }

// byPattern orders events of the chunk by the first coordinate that only one of them misses.
func (w *worker) byPattern(i, j int) int {
	other := w.row(j)
	for k, v := range w.row(i) {
		switch missing, otherMissing := math.IsNaN(v), math.IsNaN(other[k]); {
		case missing && !otherMissing:
			return 1
		case otherMissing && !missing:
			return -1
		}
	}
	return 0
}

// accumulate is the E-step.
func accumulate(ctx context.Context, data mixture.Data, m *model) (*mixture.Statistics, error) {
	total := newSums(m.Parameters)
	err := pass(ctx, data, m, func(w *worker) (work func(chunk int), merge func()) {
		part := newSums(m.Parameters)
		work = func(chunk int) {
			w.each(chunk, func(_ int, weight float64) { part.event(w, weight) })
		}
		return work, func() { total.merge(part) }
	})
	if err != nil {
		return nil, err
	}
	return total.statistics(m.Parameters, data.Events.Len()), nil
}

// event shares the event that w observes among the components.
func (s *sums) event(w *worker, weight float64) {
	s.eventWeight += weight
	if weight == 0 {
		return
	}
	logSum, largest, label := softmax(w.logits)
	if w.data.Hard {
		s.logLikelihood += weight * largest
		s.add(w.evaluator, label, weight, w.delta)
		return
	}
	s.logLikelihood += weight * logSum
	for m, r := range w.logits {
		if r > 0 {
			s.add(w.evaluator, m, weight*r, w.delta)
		}
	}
}

// score evaluates every event.
func score(ctx context.Context, data mixture.Data, model *model, out *mixture.Scores) error {
	total := 0.0
	err := pass(ctx, data, model, func(w *worker) (work func(chunk int), merge func()) {
		part := 0.0
		work = func(chunk int) {
			w.each(chunk, func(n int, weight float64) {
				logSum, largest, label := softmax(w.logits)
				if out.LogLikelihoods != nil {
					out.LogLikelihoods[n] = logSum
				}
				if out.Labels != nil {
					out.Labels[n] = label
				}
				if out.Responsibilities != nil {
					copy(out.Responsibilities[n*model.M:], w.logits)
				}
				if data.Hard {
					logSum = largest
				}
				part += weight * logSum
			})
		}
		return work, func() { total, part = total+part, 0 }
	})
	if err != nil {
		return err
	}
	out.Total = total
	return nil
}

// pass runs work on every chunk of the events, by as many workers as there are processors, and after it merge, in the
// order of the chunks. start makes a worker's pair. It stops between chunks once ctx is cancelled.
func pass(ctx context.Context, data mixture.Data, m *model, start func(*worker) (work func(chunk int), merge func())) error {
	size := chunkEvents(m.Parameters)
	chunks := (data.Events.Len() + size - 1) / size
	affordable := sumsBudget / (m.M*m.D + m.Covariance.SecondLen(m.M, m.D))
	workers := max(1, min(goruntime.GOMAXPROCS(0), chunks, affordable))
	order := newOrder(chunks)
	run := func() {
		work, merge := start(newWorker(data, m))
		for {
			chunk, ok := order.take(ctx)
			if !ok {
				return
			}
			work(chunk)
			order.inTurn(chunk, merge)
		}
	}
	var wait sync.WaitGroup
	for range workers - 1 {
		wait.Go(run)
	}
	run()
	wait.Wait()
	return order.err
}

// order hands out chunks, and lets those who took them have their turns in the same order.
type order struct {
	mutex         sync.Mutex
	changed       *sync.Cond
	chunks        int
	taken, merged int
	err           error
}

func newOrder(chunks int) *order {
	o := &order{chunks: chunks}
	o.changed = sync.NewCond(&o.mutex)
	return o
}

// take returns the next chunk, or false when there is none or ctx is cancelled. A chunk that is taken must have its turn.
func (o *order) take(ctx context.Context) (chunk int, ok bool) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.taken == o.chunks || o.err != nil {
		return 0, false
	}
	if o.err = ctx.Err(); o.err != nil {
		return 0, false
	}
	o.taken++
	return o.taken - 1, true
}

// inTurn calls merge when all earlier chunks have had their turns.
func (o *order) inTurn(chunk int, merge func()) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for o.merged != chunk {
		o.changed.Wait()
	}
	merge()
	o.merged++
	o.changed.Broadcast()
}
