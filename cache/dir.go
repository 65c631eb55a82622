package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// DirEnv is the environment variable that names the cache's directory.
const DirEnv = "GMMSPEC_CACHE"

const (
	entriesDir = "entries"
	tmpDir     = "tmp"
	locksDir   = "locks"

	// tempPrefix begins the names of temporary files.
	tempPrefix = "gmmspec-"

	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600

	// writableByOthers are the mode bits that let somebody else put code into the cache.
	writableByOthers fs.FileMode = 0o022
)

// ownTemp matches the names of temporary files, by which a sweep knows them: tempPrefix and what rand.Text returns.
var ownTemp = regexp.MustCompile("^" + tempPrefix + "[A-Z2-7]{26}$")

// DefaultDir returns $GMMSPEC_CACHE, or else the folder gmmspec of the user's cache directory as [os.UserCacheDir] finds
// it. It fails when neither is known, as for a service without a home.
func DefaultDir() (string, error) {
	if dir := os.Getenv(DirEnv); dir != "" {
		return dir, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache: no directory: %w, and %s is not set", err, DirEnv)
	}
	return filepath.Join(base, "gmmspec"), nil
}

// RefusedError is the error of a directory that may not be trusted with code.
type RefusedError struct {
	Path   string
	Reason string
}

// Error returns the path, the reason and the remedy.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("cache: refused %s: %s; entries can be code that runs, so use a directory that only you can write, "+
		"or name another with %s", e.Path, e.Reason, DirEnv)
}

// openRoot makes the directory where it is missing, unless it has to be existing, and judges it through the handle that all later
// access goes through, so that what was judged is what is used.
func openRoot(dir string, existing bool) (*os.Root, error) {
	if !existing {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err := prepare(root, existing); err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

func prepare(root *os.Root, existing bool) error {
	self, err := root.Stat(".")
	if err != nil {
		return err
	}
	if err := judgeDir(root.Name(), self); err != nil {
		return err
	}
	for _, name := range []string{entriesDir, tmpDir, locksDir} {
		if !existing {
			if err := root.Mkdir(name, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
		info, err := root.Lstat(name)
		if err != nil {
			return err
		}
		if err := judgeDir(filepath.Join(root.Name(), name), info); err != nil {
			return err
		}
	}
	return nil
}

func judgeDir(path string, info fs.FileInfo) error {
	reason := private(info)
	if !info.IsDir() {
		reason = fmt.Sprintf("not a directory (%v)", info.Mode())
	}
	if reason != "" {
		return &RefusedError{Path: path, Reason: reason}
	}
	return nil
}
