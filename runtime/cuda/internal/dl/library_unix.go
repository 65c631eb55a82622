//go:build darwin || freebsd || linux || netbsd

package dl

import (
	goruntime "runtime"

	"github.com/ebitengine/purego"
)

// Library is an open shared library. It stays open for the life of the process.
type Library struct {
	handle uintptr
}

// Open opens the library at a path, or the one the system's loader finds for a
// bare name. All its symbols are resolved, and none is offered to others.
func Open(path string) (*Library, error) {
	handle, err := open(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	return &Library{handle: handle}, nil
}

// Bind looks the table's symbols up in the library and registers them, see the
// function Bind.
func (l *Library) Bind(table any) error {
	return Bind(table, l.lookup, purego.RegisterFunc)
}

// lookup returns a symbol's address, or 0. dlerror's text, which belongs to a
// thread, is taken on the thread that failed.
func (l *Library) lookup(symbol string) uintptr {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	address, err := purego.Dlsym(l.handle, symbol)
	if err != nil {
		return 0
	}
	return address
}

// open calls dlopen, and dlerror on the same thread.
func open(path string, mode int) (uintptr, error) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	return purego.Dlopen(path, mode)
}
