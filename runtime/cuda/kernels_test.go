package cuda_test

import (
	"math"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
)

// fakeTile is the tile of the kernels below; nothing is a whole number of it.
const fakeTile = 37

// fakeKernels returns a program's kernels as Go functions, which follow the same contract as the rendered ones: records in;
// sums by component and cell, the total last, a row a block; responsibilities by component.
func fakeKernels[T runtime.Real](p *runtime.Program) []cudafake.Kernel {
	f := fakes[T]{p}
	ptr, i64 := cuda.DevicePtr(0), int64(0)
	return []cudafake.Kernel{
		{Name: runtime.EStep, Params: []any{ptr, i64, ptr, ptr, ptr, i64, ptr, ptr}, Run: f.estep},
		{Name: runtime.Moments, Params: []any{ptr, i64, ptr, ptr, ptr, i64, ptr}, Run: f.moments},
		{Name: runtime.Accumulate, Params: []any{ptr, i64, ptr, ptr, ptr}, Run: f.accumulate},
		{Name: runtime.Score, Params: []any{ptr, i64, ptr, ptr, ptr, ptr, ptr}, Run: f.score},
		{Name: runtime.Update, Params: []any{ptr, ptr, ptr, ptr, ptr, ptr, i64, ptr, ptr, ptr, ptr}, Run: f.update},
		{Name: "reduce", Params: []any{ptr, i64, ptr}, Run: f.reduce},
	}
}

// fakes is the kernels of one program.
type fakes[T runtime.Real] struct{ *runtime.Program }

// triangle is how many numbers a factor has.
func (f fakes[T]) triangle() int { return f.Cells() - 1 - f.Dimensions }

// inputs are the arguments that all kernels over events begin with.
type inputs[T runtime.Real] struct {
	n                        int
	events, weights, records []T
}

func (f fakes[T]) inputs(l *cudafake.Launch) (in inputs[T], err error) {
	in.n = int(l.Args[1].(int64))
	if in.events, err = array[T](l, 0, in.n*f.Dimensions); err != nil {
		return in, err
	}
	if f.Weighted {
		if in.weights, err = array[T](l, 2, in.n); err != nil {
			return in, err
		}
	}
	in.records, err = array[T](l, 3, f.Components*f.Record())
	return in, err
}

// array returns the n numbers that an argument points to.
func array[E cuda.Number](l *cudafake.Launch, argument, n int) ([]E, error) {
	return cudafake.Slice[E](l, l.Args[argument].(cuda.DevicePtr), n)
}

// weight returns the weight of event i.
func (in *inputs[T]) weight(i int) float64 {
	if in.weights == nil {
		return 1
	}
	return float64(in.weights[i])
}

// logits sets out to the log-densities of event i.
func (f fakes[T]) logits(out []float64, in *inputs[T], i int) {
	d := f.Dimensions
	for m := range out {
		record := in.records[m*f.Record():][:f.Record()]
		mean, constant, factor := record[1:], float64(record[d+1]), record[d+2:]
		if math.IsInf(constant, -1) {
			out[m] = constant
			continue
		}
		square, k := 0.0, 0
		for a := range d {
			y, first := 0.0, 0
			if !f.Covariance.Correlated() {
				first = a
			}
			for b := first; b <= a; b++ {
				y += float64(factor[k]) * float64(in.events[i*d+b]-mean[b])
				k++
			}
			square += y * y
		}
		out[m] = constant - math.Min(square, 1e30)/2
	}
}

// softmax turns logits into responsibilities, and returns the logarithm of their sum and the first highest.
func softmax(logits []float64) (logSum float64, label int) {
	for m, v := range logits {
		if v > logits[label] {
			label = m
		}
	}
	highest, sum := logits[label], 0.0
	for m, v := range logits {
		logits[m] = math.Exp(v - highest)
		sum += logits[m]
	}
	for m := range logits {
		logits[m] /= sum
	}
	return highest + math.Log(sum), label
}

// block returns which block of a launch takes event i.
func block(l *cudafake.Launch, i int) int { return i / fakeTile % l.Grid.X }

// estep: events, n, weights, records, responsibilities, stride, log-likelihoods, totals.
func (f fakes[T]) estep(l *cudafake.Launch) error {
	in, err := f.inputs(l)
	if err != nil {
		return err
	}
	stride := int(l.Args[5].(int64))
	responsibilities, err := array[T](l, 4, f.Components*stride)
	if err != nil {
		return err
	}
	logLikelihoods, err := array[T](l, 6, in.n)
	if err != nil {
		return err
	}
	totals, err := array[float64](l, 7, l.Grid.X)
	if err != nil {
		return err
	}
	clear(totals)
	row := make([]float64, f.Components)
	for i := range in.n {
		f.logits(row, &in, i)
		logSum, _ := softmax(row)
		logLikelihoods[i] = T(logSum)
		totals[block(l, i)] += in.weight(i) * logSum
		for m, r := range row {
			responsibilities[m*stride+i] = T(r)
		}
	}
	return nil
}

// addMoments adds an event's share to the cells of component m.
func (f fakes[T]) addMoments(cells []float64, in *inputs[T], i, m int, r float64) {
	if r == 0 {
		return
	}
	d := f.Dimensions
	mean := in.records[m*f.Record()+1:]
	delta := func(a int) float64 { return float64(in.events[i*d+a] - mean[a]) }
	cells[0] += r
	k := 1 + d
	for a := range d {
		cells[1+a] += r * delta(a)
		first := 0
		if !f.Covariance.Correlated() {
			first = a
		}
		for b := first; b <= a; b++ {
			cells[k] += r * delta(a) * delta(b)
			k++
		}
	}
}

// partial returns the rows that the blocks of a launch leave, zero.
func (f fakes[T]) partial(l *cudafake.Launch, argument int) ([]float64, error) {
	rows, err := array[float64](l, argument, l.Grid.X*f.Sums())
	clear(rows)
	return rows, err
}

// moments: events, n, weights, records, responsibilities, stride, partial.
func (f fakes[T]) moments(l *cudafake.Launch) error {
	in, err := f.inputs(l)
	if err != nil {
		return err
	}
	stride := int(l.Args[5].(int64))
	responsibilities, err := array[T](l, 4, f.Components*stride)
	if err != nil {
		return err
	}
	partial, err := f.partial(l, 6)
	if err != nil {
		return err
	}
	for i := range in.n {
		row := partial[block(l, i)*f.Sums():]
		for m := range l.Grid.Y {
			f.addMoments(row[m*f.Cells():], &in, i, m, in.weight(i)*float64(responsibilities[m*stride+i]))
		}
	}
	return nil
}

// accumulate: events, n, weights, records, partial.
func (f fakes[T]) accumulate(l *cudafake.Launch) error {
	in, err := f.inputs(l)
	if err != nil {
		return err
	}
	partial, err := f.partial(l, 4)
	if err != nil {
		return err
	}
	responsibilities := make([]float64, f.Components)
	for i := range in.n {
		row := partial[block(l, i)*f.Sums():][:f.Sums()]
		f.logits(responsibilities, &in, i)
		logSum, _ := softmax(responsibilities)
		row[f.Sums()-1] += in.weight(i) * logSum
		for m, r := range responsibilities {
			f.addMoments(row[m*f.Cells():], &in, i, m, in.weight(i)*r)
		}
	}
	return nil
}

// score: events, n, weights, records, log-likelihoods and labels, each of which may be null, totals.
func (f fakes[T]) score(l *cudafake.Launch) error {
	in, err := f.inputs(l)
	if err != nil {
		return err
	}
	var logLikelihoods []T
	if l.Args[4].(cuda.DevicePtr) != 0 {
		if logLikelihoods, err = array[T](l, 4, in.n); err != nil {
			return err
		}
	}
	var labels []int32
	if l.Args[5].(cuda.DevicePtr) != 0 {
		if labels, err = array[int32](l, 5, in.n); err != nil {
			return err
		}
	}
	totals, err := array[float64](l, 6, l.Grid.X)
	if err != nil {
		return err
	}
	clear(totals)
	row := make([]float64, f.Components)
	for i := range in.n {
		f.logits(row, &in, i)
		logSum, label := softmax(row)
		totals[block(l, i)] += in.weight(i) * logSum
		if logLikelihoods != nil {
			logLikelihoods[i] = T(logSum)
		}
		if labels != nil {
			labels[i] = int32(label)
		}
	}
	return nil
}

// update: weights, first, second, origins, ridge, limits, components, work, means, covariances, status. It has mixture's
// M-step say which components go by the book, and with what result; of the others it makes nonsense.
func (f fakes[T]) update(l *cudafake.Launch) error {
	m, d := int(l.Args[6].(int64)), f.Dimensions
	s := mixture.NewStatistics(f.Covariance, m, d, nil)
	ridge := make([]float64, d)
	for _, in := range []struct {
		argument int
		to       []float64
	}{{0, s.Weights}, {1, s.First}, {2, s.Second}, {3, s.Origins}, {4, ridge}, {5, make([]float64, len(runtime.UpdateLimits(d)))}} {
		from, err := array[float64](l, in.argument, len(in.to))
		if err != nil {
			return err
		}
		copy(in.to, from)
	}
	work, err := array[float64](l, 7, m*f.triangle())
	if err != nil {
		return err
	}
	clear(work)
	p, report := mixture.Update(s, mixture.Prior{Ridge: ridge, Floor: ridge}, mixture.NewParameters(f.Covariance, m, d))
	mended := append(report.Empty, report.Floored...)
	for _, component := range mended {
		p.Mean(component)[0] = math.NaN()
	}
	for _, out := range []struct {
		argument int
		from     []float64
	}{{8, p.Means}, {9, p.Covariances}} {
		to, err := array[float64](l, out.argument, len(out.from))
		if err != nil {
			return err
		}
		copy(to, out.from)
	}
	status, err := array[int32](l, 10, m)
	if err != nil {
		return err
	}
	clear(status)
	for _, component := range mended {
		status[component] = 1
	}
	return nil
}

// reduce: partial, rows, sums.
func (f fakes[T]) reduce(l *cudafake.Launch) error {
	rows := int(l.Args[1].(int64))
	partial, err := array[float64](l, 0, rows*f.Sums())
	if err != nil {
		return err
	}
	sums, err := array[float64](l, 2, f.Sums())
	if err != nil {
		return err
	}
	clear(sums)
	for i, v := range partial {
		sums[i%f.Sums()] += v
	}
	return nil
}
