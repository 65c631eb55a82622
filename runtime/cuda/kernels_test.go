package cuda_test

import (
	"math"
	"slices"

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
	kernels := []cudafake.Kernel{
		{Name: runtime.Update, Params: []any{ptr, ptr, ptr, ptr, ptr, ptr, i64, ptr, ptr, ptr, ptr}, Run: f.update},
		{Name: "reduce", Params: []any{ptr, i64, ptr}, Run: f.reduce},
		fakeUnpack[float32, float32](), fakeUnpack[float32, float64](), fakeUnpack[float64, float64](),
	}
	for _, k := range []struct {
		stage string
		own   []any
		run   func(*cudafake.Launch, *inputs[T]) error
	}{
		{runtime.EStep, []any{ptr, i64, ptr, ptr}, f.estep},
		{runtime.Moments, []any{ptr, i64, ptr}, f.moments},
		{runtime.Accumulate, []any{ptr}, f.accumulate},
		{runtime.Score, []any{ptr, ptr, ptr}, f.score},
		{matrixStage, []any{ptr, ptr, ptr, i64, ptr, float32(0), ptr, i64, ptr}, f.matrix},
	} {
		i := slices.IndexFunc(p.Kernels, func(of runtime.Kernel) bool { return of.Entry == k.stage })
		if i < 0 {
			continue
		}
		kernel := &p.Kernels[i]
		entries := map[string]func(*cudafake.Launch, *inputs[T]) error{k.stage: k.run}
		if len(kernel.Then) > 0 {
			entries = map[string]func(*cudafake.Launch, *inputs[T]) error{k.stage: f.densities, kernel.Then[0].Entry: k.run}
		}
		for name, run := range entries {
			kernels = append(kernels, cudafake.Kernel{
				Name: name, Params: append(f.params(kernel), k.own...),
				Run: func(l *cudafake.Launch) error {
					in, err := f.inputs(l, kernel)
					if err != nil {
						return err
					}
					return run(l, in)
				},
			})
		}
	}
	return kernels
}

// fakeUnpack is the kernel that turns rows as they come into what kernels read: rows, n, d, shift, scale, events and columns, either of which may be null,
// pitch.
func fakeUnpack[E, T runtime.Real]() cudafake.Kernel {
	ptr, i64 := cuda.DevicePtr(0), int64(0)
	name := func(number any) string {
		if _, ok := number.(float32); ok {
			return "f32"
		}
		return "f64"
	}
	return cudafake.Kernel{
		Name: "unpack_" + name(E(0)) + "_" + name(T(0)), Params: []any{ptr, i64, i64, ptr, ptr, ptr, ptr, i64},
		Run: func(l *cudafake.Launch) error {
			n, d, pitch := int(l.Args[1].(int64)), int(l.Args[2].(int64)), int(l.Args[7].(int64))
			rows, err := array[E](l, 0, n*d)
			if err != nil {
				return err
			}
			shift, err := array[float64](l, 3, d)
			if err != nil {
				return err
			}
			scale, err := array[float64](l, 4, d)
			if err != nil {
				return err
			}
			for argument, place := range map[int]func(i, j int) int{
				5: func(i, j int) int { return i*d + j }, 6: func(i, j int) int { return j*pitch + i },
			} {
				if l.Args[argument].(cuda.DevicePtr) == 0 {
					continue
				}
				to, err := array[T](l, argument, place(n-1, d-1)+1)
				if err != nil {
					return err
				}
				for i := range n {
					for j := range d {
						to[place(i, j)] = T((float64(rows[i*d+j]) - shift[j]) * scale[j])
					}
				}
			}
			return nil
		},
	}
}

// fakeGlobals are the variables of every module: the records of kernels that read them in constant memory.
func fakeGlobals(p *runtime.Program) map[string]int {
	const number = 8
	return map[string]int{runtime.ConstantRecords: p.Components * p.Record(runtime.Packed) * number}
}

// fakes is the kernels of one program.
type fakes[T runtime.Real] struct{ *runtime.Program }

// triangle is how many numbers a factor has.
func (f fakes[T]) triangle() int { return f.Cells() - 1 - f.Dimensions }

// inputs are the arguments that all kernels over events begin with.
type inputs[T runtime.Real] struct {
	n                        int
	events, weights, records []T
	kernel                   *runtime.Kernel
	dimension, event         int // how far apart an event's numbers, and two events, are
	own                      int // the first argument that is the kernel's own
}

// params are the types of those arguments.
func (f fakes[T]) params(k *runtime.Kernel) []any {
	params := []any{cuda.DevicePtr(0)}
	if k.Events == runtime.ByDimension {
		params = append(params, int64(0))
	}
	params = append(params, int64(0), cuda.DevicePtr(0))
	if !k.Constant {
		params = append(params, cuda.DevicePtr(0))
	}
	return params
}

func (f fakes[T]) inputs(l *cudafake.Launch, k *runtime.Kernel) (in *inputs[T], err error) {
	in = &inputs[T]{kernel: k, dimension: 1, event: f.Dimensions}
	next := 1
	if k.Events == runtime.ByDimension {
		in.dimension, in.event = int(l.Args[next].(int64)), 1
		next++
	}
	in.n = int(l.Args[next].(int64))
	if in.events, err = array[T](l, 0, (in.n-1)*in.event+(f.Dimensions-1)*in.dimension+1); err != nil {
		return nil, err
	}
	if f.Weighted {
		if in.weights, err = array[T](l, next+1, in.n); err != nil {
			return nil, err
		}
	}
	in.own = next + 2
	records := f.Components * f.Record(k.Factor)
	if k.Constant {
		constants, err := l.Global(runtime.ConstantRecords)
		if err != nil {
			return nil, err
		}
		in.records, err = cudafake.Slice[T](l, constants, records)
		return in, err
	}
	in.own++
	in.records, err = array[T](l, next+2, records)
	return in, err
}

// x returns coordinate d of event i.
func (in *inputs[T]) x(i, d int) T { return in.events[i*in.event+d*in.dimension] }

// own returns the n numbers that one of the kernel's own arguments points to.
func own[T runtime.Real, E cuda.Number](l *cudafake.Launch, in *inputs[T], argument, n int) ([]E, error) {
	return array[E](l, in.own+argument, n)
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
		size := f.Record(in.kernel.Factor)
		record := in.records[m*size:][:size]
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
				at := k
				if in.kernel.Factor == runtime.Square {
					at = b*d + a
				}
				y += float64(factor[at]) * float64(in.x(i, b)-mean[b])
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

// slice returns which slice of a launch event i is in.
func slice(l *cudafake.Launch, i int) int { return i / fakeTile % l.Grid.Y }

// densities: responsibilities, stride, log-likelihoods, totals, of which it writes the first: log-densities, which estep turns
// into what they are.
func (f fakes[T]) densities(l *cudafake.Launch, in *inputs[T]) error {
	stride := int(l.Args[in.own+1].(int64))
	responsibilities, err := own[T, T](l, in, 0, f.Components*stride)
	if err != nil {
		return err
	}
	row := make([]float64, f.Components)
	for i := range in.n {
		f.logits(row, in, i)
		for m := range l.Grid.X { // blocks share components
			responsibilities[m*stride+i] = T(row[m])
		}
	}
	return nil
}

// estep: responsibilities, stride, log-likelihoods, totals.
func (f fakes[T]) estep(l *cudafake.Launch, in *inputs[T]) error {
	stride := int(l.Args[in.own+1].(int64))
	responsibilities, err := own[T, T](l, in, 0, f.Components*stride)
	if err != nil {
		return err
	}
	logLikelihoods, err := own[T, T](l, in, 2, in.n)
	if err != nil {
		return err
	}
	totals, err := own[T, float64](l, in, 3, l.Grid.Y)
	if err != nil {
		return err
	}
	clear(totals)
	row := make([]float64, f.Components)
	for i := range in.n {
		f.logits(row, in, i)
		if len(in.kernel.Then) > 0 {
			for m := range row {
				row[m] = float64(responsibilities[m*stride+i])
			}
		}
		logSum, _ := softmax(row)
		logLikelihoods[i] = T(logSum)
		totals[slice(l, i)] += in.weight(i) * logSum
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
	mean := in.records[m*f.Record(in.kernel.Factor)+1:]
	delta := func(a int) float64 { return float64(in.x(i, a) - mean[a]) }
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

// partial returns the rows that the slices of a launch leave, zero.
func (f fakes[T]) partial(l *cudafake.Launch, in *inputs[T], argument int) ([]float64, error) {
	rows, err := own[T, float64](l, in, argument, l.Grid.Y*f.Sums())
	clear(rows)
	return rows, err
}

// moments: responsibilities, stride, partial.
func (f fakes[T]) moments(l *cudafake.Launch, in *inputs[T]) error {
	stride := int(l.Args[in.own+1].(int64))
	responsibilities, err := own[T, T](l, in, 0, f.Components*stride)
	if err != nil {
		return err
	}
	partial, err := f.partial(l, in, 2)
	if err != nil {
		return err
	}
	for i := range in.n {
		row := partial[slice(l, i)*f.Sums():]
		for m := range l.Grid.X {
			f.addMoments(row[m*f.Cells():], in, i, m, in.weight(i)*float64(responsibilities[m*stride+i]))
		}
	}
	return nil
}

// accumulate: partial.
func (f fakes[T]) accumulate(l *cudafake.Launch, in *inputs[T]) error {
	partial, err := f.partial(l, in, 0)
	if err != nil {
		return err
	}
	responsibilities := make([]float64, f.Components)
	for i := range in.n {
		row := partial[slice(l, i)*f.Sums():][:f.Sums()]
		f.logits(responsibilities, in, i)
		logSum, _ := softmax(responsibilities)
		row[f.Sums()-1] += in.weight(i) * logSum
		for m, r := range responsibilities {
			f.addMoments(row[m*f.Cells():], in, i, m, in.weight(i)*r)
		}
	}
	return nil
}

// matrixStage is the entry of the kernel below, whose stage is to accumulate.
const matrixStage = "matrix"

// workspacePerEvent is what that kernel leaves of an event, in bytes.
const workspacePerEvent = 8

// withMatrix returns a program that sums in matrix form, too, which is accurate enough for anything.
func withMatrix(p *runtime.Program) *runtime.Program {
	p.MaxError = 1
	p.Kernels = append(p.Kernels, runtime.Kernel{
		Variant: "matrix-fake", Stage: runtime.Accumulate, Entry: matrixStage, Binary: []byte("fake"), Events: runtime.ByDimension, Factor: runtime.Packed,
		Threads: fakeTile, Blocks: 1, BlocksPerUnit: 1, Tile: fakeTile, Centred: true, WorkspacePerEvent: workspacePerEvent, RowBytes: 8 * p.Sums(),
		WorkspacePerBucket: 12 + 4*p.Dimensions, // where its events are, and its centre
	})
	return p
}

// matrix: loop, workspace, table, buckets, spread, gain, partial, rows, sums, of which it writes the workspace and the last: the sums of accumulate, the
// squares about the frame's centre, loads, and how many events take part.
func (f fakes[T]) matrix(l *cudafake.Launch, in *inputs[T]) error {
	workspace, err := own[T, uint8](l, in, 1, in.n*workspacePerEvent)
	if err != nil {
		return err
	}
	clear(workspace)
	m, d := f.Components, f.Dimensions
	sums, err := own[T, float64](l, in, 8, f.Sums()+m*(d+2))
	if err != nil {
		return err
	}
	clear(sums)
	squares, loads, taking := sums[f.Sums():][:m*d], sums[f.Sums()+m*d:][:m], sums[f.Sums()+m*d+m:]
	responsibilities := make([]float64, m)
	for i := range in.n {
		f.logits(responsibilities, in, i)
		logSum, _ := softmax(responsibilities)
		sums[f.Sums()-1] += in.weight(i) * logSum
		for c, r := range responsibilities {
			r *= in.weight(i)
			f.addMoments(sums[c*f.Cells():], in, i, c, r)
			for j := range d {
				squares[c*d+j] += r * float64(in.x(i, j)) * float64(in.x(i, j))
			}
			if r > 0 {
				taking[c]++
			}
			loads[c] = 1
		}
	}
	return nil
}

// score: log-likelihoods and labels, each of which may be null, totals.
func (f fakes[T]) score(l *cudafake.Launch, in *inputs[T]) error {
	var logLikelihoods []T
	var labels []int32
	var err error
	if l.Args[in.own].(cuda.DevicePtr) != 0 {
		if logLikelihoods, err = own[T, T](l, in, 0, in.n); err != nil {
			return err
		}
	}
	if l.Args[in.own+1].(cuda.DevicePtr) != 0 {
		if labels, err = own[T, int32](l, in, 1, in.n); err != nil {
			return err
		}
	}
	totals, err := own[T, float64](l, in, 2, l.Grid.Y)
	if err != nil {
		return err
	}
	clear(totals)
	row := make([]float64, f.Components)
	for i := range in.n {
		f.logits(row, in, i)
		logSum, label := softmax(row)
		totals[slice(l, i)] += in.weight(i) * logSum
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
	p, report, err := mixture.Update(s, mixture.Prior{Ridge: ridge, Floor: ridge}, mixture.NewParameters(f.Covariance, m, d))
	if err != nil {
		return err
	}
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
