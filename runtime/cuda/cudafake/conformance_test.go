package cudafake_test

import (
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudafake"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudatest"
)

// newFake returns an imitation with the conformance suite's kernels.
func newFake(t *testing.T) (*cudafake.Driver, *cuda.Driver) {
	t.Helper()
	fake := cudafake.New(cudafake.Config{Kernels: cudatest.Kernels(), Globals: cudatest.Globals(), CheckImage: cudatest.CheckImage})
	driver, err := fake.Open()
	if err != nil {
		t.Fatal(err)
	}
	return fake, driver
}

func TestConformance(t *testing.T) {
	fake, driver := newFake(t)
	cudatest.Run(t, driver)
	if leaks := fake.Leaks(); len(leaks) > 0 {
		t.Errorf("left behind: %v", leaks)
	}
	if faults := fake.Faults(); len(faults) > 0 {
		t.Errorf("kernels failed: %v", faults)
	}
}

func TestStray(t *testing.T) {
	fake, driver := newFake(t)
	t.Run("Stray", func(t *testing.T) { cudatest.RunStray(t, driver) })
	if faults := fake.Faults(); len(faults) != 1 {
		t.Errorf("faults %v, want the stray kernel's", faults)
	}
}
