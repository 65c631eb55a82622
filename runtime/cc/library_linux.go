//go:build amd64 || arm64

package cc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// load loads a library from memory, or through a file in dir where that is not allowed.
func load(image []byte, dir string) (uintptr, error) {
	handle, memoryErr := loadMemory(image)
	if memoryErr == nil {
		return handle, nil
	}
	handle, fileErr := loadFile(image, dir)
	if fileErr == nil {
		return handle, nil
	}
	return 0, errors.Join(
		fmt.Errorf("from memory: %w", memoryErr),
		fmt.Errorf("through a file: %w", fileErr),
	)
}

// loadMemory loads a library from an anonymous file in memory that nobody can change any more.
//
// The file's descriptor stays open as long as the library, that is for good: the loader knows libraries by their
// path, and a descriptor closed and reused would have it hand out an earlier library for a later one.
func loadMemory(image []byte) (handle uintptr, err error) {
	fd, err := unix.MemfdCreate("gmmspec", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return 0, fmt.Errorf("memfd_create: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unix.Close(fd))
		}
	}()
	if err := writeAll(fd, image); err != nil {
		return 0, fmt.Errorf("write to memory file: %w", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return 0, fmt.Errorf("seal memory file: %w", err)
	}
	return dlopen(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// writeAll writes b to a descriptor that no os.File owns, and that therefore no finalizer closes.
func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
