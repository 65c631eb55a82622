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
	if write == nil {
		return errors.New("dataset: write: there is nothing to write")
	}
	t, err := targetAt(path)
	if err == nil && t.through {
		err = t.writeThrough(write)
	} else if err == nil {
		err = t.replace(write)
	}
	if err != nil {
		return fmt.Errorf("dataset: write %s: %w", path, err)
	}
	return nil
}

// Replaceable reports what would keep [Replace] from writing the file at path, as far as that shows before there is anything to
// write: no name, a directory of that name, a directory that is missing or takes no files. It leaves nothing behind.
func Replaceable(path string) error {
	t, err := targetAt(path)
	if err == nil && !t.through {
		var file *os.File
		if file, err = t.createBeside(); err == nil {
			err = errors.Join(file.Close(), os.Remove(file.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("dataset: write %s: %w", path, err)
	}
	return nil
}

// target is where a file is to be.
type target struct {
	path    string // behind symbolic links
	mode    fs.FileMode
	exists  bool
	through bool // it has no content to protect: a device or a pipe
}

func targetAt(path string) (target, error) {
	if path == "" {
		return target{}, errors.New("a file without a name")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return target{path: linked(path)}, nil
	case err != nil:
		return target{}, cause(err, path)
	case info.IsDir():
		return target{}, errors.New("it is a directory")
	case !info.Mode().IsRegular():
		return target{path: path, through: true}, nil
	}
	resolved, err := filepath.EvalSymlinks(path)
	return target{path: resolved, mode: info.Mode().Perm(), exists: true}, cause(err, path)
}

// linked returns what a symbolic link to nothing, and any link that it points to, names.
func linked(path string) string {
	const most = 40 // links, as systems have it
	for range most {
		name, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		path = name
	}
	return path
}

// replace writes a file beside the target and gives it its name. Unless all goes well, a panic of write included, it is removed.
func (t target) replace(write func(io.Writer) error) (err error) {
	file, err := t.createBeside()
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	defer file.Close() // once more, where write panics
	err = write(file)
	if err == nil && t.exists {
		err = file.Chmod(t.mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), t.path)
	}
	done = err == nil
	return cause(err, file.Name())
}

func (t target) writeThrough(write func(io.Writer) error) error {
	file, err := os.OpenFile(t.path, os.O_WRONLY, 0)
	if err != nil {
		return cause(err, t.path)
	}
	defer file.Close() // once more, where write panics
	err = write(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return cause(err, t.path)
}

// createBeside makes an empty file in the target's directory. os.CreateTemp does not serve: it makes files that only their
// owner can read, whatever the process's mask says.
func (t target) createBeside() (*os.File, error) {
	var err error
	for stale := range maxStale {
		name := filepath.Join(filepath.Dir(t.path), fmt.Sprintf(".gmmspec-%d-%d.tmp", os.Getpid(), stale))
		var file *os.File
		file, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, newFileMode)
		if err == nil {
			return file, nil
		}
		if err = cause(err, name); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return nil, err
}

// cause returns what is wrong with a file of that name, which the caller has named already or has not heard of.
func cause(err error, name string) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok && path.Path == name {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok && link.Old == name {
		return link.Err
	}
	return err
}
