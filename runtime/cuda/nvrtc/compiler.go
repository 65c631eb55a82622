package nvrtc

import (
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/internal/dl"
)

// Compiler is NVRTC, found and opened. It is never unloaded and needs no closing.
//
// It is safe for use by several goroutines, which may compile at the same time:
// NVRTC's functions may be called from several threads as long as no two work on
// the same program, and each Compile has its own. (NVRTC runs part of a compile
// under a lock of its own, less of it from 12.3 on.)
type Compiler struct {
	api          *api
	major, minor int
	archs        []int
	attempts     []cuda.Attempt
	library      library
}

// Options says where the compiler is.
type Options struct {
	// Path is the library's file, or a name for the system's loader. If it is empty
	// the library is searched for, see Open.
	Path string
}

// Open finds NVRTC and opens it. It tries Options.Path, or else the file that
// GMMSPEC_NVRTC names, and nothing else then; otherwise a library this process has
// already loaded, then the places of pip and conda, the system's loader
// (libnvrtc.so.13, .12, .11.2) and CUDA toolkits. NVRTC 11.2 is the oldest that
// serves. If there is none the error is ErrUnavailable.
func Open(options Options) (*Compiler, error) {
	return openOn(host{files: os.DirFS("/"), getenv: os.Getenv, open: bindLibrary}, options)
}

// openOn is Open on a given host.
func openOn(h host, options Options) (*Compiler, error) {
	functions, attempts := h.search(options.Path)
	if functions == nil {
		return nil, &UnavailableError{Attempts: attempts}
	}
	c := &Compiler{api: functions, attempts: attempts}
	c.library = h.identify(c.Path())
	if err := c.describe(); err != nil {
		return nil, err
	}
	return c, nil
}

// bindLibrary opens a library and binds the compiler's functions. The builtins
// beside it are opened as well: the library opens them by name, only where the
// system's loader looks, and gets these once they are in the process.
func bindLibrary(file string) (*api, error) {
	library, err := dl.Open(file)
	if err != nil {
		return nil, err
	}
	functions := new(api)
	if err := library.Bind(functions); err != nil {
		return nil, err
	}
	if !path.IsAbs(file) {
		return functions, nil
	}
	var major, minor int32
	if err := check("nvrtcVersion", functions.Version(&major, &minor)); err != nil {
		return nil, err
	}
	builtins := fmt.Sprintf("libnvrtc-builtins.so.%d.%d", major, minor)
	if _, err := dl.Open(path.Join(path.Dir(file), builtins)); err != nil {
		return nil, err
	}
	return functions, nil
}

// describe asks the compiler what it is.
func (c *Compiler) describe() error {
	var major, minor, count int32
	if err := check("nvrtcVersion", c.api.Version(&major, &minor)); err != nil {
		return err
	}
	c.major, c.minor = int(major), int(minor)
	if err := check("nvrtcGetNumSupportedArchs", c.api.GetNumSupportedArchs(&count)); err != nil || count == 0 {
		return err
	}
	archs := make([]int32, count)
	if err := check("nvrtcGetSupportedArchs", c.api.GetSupportedArchs(&archs[0])); err != nil {
		return err
	}
	for _, arch := range archs {
		c.archs = append(c.archs, int(arch))
	}
	slices.Sort(c.archs)
	return nil
}

// Version returns the compiler's version, 13 and 0 for CUDA 13.0.
func (c *Compiler) Version() (major, minor int) { return c.major, c.minor }

// Archs returns the architectures it compiles for, ascending: 90 stands for sm_90,
// and for sm_90a.
func (c *Compiler) Archs() []int { return slices.Clone(c.archs) }

// Path returns the library's file, or the name the system's loader found it by.
func (c *Compiler) Path() string { return c.attempts[len(c.attempts)-1].Path }

// Attempts returns the places the library was looked for, the one it was found at
// last.
func (c *Compiler) Attempts() []cuda.Attempt { return slices.Clone(c.attempts) }
