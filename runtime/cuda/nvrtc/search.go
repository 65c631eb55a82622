package nvrtc

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// LibraryVariable is the environment variable that names the compiler's library,
// and then no other is tried.
const LibraryVariable = "GMMSPEC_NVRTC"

const (
	libraryGlob  = "libnvrtc.so.*"         // not libnvrtc.so, the link for linkers, nor libnvrtc.alt.so.*
	builtinsGlob = "libnvrtc-builtins.so*" // opened by the library when it compiles, from beside it
)

// errNotThere is the outcome of a place that holds no library.
var errNotThere = errors.New("no " + libraryGlob + " there")

// errNoBuiltins is the outcome of a library that could not compile anything.
var errNoBuiltins = errors.New("no " + builtinsGlob + " beside it")

// errDirectory is the outcome of a directory where a library is due.
var errDirectory = errors.New("a directory: want the library's file")

// host is what a search may look at.
type host struct {
	files  fs.FS // the whole file system, from /
	getenv func(string) string
	open   func(path string) (*api, error)
}

// search opens the first library found, trying in this order
//
//   - the file asked for, or named by GMMSPEC_NVRTC; nothing else is tried then;
//   - one that this process has already loaded;
//   - where pip and conda put it: the active environment, the user's packages, the
//     installation of the python3 on the PATH, the system's packages, /opt;
//   - the system's loader, newest first;
//   - a CUDA toolkit: CUDA_HOME, CUDA_PATH, /usr/local/cuda*.
//
// It returns nil and all attempts if none could be opened.
func (h host) search(file string) (*api, []cuda.Attempt) {
	if file != "" {
		return h.first([]cuda.Attempt{h.file(file, "asked for")})
	}
	if file := h.getenv(LibraryVariable); file != "" {
		return h.first([]cuda.Attempt{h.file(file, "environment "+LibraryVariable)})
	}
	return h.first(slices.Concat(h.loaded(), h.packages(), sonames(), h.toolkits()))
}

// first opens the first candidate that nothing is known against, and returns the
// attempts up to it.
func (h host) first(candidates []cuda.Attempt) (*api, []cuda.Attempt) {
	for i := range candidates {
		if candidates[i].Err != nil {
			continue
		}
		compiler, err := h.open(candidates[i].Path)
		if err == nil {
			return compiler, candidates[:i+1]
		}
		candidates[i].Err = err
	}
	return nil, candidates
}

// file is a candidate given by its path, or by a bare name for the system's loader.
func (h host) file(file, why string) cuda.Attempt {
	a := cuda.Attempt{Path: file, Why: why}
	if !path.IsAbs(file) {
		return a
	}
	info, err := fs.Stat(h.files, rooted(file))
	failed, ok := errors.AsType[*fs.PathError](err) // whose path is Path less its /
	switch {
	case ok:
		a.Err = failed.Err
	case err != nil:
		a.Err = err
	case info.IsDir():
		a.Err = errDirectory
	case len(h.glob(path.Join(path.Dir(file), builtinsGlob))) == 0:
		a.Err = errNoBuiltins
	}
	return a
}

// directories are the candidates in the directories that patterns match, the
// newest library first within a pattern. A pattern without any is an attempt too.
func (h host) directories(why string, patterns ...string) []cuda.Attempt {
	var candidates []cuda.Attempt
	for _, pattern := range patterns {
		pattern = path.Join(pattern, libraryGlob)
		files := h.glob(pattern)
		if len(files) == 0 {
			candidates = append(candidates, cuda.Attempt{Path: pattern, Why: why, Err: errNotThere})
		}
		slices.SortStableFunc(files, func(a, b string) int { return cmp.Compare(soversion(b), soversion(a)) })
		for _, file := range files {
			candidates = append(candidates, h.file(file, why))
		}
	}
	return candidates
}

// loaded are the libraries mapped into this process, where the system tells.
func (h host) loaded() []cuda.Attempt {
	const maps = "/proc/self/maps"
	content, err := fs.ReadFile(h.files, rooted(maps))
	if err != nil {
		return nil
	}
	var files []string
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		// address perms offset dev inode pathname; the last may hold spaces
		_, file, ok := strings.Cut(lines.Text(), "/")
		if ok && strings.HasPrefix(path.Base(file), "libnvrtc.so") {
			files = append(files, "/"+file)
		}
	}
	var candidates []cuda.Attempt
	for _, file := range slices.Compact(files) {
		candidates = append(candidates, h.file(file, "already loaded"))
	}
	return candidates
}

// packages are the places of Python packages: nvidia-cuda-nvrtc (CUDA 13) puts the
// library in nvidia/cu13/lib, nvidia-cuda-nvrtc-cu12 in nvidia/cuda_nvrtc/lib, and
// conda in an environment's own lib.
func (h host) packages() []cuda.Attempt {
	var candidates []cuda.Attempt
	for _, prefix := range h.prefixes() {
		candidates = append(candidates, h.directories(prefix.why,
			path.Join(prefix.path, "lib/python3*/*-packages/nvidia/cu[0-9]*/lib"),
			path.Join(prefix.path, "lib/python3*/*-packages/nvidia/cuda_nvrtc/lib"),
			path.Join(prefix.path, "lib"),
			path.Join(prefix.path, "targets/*/lib"),
		)...)
	}
	return candidates
}

// prefix is the root of an installation of Python packages.
type prefix struct {
	path, why string
}

// prefixes lists the roots to look below, once each.
func (h host) prefixes() []prefix {
	var prefixes []prefix
	add := func(root, why string) {
		known := slices.ContainsFunc(prefixes, func(p prefix) bool { return p.path == root })
		if root != "" && !known {
			prefixes = append(prefixes, prefix{root, why})
		}
	}
	add(h.getenv("VIRTUAL_ENV"), "environment VIRTUAL_ENV")
	add(h.getenv("CONDA_PREFIX"), "environment CONDA_PREFIX")
	if home := h.getenv("HOME"); home != "" {
		add(path.Join(home, ".local"), "the user's Python packages")
	}
	python, resolved := h.python()
	add(python, "python3 on the PATH")
	add(resolved, "python3 on the PATH, its links followed")
	add("/usr/local", "the system's Python packages")
	add("/usr", "the system's Python packages")
	add("/opt/*/.venv", "/opt")
	add("/opt/*", "/opt")
	return prefixes
}

// python returns the roots of the first python3 on the PATH: that of the file
// there, and that of the file its links lead to (a virtual environment's python3
// is a link into the installation it was made from). Python is not run.
func (h host) python() (root, resolved string) {
	const maxLinks = 40 // as the system follows
	for dir := range strings.SplitSeq(h.getenv("PATH"), ":") {
		file := path.Join(dir, "python3")
		if !path.IsAbs(file) {
			continue
		}
		if _, err := fs.Lstat(h.files, rooted(file)); err != nil {
			continue
		}
		root = path.Dir(path.Dir(file))
		for range maxLinks {
			target, err := fs.ReadLink(h.files, rooted(file))
			if err != nil {
				break
			}
			if !path.IsAbs(target) {
				target = path.Join(path.Dir(file), target)
			}
			file = target
		}
		return root, path.Dir(path.Dir(file))
	}
	return "", ""
}

// sonames are the names under which the system's loader may know the library:
// its major version, and 11.2 for all of CUDA 11 from 11.2 on.
func sonames() []cuda.Attempt {
	var candidates []cuda.Attempt
	for _, name := range []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"} {
		candidates = append(candidates, cuda.Attempt{Path: name, Why: "soname"})
	}
	return candidates
}

// toolkits are the places of an installed CUDA toolkit.
func (h host) toolkits() []cuda.Attempt {
	var candidates []cuda.Attempt
	for _, variable := range []string{"CUDA_HOME", "CUDA_PATH"} {
		if root := h.getenv(variable); root != "" {
			candidates = append(candidates, h.directories("environment "+variable, path.Join(root, "lib64"), path.Join(root, "targets/*/lib"))...)
		}
	}
	return append(candidates, h.directories("CUDA toolkit", "/usr/local/cuda*/lib64", "/usr/local/cuda*/targets/*/lib")...)
}

// glob returns the absolute paths that match an absolute pattern.
func (h host) glob(pattern string) []string {
	files, err := fs.Glob(h.files, rooted(pattern))
	if err != nil {
		return nil
	}
	for i := range files {
		files[i] = "/" + files[i]
	}
	return files
}

// rooted returns an absolute path as package fs writes it.
func rooted(file string) string { return strings.TrimPrefix(path.Clean(file), "/") }

// soversion returns the version in a library's name in thousandths, 13000 for
// libnvrtc.so.13 and 11002 for libnvrtc.so.11.2.
func soversion(file string) int {
	const thousand = 1000
	_, text, _ := strings.Cut(path.Base(file), ".so.")
	major, rest, _ := strings.Cut(text, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return thousand*number(major) + number(minor)
}

// number returns a decimal number, 0 if it is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
