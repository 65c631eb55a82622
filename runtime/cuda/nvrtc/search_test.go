package nvrtc

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// machine imitates a host: files by path, links, an environment, and the libraries
// that open.
type machine struct {
	files fstest.MapFS
	env   map[string]string
	opens []string // libraries that open; any other fails
}

// errOpen is the failure of a library that does not open.
var errOpen = errors.New("cannot open shared object file")

func (m machine) host() host {
	return host{
		files:  m.files,
		getenv: func(name string) string { return m.env[name] },
		open: func(path string) (*api, error) {
			if slices.Contains(m.opens, path) {
				return new(api), nil
			}
			return nil, errOpen
		},
	}
}

// tree returns a file system of empty files, and links written "from -> to".
func tree(names ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, name := range names {
		if from, to, ok := strings.Cut(name, " -> "); ok {
			files[rooted(from)] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(to)}
			continue
		}
		files[rooted(name)] = &fstest.MapFile{}
	}
	return files
}

func TestSearchOrder(t *testing.T) {
	const (
		venv   = "/venv/lib/python3.11/site-packages/nvidia/cu13/lib/"
		conda  = "/conda/lib/"
		user   = "/home/u/.local/lib/python3.10/site-packages/nvidia/cuda_nvrtc/lib/"
		python = "/pyenv/versions/3.12/lib/python3.12/site-packages/nvidia/cu13/lib/"
		debian = "/usr/lib/python3/dist-packages/nvidia/cuda_nvrtc/lib/"
		opt    = "/opt/app/.venv/lib/python3.13/site-packages/nvidia/cu13/lib/"
		home   = "/cuda/lib64/"
		local  = "/usr/local/cuda-12.4/targets/x86_64-linux/lib/"
	)
	in := func(dir, version, builtins string) []string {
		return []string{dir + "libnvrtc.so." + version, dir + "libnvrtc-builtins.so." + builtins}
	}
	everywhere := machine{
		files: tree(slices.Concat(
			in(venv, "13", "13.0"), in(conda, "12", "12.4"), in(user, "12", "12.1"), in(python, "13", "13.0"),
			in(debian, "11.2", "11.8"), in(opt, "13", "13.0"), in(home, "12", "12.6"), in(local, "12", "12.4"),
			[]string{"/bin/python3 -> ../pyenv/shims/python3", "/pyenv/shims/python3 -> /pyenv/versions/3.12/bin/python3", "/pyenv/versions/3.12/bin/python3"},
		)...),
		env: map[string]string{
			"VIRTUAL_ENV": "/venv", "CONDA_PREFIX": "/conda", "HOME": "/home/u", "PATH": "relative:/nowhere:/bin", "CUDA_HOME": "/cuda",
		},
	}
	// Each library opens alone: the search must pass the ones before it and end there.
	want := []struct{ path, why string }{
		{venv + "libnvrtc.so.13", "environment VIRTUAL_ENV"},
		{conda + "libnvrtc.so.12", "environment CONDA_PREFIX"},
		{user + "libnvrtc.so.12", "the user's Python packages"},
		{python + "libnvrtc.so.13", "python3 on the PATH, its links followed"},
		{debian + "libnvrtc.so.11.2", "the system's Python packages"},
		{opt + "libnvrtc.so.13", "/opt"},
		{"libnvrtc.so.13", "soname"},
		{"libnvrtc.so.12", "soname"},
		{"libnvrtc.so.11.2", "soname"},
		{home + "libnvrtc.so.12", "environment CUDA_HOME"},
		{local + "libnvrtc.so.12", "CUDA toolkit"},
	}
	for i, w := range want {
		everywhere.opens = []string{w.path}
		compiler, attempts := everywhere.host().search("")
		if compiler == nil {
			t.Fatalf("%s is not found; attempts: %v", w.path, attempts)
		}
		last := attempts[len(attempts)-1]
		if last.Path != w.path || last.Why != w.why || last.Err != nil {
			t.Errorf("the search for %s ends with %v", w.path, last)
		}
		var tried []string
		for _, a := range attempts[:len(attempts)-1] {
			if a.Err == nil {
				t.Errorf("attempt %v has no outcome", a)
			}
			if errors.Is(a.Err, errOpen) {
				tried = append(tried, a.Path)
			}
		}
		var before []string
		for _, earlier := range want[:i] {
			before = append(before, earlier.path)
		}
		if !slices.Equal(tried, before) {
			t.Errorf("before %s were tried %v, want %v", w.path, tried, before)
		}
	}
}

func TestSearchAskedFor(t *testing.T) {
	m := machine{
		files: tree(
			"/a/libnvrtc.so.13", "/a/libnvrtc-builtins.so.13.0",
			"/b/libnvrtc.so.13",
			"/venv/lib/libnvrtc.so.12", "/venv/lib/libnvrtc-builtins.so.12.4",
		),
		env:   map[string]string{"VIRTUAL_ENV": "/venv"},
		opens: []string{"/a/libnvrtc.so.13", "/b/libnvrtc.so.13", "/venv/lib/libnvrtc.so.12", "libnvrtc.so.13"},
	}
	for _, test := range []struct {
		name, option, variable string
		want                   string // the path opened, empty for none
		outcome                error  // of the last attempt
	}{
		{name: "neither", want: "/venv/lib/libnvrtc.so.12"},
		{name: "option", option: "/a/libnvrtc.so.13", want: "/a/libnvrtc.so.13"},
		{name: "variable", variable: "/a/libnvrtc.so.13", want: "/a/libnvrtc.so.13"},
		{name: "option before variable", option: "/a/libnvrtc.so.13", variable: "/b/libnvrtc.so.13", want: "/a/libnvrtc.so.13"},
		{name: "bare name", option: "libnvrtc.so.13", want: "libnvrtc.so.13"},
		{name: "no builtins", option: "/b/libnvrtc.so.13", outcome: errNoBuiltins},
		{name: "directory", variable: "/b", outcome: errDirectory},
		{name: "no file", variable: "/c/libnvrtc.so.13", outcome: fs.ErrNotExist},
	} {
		t.Run(test.name, func(t *testing.T) {
			m.env[LibraryVariable] = test.variable
			compiler, attempts := m.host().search(test.option)
			last := attempts[len(attempts)-1]
			switch {
			case test.want == "" && compiler != nil:
				t.Errorf("%v, want none", last)
			case test.want == "" && (len(attempts) != 1 || !errors.Is(last.Err, test.outcome)):
				t.Errorf("attempts %v, want one that ends in %v", attempts, test.outcome)
			case test.want == "" && strings.HasPrefix(last.Err.Error(), "stat "):
				t.Errorf("%v names the file twice", last)
			case test.want != "" && last.Path != test.want:
				t.Errorf("opened %v, want %s", last, test.want)
			}
		})
	}
}

func TestSearchPrefersTheNewestAndIgnoresOtherLibraries(t *testing.T) {
	m := machine{
		files: tree(
			"/venv/lib/libnvrtc.so.11.2", "/venv/lib/libnvrtc.so.12", "/venv/lib/libnvrtc.so.13", "/venv/lib/libnvrtc.so",
			"/venv/lib/libnvrtc.alt.so.13", "/venv/lib/libnvrtc-builtins.alt.so.13.0", "/venv/lib/libnvrtc-builtins.so.13.0",
		),
		env: map[string]string{"VIRTUAL_ENV": "/venv"},
	}
	_, attempts := m.host().search("")
	var tried []string
	for _, a := range attempts {
		if strings.HasPrefix(a.Path, "/venv/lib/libnvrtc") && errors.Is(a.Err, errOpen) {
			tried = append(tried, strings.TrimPrefix(a.Path, "/venv/lib/"))
		}
	}
	if want := []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
}

func TestSearchTakesALoadedLibraryFirst(t *testing.T) {
	const file = "/some where/libnvrtc.so.12"
	m := machine{
		files: tree(file, "/some where/libnvrtc-builtins.so.12.4", "/venv/lib/libnvrtc.so.13", "/venv/lib/libnvrtc-builtins.so.13.0"),
		env:   map[string]string{"VIRTUAL_ENV": "/venv"},
		opens: []string{file, "/venv/lib/libnvrtc.so.13"},
	}
	m.files["proc/self/maps"] = &fstest.MapFile{Data: []byte(`00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/test
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f1000000000-7f1000100000 r--p 00000000 08:02 17   /some where/libnvrtc-builtins.so.12.4
7f2000000000-7f2000100000 r--p 00000000 08:02 18   ` + file + `
7f2000100000-7f2000200000 r-xp 00100000 08:02 18   ` + file + `
`)}
	compiler, attempts := m.host().search("")
	if compiler == nil || len(attempts) != 1 || attempts[0] != (cuda.Attempt{Path: file, Why: "already loaded"}) {
		t.Errorf("attempts %v, want %s alone", attempts, file)
	}
}

func TestSearchFindsNothing(t *testing.T) {
	m := machine{files: tree("/etc/passwd"), env: map[string]string{"CUDA_HOME": "/cuda"}}
	_, err := openOn(m.host(), Options{})
	var unavailable *UnavailableError
	if !errors.Is(err, ErrUnavailable) || !errors.As(err, &unavailable) {
		t.Fatalf("error %v, want ErrUnavailable with its attempts", err)
	}
	message := err.Error()
	for _, place := range []string{"libnvrtc.so.13", "/usr/local/cuda*/lib64", "/cuda/lib64", "soname"} {
		if !strings.Contains(message, place) {
			t.Errorf("the message does not mention %s:\n%s", place, message)
		}
	}
	for _, a := range unavailable.Attempts {
		if a.Err == nil {
			t.Errorf("attempt %v has no outcome", a)
		}
	}
}
