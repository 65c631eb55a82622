package cuda

import (
	"context"
	"errors"
	goruntime "runtime"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// stagingBytes is the size of a staging buffer: large enough that a copy's start does not count.
	stagingBytes = 8 << 20
	// stagings is how many there are: one is filled while the other is copied.
	stagings = 2
)

// uploader converts events into a frame and copies them to a device, through page-locked memory.
type uploader[T runtime.Real] struct {
	context *Context
	stream  *Stream
	frame   runtime.Frame
	data    mixture.Data
	staging [stagings]staging
}

// staging is page-locked memory and when its last copy was done.
type staging struct {
	memory *HostMemory
	copied *Event
	busy   bool
}

// open takes the staging buffers, for that many events at most, unless there are some.
func (u *uploader[T]) open(events int) error {
	row := numberBytes[T]() * u.data.Events.Dims()
	bytes := row * max(1, min(events, stagingBytes/row))
	for i := range u.staging {
		s := &u.staging[i]
		if s.memory != nil && len(s.memory.Bytes()) >= bytes {
			continue
		}
		var err error
		if err = s.close(); err != nil {
			return err
		}
		if s.memory, err = u.context.AllocHost(bytes); err != nil {
			return err
		}
		if s.copied, err = u.context.NewEvent(); err != nil {
			return err
		}
	}
	return nil
}

func (u *uploader[T]) close() error {
	var all []error
	for i := range u.staging {
		all = append(all, u.staging[i].close())
	}
	return errors.Join(all...)
}

func (s *staging) close() error {
	var all []error
	if s.copied != nil {
		all = append(all, s.copied.Close())
	}
	if s.memory != nil {
		all = append(all, s.memory.Free())
	}
	*s = staging{}
	return errors.Join(all...)
}

// fill waits for a staging buffer, lets write put count numbers there, and starts their copies.
func (u *uploader[T]) fill(turn, count int, write func(numbers []T), send func(numbers []T) error) error {
	s := &u.staging[turn%stagings]
	if s.busy {
		if err := s.copied.Sync(); err != nil {
			return err
		}
	}
	numbers := View[T](s.memory)[:count]
	write(numbers)
	if err := send(numbers); err != nil {
		return err
	}
	s.busy = true
	return s.copied.Record(u.stream)
}

// events uploads n events from first on, by event, and returns when they are there.
func (u *uploader[T]) events(ctx context.Context, dst DevicePtr, first, n int) error {
	d := u.data.Events.Dims()
	return u.inParts(ctx, n, d, func(numbers []T, from int) { u.convert(numbers, first+from) }, u.rowsTo(dst, d))
}

// byDimension uploads n events from first on, by dimension, pitch numbers apart, and returns when they are there.
func (u *uploader[T]) byDimension(ctx context.Context, dst DevicePtr, pitch, first, n int) error {
	d := u.data.Events.Dims()
	return u.inParts(ctx, n, d, func(numbers []T, from int) { u.transpose(numbers, first+from) }, func(numbers []T, from int) error {
		rows := len(numbers) / d
		for j := range d {
			at := dst + DevicePtr((j*pitch+from)*numberBytes[T]())
			if err := u.stream.CopyHtoD(at, Bytes(numbers[j*rows:][:rows])); err != nil {
				return err
			}
		}
		return nil
	})
}

// weights uploads the weights of n events from first on, and returns when they are there.
func (u *uploader[T]) weights(ctx context.Context, dst DevicePtr, first, n int) error {
	return u.inParts(ctx, n, 1, func(numbers []T, from int) {
		for i, w := range u.data.Weights[first+from:][:len(numbers)] {
			numbers[i] = T(w)
		}
	}, u.rowsTo(dst, 1))
}

// rowsTo copies rows of width numbers to their places.
func (u *uploader[T]) rowsTo(dst DevicePtr, width int) func(numbers []T, from int) error {
	return func(numbers []T, from int) error {
		return u.stream.CopyHtoD(dst+DevicePtr(from*width*numberBytes[T]()), Bytes(numbers))
	}
}

// inParts uploads n rows of width numbers a staging buffer at a time: write provides numbers from a row on, send copies them.
// When it returns nothing is under way.
func (u *uploader[T]) inParts(ctx context.Context, n, width int, write func(numbers []T, from int), send func(numbers []T, from int) error) error {
	rows := len(View[T](u.staging[0].memory)) / width
	var err error
	for turn, from := 0, 0; from < n && err == nil; turn, from = turn+1, from+rows {
		if err = ctx.Err(); err != nil {
			break
		}
		err = u.fill(turn, min(rows, n-from)*width,
			func(numbers []T) { write(numbers, from) }, func(numbers []T) error { return send(numbers, from) })
	}
	return errors.Join(err, u.stream.Sync())
}

// convert reads events into numbers, by event.
func (u *uploader[T]) convert(numbers []T, from int) {
	d := u.data.Events.Dims()
	u.inParallel(len(numbers)/d, func(begin, end int) {
		part := numbers[begin*d : end*d]
		runtime.Read(u.frame, part, u.data.Events, from+begin, make([]float64, len(part)))
	})
}

// transpose reads events into numbers, by dimension.
func (u *uploader[T]) transpose(numbers []T, from int) {
	d := u.data.Events.Dims()
	rows := len(numbers) / d
	u.inParallel(rows, func(begin, end int) {
		part := make([]T, (end-begin)*d)
		runtime.Read(u.frame, part, u.data.Events, from+begin, make([]float64, len(part)))
		transpose(numbers[begin:], part, rows, d)
	})
}

// inParallel has the processors share rows.
func (u *uploader[T]) inParallel(rows int, share func(begin, end int)) {
	each := max(1, (rows+goruntime.GOMAXPROCS(0)-1)/goruntime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for begin := 0; begin < rows; begin += each {
		wait.Go(func() { share(begin, min(rows, begin+each)) })
	}
	wait.Wait()
}
