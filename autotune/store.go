package autotune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Store is wisdom in a file that processes share.
type Store struct{ Path string }

// Load returns the wisdom of the file, none where there is no file. A file that cannot be read is an error that names it; what
// it holds is left as it is.
func (s Store) Load() (*Wisdom, error) {
	file, err := os.Open(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return NewWisdom(), nil
	}
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
	if err := os.MkdirAll(filepath.Dir(s.Path), storeDirMode); err != nil {
		return fmt.Errorf("autotune: %w", err)
	}
	unlock, err := lockedfile.MutexAt(s.Path + ".lock").Lock()
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
