package cuda

import (
	"strings"
	"testing"
)

func TestResultNames(t *testing.T) {
	const last = ResultUnknown
	named := map[string]Result{}
	for r := Success; r <= last; r++ {
		name := r.Name()
		if strings.HasSuffix(name, "_UNNAMED") {
			continue
		}
		if other, ok := named[name]; ok {
			t.Errorf("%d and %d are both %s", r, other, name)
		}
		named[name] = r
	}
	const inHeader = 101 // the enumerators of CUresult in cuda.h of CUDA 13.0
	if len(named) != inHeader {
		t.Errorf("%d names, cuda.h has %d", len(named), inHeader)
	}
	// Some that the driver's documents and messages quote by number.
	for name, want := range map[string]Result{
		"CUDA_SUCCESS": 0, "CUDA_ERROR_OUT_OF_MEMORY": 2, "CUDA_ERROR_NO_DEVICE": 100, "CUDA_ERROR_INVALID_CONTEXT": 201,
		"CUDA_ERROR_NO_BINARY_FOR_GPU": 209, "CUDA_ERROR_INVALID_PTX": 218, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": 222,
		"CUDA_ERROR_NOT_READY": 600, "CUDA_ERROR_ILLEGAL_ADDRESS": 700, "CUDA_ERROR_LAUNCH_FAILED": 719,
		"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": 803, "CUDA_ERROR_UNKNOWN": 999,
	} {
		if got, ok := named[name]; !ok || got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	if got, want := ErrOutOfMemory.Error(), "CUDA_ERROR_OUT_OF_MEMORY (2)"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if ErrOutOfMemory.Sticky() || ResultNotReady.Sticky() || !ResultIllegalAddress.Sticky() {
		t.Error("an illegal address loses the context, want of memory does not")
	}
}
