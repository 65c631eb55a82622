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
	// errorByRoot for each unit of tightness (see [runtime.Frame.Tightness]), over the root of the number of a component's events: the worst of
	// many features that are each 2⁻²² wrong at most.
	errorByRoot = 2e-6
	// errorByCut for each unit of tightness, errorByShare besides for a component that all events belong to, and errorByTaking for one in which
	// all take part, however little: tensor cores cut off what they add, always towards 0, by a part of the largest that they add then. Of sums
	// of so many events of the component's own it was 1.2e-8 and 1.7e-8 for each, and 64 at most are added; 4e-7 of a start in 39 dimensions
	// where all events took part in all components.
	errorByCut, errorByShare, errorByTaking = 2e-8, 1.3e-6, 4e-7
	// errorByLoad for each unit of what a log-density is the sum of: a tenth of what the log-likelihood of such a mixture was wrong by.
	// Components that share no events have none of it: with loads up to 4e6 covariances of such were within 1.1e-6. See [resident.loads].
	errorByLoad = 6e-10
	// densityError is what a log-density is wrong by for each unit of its load, and mostLoad up to which it means anything.
	densityError = 6e-9
	mostLoad     = 1e8
	// mostMatrixTightness is how tight components may be whatever the number of their events.
	mostMatrixTightness = 512
	// coordinateError is what a coordinate is wrong by beside the reach of all events, at worst, after its centre is subtracted, and
	// leastVariance the least in the frame whose halves are of use.
	coordinateError = 0x1p-23
	leastVariance   = 0x1p-20
	// errorByNoise, over a component's weight, for each unit of the root of the sum of its squared responsibilities that are rounded to 16
	// bits, by 2e-4 of themselves in the mean of squares: of the square of a normal number with a deviation of √2, the worst of many, 4 times it.
	errorByNoise = 1.2e-3
	// leastRounded … mostRounded is up to what share of an event's highest responsibility others are rounded, times 2¹⁵: as a loop finds out, which begins with
	// firstRounded.
	leastRounded, firstRounded, mostRounded = 1 << 7, 1 << 9, 1 << 15
	// matrixBytes is what a workspace may have, and what is kept of buckets, as long as memory is not too small after all, and leastRowBytes the same of
	// rows of sums. Where there is more for workspaces, both may have the given part of it.
	matrixBytes   = 1 << 30
	leastRowBytes = 512 << 20
	partOfSpan    = 8
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

// aboutCentres sums in matrix form: about the frame's centre, or of events sorted into buckets about a centre of each, where components are
// too tight for that. It returns nothing where they are too tight for either, and there is another way.
func (r *resident[T]) aboutCentres(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters) (*mixture.Statistics, error) {
	direct, sortable := r.hasDirect(), r.sortable(p.M)
	if direct && r.resting > 0 {
		r.resting--
		return nil, nil
	}
	if r.buckets.count > 0 && r.buckets.count != p.M { // of another mixture
		r.buckets.count, r.buckets.stale = 0, false
	}
	tight := r.frame.Tightness(p) > mostMatrixTightness
	if tight && direct && !sortable {
		return nil, nil
	}
	for fresh := false; ; fresh = true {
		if sortable && (fresh || r.buckets.stale || r.buckets.count == 0 && tight) {
			if err := r.sort(ctx, packed, p); err != nil {
				return nil, err
			}
			fresh = true
		}
		sums, err := r.sumInMatrixForm(ctx, packed, p)
		if err != nil {
			return nil, err
		}
		accurate := r.accurate(p, packed.Factors, sums)
		if accurate {
			r.rest = 0
		}
		if accurate || !direct && (fresh || !sortable) {
			return r.statistics(p.M, packed.Origins, sums), nil
		}
		if fresh || !sortable {
			r.buckets.count = 0
			r.tooTight()
			return nil, nil
		}
	}
}

// sumInMatrixForm makes the sums of all events, and what comes with them.
func (r *resident[T]) sumInMatrixForm(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters) ([]float64, error) {
	k := *r.engine.matrix
	sums := make([]float64, r.matrixSums())
	visit := func(s span, sums []float64) error {
		return r.engine.context.Run(func() error {
			s = r.bucketed(s)
			if err := r.startAlone(packed.Factors.Constants); err != nil {
				return err
			}
			args, err := r.prepareMatrix(k, s, p)
			if err != nil {
				return err
			}
			if err := r.launchMatrix(k, s, k.pass(), args); err != nil {
				return err
			}
			return r.fetch(Bytes(sums), r.sums.ptr)
		})
	}
	return sums, r.within(func() error { return r.accumulate(ctx, packed.Records, visit, r.spanOfMatrix(k), sums) })
}

// inaccurate has events be sorted anew before the next pass, or leaves sums to other kernels where they cannot be.
func (r *resident[T]) inaccurate(m int) {
	if r.sortable(m) {
		r.buckets.stale = true
		return
	}
	r.tooTight()
}

// tooTight leaves sums to other kernels for a while.
func (r *resident[T]) tooTight() {
	r.rest = runtime.Later(r.rest)
	r.resting = r.rest
}

// matrixSums is how many numbers the matrix form leaves: the sums, squares about the centre, loads, and how many events take part.
func (r *resident[T]) matrixSums() int {
	program := r.engine.program
	return program.Sums() + program.Components*(program.Dimensions+2)
}

// accurate reports whether sums in matrix form under p, with what came with them, are as accurate as those about means would be.
func (r *resident[T]) accurate(p *mixture.Parameters, factors *mixture.Factors, sums []float64) bool {
	program, rules := r.engine.program, r.rules()
	accurate := true
	taking := slices.Max(sums[len(sums)-program.Components:][:p.M])
	program.EachTightness(r.frame, p.M, sums, func(weight, tightness, narrowest float64) {
		accurate = accurate && tightness <= rules.tightness(weight, taking) &&
			narrowest >= leastVariance*weight && narrowest >= rules.narrow
	})
	return accurate && r.loads(p, factors, sums[len(sums)-2*program.Components:][:p.M])
}

// rules is how tight, narrow and noisy components may be, whose weights are those of events.
type rules struct{ byRoot, cut, byShare, byTaking, narrow, byNoise float64 }

// tightness is how tight a component of a weight may be, in which so many events take part.
func (r rules) tightness(weight, taking float64) float64 {
	return min(mostMatrixTightness, 1/(r.byRoot/math.Sqrt(weight)+r.cut+r.byShare*weight+r.byTaking*taking))
}

// rules returns those of what is allowed.
func (r *resident[T]) rules() rules {
	allowed, events := r.engine.program.Allowed(), float64(r.data.Events.Len())/r.weight
	return rules{
		byRoot: errorByRoot / allowed / math.Sqrt(events), cut: errorByCut / allowed, byShare: errorByShare / allowed / r.weight,
		byTaking: errorByTaking / allowed / float64(r.data.Events.Len()),
		narrow:   coordinateError / allowed * coordinateError / allowed / events, byNoise: errorByNoise / allowed,
	}
}

// loads reports whether log-densities are accurate enough, by their components' loads: as they are, or since what they are wrong by hardly
// reaches covariances. It notes how large loads may become in a loop that goes on from there.
func (r *resident[T]) loads(p *mixture.Parameters, factors *mixture.Factors, loads []float64) bool {
	const wary = 4 // times less than is allowed, as components may come to share more events
	allowed, most := r.engine.program.Allowed(), slices.Max(loads)
	r.load = allowed / errorByLoad
	if most <= r.load {
		return true
	}
	errors := make([]float64, len(loads))
	for m, load := range loads {
		errors[m] = densityError * load
	}
	e := runtime.NewDensityErrors(p, factors, errors)
	if most > mostLoad || !e.Within(allowed) {
		return false
	}
	r.load = max(r.load, min(mostLoad, most*allowed/(wary*max(e.Covariances(), allowed/mostLoad))))
	return true
}

// spanOfMatrix is how many events have room in a workspace at once.
func (r *resident[T]) spanOfMatrix(k engineKernel) int {
	const most = 1 << 29 // kernels count events in 32 bits, and those that take part, of one in 16, in 26
	return max(1, min(most, r.spanBytes/k.WorkspacePerEvent)/runtime.BatchEvents) * runtime.BatchEvents
}

// roomForLoop makes room for the state of a loop, of which parts are read before anything wrote them.
func (r *resident[T]) roomForLoop() error {
	bytes := r.loopLayout().bytes
	if r.loop.bytes >= bytes {
		return nil
	}
	if err := r.loop.grow(r.engine.context, bytes); err != nil {
		return err
	}
	return r.engine.stream.MemsetD8(r.loop.ptr, 0, r.loop.bytes)
}

// startAlone has the state of a loop be that of a pass on its own.
func (r *resident[T]) startAlone(constants []float64) error {
	if err := r.roomForLoop(); err != nil {
		return err
	}
	return r.engine.stream.CopyHtoD(r.loop.ptr+DevicePtr(r.loopLayout().constants), Bytes(constantsFrom(constants)))
}

// prepareMatrix makes room for what the kernels of the matrix form leave under p, and returns their arguments.
func (r *resident[T]) prepareMatrix(k engineKernel, s span, p *mixture.Parameters) ([]any, error) {
	rows := r.rowsOfMatrix(k, s, max(1, r.buckets.count))
	for _, need := range []struct {
		buffer *buffer
		bytes  int
	}{
		{&r.workspace, k.Workspace + roundUp(s.n, runtime.BatchEvents)*k.WorkspacePerEvent},
		{&r.partial, rows * k.RowBytes},
		{&r.sums, 8 * r.matrixSums()},
	} {
		if err := r.room(need.buffer, need.bytes); err != nil {
			return nil, err
		}
	}
	if err := r.takeSpread(p); err != nil {
		return nil, err
	}
	if r.buckets.count == 0 {
		if err := r.oneBucket(k, s); err != nil {
			return nil, err
		}
	}
	args, err := r.inputs(k, s)
	return append(args, r.loop.ptr, r.workspace.ptr, r.buckets.table.ptr, int64(max(1, r.buckets.count)), r.spread.ptr, float32(r.gain),
		r.partial.ptr, int64(rows), r.sums.ptr), err
}

// rowBytes and tableBytes are what rows of sums, and what kernels keep of buckets, may have.
func (r *resident[T]) rowBytes() int   { return max(leastRowBytes, r.spanBytes/partOfSpan) }
func (r *resident[T]) tableBytes() int { return max(matrixBytes, r.spanBytes/partOfSpan) }

// rowsOfMatrix is how many rows of sums there are room for: one for each slice and bucket in it.
func (r *resident[T]) rowsOfMatrix(k engineKernel, s span, buckets int) int {
	return r.slicesOfSums(k, s, buckets) + buckets
}

// slicesOfSums is in how many slices events in so many buckets are summed.
func (r *resident[T]) slicesOfSums(k engineKernel, s span, buckets int) int {
	for _, l := range k.launches {
		if l.Sums {
			return min(r.engine.slices(l, s.n), max(1, r.rowBytes()/k.RowBytes-buckets))
		}
	}
	return 1
}

// launchMatrix puts kernels of the matrix form on the stream: all of them, or as many of the first.
func (r *resident[T]) launchMatrix(k engineKernel, s span, launches []engineLaunch, args []any) error {
	const warp, blocksAtOnce = 32, 8
	for i, l := range launches {
		slices := r.engine.slices(l, s.n)
		switch {
		case i == 0: // a warp of it makes the weights of a bucket, as far as there are blocks at once
			warps := l.Threads / warp
			most := max(1, blocksAtOnce*r.engine.context.Device().Multiprocessors/l.Blocks)
			slices = min(most, (max(1, r.buckets.count)+warps-1)/warps)
		case l.Sums:
			slices = r.slicesOfSums(k, s, max(1, r.buckets.count))
		}
		if err := r.engine.launch(l, slices, args...); err != nil {
			return err
		}
	}
	return nil
}

// takeSpread puts on the device how far from its centre each component's events are: all events' standard deviations, or, where each
// component has a bucket about its mean, its own; twice the variance, since the events that it shares are about as far again.
func (r *resident[T]) takeSpread(p *mixture.Parameters) error {
	var deviations []float32
	for c := range r.engine.program.Components {
		variance := func(d int) float64 { return r.summary.Variance[d] }
		if c < r.buckets.count && !r.buckets.byChunk {
			variance = func(d int) float64 { return 2 * p.Variance(c, d) }
		}
		for d, scale := range r.frame.Scale {
			deviations = append(deviations, float32(math.Sqrt(variance(d))*scale))
		}
	}
	if err := r.spread.grow(r.engine.context, len(Bytes(deviations))); err != nil {
		return err
	}
	return r.engine.stream.CopyHtoD(r.spread.ptr, Bytes(deviations))
}

// gainOf is by how much kernels scale the products of coordinates, so that their halves are of use: 2²⁸ with the largest responsibility,
// 2¹⁵, and a power of two that no weight of an event exceeds.
func gainOf(weights []float64) float64 {
	const exponent = 28
	if weights == nil {
		return 1 << exponent
	}
	_, e := math.Frexp(slices.Max(weights))
	return math.Ldexp(1, exponent-e)
}
