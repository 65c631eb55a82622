package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	newFileMode = 0o666 // less the process's mask, as for any new file
	// maxStale is how many files left behind by killed processes of the same number are stepped over.
	maxStale = 100
)

// Replace writes the file at path in one step: what write produces goes to a new file beside it, which takes its name
// only when it is whole and on disk, so that a reader, or a failure at any point, finds the old file or the new one
// and never a part. An existing file keeps its permissions, and a symbolic link keeps pointing where it does. What is
// not a regular file, such as a device or a pipe, is written to directly.
func Replace(path string, write func(io.Writer) error) error {
	mode, exists := fs.FileMode(newFileMode), false
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return writeThrough(path, write)
	case err == nil:
		mode, exists = info.Mode().Perm(), true
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("dataset: %w", err)
	}
	file, err := createBeside(path)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	err = write(file)
	if err == nil && exists {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("dataset: write %s: %w", path, errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// writeThrough writes to what has no content to protect: a device or a pipe.
func writeThrough(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	err = write(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("dataset: write %s: %w", path, err)
	}
	return nil
}

// createBeside makes an empty file in the folder of path. os.CreateTemp does not serve: it makes files that only their
// owner can read, whatever the process's mask says.
func createBeside(path string) (*os.File, error) {
	var err error
	for stale := range maxStale {
		name := fmt.Sprintf(".gmmspec-%d-%d.tmp", os.Getpid(), stale)
		var file *os.File
		file, err = os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, newFileMode)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return nil, err
}
