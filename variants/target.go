package variants

import (
	"fmt"
	"strconv"
	"strings"
)

// Backend is a kind of device that variants are written for.
type Backend string

// The backends. The reference is not one: it has no variants, and judges them.
const (
	CUDA Backend = "cuda"
	CC   Backend = "cc"
)

// Target is what a device can do, as far as choosing and rendering need to know.
type Target struct {
	Backend Backend `json:"backend"`
	// Arch is the architecture compiled for: "sm_90" for cuda; for cc the processor's own, "native".
	Arch string `json:"arch"`
	// Units is how many multiprocessors or processor cores work at once.
	Units int `json:"units"`
	// SharedPerBlock is how many bytes of shared memory a block can ask for; 0 for cc.
	SharedPerBlock int `json:"shared_per_block,omitempty"`
	// ThreadsPerBlock is the largest block; 0 for cc.
	ThreadsPerBlock int `json:"threads_per_block,omitempty"`
}

// kib is 1024 bytes.
const kib = 1024

// cudaArch is what every device of an architecture can do (CUDA C++ Programming Guide, table of technical specifications
// per compute capability: shared memory per thread block, opt-in).
type cudaArch struct{ number, sharedPerBlock int }

func cudaArchs() []cudaArch {
	return []cudaArch{
		{75, 64 * kib},
		{80, 163 * kib},
		{86, 99 * kib},
		{87, 163 * kib},
		{89, 99 * kib},
		{90, 227 * kib},
		{100, 227 * kib},
		{103, 227 * kib},
		{110, 227 * kib},
		{120, 99 * kib},
		{121, 99 * kib},
	}
}

// minimumUnits stands for the multiprocessors of a device that is only known by its architecture; it enters no source.
const minimumUnits = 16

// cudaThreadsPerBlock is the largest block of every architecture listed.
const cudaThreadsPerBlock = 1024

// CUDAArch returns what every device of an architecture such as "sm_90" can do. An unlisted one is taken for the nearest
// older one listed.
func CUDAArch(arch string) (Target, error) {
	digits, ok := strings.CutPrefix(arch, "sm_")
	number, err := strconv.Atoi(strings.TrimRight(digits, "af"))
	archs := cudaArchs()
	if !ok || err != nil || number < archs[0].number {
		return Target{}, fmt.Errorf("variants: unknown architecture %q: want sm_%d or later", arch, archs[0].number)
	}
	t := Target{Backend: CUDA, Arch: "sm_" + strconv.Itoa(number), Units: minimumUnits, ThreadsPerBlock: cudaThreadsPerBlock}
	for _, a := range archs {
		if a.number <= number {
			t.SharedPerBlock = a.sharedPerBlock
		}
	}
	return t, nil
}

// CUDAArchs lists the architectures that kernels are compiled for in tests.
func CUDAArchs() []string {
	return []string{"sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"}
}
