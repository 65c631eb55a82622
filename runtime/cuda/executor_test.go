package cuda

import (
	"errors"
	goruntime "runtime"
	"sync"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda/internal/thread"
)

func TestExecutorRunsOnOneThread(t *testing.T) {
	e := newExecutor()
	var mine uint64
	if err := e.do(func() error { mine = thread.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	running := 0 // unguarded: functions must not run at the same time
	for range 8 {
		group.Go(func() {
			for range 100 {
				err := e.do(func() error {
					running++
					defer func() { running-- }()
					if id := thread.ID(); id != mine || running != 1 {
						t.Errorf("thread %d with %d running, want %d alone", id, running, mine)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := e.do(func() error { e.end(); return nil }); err != nil {
		t.Error(err)
	}
	if err := e.do(func() error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: error %v, want ErrClosed", err)
	}
}

func TestExecutorEndsWhileOthersCall(t *testing.T) {
	e := newExecutor()
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			for range 50 {
				err := e.do(func() error {
					if i == 10 {
						e.end()
					}
					return nil
				})
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestExecutorSurvivesGoexitAsClosed(t *testing.T) {
	e := newExecutor()
	if err := e.do(func() error { goruntime.Goexit(); return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("a function that ends the goroutine: error %v, want ErrClosed", err)
	}
	if err := e.do(func() error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("after it: error %v, want ErrClosed", err)
	}
}
