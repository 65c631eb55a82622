//go:build darwin || linux

package dataset

import (
	"os"
	"syscall"
)

// mapped returns the file's first size bytes.
func mapped(file *os.File, size int64) ([]byte, error) {
	return syscall.Mmap(int(file.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
}

// unmap takes them away.
func unmap(memory []byte) error { return syscall.Munmap(memory) }
