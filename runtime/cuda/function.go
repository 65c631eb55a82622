package cuda

import "fmt"

// Function is a kernel in a Module. It lives as long as its module.
type Function struct {
	module     *Module
	handle     CUfunction
	name       string
	paramBytes []int // the size of each parameter; nil if the driver does not tell
}

// FunctionAttributes is what the compiler and the driver decided for a kernel.
type FunctionAttributes struct {
	Registers             int // of 32 bits, a thread
	LocalBytes            int // a thread: spills and arrays that are indexed
	SharedBytes           int // a block, without dynamic ones
	ConstBytes            int
	MaxThreadsPerBlock    int // that its registers allow
	MaxDynamicSharedBytes int // a launch may ask for
	PTXVersion            int // 90 for compute_90
	BinaryVersion         int // 90 for sm_90
}

// Name returns the kernel's name.
func (f *Function) Name() string { return f.name }

// run calls a function on the context's thread while the module is loaded.
func (f *Function) run(g func(api *API) error) error {
	return f.module.context.Run(func() error {
		if f.module.closed {
			return ErrClosed
		}
		return g(f.module.context.api)
	})
}

// Attributes asks the driver about the kernel.
func (f *Function) Attributes() (FunctionAttributes, error) {
	var a FunctionAttributes
	err := f.run(func(api *API) error {
		for _, row := range []struct {
			field     *int
			attribute CUfunctionAttribute
		}{
			{&a.Registers, FunctionRegisters},
			{&a.LocalBytes, FunctionLocalBytes},
			{&a.SharedBytes, FunctionSharedBytes},
			{&a.ConstBytes, FunctionConstBytes},
			{&a.MaxThreadsPerBlock, FunctionMaxThreadsPerBlock},
			{&a.MaxDynamicSharedBytes, FunctionMaxDynamicSharedBytes},
			{&a.PTXVersion, FunctionPTXVersion},
			{&a.BinaryVersion, FunctionBinaryVersion},
		} {
			var value int32
			if err := f.check("cuFuncGetAttribute", api.FuncGetAttribute(&value, row.attribute, f.handle)); err != nil {
				return err
			}
			*row.field = int(value)
		}
		return nil
	})
	return a, err
}

// SetMaxDynamicShared lets launches ask for that many bytes of dynamic shared
// memory a block. It is needed above 48 KiB, and the device's
// SharedBytesPerBlockOptin, less the kernel's static bytes, is the most.
func (f *Function) SetMaxDynamicShared(bytes int) error {
	return f.run(func(api *API) error {
		return f.check("cuFuncSetAttribute", api.FuncSetAttribute(f.handle, FunctionMaxDynamicSharedBytes, int32(bytes)))
	})
}

// Occupancy returns how many blocks of that many threads and bytes of dynamic
// shared memory a multiprocessor holds at once.
func (f *Function) Occupancy(threads, sharedBytes int) (int, error) {
	var blocks int32
	err := f.run(func(api *API) error {
		return f.check("cuOccupancyMaxActiveBlocksPerMultiprocessor",
			api.OccupancyMaxActiveBlocks(&blocks, f.handle, int32(threads), uintptr(sharedBytes)))
	})
	return int(blocks), err
}

// check is the package's check with the kernel named.
func (f *Function) check(call string, result Result) error {
	if result == Success {
		return nil
	}
	return &Error{Call: call, Result: result, Detail: fmt.Sprintf("kernel %q", f.name)}
}
