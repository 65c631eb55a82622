package cuda

import (
	"errors"

	"github.com/gmmspec/gmmspec/mixture"
)

// keptBytes is how much memory beside the events is kept for the next fit or score: to reserve more takes little beside what is done with it.
const keptBytes = 256 << 20

// Forget has results be what they would be if nothing had been done with the events before: they are not in buckets, and the matrix form is
// tried as at first, with as much room. Much memory is given back, and little is kept for the next who comes.
func (r *resident[T]) Forget() error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.end()
	r.buckets.count, r.buckets.byChunk, r.buckets.stale = 0, false, false
	r.load = r.engine.program.Allowed() / errorByLoad
	r.resting, r.rest = 0, 0
	if r.borrowed && r.spanFirst > 0 {
		r.spanBytes = r.spanFirst
	}
	bytes := 0
	for _, b := range r.passBuffers() {
		bytes += b.bytes
	}
	err := r.loop.free(r.engine.context) // what is in it is of the passes before
	if bytes > keptBytes {
		err = errors.Join(err, r.freePasses())
	}
	return err
}

// enterFrom is enter for somebody who holds an engine for reading, which may be the events' own. It returns what ends it.
func (r *resident[T]) enterFrom(e *Engine) (leave func(), err error) {
	if r.engine != e {
		if err := r.enter(); err != nil {
			return nil, err
		}
		return r.end, nil
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, mixture.ErrClosed
	}
	return r.mu.Unlock, nil
}
