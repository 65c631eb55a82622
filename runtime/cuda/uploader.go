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

func (u *uploader[T]) open() error {
	for i := range u.staging {
		var err error
		if u.staging[i].memory, err = u.context.AllocHost(max(stagingBytes, 8*u.data.Events.Dims())); err != nil {
			return err
		}
		if u.staging[i].copied, err = u.context.NewEvent(); err != nil {
			return err
		}
	}
	return nil
}

func (u *uploader[T]) close() error {
	var all []error
	for i := range u.staging {
		s := &u.staging[i]
		if s.copied != nil {
			all = append(all, s.copied.Close())
		}
		if s.memory != nil {
			all = append(all, s.memory.Free())
		}
		*s = staging{}
	}
	return errors.Join(all...)
}

// fill waits for a staging buffer, lets write put count numbers there, and starts their copy.
func (u *uploader[T]) fill(turn int, dst DevicePtr, count int, write func(numbers []T)) error {
	s := &u.staging[turn%stagings]
	if s.busy {
		if err := s.copied.Sync(); err != nil {
			return err
		}
	}
	numbers := View[T](s.memory)[:count]
	write(numbers)
	if err := u.stream.CopyHtoD(dst, Bytes(numbers)); err != nil {
		return err
	}
	s.busy = true
	return s.copied.Record(u.stream)
}

// events uploads n events from first on, and returns when they are there.
func (u *uploader[T]) events(ctx context.Context, dst DevicePtr, first, n int) error {
	d := u.data.Events.Dims()
	size := numberBytes[T]()
	rows := max(1, stagingBytes/(size*d))
	for turn, from := 0, 0; from < n; turn, from = turn+1, from+rows {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, u.stream.Sync())
		}
		count := min(rows, n-from)
		err := u.fill(turn, dst+DevicePtr(from*d*size), count*d, func(numbers []T) { u.convert(numbers, first+from) })
		if err != nil {
			return err
		}
	}
	return u.stream.Sync()
}

// convert reads events into numbers, in parallel.
func (u *uploader[T]) convert(numbers []T, from int) {
	d := u.data.Events.Dims()
	rows := len(numbers) / d
	each := max(1, (rows+goruntime.GOMAXPROCS(0)-1)/goruntime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for begin := 0; begin < rows; begin += each {
		wait.Go(func() {
			part := numbers[begin*d : min(rows, begin+each)*d]
			runtime.Read(u.frame, part, u.data.Events, from+begin, make([]float64, len(part)))
		})
	}
	wait.Wait()
}

// weights uploads the weights of n events from first on, and returns when they are there.
func (u *uploader[T]) weights(dst DevicePtr, first, n int) error {
	size := numberBytes[T]()
	rows := stagingBytes / size
	for turn, from := 0, 0; from < n; turn, from = turn+1, from+rows {
		count := min(rows, n-from)
		err := u.fill(turn, dst+DevicePtr(from*size), count, func(numbers []T) {
			for i, w := range u.data.Weights[first+from:][:count] {
				numbers[i] = T(w)
			}
		})
		if err != nil {
			return err
		}
	}
	return u.stream.Sync()
}
