package cudafake

import (
	"cmp"
	"strings"
	"time"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// module is a loaded module: where its variables lie.
type module map[string]cuda.DevicePtr

// function is a kernel in a loaded module.
type function struct {
	kernel     Kernel
	module     cuda.CUmodule
	maxDynamic int // bytes of dynamic shared memory a launch may ask for
}

// defaultDuration is how long a kernel takes on the device's clock.
const defaultDuration = time.Microsecond

// load takes an image, or writes the log of what is wrong with it.
func (f *Driver) load(d *device, module *cuda.CUmodule, image *byte, count uint32, keys *cuda.CUjitOption, values *uintptr) cuda.Result {
	if f.config.CheckImage != nil {
		log, result := f.config.CheckImage(upToZero(image))
		if result != cuda.Success {
			writeLog(log, count, keys, values)
			return result
		}
	}
	variables := map[string]cuda.DevicePtr{} // in memory that the module brings
	for name, bytes := range f.config.Globals {
		variables[name] = d.place(uintptr(bytes))
	}
	*module = cuda.CUmodule(f.handle())
	d.modules[*module] = variables
	return cuda.Success
}

// global tells where a module's variable lies.
func (d *device) global(ptr *cuda.DevicePtr, bytes *uintptr, handle cuda.CUmodule, name string) cuda.Result {
	variables, ok := d.modules[handle]
	if !ok {
		return cuda.ResultInvalidHandle
	}
	at, ok := variables[strings.TrimRight(name, "\x00")]
	if !ok {
		return cuda.ResultNotFound
	}
	*ptr, *bytes = at, uintptr(len(d.allocations[at].bytes))
	return cuda.Success
}

// writeLog writes into the buffer for errors, if the options name one.
func writeLog(log string, count uint32, keys *cuda.CUjitOption, values *uintptr) {
	options := unsafe.Slice(values, count)
	place := map[cuda.CUjitOption]*uintptr{}
	for i, key := range unsafe.Slice(keys, count) {
		place[key] = &options[i]
	}
	buffer, size := place[cuda.JITErrorLogBuffer], place[cuda.JITErrorLogBufferBytes]
	if buffer != nil && size != nil {
		cText(*(**byte)(unsafe.Pointer(buffer)), int32(*size), log)
	}
}

// upToZero returns the bytes of a C string.
func upToZero(s *byte) []byte {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(s), n)) != 0 {
		n++
	}
	return unsafe.Slice(s, n)
}

// find looks a kernel up by its name.
func (f *Driver) find(d *device, handle *cuda.CUfunction, module cuda.CUmodule, name string) cuda.Result {
	if _, ok := d.modules[module]; !ok {
		return cuda.ResultInvalidHandle
	}
	for _, kernel := range f.config.Kernels {
		if kernel.Name != strings.TrimRight(name, "\x00") {
			continue
		}
		kernel.Attributes.MaxThreadsPerBlock = cmp.Or(kernel.Attributes.MaxThreadsPerBlock, d.MaxThreadsPerBlock)
		*handle = cuda.CUfunction(f.handle())
		d.functions[*handle] = &function{
			kernel: kernel, module: module,
			maxDynamic: max(d.SharedBytesPerBlock-kernel.Attributes.SharedBytes, 0),
		}
		return cuda.Success
	}
	return cuda.ResultNotFound
}

// unload ends a module and its functions.
func (d *device) unload(module cuda.CUmodule) cuda.Result {
	variables, ok := d.modules[module]
	if !ok {
		return cuda.ResultInvalidHandle
	}
	for _, ptr := range variables {
		delete(d.allocations, ptr)
	}
	delete(d.modules, module)
	for handle, fn := range d.functions {
		if fn.module == module {
			delete(d.functions, handle)
		}
	}
	return cuda.Success
}

// functionAttribute returns one of the attributes that cuda.FunctionAttributes
// shows.
func (d *device) functionAttribute(value *int32, attribute cuda.CUfunctionAttribute, handle cuda.CUfunction) cuda.Result {
	fn := d.functions[handle]
	if fn == nil {
		return cuda.ResultInvalidHandle
	}
	a := fn.kernel.Attributes
	n, known := map[cuda.CUfunctionAttribute]int{
		cuda.FunctionMaxThreadsPerBlock:    a.MaxThreadsPerBlock,
		cuda.FunctionSharedBytes:           a.SharedBytes,
		cuda.FunctionConstBytes:            a.ConstBytes,
		cuda.FunctionLocalBytes:            a.LocalBytes,
		cuda.FunctionRegisters:             a.Registers,
		cuda.FunctionPTXVersion:            a.PTXVersion,
		cuda.FunctionBinaryVersion:         a.BinaryVersion,
		cuda.FunctionMaxDynamicSharedBytes: fn.maxDynamic,
	}[attribute]
	if !known {
		return cuda.ResultInvalidValue
	}
	*value = int32(n)
	return cuda.Success
}

// setFunctionAttribute sets the bytes of dynamic shared memory that a launch may
// ask for.
func (d *device) setFunctionAttribute(handle cuda.CUfunction, attribute cuda.CUfunctionAttribute, value int32) cuda.Result {
	fn := d.functions[handle]
	switch {
	case fn == nil:
		return cuda.ResultInvalidHandle
	case attribute != cuda.FunctionMaxDynamicSharedBytes,
		value < 0, int(value)+fn.kernel.Attributes.SharedBytes > d.SharedBytesPerBlockOptin:
		return cuda.ResultInvalidValue
	}
	fn.maxDynamic = int(value)
	return cuda.Success
}

// paramInfo tells a parameter's place and size.
func (d *device) paramInfo(handle cuda.CUfunction, index uintptr, offset, size *uintptr) cuda.Result {
	fn := d.functions[handle]
	if fn == nil || index >= uintptr(len(fn.kernel.Params)) {
		return cuda.ResultInvalidValue
	}
	*offset = 0
	for i := range index + 1 {
		*size = paramBytes(fn.kernel.Params[i])
		*offset = (*offset + *size - 1) / *size * *size
		if i < index {
			*offset += *size
		}
	}
	return cuda.Success
}

// occupancy counts the blocks that a multiprocessor holds at once by its threads,
// blocks, registers and shared memory, without the driver's rounding.
func (d *device) occupancy(blocks *int32, handle cuda.CUfunction, threads int32, sharedBytes uintptr) cuda.Result {
	fn := d.functions[handle]
	if fn == nil {
		return cuda.ResultInvalidHandle
	}
	if threads <= 0 {
		return cuda.ResultInvalidValue
	}
	a := fn.kernel.Attributes
	n := d.MaxThreadsPerMultiprocessor / int(threads)
	if int(threads) > a.MaxThreadsPerBlock {
		n = 0
	}
	n = min(n, d.MaxBlocksPerMultiprocessor)
	n = min(n, d.SharedBytesPerMultiprocessor/max(1, a.SharedBytes+int(sharedBytes)+d.SharedBytesReserved))
	if a.Registers > 0 {
		n = min(n, d.RegistersPerMultiprocessor/(a.Registers*int(threads)))
	}
	*blocks = int32(n)
	return cuda.Success
}

// holds reports whether all blocks of a cooperative launch are on the device at once.
func (d *device) holds(handle cuda.CUfunction, grid, block cuda.Dim3, sharedBytes int) cuda.Result {
	if !d.Cooperative {
		return cuda.ResultNotSupported
	}
	var blocks int32
	if result := d.occupancy(&blocks, handle, int32(block.X*block.Y*block.Z), uintptr(sharedBytes)); result != cuda.Success {
		return result
	}
	if grid.X*grid.Y*grid.Z > int(blocks)*d.Multiprocessors {
		return cuda.ResultCooperativeLaunchTooLarge
	}
	return cuda.Success
}

// Limits of a grid along Y and Z, the same on every device.
const maxGridYZ = 1<<16 - 1

// launch copies the arguments and puts the kernel on a stream.
func (f *Driver) launch(d *device, handle cuda.CUfunction, grid, block cuda.Dim3, sharedBytes int, on cuda.CUstream, params *unsafe.Pointer) cuda.Result {
	fn := d.functions[handle]
	if fn == nil {
		return cuda.ResultInvalidHandle
	}
	threads := block.X * block.Y * block.Z
	switch {
	case grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.Y > maxGridYZ || grid.Z > maxGridYZ,
		threads < 1 || threads > d.MaxThreadsPerBlock,
		sharedBytes > fn.maxDynamic:
		return cuda.ResultInvalidValue
	case threads > fn.kernel.Attributes.MaxThreadsPerBlock:
		return cuda.ResultLaunchOutOfResources
	}
	l := &Launch{
		Kernel: fn.kernel.Name, Grid: grid, Block: block, SharedBytes: sharedBytes,
		Took: defaultDuration, device: d, globals: d.modules[fn.module],
	}
	for i, pointer := range unsafe.Slice(params, len(fn.kernel.Params)) {
		l.Args = append(l.Args, read(fn.kernel.Params[i], pointer))
	}
	return d.enqueue(on, func() cuda.Result {
		result := f.launched(l, fn.kernel.Run)
		d.clock += l.Took
		return result
	})
}
