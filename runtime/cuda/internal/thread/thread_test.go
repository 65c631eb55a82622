package thread_test

import (
	goruntime "runtime"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda/internal/thread"
)

func TestIDIsStableOnALockedThreadAndDiffersBetweenThreads(t *testing.T) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	here := thread.ID()
	if here == 0 {
		t.Fatal("thread.ID() = 0, want a thread's number")
	}
	other := make(chan uint64)
	go func() {
		goruntime.LockOSThread()
		defer goruntime.UnlockOSThread()
		other <- thread.ID()
	}()
	if there := <-other; there == here {
		t.Errorf("two locked goroutines share thread %d", here)
	}
	if again := thread.ID(); again != here {
		t.Errorf("thread.ID() = %d on a locked thread, then %d", here, again)
	}
}
