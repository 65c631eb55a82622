package mixture

import (
	"context"
	"errors"
	"fmt"
	"math"
	goruntime "runtime"
	"sync"
	"sync/atomic"
)

// summaryChunk is how many events one step of [Summarize] reads: small enough to stay in a core's cache at any usual D,
// and the same whatever the number of cores, so that sums have one order.
const summaryChunk = 2048

// Summary is what starting points, ridges and number formats need to know of events: one pass over them.
type Summary struct {
	N, D int
	// EventWeight is Σ w_n.
	EventWeight float64
	// Mean and Variance (biased, dividing by Σ w_n) are those of each dimension, weighted, over the coordinates present.
	Mean, Variance []float64
	// Low and High bound each dimension over all events, whatever their weights.
	Low, High []float64
}

// MaxAbs returns max_n |x_nd| of dimension d.
func (s *Summary) MaxAbs(d int) float64 { return math.Max(math.Abs(s.Low[d]), math.Abs(s.High[d])) }

// Warnings says, for people, in which dimensions all events are the same, x1 being the first. Where that is all of them the events are
// one point, of which [Train] speaks.
func (s *Summary) Warnings() []string {
	var constant []string
	for j := range s.D {
		if s.Low[j] == s.High[j] {
			constant = append(constant, fmt.Sprintf("x%d", j+1))
		}
	}
	if len(constant) == 0 || len(constant) == s.D {
		return nil
	}
	return []string{"all events are the same in " + enumerate(constant) + ": there every variance is the ridge"}
}

// Summarize reads all events once, in parallel, and sums in a fixed order. It refuses coordinates that are infinite, beyond
// [MaxMagnitude] or, unless data.Missing is set, NaN (*[EventError], of the first such event), weights of the wrong number
// (*[ShapeError]), weights that are negative, beyond MaxMagnitude or all zero, dimensions of which nothing is present, and
// events so far apart that their weighted squares overflow, and reports what has become of events that lie in a [Source]. It stops between chunks once ctx is cancelled.
func Summarize(ctx context.Context, data Data) (*Summary, error) {
	if ctx == nil {
		return nil, errors.New("mixture: there is no context")
	}
	if data.Events == nil {
		return nil, errors.New("mixture: there are no events")
	}
	n, d := data.Events.Len(), data.Events.Dims()
	if n < 1 || d < 1 {
		return nil, errors.New("mixture: there are no events")
	}
	if data.Weights != nil && len(data.Weights) != n {
		return nil, &ShapeError{What: "number of event weights", Got: len(data.Weights), Want: n}
	}
	for i, w := range data.Weights {
		if !(w >= 0 && w <= MaxMagnitude) {
			return nil, fmt.Errorf("mixture: weight of event %d is %v: want a number from 0 to %g", i, w, MaxMagnitude)
		}
	}
	chunks := (n + summaryChunk - 1) / summaryChunk
	parts := make([]*moments, chunks)
	next := make(chan int)
	var failed atomic.Bool
	var wait sync.WaitGroup
	for range min(goruntime.GOMAXPROCS(0), chunks) {
		wait.Go(func() {
			buffer := make([]float64, min(summaryChunk, n)*d)
			for c := range next {
				from := c * summaryChunk
				rows := buffer[:min(summaryChunk, n-from)*d]
				data.Events.Read(rows, from)
				parts[c] = newMoments(d)
				if parts[c].sum(rows, from, data); parts[c].err != nil {
					failed.Store(true)
				}
			}
		})
	}
	// Chunks are handed out in order: when one has failed, all before it are done or under way, the first at fault too.
	for c := 0; c < chunks && !failed.Load() && ctx.Err() == nil; c++ {
		next <- c
	}
	close(next)
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := Intact(data.Events); err != nil {
		return nil, err
	}
	return summary(parts, n, d)
}

// summary merges the chunks' moments in their order.
func summary(parts []*moments, n, d int) (*Summary, error) {
	all := newMoments(d)
	for _, p := range parts {
		if p.err != nil {
			return nil, p.err
		}
		all.merge(p)
	}
	if !(all.total > 0) {
		return nil, fmt.Errorf("mixture: the weights of all %d events are 0", n)
	}
	s := &Summary{N: n, D: d, EventWeight: all.total, Mean: all.mean, Variance: all.square, Low: all.low, High: all.high}
	for j, w := range all.weight {
		if !(w > 0) {
			return nil, fmt.Errorf("mixture: dimension %d is missing in every event that has a weight", j)
		}
		if s.Variance[j] /= w; math.IsInf(s.Variance[j], 0) {
			return nil, fmt.Errorf("mixture: dimension %d: its weighted squares overflow: scale the events or the weights down", j)
		}
	}
	return s, nil
}

// moments is a summary under way: for each dimension the weight present, its mean, the weighted squares about the mean and
// the bounds.
type moments struct {
	weight, mean, square, low, high []float64
	total                           float64 // the events' weight
	err                             error
}

func newMoments(d int) *moments {
	p := &moments{
		weight: make([]float64, d), mean: make([]float64, d), square: make([]float64, d),
		low: make([]float64, d), high: make([]float64, d),
	}
	for j := range d {
		p.low[j], p.high[j] = math.Inf(1), math.Inf(-1)
	}
	return p
}

// sum sets p to the moments of the rows, which begin at event from: the means first and then the squares about them, so
// that nothing cancels wherever the origin is.
func (p *moments) sum(rows []float64, from int, data Data) {
	d := len(p.mean)
	weight := func(i int) float64 {
		if data.Weights == nil {
			return 1
		}
		return data.Weights[from+i]
	}
	for i := range len(rows) / d {
		w := weight(i)
		p.total += w
		for j, v := range rows[i*d:][:d] {
			if math.IsNaN(v) && data.Missing {
				continue
			}
			if !(math.Abs(v) <= MaxMagnitude) {
				p.err = &EventError{Event: int64(from + i), Dimension: j, Value: v}
				return
			}
			p.low[j], p.high[j] = math.Min(p.low[j], v), math.Max(p.high[j], v)
			p.weight[j] += w
			p.mean[j] += w * v
		}
	}
	rounding := make([]float64, d)
	for j, w := range p.weight {
		if w > 0 {
			p.mean[j] /= w
		}
	}
	for i := range len(rows) / d {
		w := weight(i)
		for j, v := range rows[i*d:][:d] {
			if math.IsNaN(v) {
				continue
			}
			delta := v - p.mean[j]
			rounding[j] += w * delta
			p.square[j] += w * delta * delta
		}
	}
	for j, w := range p.weight {
		if w > 0 {
			p.mean[j] += rounding[j] / w
		}
	}
}

// merge adds the moments of other events: Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing
// sample variances (1979), eq. 2.1.
func (p *moments) merge(q *moments) {
	p.total += q.total
	for j, w := range q.weight {
		p.low[j], p.high[j] = math.Min(p.low[j], q.low[j]), math.Max(p.high[j], q.high[j])
		if !(w > 0) {
			continue
		}
		share := w / (p.weight[j] + w)
		delta := q.mean[j] - p.mean[j]
		p.square[j] += q.square[j] + delta*delta*(p.weight[j]*share)
		p.mean[j] += delta * share
		p.weight[j] += w
	}
}
