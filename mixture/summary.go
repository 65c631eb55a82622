package mixture

import (
	"context"
	"fmt"
	"math"
	goruntime "runtime"
	"sync"
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

// partialSummary is the sums of one chunk, about a shift common to all.
type partialSummary struct {
	weight, sum, square, low, high []float64
	total                          float64
	err                            error
}

// Summarize reads all events once, in parallel, and sums in a fixed order. It refuses coordinates that are infinite, beyond
// [MaxMagnitude] or, unless data.Missing is set, NaN (*[EventError]), weights that are negative or not finite or that are all
// zero, and weights of the wrong number.
func Summarize(ctx context.Context, data Data) (*Summary, error) {
	n, d := data.Events.Len(), data.Events.Dims()
	if data.Weights != nil && len(data.Weights) != n {
		return nil, &ShapeError{What: "number of event weights", Got: len(data.Weights), Want: n}
	}
	for i, w := range data.Weights {
		if !(w >= 0 && w <= MaxMagnitude) {
			return nil, fmt.Errorf("mixture: weight of event %d is %v: want a finite number of at least 0", i, w)
		}
	}
	shift := firstPresent(data.Events)
	chunks := (n + summaryChunk - 1) / summaryChunk
	parts := make([]*partialSummary, chunks)
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(goruntime.GOMAXPROCS(0), chunks) {
		wait.Go(func() {
			buffer := make([]float64, summaryChunk*d)
			for c := range next {
				from := c * summaryChunk
				rows := buffer[:min(summaryChunk, n-from)*d]
				data.Events.Read(rows, from)
				parts[c] = summarizeChunk(rows, from, d, shift, data)
			}
		})
	}
	for c := range chunks {
		if ctx.Err() != nil {
			break
		}
		next <- c
	}
	close(next)
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return mergeSummaries(parts, n, d, shift)
}

// firstPresent returns the first event, with 0 for what it lacks: a point near the data to sum about.
func firstPresent(events Events) []float64 {
	shift := make([]float64, events.Dims())
	events.Read(shift, 0)
	for j, v := range shift {
		if !(math.Abs(v) <= MaxMagnitude) {
			shift[j] = 0
		}
	}
	return shift
}

func summarizeChunk(rows []float64, from, d int, shift []float64, data Data) *partialSummary {
	p := &partialSummary{
		weight: make([]float64, d), sum: make([]float64, d), square: make([]float64, d),
		low: make([]float64, d), high: make([]float64, d),
	}
	for j := range d {
		p.low[j], p.high[j] = math.Inf(1), math.Inf(-1)
	}
	for i := range len(rows) / d {
		w := 1.0
		if data.Weights != nil {
			w = data.Weights[from+i]
		}
		p.total += w
		for j, v := range rows[i*d:][:d] {
			if !(math.Abs(v) <= MaxMagnitude) {
				if data.Missing && math.IsNaN(v) {
					continue
				}
				p.err = &EventError{Event: int64(from + i), Dimension: j, Value: v}
				return p
			}
			p.low[j], p.high[j] = math.Min(p.low[j], v), math.Max(p.high[j], v)
			delta := v - shift[j]
			p.weight[j] += w
			p.sum[j] += w * delta
			p.square[j] += w * delta * delta
		}
	}
	return p
}

func mergeSummaries(parts []*partialSummary, n, d int, shift []float64) (*Summary, error) {
	s := &Summary{
		N: n, D: d, Mean: make([]float64, d), Variance: make([]float64, d),
		Low: make([]float64, d), High: make([]float64, d),
	}
	weight, square := make([]float64, d), make([]float64, d)
	for j := range d {
		s.Low[j], s.High[j] = math.Inf(1), math.Inf(-1)
	}
	for _, p := range parts {
		if p.err != nil {
			return nil, p.err
		}
		s.EventWeight += p.total
		for j := range d {
			weight[j] += p.weight[j]
			s.Mean[j] += p.sum[j]
			square[j] += p.square[j]
			s.Low[j], s.High[j] = math.Min(s.Low[j], p.low[j]), math.Max(s.High[j], p.high[j])
		}
	}
	if !(s.EventWeight > 0) {
		return nil, fmt.Errorf("mixture: the weights of all %d events are 0", n)
	}
	for j := range d {
		if !(weight[j] > 0) {
			return nil, fmt.Errorf("mixture: dimension %d is missing in every event", j)
		}
		mean := s.Mean[j] / weight[j]
		s.Variance[j] = math.Max(0, square[j]/weight[j]-mean*mean)
		s.Mean[j] = shift[j] + mean
	}
	return s, nil
}
