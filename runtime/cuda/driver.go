package cuda

import (
	"fmt"
	"os"
)

// Driver is the CUDA driver of this process, initialized. It is never unloaded
// and needs no closing. It is safe for use by several goroutines.
type Driver struct {
	api      *API
	version  Version
	attempts []Attempt
}

// Version is a CUDA version: the newest the driver serves, 13.0 for driver 580.
type Version struct {
	Major, Minor int
}

// String returns "13.0".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Open finds the driver's library, binds its functions and initializes it. It
// looks at the file that GMMSPEC_LIBCUDA names, or else for libcuda.so.1, then for
// the one Windows Subsystem for Linux provides. Any failure is an ErrUnavailable.
//
// The first call of a process takes about a quarter of a second.
func Open() (*Driver, error) {
	api, attempts := bindFirst(candidates(os.Getenv), bindLibrary)
	if api == nil {
		return nil, &UnavailableError{Attempts: attempts}
	}
	driver, err := OpenWith(api)
	if err != nil {
		return nil, &UnavailableError{Attempts: attempts, Cause: err}
	}
	driver.attempts = attempts
	return driver, nil
}

// OpenWith initializes the driver behind a table of functions. It is how tests
// put an imitation in the driver's place.
func OpenWith(api *API) (*Driver, error) {
	if err := check("cuInit", api.Init(0)); err != nil {
		return nil, err
	}
	var version int32
	if err := check("cuDriverGetVersion", api.DriverGetVersion(&version)); err != nil {
		return nil, err
	}
	return &Driver{api: api, version: parseVersion(version)}, nil
}

// Version returns the newest CUDA version that the driver serves.
func (d *Driver) Version() Version { return d.version }

// Attempts returns the places the library was looked for, the one it was found
// at last.
func (d *Driver) Attempts() []Attempt { return d.attempts }

// parseVersion splits the driver's number, 1000·major + 10·minor.
func parseVersion(number int32) Version {
	const major, minor = 1000, 10
	return Version{Major: int(number / major), Minor: int(number % major / minor)}
}
