package cuda

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

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
)

// fitLayout is where the parts of a fit's state lie, in bytes (fit_state in the kernel).
type fitLayout struct{ totals, status, model, bytes int }

// fitInts, fitWords and fitFloats are how many numbers of 32 bits a state begins with, of 64 bits that say where the events are, and of 64 after
// those; two for each dimension follow.
const fitInts, fitWords, fitFloats = 6, 3, 10

// fitter fits mixtures in one launch each, or many in one. What it has on the device are places for so many fits.
type fitter[T runtime.Real] struct {
	engine *Engine
	kernel engineKernel
	room   func(b *buffer, bytes int) error // makes a buffer hold so much

	states, records, models, partial, out buffer
}

func (f *fitter[T]) layout() fitLayout {
	p := f.engine.program
	const number = 8
	var l fitLayout
	l.totals = 4*fitInts + number*(fitWords+fitFloats+2*p.Dimensions)
	l.status = l.totals + number*runtime.LoopPasses
	l.model = l.status + (4*p.Components+number-1)/number*number
	l.bytes = l.model + number*f.modelNumbers()
	return l
}

// modelNumbers is how many numbers a model is: weights, means, covariances.
func (f *fitter[T]) modelNumbers() int { return f.engine.program.Components * f.engine.program.Cells() }

// placed is where events are on a device, by dimension, and how many numbers the dimensions are apart.
type placed struct {
	events DevicePtr
	pitch  int
}

// fitted is a mixture to be fitted, and what has become of it.
type fitted struct {
	frame        runtime.Frame
	events       int
	placed       placed
	weight       float64
	start        *mixture.Parameters
	base         float64 // of log-densities
	conditioning float64 // how ill-conditioned covariances may become
	prior        mixture.Prior
	limits       mixture.Limits
	stop         int32
	totals       []float64
	reached      *mixture.Parameters
}

// state is what a fit begins with.
func (f *fitter[T]) state(to []byte, m *fitted) {
	program := f.engine.program
	d, layout, rules, allowed := program.Dimensions, f.layout(), runtime.UpdateLimits(program.Dimensions), program.Allowed()
	logScale, ridge, reach := stepInFrame(m.frame, m.prior, rules)
	ints := [fitInts]int32{0, 0, int32(min(m.limits.Passes, runtime.LoopPasses)), int32(m.limits.Least), 0, 0}
	at := copy(to, Bytes(ints[:]))
	words := [fitWords]int64{int64(m.placed.events), int64(m.placed.pitch), int64(m.events)}
	at += copy(to[at:], Bytes(words[:]))
	floats := [fitFloats]float64{
		m.limits.Tolerance, m.limits.Previous, rules[0], rules[1], rules[3], logScale, m.base,
		2 * runtime.MovedError / allowed, 2 * runtime.FarError / allowed, m.conditioning, // each half of what is allowed
	}
	at += copy(to[at:], Bytes(floats[:]))
	at += copy(to[at:], Bytes(ridge))
	copy(to[at:], Bytes(reach))
	weights, means, covariances := f.cut(f.model(to))
	copy(weights, m.start.Weights)
	clear(means[m.start.M*d:])
	for c := m.start.M; c < program.Components; c++ {
		weights[c] = -1 // it fills up
	}
	for i, mean := range m.start.Means {
		means[i] = (mean - m.frame.Shift[i%d]) * m.frame.Scale[i%d]
	}
	runtime.PackCovariances(program, m.frame, m.start, covariances)
	clear(covariances[m.start.M*(len(covariances)/program.Components):])
	clear(to[layout.totals:layout.model])
}

// model is the model in a state, in the state's memory.
func (f *fitter[T]) model(state []byte) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(&state[f.layout().model])), f.modelNumbers())
}

// cut cuts a model into its weights, means and covariances.
func (f *fitter[T]) cut(model []float64) (weights, means, covariances []float64) {
	m, d := f.engine.program.Components, f.engine.program.Dimensions
	return model[:m], model[m:][:m*d], model[m+m*d:]
}

// take fills in what has become of a fit from its state.
func (f *fitter[T]) take(state []byte, m *fitted) {
	program, layout := f.engine.program, f.layout()
	m.stop = int32(binary.NativeEndian.Uint32(state))
	m.totals = make([]float64, binary.NativeEndian.Uint32(state[4:]))
	copy(Bytes(m.totals), state[layout.totals:])
	if len(m.totals) <= 1 { // as it was given, to the last bit
		m.reached = m.start
		return
	}
	weights, means, covariances := f.cut(f.model(state))
	p := mixture.NewParameters(m.start.Covariance, m.start.M, m.start.D)
	copy(p.Weights, weights)
	for i := range p.Means {
		p.Means[i] = m.frame.Shift[i%p.D] + means[i]/m.frame.Scale[i%p.D]
	}
	runtime.UnpackCovariances(program, m.frame, covariances, p)
	m.reached = p
}

// originsOf are the means that the last pass summed about, rounded, in the events' own coordinates, from a fit's state.
func (f *fitter[T]) originsOf(state []byte, m *fitted) []float64 {
	_, means, _ := f.cut(f.model(state))
	d := m.start.D
	origins := make([]float64, m.start.M*d)
	for i := range origins {
		origins[i] = m.frame.Shift[i%d] + float64(T(means[i]))/m.frame.Scale[i%d]
	}
	return origins
}

// reserve makes room for so many fits at once, of so many blocks each.
func (f *fitter[T]) reserve(count, blocks int) error {
	const number = 8
	sums := f.engine.program.Sums()
	for _, need := range []struct {
		buffer *buffer
		bytes  int
	}{
		{&f.states, f.layout().bytes},
		{&f.records, f.kernel.RecordBytes},
		{&f.models, number * f.modelNumbers()},
		{&f.partial, blocks * number * sums},
		{&f.out, number * sums},
	} {
		if err := f.room(need.buffer, count*need.bytes); err != nil {
			return err
		}
	}
	return nil
}

// launch puts fits on a stream, which take the places from first on, of so many blocks each: their states go to the device, and come back
// as the fits have left them, into the same memory.
func (f *fitter[T]) launch(stream *Stream, states []byte, first, blocks int, weights DevicePtr) error {
	const number = 8
	layout, sums := f.layout(), f.engine.program.Sums()
	place := func(b buffer, bytes int) DevicePtr { return b.ptr + DevicePtr(first*bytes) }
	at := place(f.states, layout.bytes)
	if err := stream.CopyHtoD(at, states); err != nil {
		return err
	}
	l := f.kernel.launches[0]
	launch := l.function.Launch
	if blocks > 1 { // they wait for each other, so all must be there
		launch = l.function.LaunchCooperative
	}
	if err := launch(Dim3{X: blocks, Y: len(states) / layout.bytes}, Dim3{X: l.Threads}, l.SharedBytes, stream, weights, at,
		place(f.records, f.kernel.RecordBytes), place(f.models, number*f.modelNumbers()), place(f.partial, blocks*number*sums),
		place(f.out, number*sums)); err != nil {
		return err
	}
	return stream.CopyDtoH(states, at)
}

// buffers lists the memory.
func (f *fitter[T]) buffers() []*buffer {
	return []*buffer{&f.states, &f.records, &f.models, &f.partial, &f.out}
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
	sums := make([]float64, r.engine.program.Sums())
	var origins []float64
	err := r.within(func() error {
		if r.chunk < n {
			return nil
		}
		return r.each(ctx, n, func(s span) error {
			m.placed = placed{s.byDimension, s.pitch}
			return r.engine.context.Run(func() (err error) {
				origins, err = r.fitOne(m, blocks, s.weights, sums)
				return err
			})
		})
	})
	if err != nil || len(m.totals) == 0 {
		return nil, err
	}
	run := &mixture.Run{Totals: m.totals, Parameters: m.reached}
	if m.stop != loopInaccurate {
		run.Statistics = r.statistics(start.M, origins, sums)
	}
	return run, nil
}

// fitOne is fit with the device's thread at hand. It fills in the sums of the last pass, and returns what they are about.
func (r *resident[T]) fitOne(m *fitted, blocks int, weights DevicePtr, sums []float64) ([]float64, error) {
	f, stream := &r.fitter, r.engine.stream
	if err := f.reserve(1, blocks); err != nil {
		return nil, err
	}
	state := Bytes(make([]float64, f.layout().bytes/8)) // where numbers of 64 bits may lie
	f.state(state, m)
	if err := f.launch(stream, state, 0, blocks, weights); err != nil {
		return nil, err
	}
	if err := r.fetch(Bytes(sums), f.out.ptr); err != nil {
		return nil, err
	}
	f.take(state, m)
	return f.originsOf(state, m), nil
}
