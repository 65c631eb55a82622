package compiler

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Fingerprint tells one compiler, and one installation of it, from another.
type Fingerprint struct {
	Command []string  // absolute path as invoked, and the arguments that $CC gave
	Path    string    // the binary, symbolic links resolved
	Size    int64     // its size in bytes
	ModTime time.Time // its modification time
	Version string    // first line of --version
	Target  string    // what -dumpmachine prints, as in "x86_64-linux-gnu"
}

// String returns the version, target and path on one line.
func (f Fingerprint) String() string {
	return fmt.Sprintf("%s, %s, %s", f.Version, f.Target, strings.Join(f.Command, " "))
}

// checkTarget reports an error unless a target triple names the given system and processor: a cross compiler
// in $CC is common, and its objects would only be refused by the loader.
func checkTarget(triple, goos, goarch string) error {
	machines := map[string][]string{
		"amd64": {"x86_64", "amd64"},
		"arm64": {"aarch64", "arm64"},
	}[goarch]
	systems := map[string][]string{
		"linux":   {"linux"},
		"darwin":  {"darwin", "macosx"},
		"windows": {"mingw", "windows"},
	}[goos]
	machine, system, _ := strings.Cut(triple, "-")
	named := func(name string) bool { return strings.Contains(system, name) }
	if !slices.Contains(machines, machine) || !slices.ContainsFunc(systems, named) {
		return fmt.Errorf("compiles for %s, not for %s/%s", triple, goos, goarch)
	}
	return nil
}
