package autotune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Store is wisdom in a file that processes share.
type Store struct{ Path string }

// Load returns the wisdom of the file, none where there is no file. A file that cannot be read is an error that names it; what
// it holds is left as it is.
func (s Store) Load() (*Wisdom, error) {
	info, err := os.Stat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return NewWisdom(), nil
	}
	if err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		err = fmt.Errorf("%s: not a regular file", s.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("autotune: %w", err)
	}
	file, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("autotune: %w", err)
	}
	defer file.Close()
	w, err := ReadWisdom(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (move it away to begin anew)", s.Path, err)
	}
	return w, nil
}

// storeDirMode is of a directory that a store makes: wisdom decides which code runs, so it is the user's own.
const storeDirMode fs.FileMode = 0o700

// Update changes the wisdom of the file while no other process does.
func (s Store) Update(change func(*Wisdom) error) error {
	if change == nil {
		return errors.New("autotune: there is nothing to change")
	}
	if err := os.MkdirAll(filepath.Dir(s.Path), storeDirMode); err != nil {
		return fmt.Errorf("autotune: %w", err)
	}
	unlock, err := s.lock()
	if err != nil {
		return fmt.Errorf("autotune: %w", err)
	}
	defer unlock()
	w, err := s.Load()
	if err != nil {
		return err
	}
	if err := change(w); err != nil {
		return err
	}
	return s.write(w)
}

// lockWait is how long a change waits for that of another process, which takes milliseconds.
const lockWait = 10 * time.Second

// lock takes the file's lock and returns what releases it.
func (s Store) lock() (unlock func(), err error) {
	type result struct {
		unlock func()
		err    error
	}
	locked, late := make(chan result), make(chan struct{})
	go func() { // the system's call waits without a limit
		var r result
		r.unlock, r.err = lockedfile.MutexAt(s.Path + ".lock").Lock()
		select {
		case locked <- r:
		case <-late:
			if r.err == nil {
				r.unlock()
			}
		}
	}()
	select {
	case r := <-locked:
		return r.unlock, r.err
	case <-time.After(lockWait):
		close(late)
		return nil, fmt.Errorf("%s is held by another process", s.Path+".lock")
	}
}

// write replaces the file in one step.
func (s Store) write(w *Wisdom) (err error) {
	file, err := os.CreateTemp(filepath.Dir(s.Path), filepath.Base(s.Path)+".tmp") // mode 0600
	if err != nil {
		return fmt.Errorf("autotune: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("autotune: %w", errors.Join(err, os.Remove(file.Name())))
		}
	}()
	if _, err := w.WriteTo(file); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.Path)
}
