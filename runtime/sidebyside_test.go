package runtime_test

import (
	"sync/atomic"
	"testing"

	"github.com/gmmspec/gmmspec/runtime"
)

// TestSideBySide: all is done, and a panic is the caller's.
func TestSideBySide(t *testing.T) {
	var sum atomic.Int64
	runtime.SideBySide(100, func(i int) { sum.Add(int64(i)) })
	if sum.Load() != 4950 {
		t.Errorf("the sum of 0 to 99 is %d", sum.Load())
	}
	defer func() {
		if v := recover(); v != "seven" {
			t.Errorf("recovered %v", v)
		}
	}()
	runtime.SideBySide(10, func(i int) {
		if i == 7 {
			panic("seven")
		}
	})
}
