package cuda

import (
	"context"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// buckets is events on the device sorted by the component that is likeliest at them, each about its bucket's centre, the mean that the
// component had then; or, for as long as a loop takes, by the chunk of components, about the frame's centre. Without them all events are one
// bucket, about the frame's centre.
type buckets struct {
	count   int  // of them, one for each component or chunk; 0 where events are as they come
	byChunk bool // one for each chunk
	stale   bool // events should be sorted anew
	// capacity is the places for events: each bucket's are a whole number of [runtime.BatchEvents].
	capacity int

	table           buffer // where each bucket's events are, and what the kernels keep of it
	events, weights buffer // by dimension
	counts, order   buffer // of the sorting kernels
}

// buffers lists the memory.
func (b *buckets) buffers() []*buffer {
	return []*buffer{&b.table, &b.events, &b.weights, &b.counts, &b.order}
}

// boundBytes is the size of a bucket's entry in the table: three numbers of 32 bits.
const boundBytes = 12

// leastBucketEvents is how many events a bucket should have on average: half of what fills it up.
const leastBucketEvents = 64

// roundUp returns n or the next whole number of size.
func roundUp(n, size int) int { return (n + size - 1) / size * size }

// bucketed returns the span of the events in buckets, where they are sorted.
func (r *resident[T]) bucketed(s span) span {
	if r.buckets.count == 0 {
		return s
	}
	s.n, s.pitch, s.byDimension = r.buckets.capacity, r.buckets.capacity, r.buckets.events.ptr
	if r.data.Weights != nil {
		s.weights = r.buckets.weights.ptr
	}
	return s
}

// sortable reports whether events can be sorted into buckets of m components: they are all on the device, and there are enough.
func (r *resident[T]) sortable(m int) bool {
	n, k := r.data.Events.Len(), r.engine.matrix
	return r.chunk >= n && m > 1 && n >= leastBucketEvents*m && r.spanOfMatrix(*k) >= r.capacityFor(m) &&
		(m+1)*k.RowBytes <= r.rowBytes() && m*k.WorkspacePerBucket <= r.tableBytes()
}

// capacityFor is how many places events in so many buckets take.
func (r *resident[T]) capacityFor(count int) int {
	return roundUp(r.data.Events.Len(), runtime.BatchEvents) + count*runtime.BatchEvents
}

// sizeOfTable is the memory of a table of so many buckets and rows of sums.
func (r *resident[T]) sizeOfTable(k engineKernel, count, rows int) int {
	const aligned = 16
	return count*k.WorkspacePerBucket + boundBytes + aligned + rows*k.WorkspacePerRow
}

// oneBucket makes a span's events one bucket, about the frame's centre.
func (r *resident[T]) oneBucket(k engineKernel, s span) error {
	b := &r.buckets
	if err := r.room(&b.table, r.sizeOfTable(k, 1, r.rowsOfMatrix(k, s, 1))); err != nil {
		return err
	}
	padded, tiles := int32(roundUp(s.n, runtime.BatchEvents)), int32((s.n+k.Tile-1)/k.Tile)
	bounds := []int32{0, int32(s.n), 0, padded, padded, tiles}
	centre := make([]float32, r.engine.program.Dimensions)
	return r.engine.stream.CopyHtoD(b.table.ptr, slices.Concat(Bytes(bounds), Bytes(centre)))
}

// sort puts events into buckets by p.
func (r *resident[T]) sort(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters) error {
	r.buckets.count, r.buckets.stale = 0, false
	return r.within(func() error {
		if err := r.take(packed.Records); err != nil {
			return err
		}
		if !r.sortable(p.M) { // the device has too little memory after all
			return nil
		}
		return r.each(ctx, r.chunk, func(s span) error {
			return r.engine.context.Run(func() error { return r.sortSpan(s, p, packed.Factors.Constants) })
		})
	})
}

// sortSpan is sort with the device's thread at hand, of a span of all events. They are labelled by log-densities about the frame's centre, which are
// as good as they have to be: an event that is off its label by what rounding leaves of them is as near to the one bucket's centre as to the other's.
func (r *resident[T]) sortSpan(s span, p *mixture.Parameters, constants []float64) error {
	k := *r.engine.matrix
	if err := r.growLabels(s); err != nil {
		return err
	}
	if err := r.roomForBuckets(s.n, p.M); err != nil {
		return err
	}
	if err := r.startAlone(constants); err != nil {
		return err
	}
	args, err := r.prepareMatrix(k, s, p)
	if err != nil {
		return err
	}
	if err := r.launchMatrix(k, s, k.densities(), args); err != nil {
		return err
	}
	for _, l := range k.label {
		if err := r.engine.launch(l, r.engine.slices(l, s.n), append(args, r.labels.ptr)...); err != nil {
			return err
		}
	}
	centres := make([]float32, p.M*p.D)
	for i, mean := range p.Means {
		d := i % p.D
		centres[i] = float32(max(-1, min(1, (mean-r.frame.Shift[d])*r.frame.Scale[d])))
	}
	return r.putInBuckets(s, r.labels.ptr, centres)
}

// roomForBuckets makes room for n events in so many buckets.
func (r *resident[T]) roomForBuckets(n, count int) error {
	program, k, b := r.engine.program, *r.engine.matrix, &r.buckets
	b.capacity = r.capacityFor(count)
	blocks := (n + k.sort[0].Tile - 1) / k.sort[0].Tile
	rows := r.rowsOfMatrix(k, span{n: b.capacity}, count)
	const number = 4
	needs := []struct {
		buffer *buffer
		bytes  int
	}{
		{&b.table, r.sizeOfTable(k, count, rows)},
		{&b.events, b.capacity * program.Dimensions * numberBytes[T]()},
		{&b.counts, blocks * program.Components * number},
		{&b.order, b.capacity * number},
		{&b.weights, 0},
	}
	if r.data.Weights != nil {
		needs[len(needs)-1].bytes = b.capacity * numberBytes[T]()
	}
	for _, need := range needs {
		if err := r.room(need.buffer, need.bytes); err != nil {
			return err
		}
	}
	return nil
}

// putInBuckets sorts a span of all events by labels, each bucket about a centre.
func (r *resident[T]) putInBuckets(s span, labels DevicePtr, centres []float32) error {
	e, k, b := r.engine, *r.engine.matrix, &r.buckets
	count, counted := len(centres)/e.program.Dimensions, k.sort[0]
	blocks := (s.n + counted.Tile - 1) / counted.Tile
	if err := e.stream.CopyHtoD(b.table.ptr+DevicePtr((count+1)*boundBytes), Bytes(centres)); err != nil {
		return err
	}
	if err := e.stream.MemsetD8(b.order.ptr, 0xFF, b.order.bytes); err != nil { // places that stay empty
		return err
	}
	args := []any{
		s.byDimension, int64(s.pitch), int64(s.n), s.weights, labels, b.table.ptr, int64(count), b.counts.ptr, b.order.ptr, int64(b.capacity),
		b.events.ptr, b.weights.ptr,
	}
	for _, l := range k.sort {
		switch {
		case l.Blocks > 0:
		case l.Tile == counted.Tile:
			l.Blocks = blocks
		default:
			l.Blocks = (b.capacity + l.Tile - 1) / l.Tile
		}
		if err := e.launch(l, 1, args...); err != nil {
			return err
		}
	}
	b.count = count
	return nil
}

// chunksOf is how many chunks of components a kernel has: the bucket of a row of sums is told of each.
func chunksOf(k engineKernel) int { return k.WorkspacePerRow / labelBytes }

// orderable reports whether events can be sorted by the chunk of components that is the likeliest: there are several, and enough events, and
// room for them beside the workspace, and for a row of sums of each beside those of slices.
func (r *resident[T]) orderable(k engineKernel) bool {
	chunks := chunksOf(k)
	each := k.WorkspacePerEvent + r.engine.program.Dimensions*numberBytes[T]()
	return k.WorkspaceLabels > 0 && r.buckets.count == 0 && r.data.Events.Len() >= leastBucketEvents*chunks &&
		r.spanBytes/each >= r.capacityFor(chunks) && 2*chunks*k.RowBytes <= r.rowBytes()
}

// order sorts a span of all events by the chunk that a pass over them has found, so that most of the batches that are summed belong to few
// chunks: the others skip them.
func (r *resident[T]) order(k engineKernel, s span) error {
	padded, chunks := DevicePtr(roundUp(s.n, runtime.BatchEvents)), chunksOf(k)
	perEvent := r.workspace.ptr + DevicePtr(k.Workspace)
	if err := r.putInBuckets(s, perEvent+padded*DevicePtr(k.WorkspaceLabels), make([]float32, chunks*r.engine.program.Dimensions)); err != nil {
		return err
	}
	r.buckets.byChunk = true
	// What is known of the highest log-densities is of events in another order.
	padded = DevicePtr(roundUp(r.buckets.capacity, runtime.BatchEvents))
	return r.engine.stream.MemsetD8(perEvent+padded*DevicePtr(k.WorkspaceLabels-labelBytes), 0xFF, int(padded)*labelBytes)
}

// unorder has events be as they come again.
func (r *resident[T]) unorder() {
	if r.buckets.byChunk {
		r.buckets.count, r.buckets.byChunk = 0, false
	}
}
