package cuda

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// fitEvents is how many events of a mixture a block has at least, where it is not alone: with fewer, adding up what blocks leave takes
	// longer than what they do.
	fitEvents = 64
	// leastConditioning is the κ of a component's covariance up to which log-densities about means are accurate enough in any case, and
	// moreConditioning by how much it may grow where it is more, since those that share its events are looked at.
	leastConditioning, moreConditioning = 1000, 2
	// partBytes is the size of a mixture's place among all events.
	partBytes = 16
)

// fitLayout is where the parts of a fit's state lie, in bytes (fit_state in the kernel).
type fitLayout struct{ totals, status, model, bytes int }

// fitInts and fitFloats are how many numbers of 32 bits, and then of 64, a state begins with; two for each dimension follow.
const fitInts, fitFloats = 6, 10

// fitter fits mixtures in one launch each, or all in one.
type fitter[T runtime.Real] struct {
	engine *Engine
	kernel engineKernel
	room   func(b *buffer, bytes int) error // makes a buffer hold so much

	parts, states, records, models, partial, out buffer
}

func (f *fitter[T]) layout() fitLayout {
	p := f.engine.program
	const number = 8
	var l fitLayout
	l.totals = 4*fitInts + number*(fitFloats+2*p.Dimensions)
	l.status = l.totals + number*runtime.LoopPasses
	l.model = l.status + (4*p.Components+number-1)/number*number
	l.bytes = l.model + number*f.modelNumbers()
	return l
}

// modelNumbers is how many numbers a model is: weights, means, covariances.
func (f *fitter[T]) modelNumbers() int { return f.engine.program.Components * f.engine.program.Cells() }

// fitted is a mixture to be fitted, and what has become of it.
type fitted struct {
	frame         runtime.Frame
	events        int
	weight        float64
	start         *mixture.Parameters
	base          float64 // of log-densities
	conditioning  float64 // how ill-conditioned covariances may become
	prior         mixture.Prior
	limits        mixture.Limits
	first         int // of its events among all
	stop          int32
	totals        []float64
	reached       *mixture.Parameters
	sums, origins []float64 // of the last pass
}

// state is what a fit begins with.
func (f *fitter[T]) state(to []byte, m *fitted) {
	program := f.engine.program
	d, layout, rules, allowed := program.Dimensions, f.layout(), runtime.UpdateLimits(program.Dimensions), program.Allowed()
	logScale, ridge, reach := stepInFrame(m.frame, m.prior, rules)
	ints := []int32{0, 0, int32(min(m.limits.Passes, runtime.LoopPasses)), int32(m.limits.Least), 0, 0}
	copy(to, Bytes(ints))
	copy(to[4*fitInts:], Bytes(slices.Concat([]float64{
		m.limits.Tolerance, m.limits.Previous, rules[0], rules[1], rules[3], logScale, m.base,
		2 * runtime.MovedError / allowed, 2 * runtime.FarError / allowed, m.conditioning, // each half of what is allowed
	}, ridge, reach)))
	model := make([]float64, f.modelNumbers())
	weights, means, covariances := f.cut(model)
	copy(weights, m.start.Weights)
	for c := m.start.M; c < program.Components; c++ {
		weights[c] = -1 // it fills up
	}
	for i, mean := range m.start.Means {
		means[i] = (mean - m.frame.Shift[i%d]) * m.frame.Scale[i%d]
	}
	runtime.PackCovariances(program, m.frame, m.start, covariances)
	copy(to[layout.model:], Bytes(model))
}

// cut cuts a model into its weights, means and covariances.
func (f *fitter[T]) cut(model []float64) (weights, means, covariances []float64) {
	m, d := f.engine.program.Components, f.engine.program.Dimensions
	return model[:m], model[m:][:m*d], model[m+m*d:]
}

// take fills in what has become of a fit from its state and sums.
func (f *fitter[T]) take(state []byte, out []float64, m *fitted) {
	program, layout := f.engine.program, f.layout()
	m.stop = int32(binary.NativeEndian.Uint32(state))
	m.totals = make([]float64, binary.NativeEndian.Uint32(state[4:]))
	copy(Bytes(m.totals), state[layout.totals:])
	model := make([]float64, f.modelNumbers())
	copy(Bytes(model), state[layout.model:])
	weights, means, covariances := f.cut(model)
	p := mixture.NewParameters(m.start.Covariance, m.start.M, m.start.D)
	copy(p.Weights, weights)
	m.origins = make([]float64, len(p.Means))
	for i := range p.Means {
		shift, scale := m.frame.Shift[i%p.D], m.frame.Scale[i%p.D]
		p.Means[i] = shift + means[i]/scale
		m.origins[i] = shift + float64(T(means[i]))/scale
	}
	runtime.UnpackCovariances(program, m.frame, covariances, p)
	m.reached, m.sums = p, out
	if len(m.totals) <= 1 { // as it was given, to the last bit
		m.reached = m.start
	}
}

// run fits mixtures, whose events lie one after the other in one piece of memory, by dimension, in so many blocks each. The device's thread
// is at hand.
func (f *fitter[T]) run(all []*fitted, blocks int, events DevicePtr, pitch int, weights DevicePtr) error {
	program, context, stream, layout := f.engine.program, f.engine.context, f.engine.stream, f.layout()
	sums := program.Sums()
	const number = 8
	for _, need := range []struct {
		buffer *buffer
		bytes  int
	}{
		{&f.parts, len(all) * partBytes},
		{&f.states, len(all) * layout.bytes},
		{&f.records, len(all) * f.kernel.RecordBytes},
		{&f.models, len(all) * number * f.modelNumbers()},
		{&f.partial, len(all) * blocks * number * sums},
		{&f.out, len(all) * number * sums},
	} {
		if err := f.room(need.buffer, need.bytes); err != nil {
			return err
		}
	}
	parts, states := make([]int64, 0, 2*len(all)), make([]byte, len(all)*layout.bytes)
	for i, m := range all {
		parts = append(parts, int64(m.first), int64(m.events))
		f.state(states[i*layout.bytes:][:layout.bytes], m)
	}
	if err := stream.CopyHtoD(f.parts.ptr, Bytes(parts)); err != nil {
		return err
	}
	if err := stream.CopyHtoD(f.states.ptr, states); err != nil {
		return err
	}
	l := f.kernel.launches[0]
	launch := l.function.Launch
	if blocks > 1 { // they wait for each other, so all must be there
		launch = l.function.LaunchCooperative
	}
	if err := launch(Dim3{X: blocks, Y: len(all)}, Dim3{X: l.Threads}, l.SharedBytes, stream, events, int64(pitch), weights,
		f.parts.ptr, f.states.ptr, f.records.ptr, f.models.ptr, f.partial.ptr, f.out.ptr); err != nil {
		return err
	}
	if err := stream.Sync(); err != nil {
		return err
	}
	if err := context.CopyDtoH(states, f.states.ptr); err != nil {
		return err
	}
	out := make([]float64, len(all)*sums)
	if err := context.CopyDtoH(Bytes(out), f.out.ptr); err != nil {
		return err
	}
	for i, m := range all {
		f.take(states[i*layout.bytes:][:layout.bytes], out[i*sums:][:sums], m)
	}
	return nil
}

// buffers lists the memory.
func (f *fitter[T]) buffers() []*buffer {
	return []*buffer{&f.parts, &f.states, &f.records, &f.models, &f.partial, &f.out}
}

// conditioningOf is how ill-conditioned covariances may become in a fit from p, or 0 where log-densities are not accurate enough under p.
func (e *Engine) conditioningOf(f runtime.Frame, p *mixture.Parameters, factors *mixture.Factors) float64 {
	if e.program.CheckDirect(f, p, factors) != nil {
		return 0
	}
	worst := 0.0
	for m := range p.M {
		if p.Weights[m] > 0 {
			worst = math.Max(worst, runtime.Conditioning(p, factors, m, p.Mean(m)))
		}
	}
	return max(leastConditioning, moreConditioning*worst)
}

// blocksOfFit returns how many blocks fit n events in one launch: no more than the device holds at once, since they wait for each other. It
// returns 0 where there is no kernel for that, or where several blocks would be needed and the device does not promise to have all of them.
func (e *Engine) blocksOfFit(n int) (int, error) {
	k, ok := e.kernels[runtime.Fit]
	if !ok {
		return 0, nil
	}
	device := e.context.Device()
	blocks := min(device.Multiprocessors, n/fitEvents)
	if blocks <= 1 {
		return 1, nil
	}
	if !device.Cooperative {
		return 0, nil
	}
	l := k.launches[0]
	held, err := l.function.Occupancy(l.Threads, l.SharedBytes)
	return min(blocks, held*device.Multiprocessors), err
}

// fit goes from start through passes and M-steps in one launch of so many blocks. It returns nothing where that is not to be.
func (r *resident[T]) fit(ctx context.Context, blocks int, packed *runtime.PackedModel[T], start *mixture.Parameters, prior mixture.Prior, limits mixture.Limits) (*mixture.Run, error) {
	n := r.data.Events.Len()
	m := &fitted{
		frame: r.frame, events: n, weight: r.weight, start: start, prior: prior, limits: limits,
		base: slices.Max(packed.Factors.Constants), conditioning: r.engine.conditioningOf(r.frame, start, packed.Factors),
	}
	if m.conditioning == 0 || r.chunk < n {
		return nil, nil
	}
	r.fitter.engine, r.fitter.kernel, r.fitter.room = r.engine, r.engine.kernels[runtime.Fit], r.room
	err := r.within(func() error {
		if r.chunk < n {
			return nil
		}
		return r.each(ctx, n, func(s span) error {
			return r.engine.context.Run(func() error { return r.fitter.run([]*fitted{m}, blocks, s.byDimension, s.pitch, s.weights) })
		})
	})
	if err != nil || len(m.totals) == 0 {
		return nil, err
	}
	run := &mixture.Run{Totals: m.totals, Parameters: m.reached}
	if m.stop != loopInaccurate {
		run.Statistics = r.statistics(start.M, m.origins, m.sums)
	}
	return run, nil
}
