package cuda

import (
	"bytes"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
	"unsafe"
)

// Module is code loaded on a device.
type Module struct {
	context *Context
	handle  CUmodule
	closed  bool // read and written on the context's thread alone
}

// jitLogBytes is the room for each of the driver's two logs of a load. A log that
// is longer is cut: the first errors are the ones to read.
const jitLogBytes = 16 << 10

// LoadModule loads a cubin, a fatbin or PTX text. PTX is compiled by the driver
// for the device; if that fails the error's detail holds the compiler's log. An
// image that this driver or device cannot take is an error that says what to do.
func (c *Context) LoadModule(image []byte) (*Module, error) {
	m := &Module{context: c}
	terminated := append(bytes.Clone(image), 0) // PTX is text that ends in NUL
	err := c.Run(func() error { return c.load(&m.handle, terminated) })
	if err != nil {
		return nil, err
	}
	return m, nil
}

// load is LoadModule on the context's thread.
func (c *Context) load(handle *CUmodule, image []byte) error {
	infoLog, errorLog := make([]byte, jitLogBytes), make([]byte, jitLogBytes)
	keys := [...]CUjitOption{JITInfoLogBuffer, JITInfoLogBufferBytes, JITErrorLogBuffer, JITErrorLogBufferBytes}
	// The driver takes each value as a void*: an address, or a number in its place.
	var pinner goruntime.Pinner
	defer pinner.Unpin()
	pinner.Pin(&infoLog[0])
	pinner.Pin(&errorLog[0])
	values := [...]uintptr{
		uintptr(unsafe.Pointer(&infoLog[0])), jitLogBytes,
		uintptr(unsafe.Pointer(&errorLog[0])), jitLogBytes,
	}
	result := c.api.ModuleLoadDataEx(handle, &image[0], uint32(len(keys)), &keys[0], &values[0])
	err := check("cuModuleLoadDataEx", result)
	if failed, ok := errors.AsType[*Error](err); ok {
		failed.Detail = c.loadAdvice(result) + jitLog(errorLog) + jitLog(infoLog)
	}
	return err
}

// loadAdvice says what to do about an image that could not be loaded.
func (c *Context) loadAdvice(result Result) string {
	driver := fmt.Sprintf("the driver serves CUDA %v", c.driver.version)
	arch := c.device.Arch()
	switch result {
	case ResultUnsupportedPTXVersion:
		return driver + " and the PTX is of a newer one: update the driver, or compile to a cubin for " + arch + ", or with NVRTC " + c.driver.version.String() + " or older"
	case ResultNoBinaryForGPU:
		return "the image has no code for " + arch + ": compile for it; " + driver
	case ResultInvalidPTX:
		return "the PTX does not compile for " + arch + "; " + driver
	case ResultInvalidImage, ResultInvalidSource:
		return "the image is no cubin, fatbin or PTX that this driver can read; " + driver
	case ResultJITCompilerNotFound, ResultJITCompilationDisabled:
		return "the driver cannot compile PTX here: compile to a cubin for " + arch + "; " + driver
	default:
		return driver
	}
}

// jitLog returns what a log holds, on lines of its own.
func jitLog(log []byte) string {
	if message := strings.TrimSpace(text(log)); message != "" {
		return "\n" + message
	}
	return ""
}

// Function finds a kernel by its name, the unmangled one of an extern "C" kernel.
func (m *Module) Function(name string) (*Function, error) {
	f := &Function{module: m, name: name}
	err := m.context.Run(func() error {
		if m.closed {
			return ErrClosed
		}
		err := check("cuModuleGetFunction", m.context.api.ModuleGetFunction(&f.handle, m.handle, name))
		if failed, ok := errors.AsType[*Error](err); ok {
			failed.Detail = fmt.Sprintf("kernel %q", name)
			return failed
		}
		f.paramBytes = m.context.paramBytes(f.handle)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Global finds a variable of the module, in device or constant memory, by its name: where it lies and how many bytes it has.
// The memory is the module's.
func (m *Module) Global(name string) (ptr DevicePtr, bytes int, err error) {
	err = m.context.Run(func() error {
		if m.closed {
			return ErrClosed
		}
		var size uintptr
		err := check("cuModuleGetGlobal", m.context.api.ModuleGetGlobal(&ptr, &size, m.handle, name))
		if failed, ok := errors.AsType[*Error](err); ok {
			failed.Detail = fmt.Sprintf("variable %q", name)
			return failed
		}
		bytes = int(size)
		return nil
	})
	return ptr, bytes, err
}

// paramBytes returns the size of each of a kernel's parameters, or nil if the
// driver, one older than CUDA 12.4, does not tell.
func (c *Context) paramBytes(f CUfunction) []int {
	if c.api.FuncGetParamInfo == nil {
		return nil
	}
	sizes := []int{}
	for {
		var offset, size uintptr
		switch c.api.FuncGetParamInfo(f, uintptr(len(sizes)), &offset, &size) {
		case Success:
			sizes = append(sizes, int(size))
		case ResultInvalidValue: // past the last
			return sizes
		default:
			return nil
		}
	}
}

// Close unloads the code. Its functions return ErrClosed from then on. A second
// Close does nothing.
func (m *Module) Close() error {
	return closing(m.context, &m.closed, func() error {
		return check("cuModuleUnload", m.context.api.ModuleUnload(m.handle))
	})
}
