package gmmspec

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/cache"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/nvrtc"
)

// workshop is the tools of a process: compilers, the CUDA driver and caches, each found or opened when first needed.
type workshop struct {
	loadsC    func() error // why compiled C cannot be loaded here, or nil
	findCC    func() (*compiler.Compiler, error)
	openNVRTC func() (*nvrtc.Compiler, error)
	openCUDA  func() (*cuda.Driver, error)

	pool *pool

	models atomic.Int64 // that were made

	mu       sync.Mutex
	caches   map[string]*openedCache
	built    map[string]bool // the units that were found in a cache, or compiled
	contexts map[int]*cuda.Context
	shown    map[*cuda.Driver][]cuda.Device // which stay the same as long as the process lives
	lost     map[int]error                  // CUDA devices whose context is lost, and what of
	wisdom   map[string]*wisdomResult       // by directory of the cache
	digests  map[unitKey]string             // of rendered sources
}

// wisdomResult is wisdom, or why there is none.
type wisdomResult struct {
	wisdom *autotune.Wisdom
	err    error
}

// openedCache is a cache and what became of it.
type openedCache struct {
	*cache.Cache
	unkept error // the first failure to keep what was compiled that nobody has been told of
}

// newWorkshop returns a workshop that looks for everything anew.
func newWorkshop() *workshop {
	return &workshop{
		loadsC:    cc.Available,
		findCC:    sync.OnceValues(func() (*compiler.Compiler, error) { return compiler.Find(compiler.Options{}) }),
		openNVRTC: sync.OnceValues(func() (*nvrtc.Compiler, error) { return nvrtc.Open(nvrtc.Options{}) }),
		openCUDA:  sync.OnceValues(cuda.Open),
		pool:      newPool(),
		caches:    map[string]*openedCache{},
		built:     map[string]bool{},
		contexts:  map[int]*cuda.Context{},
		shown:     map[*cuda.Driver][]cuda.Device{},
		lost:      map[int]error{},
		wisdom:    map[string]*wisdomResult{},
		digests:   map[unitKey]string{},
	}
}

// processWorkshop returns the process's workshop: a CUDA context, an opened library and a cache's counters are one a process,
// whatever the number of models.
//
//nolint:gochecknoglobals // see above
var processWorkshop = sync.OnceValue(newWorkshop)

// openCache returns the cache in dir ("" for the default), or nil, which misses always, and why there is none. Whoever asks next
// has it tried again.
func (w *workshop) openCache(dir string) (*cache.Cache, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.caches[dir]; ok {
		return c.Cache, nil
	}
	c := &openedCache{}
	var err error
	if c.Cache, err = cache.Open(dir, cache.Options{Warn: func(err error) { w.noteUnkept(c, err) }}); err != nil {
		return nil, err
	}
	w.caches[dir] = c
	return c.Cache, nil
}

// noteUnkept remembers what a cache got over by itself, but for bad entries: what those held is compiled anew and kept.
func (w *workshop) noteUnkept(c *openedCache, err error) {
	if errors.As(err, new(*cache.Miss)) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.unkept == nil {
		c.unkept = err
	}
}

// unkept returns why the cache in dir does not keep what was compiled, or nil. Who asks has been told: whoever asks next gets
// what has failed since.
func (w *workshop) unkept(dir string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.caches[dir]
	if !ok {
		return nil
	}
	err := c.unkept
	c.unkept = nil
	return err
}

// passedOver says that another compiler serves than the one that $CC names, or "".
func (w *workshop) passedOver() string {
	c, err := w.findCC()
	if err != nil {
		return ""
	}
	if first := c.Attempts[0]; first.Origin == compiler.OriginCC && first.Err != nil {
		return fmt.Sprintf("$CC cannot be used, %s compiles in its place: %v", c.Attempts[len(c.Attempts)-1].Command, first.Err)
	}
	return ""
}

// privateDir returns the directory for files that are opened as libraries: the cache's, which is known to be private, or the
// system's.
func (w *workshop) privateDir(dir string) string {
	if c, err := w.openCache(dir); err == nil {
		return c.Path()
	}
	return os.TempDir()
}

// context returns the context of CUDA device n.
func (w *workshop) context(n int) (*cuda.Context, error) {
	device, err := w.cudaDevice(n)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.contexts[n]; ok {
		return c, nil
	}
	c, err := device.Open()
	if err != nil {
		return nil, err
	}
	w.contexts[n] = c
	return c, nil
}

// lose remembers that the context of CUDA device n is lost, and the error that has ended it.
func (w *workshop) lose(n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost[n] == nil {
		w.lost[n] = err
	}
}

// lostTo returns what has ended the context of CUDA device n for good, or nil.
func (w *workshop) lostTo(n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.lost[n]; err != nil {
		return fmt.Errorf("gmmspec: cuda:%d does no more work in this process: %w", n, err)
	}
	return nil
}

// started reports whether there is a context of CUDA device n already.
func (w *workshop) started(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.contexts[n] != nil
}

// noteBuilt remembers that a unit need not be compiled again.
func (w *workshop) noteBuilt(unit string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.built[unit] = true
}

// isBuilt reports whether a unit was noted.
func (w *workshop) isBuilt(unit string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.built[unit]
}

// cudaDevice describes CUDA device n.
func (w *workshop) cudaDevice(n int) (cuda.Device, error) {
	driver, err := w.openCUDA()
	if err != nil {
		return cuda.Device{}, err
	}
	all, err := w.devicesOf(driver)
	if err != nil {
		return cuda.Device{}, err
	}
	if n >= len(all) {
		return cuda.Device{}, fmt.Errorf("gmmspec: no device cuda:%d: the driver shows %d", n, len(all))
	}
	return all[n], nil
}

// devicesOf describes all devices of a driver. Every plan asks for one of them, and the driver takes its time.
func (w *workshop) devicesOf(driver *cuda.Driver) ([]cuda.Device, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if all, ok := w.shown[driver]; ok {
		return all, nil
	}
	all, err := driver.Devices()
	if err == nil {
		w.shown[driver] = all
	}
	return all, err
}
