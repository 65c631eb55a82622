package cuda

import (
	"context"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// What sums in matrix form put covariances off by. The factors of products are two numbers of 16 bits each, so that a product is at worst 2⁻²² of
// itself wrong, and rounding errors average out.
const (
	// errorByRoot for each unit of tightness (see [runtime.Frame.Tightness]), over the root of the number of a component's events: measured
	// on an H100 of one mixture of 64 components in 19 dimensions, with a tightness of 53.
	errorByRoot = 4e-6
	// errorByLoad for each unit of what a log-density is the sum of: a tenth of what the log-likelihood of such a mixture was wrong by. That
	// no more of it reaches covariances is not measured.
	errorByLoad = 6e-10
	// mostMatrixTightness is how tight components may be whatever the number of their events.
	mostMatrixTightness = 512
	// leastRoundedEvents is how many events they should hold where responsibilities are rounded to 16 bits: about 2⁻¹² over its root is
	// what that comes to.
	leastRoundedEvents = 128
	// matrixBytes bounds a workspace.
	matrixBytes = 1 << 30
)

// Direct has sums made by the kernels alone that sum about each component's mean, where there are any.
func (r *resident[T]) Direct() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.direct = true
}

// hasDirect reports whether sums can be had about each component's mean.
func (r *resident[T]) hasDirect() bool {
	_, _, err := r.accumulator()
	return err == nil
}

// aboutCentre sums in matrix form, about the frame's centre. It returns nothing where components are too tight for that, and there is
// another way.
func (r *resident[T]) aboutCentre(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters) (*mixture.Statistics, error) {
	direct := r.hasDirect()
	if direct && (r.resting > 0 || r.frame.Tightness(p) > mostMatrixTightness) {
		r.resting = max(0, r.resting-1)
		return nil, nil
	}
	k := *r.engine.matrix
	sums := make([]float64, r.matrixSums())
	visit := func(s span, sums []float64) error {
		return r.engine.context.Run(func() error {
			args, err := r.prepareMatrix(k, s)
			if err != nil {
				return err
			}
			if err := r.launchMatrix(k, s, args, false); err != nil {
				return err
			}
			return r.fetch(Bytes(sums), r.sums.ptr)
		})
	}
	if err := r.within(func() error { return r.accumulate(ctx, packed.Records, visit, r.spanOfMatrix(k), sums) }); err != nil {
		return nil, err
	}
	if direct && !r.accurate(k, p.M, sums) {
		r.tooTight()
		return nil, nil
	}
	r.rest = 0
	return r.statistics(p.M, packed.Origins, sums), nil
}

// tooTight leaves sums to other kernels for a while.
func (r *resident[T]) tooTight() {
	r.rest = runtime.Later(r.rest)
	r.resting = r.rest
}

// matrixSums is how many numbers the matrix form leaves: the sums, squares about the centre, and loads.
func (r *resident[T]) matrixSums() int {
	program := r.engine.program
	return program.Sums() + program.Components*(program.Dimensions+1)
}

// accurate reports whether sums in matrix form, with what came with them, are as accurate as those about means would be.
func (r *resident[T]) accurate(k engineKernel, m int, sums []float64) bool {
	program := r.engine.program
	if slices.Max(sums[len(sums)-program.Components:]) > program.Allowed()/errorByLoad {
		return false
	}
	accurate, events := true, float64(r.data.Events.Len())/r.weight
	program.EachTightness(r.frame, m, sums, func(weight, tightness float64) {
		accurate = accurate && tightness <= min(mostMatrixTightness, program.Allowed()/errorByRoot*math.Sqrt(weight*events)) &&
			(!k.Rounded || weight*events >= leastRoundedEvents)
	})
	return accurate
}

// spanOfMatrix is how many events have room in a workspace at once.
func (r *resident[T]) spanOfMatrix(k engineKernel) int {
	return max(1, matrixBytes/k.WorkspacePerEvent/runtime.BatchEvents) * runtime.BatchEvents
}

// prepareMatrix makes room for what the kernels of the matrix form leave, and returns their arguments.
func (r *resident[T]) prepareMatrix(k engineKernel, s span) ([]any, error) {
	if err := r.takeSpread(); err != nil {
		return nil, err
	}
	if r.loop.bytes == 0 { // a pass on its own
		if err := r.loop.grow(r.engine.context, r.loopLayout().bytes); err != nil {
			return nil, err
		}
		if err := r.engine.stream.MemsetD8(r.loop.ptr, 0, r.loop.bytes); err != nil {
			return nil, err
		}
	}
	rows := r.rowsOfMatrix(k, s)
	for _, need := range []struct {
		buffer *buffer
		bytes  int
	}{
		{&r.workspace, k.Workspace + (s.n+runtime.BatchEvents-1)/runtime.BatchEvents*runtime.BatchEvents*k.WorkspacePerEvent},
		{&r.partial, rows * k.RowBytes},
		{&r.sums, 8 * r.matrixSums()},
	} {
		if err := r.room(need.buffer, need.bytes); err != nil {
			return nil, err
		}
	}
	args, err := r.inputs(k, s)
	return append(args, r.loop.ptr, r.workspace.ptr, r.spread.ptr, float32(r.gain), r.partial.ptr, int64(rows), r.sums.ptr), err
}

// rowsOfMatrix is how many slices leave a row of sums.
func (r *resident[T]) rowsOfMatrix(k engineKernel, s span) int {
	for _, l := range k.launches {
		if l.Sums {
			return min(r.engine.slices(l, s.n), max(1, maxPartialBytes/k.RowBytes))
		}
	}
	return 1
}

// launchMatrix puts the kernels of the matrix form on the stream, those of a loop among them where it is one.
func (r *resident[T]) launchMatrix(k engineKernel, s span, args []any, loop bool) error {
	for _, l := range k.launches {
		if l.Loop && !loop {
			continue
		}
		slices := r.engine.slices(l, s.n)
		if l.Sums {
			slices = r.rowsOfMatrix(k, s)
		}
		if err := r.engine.launch(l, slices, args...); err != nil {
			return err
		}
	}
	return nil
}

// takeSpread puts the events' standard deviations, in the frame, on the device, once.
func (r *resident[T]) takeSpread() error {
	if r.spread.ptr != 0 {
		return nil
	}
	deviations := make([]float32, len(r.summary.Variance))
	for d, v := range r.summary.Variance {
		deviations[d] = float32(math.Sqrt(v) * r.frame.Scale[d])
	}
	if err := r.spread.grow(r.engine.context, len(Bytes(deviations))); err != nil {
		return err
	}
	return r.engine.stream.CopyHtoD(r.spread.ptr, Bytes(deviations))
}

// gainOf is by how much kernels scale the products of coordinates, so that their halves are of use: 2²⁹ with the largest responsibility,
// 2¹⁵, and a power of two that no weight of an event exceeds.
func gainOf(weights []float64) float64 {
	const exponent = 29
	if weights == nil {
		return 1 << exponent
	}
	_, e := math.Frexp(slices.Max(weights))
	return math.Ldexp(1, exponent-e)
}
