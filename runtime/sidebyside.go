package runtime

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"
)

// SideBySide calls do for every number from 0 to n-1, in as many goroutines as there are processors to use, and returns when all are done. It
// panics as do does.
func SideBySide(n int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	var panicked atomic.Value
	for range min(n, goruntime.GOMAXPROCS(0)) {
		wait.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					panicked.CompareAndSwap(nil, &v)
				}
			}()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
	if v, ok := panicked.Load().(*any); ok {
		panic(*v)
	}
}
