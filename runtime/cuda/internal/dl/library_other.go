//go:build !(darwin || freebsd || linux || netbsd)

package dl

import (
	"errors"
	"fmt"
	goruntime "runtime"
)

// Library is an open shared library, of which there are none on this system.
type Library struct{}

// Open always fails: this system's loader cannot be reached without cgo.
func Open(string) (*Library, error) {
	return nil, unsupported()
}

// Bind always fails, as there is nothing to bind to.
func (*Library) Bind(any) error { return unsupported() }

// unsupported names the system.
func unsupported() error {
	return fmt.Errorf("opening shared libraries on %s: %w", goruntime.GOOS, errors.ErrUnsupported)
}
