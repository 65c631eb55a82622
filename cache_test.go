package gmmspec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gmmspec/gmmspec/cache"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/isolate"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/specializer"
)

// fitted is a small fit by compiled C, and what the cache had to do with it.
type fitted struct {
	parameters *Parameters
	warnings   []string
	stats      cache.Stats
}

// fitWith fits with compiled C as a new process would, with nothing but what is in a directory ("" for the tests' own).
func fitWith(t *testing.T, dir string) fitted {
	t.Helper()
	w := newWorkshop()
	require.Have(t, "cc", available(w, "cc"))
	events, start := small(t)
	model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithCacheDir(dir), withWorkshop(w))
	result := mustTrain(t, model, events)
	if result.Plan.Device != DeviceCC {
		t.Errorf("device %s: want cc", result.Plan.Device)
	}
	store, _ := w.openCache(dir)
	return fitted{model.Parameters(), result.Warnings, store.Stats()}
}

// check holds that a fit is another one exactly, and has as many warnings as wanted, each of which says something.
func (f fitted) check(t *testing.T, want *Parameters, warnings int, says string) {
	t.Helper()
	compare.Exact().Check(t, compare.Parameters(f.parameters, want)...)
	if len(f.warnings) != warnings {
		t.Errorf("warnings %q: want %d", f.warnings, warnings)
	}
	for _, warning := range f.warnings {
		if !strings.Contains(warning, says) || strings.Contains(warning, "\n") {
			t.Errorf("warning %q: want one line that says %q", warning, says)
		}
	}
}

// entryFiles lists the files of a cache's entries.
func entryFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "entries"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d entries, %v: want some", len(files), err)
	}
	return files
}

// TestDamagedCache flips a byte of a kernel's entry, or cuts it short, at random: the kernel is compiled anew and kept, and the
// fit is the same.
func TestDamagedCache(t *testing.T) {
	const damages, seed = 20, 1
	dir := t.TempDir()
	want := fitWith(t, dir)
	files := entryFiles(t, dir)
	rng := rand.New(rand.NewPCG(seed, seed))
	flips, reasons := 0, map[cache.Reason]int{}
	for i := range damages {
		name := files[rng.IntN(len(files))]
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := rng.IntN(len(file))
		if i%2 == 0 {
			flips++
			file[at] ^= byte(1 + rng.IntN(255))
		} else {
			file = file[:at]
		}
		if err := os.WriteFile(name, file, 0o600); err != nil {
			t.Fatal(err)
		}
		got := fitWith(t, dir)
		got.check(t, want.parameters, 0, "")
		if got.stats.Corrupt() != 1 || got.stats.Stored != 1 {
			t.Errorf("damage at byte %d of %s: %+v, want one found damaged and one stored", at, name, got.stats)
		}
		for reason, n := range got.stats.Misses {
			if reason.Defect() {
				reasons[reason] += n
			}
		}
	}
	again := fitWith(t, dir)
	again.check(t, want.parameters, 0, "")
	if again.stats.Stored != 0 || again.stats.Corrupt() != 0 {
		t.Errorf("in the end %+v: want nothing damaged and nothing compiled", again.stats)
	}
	t.Logf("seed %d: %d flips and %d cuts of the entries of %d kernels: misses %v, each compiled anew, and the fit the same to the bit",
		seed, flips, damages-flips, len(files), reasons)
}

// TestNoCache: where nothing can be kept a fit works, and says so once.
func TestNoCache(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fitWith(t, file).check(t, fitWith(t, "").parameters, 1, file)
}

// TestUnkeptIsToldOnce has the cache fail to store: the fit that compiled says so, and the next one, which does not compile, has
// nothing to say.
func TestUnkeptIsToldOnce(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, "cc"))
	dir := t.TempDir()
	if _, err := w.openCache(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "tmp")); err != nil {
		t.Fatal(err)
	}
	events, start := small(t)
	model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithCacheDir(dir), withWorkshop(w))
	for _, want := range []int{1, 0} {
		result := mustTrain(t, model, events)
		if result.Plan.Device != DeviceCC || len(result.Warnings) != want {
			t.Errorf("device %s, warnings %q: want cc and %d", result.Plan.Device, result.Warnings, want)
		}
	}
}

// planted is an entry under the key of a kernel of a small fit, whose object does that kernel's work and leaves a mark when it
// is opened.
type planted struct {
	key    cache.Key
	object []byte
}

// planting compiles what is to be planted; mark is the file that it leaves.
func planting(t *testing.T) (all []planted, mark string) {
	t.Helper()
	mark = filepath.Join(t.TempDir(), "mark")
	onOpening := fmt.Sprintf(`
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void leave_mark(void) { close(open(%q, O_CREAT | O_WRONLY, 0600)); }
`, mark)
	w := newWorkshop()
	c, err := w.findCC()
	require.Have(t, "cc", err)
	events, start := small(t)
	plan, err := Explain(start.M, start.D, int64(events.Len()), WithParameters(start), WithDevice(DeviceCC), WithCacheDir(t.TempDir()), withWorkshop(w))
	if err != nil {
		t.Fatal(err)
	}
	for _, choice := range plan.Choices {
		source, err := specializer.Render(unit(plan.Problem, plan.Target, choice.Candidate))
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := c.Compile(t.Context(), source.Name, source.Text+onOpening)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, planted{objectKey(source, c.Identity()), object})
	}
	return all, mark
}

// TestUntrustedCache plants compiled C that a fit would open: it does where the directory is this user's alone, and does not
// where anybody else may have planted it. The fit is the same.
func TestUntrustedCache(t *testing.T) {
	want := fitWith(t, "").parameters
	plants, mark := planting(t)
	for name, test := range map[string]struct {
		spoil    func(t *testing.T, dir string)
		opened   bool
		stored   int
		warnings int
	}{
		"trusted":          {func(*testing.T, string) {}, true, 0, 0},
		"mode 0777":        {withMode(0o777, "."), false, 0, 1},
		"mode 0777 within": {withMode(0o777, "entries"), false, 0, 1},
		"mode 0770":        {withMode(0o770, "."), false, 0, 1},
		"foreign":          {func(t *testing.T, dir string) { t.Helper(); isolate.GiveAway(t, dir) }, false, 0, 1},
		"foreign within": {func(t *testing.T, dir string) {
			t.Helper()
			isolate.GiveAway(t, filepath.Join(dir, "entries"))
		}, false, 0, 1},
		"entries of mode 0666": {func(t *testing.T, dir string) { t.Helper(); onEntries(t, dir, withMode(0o666, ".")) }, false, len(plants), 0},
		"foreign entries":      {func(t *testing.T, dir string) { t.Helper(); onEntries(t, dir, isolate.GiveAway) }, false, len(plants), 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store, err := cache.Open(dir, cache.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range plants {
				if err := store.Put(p.key, p.object, nil); err != nil {
					t.Fatal(err)
				}
			}
			closeIt(t, store)
			test.spoil(t, dir)
			if err := os.Remove(mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			got := fitWith(t, dir)
			got.check(t, want, test.warnings, dir)
			_, err = os.Stat(mark)
			t.Logf("%d objects planted, opened: %v; %d kernels compiled and kept; warnings %q", len(plants), err == nil, got.stats.Stored, got.warnings)
			if (err == nil) != test.opened || got.stats.Stored != test.stored {
				t.Errorf("opened %v, %+v: want %v, and %d stored", err == nil, got.stats, test.opened, test.stored)
			}
		})
	}
}

// withMode gives a file in a directory a mode.
func withMode(mode fs.FileMode, name string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// onEntries does something to every entry's file.
func onEntries(t *testing.T, dir string, f func(t *testing.T, file string)) {
	t.Helper()
	for _, file := range entryFiles(t, dir) {
		f(t, file)
	}
}

// sharingArgument, as the first argument, makes the test binary one of many processes on one cache, whose directory is the
// second.
const sharingArgument = "-share-cache"

const (
	sharingProcesses  = 8
	sharingGoroutines = 8
)

// shared is what such a process tells.
type shared struct {
	Compiled map[string]int // how often it compiled a kernel, by name
	Stats    cache.Stats
}

// shareCache has goroutines ask for every kernel of some fits, each in an order of its own, and then do the fits.
func shareCache(dir string, out io.Writer) error {
	w := newWorkshop()
	store, err := w.openCache(dir)
	if err != nil {
		return err
	}
	var units []specializer.Unit
	var fits []*corpus.Sample
	for _, covariance := range []Covariance{Full, Diag} {
		s := corpus.Random(1, 300, 2, 2, covariance)
		plan, err := Explain(s.M, s.D, int64(s.N), WithParameters(s.Start), WithDevice(DeviceCC), WithCacheDir(dir), withWorkshop(w))
		if err != nil {
			return err
		}
		for _, choice := range plan.Choices {
			units = append(units, unit(plan.Problem, plan.Target, choice.Candidate))
		}
		fits = append(fits, s)
	}
	report := shared{Compiled: map[string]int{}}
	var mu sync.Mutex
	failures := make([]error, sharingGoroutines)
	var all sync.WaitGroup
	for g := range sharingGoroutines {
		all.Go(func() {
			b := &builder{workshop: w, cache: store}
			for _, i := range rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(g))).Perm(len(units)) {
				name, compiled, err := b.ask(units[i])
				if err != nil {
					failures[g] = err
					return
				}
				if compiled {
					mu.Lock()
					report.Compiled[name]++
					mu.Unlock()
				}
			}
			failures[g] = shareFit(fits[g%len(fits)], WithCacheDir(dir), withWorkshop(w))
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	report.Stats = store.Stats()
	return json.NewEncoder(out).Encode(report)
}

// ask gets a unit's kernel, and reports whether that took compiling.
func (b *builder) ask(u specializer.Unit) (name string, compiled bool, err error) {
	source, err := specializer.Render(u)
	if err != nil {
		return "", false, err
	}
	_, hit, err := b.entry(context.Background(), u, source)
	return source.Name, !hit, err
}

// shareFit does a fit by compiled C, without a warning.
func shareFit(s *corpus.Sample, options ...Option) error {
	events, err := s.Events()
	if err != nil {
		return err
	}
	model, err := New(s.M, s.D, append(options, WithParameters(s.Start), WithDevice(DeviceCC))...)
	if err != nil {
		return err
	}
	result, err := model.Train(context.Background(), events)
	if err == nil && (result.Plan.Device != DeviceCC || len(result.Warnings) != 0) {
		err = fmt.Errorf("device %s, warnings %q: want cc and none", result.Plan.Device, result.Warnings)
	}
	return errors.Join(err, model.Close())
}

// TestSharedCache starts processes on one cold cache: none fails, and none compiles a kernel twice.
func TestSharedCache(t *testing.T) {
	require.Have(t, "cc", available(newWorkshop(), "cc"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	reports, failures := make([]shared, sharingProcesses), make([]error, sharingProcesses)
	var processes sync.WaitGroup
	for i := range sharingProcesses {
		process := exec.CommandContext(t.Context(), self, sharingArgument, dir)
		process.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else each process of a test under -race takes a second to end
		var stderr strings.Builder
		process.Stderr = &stderr
		processes.Go(func() {
			out, err := process.Output()
			if err == nil {
				err = json.Unmarshal(out, &reports[i])
			}
			if err != nil {
				failures[i] = fmt.Errorf("process %d: %w\n%s", i, err, stderr.String())
			}
		})
	}
	processes.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	compiled, most, others := map[string]int{}, 0, 0
	for _, r := range reports {
		for name, n := range r.Compiled {
			compiled[name] += n
			most = max(most, n)
		}
		others += r.Stats.Shared
		if r.Stats.Corrupt() != 0 || r.Stats.StoreFailures != 0 {
			t.Errorf("%+v: want nothing damaged, and all of it stored", r.Stats)
		}
	}
	t.Logf("%d processes of %d goroutines: compiled %v, at most %d times in a process; %d results taken from whoever was compiling",
		sharingProcesses, sharingGoroutines, compiled, most, others)
	if files := entryFiles(t, dir); most != 1 || len(compiled) != len(files) {
		t.Errorf("%d kernels in the cache, compiled %v, at most %d times in a process: want once", len(files), compiled, most)
	}
}

// TestOpenCacheIsTheCallers: closing it closes nobody else's, and one that could not be opened is tried again.
func TestOpenCacheIsTheCallers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(dir); err == nil {
		t.Fatal("a file was opened as a directory")
	}
	if _, err := processWorkshop().openCache(dir); err == nil {
		t.Fatal("a file was opened as a directory")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	models, err := processWorkshop().openCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	own, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	key := cache.NewKey("test").Add("a", "b")
	if err := models.Put(key, []byte("kept"), nil); err != nil {
		t.Errorf("the models' cache: %v", err)
	}
	if err := models.Close(); err != nil {
		t.Error(err)
	}
}
