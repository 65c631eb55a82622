package cuda

import (
	"github.com/gmmspec/gmmspec/runtime/cuda/internal/dl"
)

// LibraryVariable is the environment variable that names the driver's library,
// and then no other is tried.
const LibraryVariable = "GMMSPEC_LIBCUDA"

// candidates lists where the driver's library may be, best first. The bare name
// carries the major version: libcuda.so is for linking and often not installed.
func candidates(getenv func(string) string) []Attempt {
	if path := getenv(LibraryVariable); path != "" {
		return []Attempt{{Path: path, Why: "environment " + LibraryVariable}}
	}
	return []Attempt{
		{Path: "libcuda.so.1", Why: "soname"},
		{Path: "/usr/lib/wsl/lib/libcuda.so.1", Why: "Windows Subsystem for Linux"},
	}
}

// bindFirst opens the first candidate that has every function needed and
// returns its table, and the attempts up to that one. It returns nil if there
// is none.
func bindFirst(candidates []Attempt, bind func(path string, table any) error) (*API, []Attempt) {
	for i := range candidates {
		api := new(API)
		if candidates[i].Err = bind(candidates[i].Path, api); candidates[i].Err == nil {
			return api, candidates[:i+1]
		}
	}
	return nil, candidates
}

// bindLibrary opens a library and binds the table to it.
func bindLibrary(path string, table any) error {
	library, err := dl.Open(path)
	if err != nil {
		return err
	}
	return library.Bind(table)
}
