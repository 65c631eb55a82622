//go:build !(darwin || freebsd || linux || netbsd)

package dl

import (
	"errors"
	"fmt"
	goruntime "runtime"
)

// Open always fails: this system's loader cannot be reached without cgo.
func Open(string) (*Library, error) {
	return nil, fmt.Errorf("opening shared libraries on %s: %w", goruntime.GOOS, errors.ErrUnsupported)
}

// Bind always fails: there are no open libraries on this system.
func (l *Library) Bind(any) error {
	return fmt.Errorf("binding %s on %s: %w", l.Path, goruntime.GOOS, errors.ErrUnsupported)
}
