//go:build !linux && !darwin

package compiler

import "runtime"

// ProcessorID returns the operating system and architecture: compiled C is not loaded here, so nothing can run on
// the wrong processor.
func ProcessorID() (string, error) {
	return runtime.GOOS + "/" + runtime.GOARCH, nil
}
