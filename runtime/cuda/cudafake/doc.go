// Package cudafake imitates the CUDA driver in memory, for tests that need one
// where there is none.
//
//	fake := cudafake.New(cudafake.Config{Kernels: kernels})
//	driver, err := fake.Open()
//	…
//	fake.Fail("cuMemAlloc", 2, cuda.ErrOutOfMemory)
//	…
//	if leaks := fake.Leaks(); len(leaks) > 0 { … }
//
// It stands behind the same table of functions as the real driver, so everything
// above it runs, the packing of arguments included. It is stricter than a device
// where a program could get by luck:
//
//   - Work on a stream is done only when something waits for it. What is read
//     before that is poison, memory that was never written too: 0xFF in every byte.
//   - Every access is checked against the allocation it falls in, and allocations do
//     not touch. A kernel that strays ends the context with an illegal address.
//   - A call from a thread on which the context is not current fails.
//
// Kernels are Go functions, found by name in every module, whatever its image.
package cudafake
