//go:build !(darwin || linux)

package dataset

import (
	"errors"
	"os"
)

// mapped maps nothing: elsewhere files are read.
func mapped(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

// unmap has nothing to take away.
func unmap([]byte) error { return nil }
