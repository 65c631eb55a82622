// Package runtime holds what the runtimes for C and CUDA share: [Program], a plan's kernels compiled and described as plain
// data, the [Frame] in which events are handed to them, and the packing of parameters into and of statistics out of the
// layouts that kernels know. It neither renders nor compiles: a program generated ahead of time needs only this, package
// mixture and one of runtime/cc and runtime/cuda.
package runtime
