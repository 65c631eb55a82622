package cuda

import (
	"context"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// loopProducts is about how many products a loop in one launch makes before it can be cancelled, and matrixProducts one in matrix form: a quarter of
	// a second's of tensor cores that warpgroups share.
	loopProducts, matrixProducts = 4e12, 1e13
	// loopModels is how many models a loop goes between: the one before, this one and the next.
	loopModels = 3
)

// Why a loop has stopped (STOP_… in the kernels): it is done; or where the last pass is for other kernels. Whatever else it has stopped for, the
// last pass counts.
const loopDone, loopInaccurate = 1, 3

// loopLayout is where the parts of a loop's state lie, in bytes (loop_state in the kernels).
type loopLayout struct{ totals, status, constants, weights, means, covariances, bytes int }

// loopInts and loopFloats are how many numbers of 32 bits, and then of 64, a state begins with; two for each dimension follow.
const loopInts, loopFloats = 6, 18

func (r *resident[T]) loopLayout() loopLayout {
	p := r.engine.program
	m, d, number := p.Components, p.Dimensions, 8
	var l loopLayout
	l.totals = 4*loopInts + number*(loopFloats+2*d)
	l.status = l.totals + number*runtime.LoopPasses
	l.constants = l.status + (4*m+number-1)/number*number // and what they are counted from before them
	l.weights = l.constants + number*(1+loopModels*m)
	l.means = l.weights + number*loopModels*m
	l.covariances = l.means + number*loopModels*m*d
	l.bytes = l.covariances + number*loopModels*m*(p.Cells()-1-d)
	return l
}

// Iterate goes from start through passes and M-steps on the device: in one launch, where there is a kernel for that, or in matrix form, where
// it holds all events at once.
func (r *resident[T]) Iterate(ctx context.Context, start *mixture.Parameters, prior mixture.Prior, limits mixture.Limits) (*mixture.Run, error) {
	program := r.engine.program
	blocks, err := r.engine.blocksOfFit(r.data.Events.Len())
	if err != nil {
		return nil, err
	}
	if blocks == 0 && r.engine.matrix == nil || program.Covariance != mixture.Full && program.Covariance != mixture.Diag || len(prior.Ridge) != program.Dimensions {
		return nil, nil
	}
	packed, err := r.begin(ctx, start)
	if err != nil {
		return nil, err
	}
	products := float64(matrixProducts)
	if blocks > 0 {
		products = loopProducts
	}
	work := float64(r.data.Events.Len()) * float64(program.Components) * float64(program.Cells())
	limits.Passes = max(1, min(limits.Passes, int(products/work)))
	var run *mixture.Run
	if blocks > 0 {
		run, err = r.fit(ctx, blocks, packed, start, prior, limits)
	} else {
		run, err = r.loopThrough(ctx, packed, start, prior, limits)
	}
	r.end()
	if run != nil && err == nil && run.Statistics == nil && run.Next == nil { // the last pass is to be made by other kernels
		run.Statistics, err = r.Accumulate(ctx, run.Parameters)
	}
	return run, err
}

// loopThrough is Iterate in matrix form.
func (r *resident[T]) loopThrough(ctx context.Context, packed *runtime.PackedModel[T], start *mixture.Parameters, prior mixture.Prior, limits mixture.Limits) (run *mixture.Run, err error) {
	k, n := *r.engine.matrix, r.data.Events.Len()
	if r.direct || r.resting > 0 || r.chunk < n || r.spanOfMatrix(k) < n || r.buckets.count > 0 && r.buckets.count != start.M {
		return nil, nil
	}
	limits.Passes = min(limits.Passes, runtime.LoopPasses)
	err = r.within(func() error {
		if r.chunk < n || r.spanOfMatrix(k) < n { // the device has too little memory after all
			return nil
		}
		return r.each(ctx, n, func(s span) error {
			return r.engine.context.Run(func() error {
				run, err = r.iterate(k, r.bucketed(s), packed, start, prior, limits)
				return err
			})
		})
	})
	return run, err
}

// iterate is Iterate with the device's thread at hand.
func (r *resident[T]) iterate(k engineKernel, s span, packed *runtime.PackedModel[T], start *mixture.Parameters, prior mixture.Prior, limits mixture.Limits) (*mixture.Run, error) {
	if err := r.take(packed.Records); err != nil {
		return nil, err
	}
	layout := r.loopLayout()
	if err := r.roomForLoop(); err != nil {
		return nil, err
	}
	if err := r.engine.stream.CopyHtoD(r.loop.ptr, r.loopStart(packed.Factors.Constants, prior, limits)); err != nil {
		return nil, err
	}
	left := limits.Passes
	defer r.unorder()
	if left > 1 && r.orderable(k) {
		if err := r.passAndOrder(k, s, start); err != nil {
			return nil, err
		}
		s = r.bucketed(s)
		left--
	}
	args, err := r.prepareMatrix(k, s, start)
	if err != nil {
		return nil, err
	}
	whole := make([]byte, layout.bytes)
	var header [3]int32  // why it has stopped, which model, and how many passes
	for header[0] == 0 { // a pass that is made again is one more
		for range left {
			if err := r.launchMatrix(k, s, k.launches, args); err != nil {
				return nil, err
			}
		}
		if err := r.fetch(whole, r.loop.ptr); err != nil {
			return nil, err
		}
		copy(Bytes(header[:]), whole)
		left = limits.Passes - int(header[2])
	}
	// What is left is a pass on its own's.
	if err := r.engine.stream.MemsetD8(r.loop.ptr, 0, layout.totals); err != nil {
		return nil, err
	}
	stop, current, passes := header[0], int(header[1]), int(header[2])
	run := &mixture.Run{Totals: make([]float64, passes)}
	copy(Bytes(run.Totals), whole[layout.totals:])
	model := func(pass, at int) *mixture.Parameters {
		if pass == 0 {
			return start
		}
		return r.loopModel(whole, layout, start, at)
	}
	if stop == loopInaccurate {
		r.inaccurate(start.M)
		run.Next = model(passes, current)
		if passes > 0 {
			run.Parameters = model(passes-1, (current+loopModels-1)%loopModels)
		}
		return run, nil
	}
	run.Parameters = model(passes-1, current)
	sums := make([]float64, r.matrixSums())
	if err := r.engine.context.CopyDtoH(Bytes(sums), r.sums.ptr); err != nil {
		return nil, err
	}
	origins := packed.Origins
	if passes > 1 {
		origins = make([]float64, len(origins))
		for i, mean := range run.Parameters.Means {
			d := i % start.D
			origins[i] = r.frame.Shift[d] + float64(T((mean-r.frame.Shift[d])*r.frame.Scale[d]))/r.frame.Scale[d]
		}
	}
	run.Statistics = r.statistics(start.M, origins, sums)
	return run, nil
}

// passAndOrder makes the first pass of a loop, and sorts the events by the chunks of components that it finds.
func (r *resident[T]) passAndOrder(k engineKernel, s span, start *mixture.Parameters) error {
	// The pass leaves its findings in memory that must be large enough for what comes then.
	if err := r.roomForBuckets(s.n, chunksOf(k)); err != nil {
		return err
	}
	if err := r.room(&r.workspace, k.Workspace+r.buckets.capacity*k.WorkspacePerEvent); err != nil {
		return err
	}
	args, err := r.prepareMatrix(k, s, start)
	if err != nil {
		return err
	}
	if err := r.launchMatrix(k, s, k.launches, args); err != nil {
		return err
	}
	return r.order(k, s)
}

// loopStart is the state that a loop begins with, up to the first model's weights.
func (r *resident[T]) loopStart(constants []float64, prior mixture.Prior, limits mixture.Limits) []byte {
	program := r.engine.program
	layout, rules := r.loopLayout(), runtime.UpdateLimits(r.engine.program.Dimensions)
	limit := r.rules()
	logScale, ridge, reach := stepInFrame(r.frame, prior, rules)
	ints := []int32{0, 0, 0, int32(limits.Passes), int32(limits.Least), 0}
	floats := slices.Concat([]float64{
		limits.Tolerance, limits.Previous, rules[0], rules[1], rules[3], logScale,
		mostMatrixTightness, limit.byRoot, limit.cut, limit.byShare, limit.byTaking, r.load, limit.byNoise, firstRounded, leastRounded, mostRounded, leastVariance, limit.narrow,
	}, ridge, reach)
	weights := make([]float64, program.Components)
	for c := len(constants); c < len(weights); c++ {
		weights[c] = -1 // it fills up
	}
	state := make([]byte, layout.weights, layout.means)
	copy(state[copy(state, Bytes(ints)):], Bytes(floats))
	copy(state[layout.constants:], Bytes(constantsFrom(constants)))
	return append(state, Bytes(weights)...)
}

// stepInFrame is what an M-step on the device needs to know in the frame: log |T|, the ridge, and how far from the frame's centre a mean may be.
func stepInFrame(f runtime.Frame, prior mixture.Prior, rules []float64) (logScale float64, ridge, reach []float64) {
	ridge, reach = make([]float64, len(f.Scale)), make([]float64, len(f.Scale))
	for j, scale := range f.Scale {
		logScale += math.Log(scale)
		ridge[j] = prior.Ridge[j] * scale * scale
		reach[j] = (rules[2] - math.Abs(f.Shift[j])) * scale
	}
	return logScale, ridge, reach
}

// constantsFrom is the constants of log-densities, after the largest of them, which kernels count from.
func constantsFrom(constants []float64) []float64 {
	return append([]float64{slices.Max(constants)}, constants...)
}

// loopModel is the model at a place of a loop's state.
func (r *resident[T]) loopModel(state []byte, l loopLayout, like *mixture.Parameters, at int) *mixture.Parameters {
	p, program := mixture.NewParameters(like.Covariance, like.M, like.D), r.engine.program
	m, d, triangle := program.Components, program.Dimensions, program.Cells()-1-program.Dimensions
	copy(Bytes(p.Weights), state[l.weights+8*at*m:])
	copy(Bytes(p.Means), state[l.means+8*at*m*d:])
	for i := range p.Means {
		p.Means[i] = r.frame.Shift[i%d] + p.Means[i]/r.frame.Scale[i%d]
	}
	second := make([]float64, like.M*triangle)
	copy(Bytes(second), state[l.covariances+8*at*m*triangle:])
	runtime.UnpackCovariances(program, r.frame, second, p)
	return p
}
