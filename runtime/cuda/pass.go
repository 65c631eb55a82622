package cuda

import (
	"context"
	"errors"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// takenAtOnce is of how many events one goroutine takes the results at a time.
const takenAtOnce = 1 << 14

// Accumulate runs the kernel that sums about a centre, where components are not too tight for it; or else the fused kernel, or the
// E-step and the moments of each span in turn.
func (r *resident[T]) Accumulate(ctx context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	packed, err := r.begin(ctx, p)
	if err != nil {
		return nil, err
	}
	defer r.end()
	if r.engine.matrix != nil && !(r.direct && r.hasDirect()) {
		if s, err := r.aboutCentres(ctx, packed, p); s != nil || err != nil {
			return s, err
		}
	}
	if r.engine.matrix != nil {
		if err := r.engine.program.CheckDirect(r.frame, p, packed.Factors); err != nil {
			return nil, err
		}
	}
	total := make([]float64, r.engine.program.Sums())
	if err := r.within(func() error {
		visit, limit, err := r.accumulator()
		if err != nil {
			return err
		}
		return r.accumulate(ctx, packed.Records, visit, limit, total)
	}); err != nil {
		return nil, err
	}
	s := r.statistics(p.M, packed.Origins, total)
	return s, r.engine.program.CheckMoved(r.frame, s)
}

// statistics unpacks sums about origins.
func (r *resident[T]) statistics(m int, origins, sums []float64) *mixture.Statistics {
	s := runtime.Unpack(r.engine.program, r.frame, m, origins, sums)
	s.Events, s.EventWeight = int64(r.data.Events.Len()), r.weight
	return s
}

// accumulate sets total to the sums of all events, of which visit makes those of a span, of so many events at most.
func (r *resident[T]) accumulate(ctx context.Context, records map[string][]T, visit func(s span, sums []float64) error, limit int, total []float64) error {
	if err := r.take(records); err != nil {
		return err
	}
	clear(total)
	sums := make([]float64, len(total))
	return r.each(ctx, limit, func(s span) error {
		if err := visit(s, sums); err != nil {
			return err
		}
		for i, v := range sums {
			total[i] += v
		}
		return nil
	})
}

// accumulator returns what to do for each span, and how many events a span may have.
func (r *resident[T]) accumulator() (visit func(s span, sums []float64) error, limit int, err error) {
	if k, ok := r.engine.kernels[runtime.Accumulate]; ok {
		return func(s span, sums []float64) error {
			return r.sum(k, s, sums, r.fused(k, s))
		}, r.data.Events.Len(), nil
	}
	moments, ok := r.engine.kernels[runtime.Moments]
	if !ok {
		return nil, 0, &runtime.MissingStageError{Stage: runtime.Accumulate}
	}
	return func(s span, sums []float64) error {
		logLikelihood, err := r.estep(s)
		if err != nil {
			return err
		}
		err = r.sum(moments, s, sums, r.moments(moments, s))
		sums[len(sums)-1] = logLikelihood
		return err
	}, r.spanOfSplit(), nil
}

// fused launches an accumulate kernel.
func (r *resident[T]) fused(k engineKernel, s span) func(slices int) error {
	return func(slices int) error { return r.launch(k, s, slices, r.partial.ptr) }
}

// moments launches a moments kernel on the responsibilities that an E-step has left.
func (r *resident[T]) moments(k engineKernel, s span) func(slices int) error {
	return func(slices int) error {
		return r.launch(k, s, slices, r.responsibilities.ptr, int64(s.n), r.partial.ptr)
	}
}

// spanOf is how many events are passed over at once by kernels of some stages that leave so many bytes of each: whole rounds of those that
// fill the device, so that no block waits for others, as far as there is room.
func (r *resident[T]) spanOf(bytes int, stages ...string) int {
	round := 1
	for _, stage := range stages {
		for _, l := range r.engine.kernels[stage].launches {
			round = max(round, r.engine.round(l))
		}
	}
	room := max(1, r.spanBytes/bytes)
	if room < round {
		return room
	}
	wanted := max(roundsOfSpan, (leastSpanBytes/bytes+round-1)/round)
	return min(wanted, room/round) * round
}

// spanOfSplit is the span of an E-step and the moments after it.
func (r *resident[T]) spanOfSplit() int {
	return r.spanOf((r.engine.program.Components+1)*numberBytes[T](), runtime.EStep, runtime.Moments)
}

// launch puts a kernel over a span's events on the stream: the arguments that all of them begin with, then its own.
func (r *resident[T]) launch(k engineKernel, s span, slices int, own ...any) error {
	args, err := r.inputs(k, s)
	if err != nil {
		return err
	}
	return r.engine.launch(k.launches[0], slices, append(args, own...)...)
}

// inputs are the arguments that kernels over events begin with. Records go to constant memory where the kernel has them there.
func (r *resident[T]) inputs(k engineKernel, s span) ([]any, error) {
	args := []any{s.events}
	if k.Events == runtime.ByDimension {
		args = []any{s.byDimension, int64(s.pitch)}
	}
	args = append(args, int64(s.n), s.weights)
	records := r.records[k.Factor]
	if !k.Constant {
		return append(args, records.ptr), nil
	}
	return args, r.engine.stream.CopyDtoD(k.constant, records.ptr, r.engine.program.Components*r.engine.program.Record(k.Factor)*numberBytes[T]())
}

// sum runs a kernel that leaves sums in partial, a row a slice, and adds the rows up.
func (r *resident[T]) sum(k engineKernel, s span, sums []float64, launch func(slices int) error) error {
	return r.engine.context.Run(func() error {
		if err := r.launchSum(k, s, len(sums), launch); err != nil {
			return err
		}
		return r.fetch(Bytes(sums), r.sums.ptr)
	})
}

// launchSum puts a kernel and the addition of what its slices leave on the stream.
func (r *resident[T]) launchSum(k engineKernel, s span, length int, launch func(slices int) error) error {
	e := r.engine
	rowBytes := 8 * length
	slices := min(e.slices(k.launches[0], s.n), max(1, maxPartialBytes/rowBytes))
	if err := r.room(&r.partial, slices*rowBytes); err != nil {
		return err
	}
	if err := r.room(&r.sums, rowBytes); err != nil {
		return err
	}
	if err := launch(slices); err != nil {
		return err
	}
	grid := Dim3{X: (length + threadsOfReduce - 1) / threadsOfReduce}
	return k.reduce.Launch(grid, Dim3{X: threadsOfReduce}, 0, e.stream, r.partial.ptr, int64(slices), r.sums.ptr)
}

// fetch copies from the device once the stream's work is done. The next events of a trip are sent before, so that they come meanwhile.
func (r *resident[T]) fetch(dst []byte, src DevicePtr) error {
	if r.trip != nil {
		if err := r.trip.ahead(); err != nil {
			return err
		}
	}
	if err := r.engine.stream.Sync(); err != nil {
		return err
	}
	return r.engine.context.CopyDtoH(dst, src)
}

// estep leaves the responsibilities and log-likelihoods of a span on the device, and returns the sum of the latter.
func (r *resident[T]) estep(s span) (float64, error) {
	k, ok := r.engine.kernels[runtime.EStep]
	if !ok {
		return 0, &runtime.MissingStageError{Stage: runtime.EStep}
	}
	own, err := r.growResponsibilities(s)
	if err != nil {
		return 0, err
	}
	return r.total(k, s, func() error { return nil }, own...)
}

// growResponsibilities makes room for what an E-step leaves, and returns those of its arguments.
func (r *resident[T]) growResponsibilities(s span) ([]any, error) {
	if err := r.room(&r.responsibilities, r.engine.program.Components*s.n*numberBytes[T]()); err != nil {
		return nil, err
	}
	if err := r.growLogLikelihoods(s); err != nil {
		return nil, err
	}
	return []any{r.responsibilities.ptr, int64(s.n), r.logLikelihoods.ptr}, nil
}

func (r *resident[T]) growLogLikelihoods(s span) error {
	return r.room(&r.logLikelihoods, s.n*numberBytes[T]())
}

func (r *resident[T]) growLabels(s span) error { return r.room(&r.labels, s.n*labelBytes) }

// total runs a kernel that leaves a log-likelihood for each slice in totals, and returns their sum. Take puts copies of whatever else it leaves on the
// stream.
func (r *resident[T]) total(k engineKernel, s span, take func() error, own ...any) (float64, error) {
	var totals []float64
	err := r.engine.context.Run(func() error {
		slices, err := r.launchTotal(k, s, own...)
		if err != nil {
			return err
		}
		if err := take(); err != nil {
			return err
		}
		totals = make([]float64, slices)
		return r.fetch(Bytes(totals), r.totals.ptr)
	})
	sum := 0.0
	for _, v := range totals {
		sum += v
	}
	return sum, err
}

// launchTotal puts a kernel whose last argument is totals on the stream, and what comes after it. It returns how many slices
// leave a total.
func (r *resident[T]) launchTotal(k engineKernel, s span, own ...any) (slices int, err error) {
	e := r.engine
	slices = e.slices(k.launches[len(k.launches)-1], s.n)
	if err := r.room(&r.totals, 8*slices); err != nil {
		return 0, err
	}
	args, err := r.inputs(k, s)
	if err != nil {
		return 0, err
	}
	args = append(append(args, own...), r.totals.ptr)
	for _, l := range k.launches {
		if err := e.launch(l, e.slices(l, s.n), args...); err != nil {
			return 0, err
		}
	}
	return slices, nil
}

// Score runs the E-step kernel where responsibilities are asked for, and the score kernel for all else.
func (r *resident[T]) Score(ctx context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	if err := out.Check(r.data.Events.Len(), p.M); err != nil {
		return err
	}
	packed, err := r.begin(ctx, p)
	if err != nil {
		return err
	}
	defer r.end()
	return r.within(func() error {
		if err := r.take(packed.Records); err != nil {
			return err
		}
		return r.scoreAll(ctx, p.M, out)
	})
}

// scoreAll fills in what is asked for of all events.
func (r *resident[T]) scoreAll(ctx context.Context, m int, out *mixture.Scores) error {
	limit := r.spanOfScore()
	if out.Responsibilities != nil {
		limit = min(limit, r.spanOfSplit())
	}
	total := 0.0
	err := r.each(ctx, limit, func(s span) error {
		if out.Responsibilities != nil {
			if err := r.takeResponsibilities(s, m, out); err != nil {
				return err
			}
		}
		sum, err := r.score(s, out)
		total += sum
		return err
	})
	out.Total = total
	return err
}

// spanOfScore is the span of a score.
func (r *resident[T]) spanOfScore() int { return r.spanOf(numberBytes[T]()+labelBytes, runtime.Score) }

// takeResponsibilities takes those of a span, of some components at a time.
func (r *resident[T]) takeResponsibilities(s span, m int, out *mixture.Scores) error {
	if _, err := r.estep(s); err != nil {
		return err
	}
	bytes := s.n * numberBytes[T]()
	responsibilities := make([]T, max(1, min(m, leastSpanBytes/bytes))*s.n)
	for first := 0; first < m; first += len(responsibilities) / s.n { // the components that only fill up come last
		responsibilities = responsibilities[:min(len(responsibilities), (m-first)*s.n)]
		if err := r.engine.context.CopyDtoH(Bytes(responsibilities), r.responsibilities.ptr+DevicePtr(first*bytes)); err != nil {
			return err
		}
		runtime.TakeResponsibilities(out, s.from, s.n, first, m, s.n, responsibilities)
	}
	return nil
}

// score runs the score kernel on a span, takes what was asked for, and returns the total.
func (r *resident[T]) score(s span, out *mixture.Scores) (float64, error) {
	k, ok := r.engine.kernels[runtime.Score]
	if !ok {
		return 0, &runtime.MissingStageError{Stage: runtime.Score}
	}
	logLikelihoods, labels, err := r.resultsOf(s, out)
	if err != nil {
		return 0, err
	}
	var logLikelihoodsOut, labelsOut DevicePtr // null where not asked for
	if logLikelihoods != nil {
		logLikelihoodsOut = r.logLikelihoods.ptr
	}
	if labels != nil {
		labelsOut = r.labels.ptr
	}
	total, err := r.total(k, s, func() error {
		if err := r.engine.stream.CopyDtoH(Bytes(logLikelihoods), logLikelihoodsOut); err != nil {
			return err
		}
		return r.engine.stream.CopyDtoH(Bytes(labels), labelsOut)
	}, logLikelihoodsOut, labelsOut)
	if err != nil {
		return 0, err
	}
	runtime.SideBySide((s.n+takenAtOnce-1)/takenAtOnce, func(i int) {
		first := i * takenAtOnce
		end := min(s.n, first+takenAtOnce)
		runtime.TakeScores(out, s.from+first, logLikelihoods[min(first, len(logLikelihoods)):min(end, len(logLikelihoods))],
			labels[min(first, len(labels)):min(end, len(labels))])
	})
	return total, nil
}

// resultsOf makes room for what is asked for of a span's events, on the device and on the host: there it is page-locked in a trip, where the copies of
// many chunks follow each other and should not pass through memory of the driver's.
func (r *resident[T]) resultsOf(s span, out *mixture.Scores) (logLikelihoods []T, labels []int32, err error) {
	if out.LogLikelihoods != nil {
		if err := r.growLogLikelihoods(s); err != nil {
			return nil, nil, err
		}
	}
	if out.Labels != nil {
		if err := r.growLabels(s); err != nil {
			return nil, nil, err
		}
	}
	bytes := s.n * numberBytes[T]()
	var memory *HostMemory
	if all := bytes + s.n*labelBytes; r.trip != nil && all <= chunkBytes {
		if memory, err = r.conveyor.resultMemory(all); errors.Is(err, ErrOutOfMemory) {
			memory = nil // it comes more slowly without
		} else if err != nil {
			return nil, nil, err
		}
	}
	if out.LogLikelihoods != nil {
		if memory == nil {
			logLikelihoods = make([]T, s.n)
		} else {
			logLikelihoods = View[T](memory)[:s.n]
		}
	}
	if out.Labels != nil {
		if memory == nil {
			labels = make([]int32, s.n)
		} else {
			labels = View[int32](memory)[bytes/labelBytes:][:s.n]
		}
	}
	return logLikelihoods, labels, nil
}
