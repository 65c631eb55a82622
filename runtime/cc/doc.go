// Package cc runs kernels compiled from C inside this process, without cgo.
//
// [Open] makes a library of a shared object in memory, [Library.Func] finds a function in it, and [Func.Call] calls it:
//
//	library, err := cc.Open(sealed, dir)
//	run, err := library.Func("run")
//	run.Call(cc.Ptr(x), cc.Int(len(x)), cc.Ptr(sums))
//
// Objects come sealed from package runtime/cc/compiler, which this package does not need: a program that carries
// its objects along runs them on machines without a compiler.
//
// # What a C function may do
//
// Every parameter is 8 bytes wide, a pointer or an int64_t, and there are at most [MaxArgs] of them. The result is
// an int64_t or void. Nothing is passed or returned as a floating-point number.
//
// A function must not keep a pointer after it returns, must not call back into Go, and is called from many threads at
// once. Go cannot interrupt it: the goroutine that calls it holds its thread until it returns, and a fault in it ends the process.
//
// It runs on the stack of the thread, not on a goroutine's, and may use up to [StackLimit] bytes of it.
package cc
