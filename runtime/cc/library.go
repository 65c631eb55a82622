package cc

import (
	"errors"
	"fmt"

	"github.com/gmmspec/gmmspec/runtime/cc/object"
)

// ErrUnavailable is returned by Open where compiled C cannot be loaded: the loader covers Linux and macOS on
// amd64 and arm64.
var ErrUnavailable = errors.New("cc: C kernels cannot be opened on this operating system and processor")

// Available returns ErrUnavailable where compiled C cannot be loaded, and nil elsewhere.
func Available() error {
	if !available {
		return ErrUnavailable
	}
	return nil
}

// A Library is a shared object loaded into this process.
//
// It is never unloaded. A Func holds a bare address, which nothing could keep from being called after its code is gone,
// and a kernel's library takes a few pages of memory (and on Linux a file descriptor) that a process can spare for each
// of the few kernels it uses.
type Library struct {
	handle uintptr
}

// Open loads a sealed shared object. Bytes that are not exactly what package object sealed, on this kind of machine, are
// refused before the system's loader sees them: the error then wraps object.ErrUnsealed, object.ErrDamaged or an *object.FormatError.
//
// Where the system can load a library from memory, no file is made. Otherwise Open writes a file that only this user can
// read into dir (os.TempDir() if empty), on a file system that allows execution, and removes it before returning.
//
// What is loaded runs with all rights of this process; a seal is no proof of where it comes from.
func Open(sealed []byte, dir string) (*Library, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	image, err := object.Unseal(sealed)
	if err != nil {
		return nil, fmt.Errorf("cc: open library: %w", err)
	}
	handle, err := load(image, dir)
	if err != nil {
		return nil, fmt.Errorf("cc: open library: %w", err)
	}
	return &Library{handle: handle}, nil
}

// Func returns the function of the given name, which the object must export.
func (l *Library) Func(name string) (Func, error) {
	address, err := symbol(l.handle, name)
	if err != nil {
		return Func{}, fmt.Errorf("cc: function %q: %w", name, err)
	}
	return Func{address: address}, nil
}
