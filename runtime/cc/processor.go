package cc

import "golang.org/x/sys/cpu"

// The sizes of vectors: those of NEON and SSE2, of AVX2, and of AVX-512.
const (
	vectors128 = 16
	vectors256 = 32
	vectors512 = 64
)

// VectorBytes is the size of this processor's widest vectors.
func VectorBytes() int {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ:
		return vectors512
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return vectors256
	}
	return vectors128
}
