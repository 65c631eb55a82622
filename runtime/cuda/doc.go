// Package cuda runs kernels on NVIDIA devices through the CUDA driver, from Go,
// with no C compiler: the driver's library is opened at run time, so a program
// builds anywhere and finds out where it runs whether CUDA is there.
//
// A [Driver] shows [Device]s; a Device opens a [Context]; a Context allocates
// memory ([DevicePtr], [HostMemory]), makes [Stream]s and [Event]s and loads
// [Module]s, whose [Function]s are launched. The words are those of the driver API
// and of barnex/cuda5.
//
//	driver, err := cuda.Open()              // errors.Is(err, cuda.ErrUnavailable) without CUDA
//	devices, err := driver.Devices()
//	ctx, err := devices[0].Open()
//	defer ctx.Close()
//	module, err := ctx.LoadModule(cubin)
//	scale, err := module.Function("scale")
//	x, err := ctx.Alloc(4 * len(host))
//	err = ctx.CopyHtoD(x, cuda.Bytes(host))
//	err = scale.Launch(cuda.Dim3{X: blocks}, cuda.Dim3{X: 256}, 0, nil, x, int64(len(host)), float32(2))
//	err = ctx.CopyDtoH(cuda.Bytes(host), x)
//
// # Threads
//
// A context is current on one thread of the system, so each [Context] has a
// goroutine locked to a thread, and every call is made there, one at a time. All
// types are safe for use by several goroutines. [Context.Run] makes many calls in
// one switch of goroutines.
//
// # Memory
//
// A DevicePtr is a number: the garbage collector neither frees nor moves what it
// points to. Go memory is handed to the driver only for the length of a call. What
// the device reads or writes later, while the host goes on, must be a HostMemory.
// There is no managed memory.
//
// # Errors
//
// A failed call is an [Error] with the C function's name and a [Result]. After a
// [Result.Sticky] one, such as an illegal address, the context is lost for the
// whole process. After Close every call returns [ErrClosed], and a second Close
// does nothing.
package cuda
