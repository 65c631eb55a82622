package cuda

import (
	goruntime "runtime"
	"sync/atomic"

	"github.com/gmmspec/gmmspec/runtime/cuda/internal/thread"
)

// executor runs functions one after another on one goroutine that is locked to
// its operating system thread, since a CUDA context is current on a thread.
type executor struct {
	requests chan request
	stopped  chan struct{} // closed when no request will be served any more
	serving  atomic.Bool   // a request's function is running
	thread   uint64        // the goroutine's thread: set before the first request is taken
	ending   bool          // no further request; read and written on the goroutine alone
}

// request is one function to run.
type request struct {
	run   func() error
	reply chan outcome // with room for one, so that the executor never waits
}

// outcome is how a function ended.
type outcome struct {
	err      error
	panicked any // what it panicked with, nil if it returned
}

// newExecutor starts an executor. Its goroutine ends after a request has called end.
func newExecutor() *executor {
	e := &executor{requests: make(chan request), stopped: make(chan struct{})}
	ready := make(chan struct{})
	go e.serve(ready)
	<-ready
	return e
}

// serve takes requests until one has ended it.
func (e *executor) serve(ready chan<- struct{}) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	defer close(e.stopped) // before the thread may serve another goroutine
	e.thread = thread.ID()
	close(ready)
	for !e.ending {
		r := <-e.requests
		e.serving.Store(true)
		o := protect(r.run)
		e.serving.Store(false)
		r.reply <- o
	}
}

// do runs a function on the executor's goroutine and returns its error. Called
// from there it runs the function at once. A panic continues in the caller. After
// the end it returns ErrClosed and does not run the function.
func (e *executor) do(run func() error) error {
	select {
	case <-e.stopped:
		return ErrClosed
	default:
	}
	if e.serving.Load() && thread.ID() == e.thread { // only then can this be its goroutine
		if e.ending {
			return ErrClosed
		}
		return run()
	}
	r := request{run: run, reply: make(chan outcome, 1)}
	select {
	case e.requests <- r:
	case <-e.stopped:
		return ErrClosed
	}
	select {
	case o := <-r.reply:
		return o.result()
	case <-e.stopped:
		// The last request answers, then the executor stops: both may be ready.
		select {
		case o := <-r.reply:
			return o.result()
		default:
			return ErrClosed
		}
	}
}

// end makes the request that calls it the last.
func (e *executor) end() { e.ending = true }

// protect runs a function and keeps its panic for the goroutine that asked.
func protect(run func() error) (o outcome) {
	defer func() { o.panicked = recover() }()
	o.err = run()
	return o
}

// result returns the function's error, or panics as it did.
func (o outcome) result() error {
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.err
}
