package cuda

import (
	"errors"
	"fmt"

	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// chunkBytes is the size of a chunk: its copy takes half a millisecond on the fastest link, beside which it does not count what the host needs
	// between the kernels of one chunk and those of the next, and the first one, for which everything waits, is little of all events.
	chunkBytes = 32 << 20
	// pieceBytes is how much of a chunk is one copy: what kernels need besides may come to the device by the same way, and must not wait for the whole of
	// the next chunk.
	pieceBytes = 4 << 20
	// packedChunks is how many chunks the host holds: one is packed while another is copied, and the third was copied and is what kernels work on, until
	// the host knows that they are done. arrivals is how many the device does: one arrives while the other is unpacked.
	packedChunks, arrivals = 3, 2
)

// conveyor brings events that do not fit a device there a chunk at a time, in every pass anew. While kernels work on one chunk, the next is copied by a
// stream of its own, and the host's processors pack the one after that into page-locked memory.
type conveyor[T runtime.Real] struct {
	context *Context
	compute *Stream // that kernels run on
	packing packing[T]
	// broken is set where the driver cannot compile the kernel that unpacks.
	broken bool

	copies   *Stream
	module   *Module
	unpack   *Function
	frame    buffer // shift and scale
	packed   [packedChunks]*HostMemory
	arrivals [arrivals]arrival
	results  *HostMemory // what comes back of the events of a span
}

// arrival is where a packed chunk lies on the device until it is unpacked.
type arrival struct {
	memory buffer
	// copied is passed once it is there, and unpacked once its place is free for another.
	copied, unpacked *Event
}

// open makes everything ready for chunks of so many events, unless it is.
func (c *conveyor[T]) open(events int) error {
	var err error
	if c.copies == nil {
		if c.copies, err = c.context.NewStream(); err != nil {
			return err
		}
	}
	if err := c.openKernel(); err != nil {
		return err
	}
	for i := range c.arrivals {
		a := &c.arrivals[i]
		for _, e := range []**Event{&a.copied, &a.unpacked} {
			if *e != nil {
				continue
			}
			if *e, err = c.context.NewEvent(); err != nil {
				return err
			}
		}
		if err := a.memory.grow(c.context, c.packing.bytes(events)); err != nil {
			return err
		}
	}
	for i := range c.packed {
		if err := growHost(c.context, &c.packed[i], c.packing.bytes(events)); err != nil {
			return err
		}
	}
	return nil
}

// resultMemory returns page-locked memory of that many bytes at least, the same each time.
func (c *conveyor[T]) resultMemory(bytes int) (*HostMemory, error) {
	err := growHost(c.context, &c.results, bytes)
	return c.results, err
}

// growHost makes page-locked memory, nil for none, hold so many bytes at least; what it held is lost where it did not.
func growHost(c *Context, m **HostMemory, bytes int) error {
	if *m != nil && len((*m).Bytes()) >= bytes {
		return nil
	}
	if err := freeHost(m); err != nil {
		return err
	}
	var err error
	*m, err = c.AllocHost(bytes)
	return err
}

// freeHost gives page-locked memory back, if there is some.
func freeHost(m **HostMemory) error {
	old := *m
	*m = nil
	if old == nil {
		return nil
	}
	return old.Free()
}

// openKernel loads the kernel, and puts what it needs of the frame on the device.
func (c *conveyor[T]) openKernel() error {
	var err error
	if c.module == nil {
		if c.module, err = c.context.LoadModule(c.packing.text); err != nil {
			return err
		}
	}
	if c.unpack == nil {
		if c.unpack, err = c.module.Function(c.packing.entry); err != nil {
			return err
		}
	}
	if c.frame.bytes > 0 {
		return nil
	}
	numbers := append(append([]float64{}, c.packing.shift...), c.packing.scale...)
	if err := c.frame.grow(c.context, len(Bytes(numbers))); err != nil {
		return err
	}
	return c.compute.CopyHtoD(c.frame.ptr, Bytes(numbers))
}

// cannotCompile reports whether an error is that the driver has no compiler for the kernel, or an old one.
func cannotCompile(err error) bool {
	for _, result := range []Result{ResultJITCompilerNotFound, ResultJITCompilationDisabled, ResultUnsupportedPTXVersion, ResultNoBinaryForGPU} {
		if errors.Is(err, result) {
			return true
		}
	}
	return false
}

// free gives the device's memory back; no trip is under way.
func (c *conveyor[T]) free() error {
	all := []error{c.frame.free(c.context)}
	for i := range c.arrivals {
		all = append(all, c.arrivals[i].memory.free(c.context))
	}
	return errors.Join(all...)
}

// close gives everything back; no trip is under way.
func (c *conveyor[T]) close() error {
	all := []error{c.free()}
	for i := range c.arrivals {
		a := &c.arrivals[i]
		for _, e := range []*Event{a.copied, a.unpacked} {
			if e != nil {
				all = append(all, e.Close())
			}
		}
		*a = arrival{}
	}
	for i := range c.packed {
		all = append(all, freeHost(&c.packed[i]))
	}
	all = append(all, freeHost(&c.results))
	if c.module != nil {
		all = append(all, c.module.Close())
	}
	if c.copies != nil {
		all = append(all, c.copies.Close())
	}
	c.module, c.unpack, c.copies = nil, nil, nil
	return errors.Join(all...)
}

// trip is one pass over events. Chunks are sent, brought and released in order, each of them once.
type trip[T runtime.Real] struct {
	*conveyor[T]
	first, n, chunk int // the events that come: from one on, so many, in chunks of so many
	// ready has an entry for each chunk that was packed and not yet sent, and is closed where packing failed; room has one for each piece of
	// page-locked memory that may be written.
	ready, room chan struct{}
	stop, done  chan struct{} // closed to end the packing, and once it has ended
	failed      error         // what has closed ready
	// sent is how many chunks were put on the stream that copies, and brought how many kernels may read or have read.
	sent, brought int
}

// start begins to pack n events from first on, in chunks of so many.
func (c *conveyor[T]) start(first, n, chunk int) *trip[T] {
	t := &trip[T]{
		conveyor: c, first: first, n: n, chunk: chunk,
		ready: make(chan struct{}, packedChunks), room: make(chan struct{}, packedChunks), stop: make(chan struct{}), done: make(chan struct{}),
	}
	for range packedChunks {
		t.room <- struct{}{}
	}
	go t.packAll()
	return t
}

// size is how many events a chunk has, 0 past the last.
func (t *trip[T]) size(k int) int { return max(0, min(t.chunk, t.n-k*t.chunk)) }

func (t *trip[T]) packAll() {
	defer close(t.done)
	defer func() {
		if p := recover(); p != nil { // of whoever reads the events: nobody could recover from it here
			t.failed = fmt.Errorf("cuda: reading events panicked: %v", p)
			close(t.ready)
		}
	}()
	for k := 0; t.size(k) > 0; k++ {
		select {
		case <-t.room:
		case <-t.stop:
			return
		}
		t.packing.pack(t.packed[k%packedChunks], t.first+k*t.chunk, t.size(k))
		t.ready <- struct{}{}
	}
}

// ahead sends the chunk after the one that was brought, unless it was sent. Whoever waits for kernels calls it before.
func (t *trip[T]) ahead() error {
	if t.sent > t.brought || t.size(t.sent) == 0 {
		return nil
	}
	if _, more := <-t.ready; !more {
		return t.failed
	}
	k := t.sent
	from, to := t.packed[k%packedChunks].Bytes()[:t.packing.bytes(t.size(k))], &t.arrivals[k%arrivals]
	return t.context.Run(func() error {
		if err := t.copies.Wait(to.unpacked); err != nil {
			return err
		}
		for at := 0; at < len(from); at += pieceBytes {
			if err := t.copies.CopyHtoD(to.memory.ptr+DevicePtr(at), from[at:min(len(from), at+pieceBytes)]); err != nil {
				return err
			}
		}
		t.sent++
		return to.copied.Record(t.copies)
	})
}

// bring has the stream of kernels wait for the next chunk and unpack it to where its events belong, in those layouts that have a place. What is put on the
// stream from then on finds it there.
func (t *trip[T]) bring(to span) error {
	if err := t.ahead(); err != nil {
		return err
	}
	from, n, d := &t.arrivals[t.brought%arrivals], t.size(t.brought), t.packing.d
	return t.context.Run(func() error {
		if err := t.compute.Wait(from.copied); err != nil {
			return err
		}
		grid := Dim3{X: (n + threadsOfUnpack - 1) / threadsOfUnpack}
		scale := t.frame.ptr + DevicePtr(len(Bytes(t.packing.shift)))
		if err := t.unpack.Launch(grid, Dim3{X: threadsOfUnpack}, 0, t.compute,
			from.memory.ptr, int64(n), int64(d), t.frame.ptr, scale, to.events, to.byDimension, int64(to.pitch)); err != nil {
			return err
		}
		if t.packing.data.Weights != nil {
			at := from.memory.ptr + DevicePtr(t.packing.weightsAt(n))
			if err := t.compute.CopyDtoD(to.weights, at, n*numberBytes[T]()); err != nil {
				return err
			}
		}
		t.brought++
		return from.unpacked.Record(t.compute)
	})
}

// release lets the chunk that was brought last be overwritten on the host. Its copy is done when kernels have read it, so that this waits for
// nothing where their results were.
func (t *trip[T]) release() error {
	if err := t.arrivals[(t.brought-1)%arrivals].copied.Sync(); err != nil {
		return err
	}
	t.room <- struct{}{}
	return nil
}

// end ends the trip, whether or not all chunks were brought. When it returns nothing is packed or copied any more.
func (t *trip[T]) end() error {
	close(t.stop)
	<-t.done
	return t.copies.Sync()
}
