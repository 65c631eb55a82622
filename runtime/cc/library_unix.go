//go:build (darwin || linux) && (amd64 || arm64)

package cc

import (
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"

	"github.com/ebitengine/purego"
)

// available says that Open can work here.
const available = true

// loadFile loads a library through a file in dir. The file is gone when it returns: the mapping needs no name.
func loadFile(image []byte, dir string) (handle uintptr, err error) {
	file, err := os.CreateTemp(dir, "gmmspec-*.so") // mode 0600
	if err != nil {
		return 0, err
	}
	defer func() {
		if rmErr := os.Remove(file.Name()); rmErr != nil && err == nil {
			err = rmErr
		}
	}()
	_, err = file.Write(image)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, err
	}
	path, err := filepath.Abs(file.Name()) // a name without a slash would be searched for among the system's libraries
	if err != nil {
		return 0, err
	}
	return dlopen(path)
}

// dlopen loads the library at path, resolves all of its symbols at once and offers its own to no one else.
func dlopen(path string) (uintptr, error) {
	goruntime.LockOSThread() // the text of an error belongs to the thread it happened on
	defer goruntime.UnlockOSThread()
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

// symbol returns the address of a function in a library.
func symbol(handle uintptr, name string) (uintptr, error) {
	if handle == 0 {
		return 0, fmt.Errorf("the library is not open") // to dlsym, 0 means the whole process
	}
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	return purego.Dlsym(handle, name)
}

// invoke calls the function at address with words as its arguments.
func invoke(address uintptr, words []uintptr) int64 {
	result, _, _ := purego.SyscallN(address, words...)
	return int64(result)
}
