package cuda

import (
	goruntime "runtime"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// packBytes is how much one goroutine packs at a time at most: much enough that the copies of the standard library go past the caches, and little
	// enough that a processor that is interrupted does not keep the others waiting.
	packBytes = 2 << 20
	// packAlignment is that of what lies behind the rows of a packed chunk, on the host and on the device.
	packAlignment = 256
)

// packing is how events lie in page-locked memory, and on a device before they are unpacked: rows without a gap, as they lie in the caller's memory
// where that is no more than what a kernel reads, since then packing is copying and the device can do the rest; or else in the frame. Their
// weights, as kernels read them, come after the rows.
type packing[T runtime.Real] struct {
	data         mixture.Data
	d            int
	number       int       // the bytes of a coordinate
	shift, scale []float64 // what the device has to apply
	text         []byte    // of the kernel that unpacks
	entry        string
	read         func(to *HostMemory, at, first, n int) // n events from first on to the rows from at on
}

func newPacking[T runtime.Real](frame runtime.Frame, data mixture.Data) packing[T] {
	p := packing[T]{data: data, d: data.Events.Dims(), number: numberBytes[T](), shift: frame.Shift, scale: frame.Scale}
	wantsBuffer := false
	switch rows := data.Events.(type) {
	case *mixture.Rows[float32]:
		p.number = numberBytes[float32]()
		p.text, p.entry = unpackKernel[float32, T]()
		p.read = readerOf(rows, p.d)
		return p
	case *mixture.Rows[float64]:
		if p.number == numberBytes[float64]() {
			p.text, p.entry = unpackKernel[float64, T]()
			p.read = readerOf(rows, p.d)
			return p
		}
	default:
		wantsBuffer = true
	}
	p.text, p.entry = unpackKernel[T, T]()
	p.shift, p.scale = make([]float64, p.d), make([]float64, p.d)
	for j := range p.scale {
		p.scale[j] = 1
	}
	p.read = func(to *HostMemory, at, first, n int) {
		numbers := View[T](to)[at*p.d:][:n*p.d]
		var buffer []float64
		if wantsBuffer {
			buffer = make([]float64, len(numbers))
		}
		runtime.Read(frame, numbers, data.Events, first, buffer)
	}
	return p
}

// readerOf copies rows as they are.
func readerOf[E runtime.Real](rows *mixture.Rows[E], d int) func(to *HostMemory, at, first, n int) {
	return func(to *HostMemory, at, first, n int) {
		numbers := View[E](to)[at*d:][:n*d]
		data, stride := rows.Slice()
		data = data[first*stride:]
		rows.Guard(func() {
			if stride == d {
				copy(numbers, data)
				return
			}
			for i := range n {
				copy(numbers[i*d:][:d], data[i*stride:])
			}
		})
	}
}

// eventBytes is what an event takes, with its weight.
func (p *packing[T]) eventBytes() int {
	if p.data.Weights == nil {
		return p.rowBytes()
	}
	return p.rowBytes() + numberBytes[T]()
}

func (p *packing[T]) rowBytes() int { return p.d * p.number }

// most is how many events a chunk has at most.
func (p *packing[T]) most() int {
	return max(leastChunk, chunkBytes/p.eventBytes()/runtime.BatchEvents*runtime.BatchEvents)
}

// weightsAt is where the weights of a chunk of so many events begin.
func (p *packing[T]) weightsAt(events int) int { return roundUp(events*p.rowBytes(), packAlignment) }

// bytes is what a chunk of so many events takes.
func (p *packing[T]) bytes(events int) int {
	return p.weightsAt(events) + events*(p.eventBytes()-p.rowBytes())
}

// pack has all processors pack n events from first on.
func (p *packing[T]) pack(to *HostMemory, first, n int) {
	rows := max(1, min(packBytes/p.rowBytes(), (n+goruntime.GOMAXPROCS(0)-1)/goruntime.GOMAXPROCS(0)))
	var weights []T
	if p.data.Weights != nil {
		weights = View[T](to)[p.weightsAt(n)/numberBytes[T]():][:n]
	}
	runtime.SideBySide((n+rows-1)/rows, func(i int) {
		at := i * rows
		end := min(n, at+rows)
		p.read(to, at, first+at, end-at)
		if weights != nil {
			for k := at; k < end; k++ {
				weights[k] = T(p.data.Weights[first+k])
			}
		}
	})
}
