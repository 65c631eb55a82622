// Package nvrtc compiles CUDA C++ at run time with NVIDIA's NVRTC, a library that
// is found and opened when it is needed. It needs no device: the Python package
// nvidia-cuda-nvrtc alone is enough to compile for every architecture it knows.
//
//	compiler, err := nvrtc.Open(nvrtc.Options{}) // errors.Is(err, nvrtc.ErrUnavailable) without one
//	result, err := compiler.Compile(ctx, nvrtc.Program{Name: "estep.cu", Source: text, Arch: "sm_90a"})
//	module, err := device.LoadModule(result.Cubin)
//
// One compile yields the machine code that is loaded, the PTX it was made from,
// and for each kernel its registers, spills and memory.
//
// NVRTC keeps a cache of its own from 12.9 on, on a hit of which the report of
// registers and spills is empty. It is turned off. Whoever caches a [Result] keys
// it on what went in, the source, [Compiler.Options] and [Compiler.Version]: the
// PTX is not the same bytes every time.
package nvrtc
