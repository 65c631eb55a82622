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
	// OldCompiler says that kernels are compiled by NVRTC before 12.0.
	OldCompiler bool `json:"old_compiler,omitempty"`
	// VectorBytes is the size of the processor's widest vectors: 64, 32 or 16; 0 for cuda.
	VectorBytes int `json:"vector_bytes,omitempty"`
}

// Native returns the processor at hand, which works on vectors of so many bytes with so many cores at once.
func Native(vectorBytes, cores int) Target {
	return Target{Backend: CC, Arch: "native", Units: cores, VectorBytes: vectorBytes}
}

// RegisterTile is what a kernel in C keeps in vector registers: of A(x - μ) so many rows of so many vectors of events, and of sums
// so many components by so many stripes, vectors of features, or of moments so many rows by so many columns, each a vector of sums of
// some of the events.
type RegisterTile struct{ Rows, Vectors, Components, Stripes, BlockRows, BlockColumns int }

// RegisterTile returns the largest tile that the processor's registers hold with what is multiplied: there are 32, but 16 of 32 bytes.
func (t Target) RegisterTile() RegisterTile {
	if t.VectorBytes == avx2Bytes {
		return RegisterTile{Rows: 4, Vectors: 2, Components: 6, Stripes: 2, BlockRows: 4, BlockColumns: 2}
	}
	return RegisterTile{Rows: 5, Vectors: 4, Components: 6, Stripes: 4, BlockRows: 4, BlockColumns: 4}
}

// The sizes of vectors: NEON's and SSE2's, AVX2's, AVX-512's.
const (
	neonBytes   = 16
	avx2Bytes   = 32
	avx512Bytes = 64
)

// VectorSizes lists the sizes of vectors that kernels in C are rendered for, in bytes.
func VectorSizes() []int { return []int{neonBytes, avx2Bytes, avx512Bytes} }

// kib is 1024 bytes.
const kib = 1024

// cudaArch is what every device of an architecture can do (CUDA C++ Programming Guide, table of technical specifications
// per compute capability: shared memory per thread block, opt-in), and what one device of it can (its data sheet).
type cudaArch struct {
	number, sharedPerBlock int
	// The device: multiprocessors, clock, float32 multiply-adds of a multiprocessor in a clock, how many of them a float64 one
	// costs, and memory.
	units, megahertz, lanes, double, gigabytes int
}

func cudaArchs() []cudaArch {
	return []cudaArch{
		{75, 64 * kib, 40, 1590, 64, 32, 320},      // T4
		{80, 163 * kib, 108, 1410, 64, 2, 2039},    // A100, 80 GB
		{86, 99 * kib, 72, 1695, 128, 64, 600},     // A10
		{87, 163 * kib, 16, 1300, 128, 64, 204},    // Jetson AGX Orin
		{89, 99 * kib, 142, 2520, 128, 64, 864},    // L40S
		{90, 227 * kib, 132, 1980, 128, 2, 3350},   // H100 SXM
		{100, 227 * kib, 148, 1965, 128, 2, 8000},  // B200
		{103, 227 * kib, 160, 1965, 128, 64, 8000}, // B300
		{110, 227 * kib, 20, 1575, 128, 64, 273},   // Jetson AGX Thor
		{120, 99 * kib, 170, 2407, 128, 64, 1792},  // GeForce RTX 5090
		{121, 99 * kib, 48, 2418, 128, 64, 273},    // GB10
	}
}

// Rates is what a device does at its peak, per second.
type Rates struct {
	Float32, Float64 float64 // floating-point operations
	Bandwidth        float64 // bytes to and from memory
}

// TypicalRates returns those of one device of a CUDA architecture, the one whose multiprocessors [CUDAArch] counts. An unlisted
// architecture is taken for the nearest older one listed.
func TypicalRates(arch string) (Rates, error) {
	a, err := archOf(arch)
	if err != nil {
		return Rates{}, err
	}
	const mega, giga, perLane = 1e6, 1e9, 2
	peak := float64(a.units) * float64(a.megahertz) * mega * float64(a.lanes) * perLane
	return Rates{Float32: peak, Float64: peak / float64(a.double), Bandwidth: float64(a.gigabytes) * giga}, nil
}

// CUDALanes returns how many float32 multiply-adds a multiprocessor of an architecture does in a clock, and how many of them a float64
// one costs. An architecture that is not known has those of the oldest.
func CUDALanes(arch string) (lanes, double int) {
	a, err := archOf(arch)
	if err != nil {
		a = cudaArchs()[0]
	}
	return a.lanes, a.double
}

// cudaThreadsPerBlock is the largest block of every architecture listed.
const cudaThreadsPerBlock = 1024

// CUDAArch returns what every device of an architecture such as "sm_90" can do, with the multiprocessors of a typical one, which
// enter no source. An unlisted one is taken for the nearest older one listed.
func CUDAArch(arch string) (Target, error) {
	a, err := archOf(arch)
	if err != nil {
		return Target{}, err
	}
	return Target{
		Backend: CUDA, Arch: "sm_" + strings.TrimRight(strings.TrimPrefix(arch, "sm_"), "af"), Units: a.units,
		SharedPerBlock: a.sharedPerBlock, ThreadsPerBlock: cudaThreadsPerBlock,
	}, nil
}

// number returns that of a CUDA architecture: 90 for "sm_90".
func (t Target) number() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(t.Arch, "sm_"))
	return n
}

// archOf returns the listed architecture nearest to one, and not newer.
func archOf(arch string) (cudaArch, error) {
	digits, ok := strings.CutPrefix(arch, "sm_")
	number, err := strconv.Atoi(strings.TrimRight(digits, "af"))
	archs := cudaArchs()
	if !ok || err != nil || number < archs[0].number {
		return cudaArch{}, fmt.Errorf("variants: unknown architecture %q: want sm_%d or later", arch, archs[0].number)
	}
	nearest := archs[0]
	for _, a := range archs {
		if a.number <= number {
			nearest = a
		}
	}
	return nearest, nil
}

// CUDAArchs lists the architectures that kernels are compiled for in tests.
func CUDAArchs() []string {
	return []string{"sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"}
}
