package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The hammer test starts this test binary again as several processes that use one cache at once.
const (
	hammerEnv      = "GMMSPEC_CACHE_HAMMER" // a hammering in JSON: makes the process a hammer
	hammerKeys     = 24
	hammerWorkers  = 4
	hammerChildren = 3
)

// hammering is what one process is told to do.
type hammering struct {
	Dir      string
	Seed     uint64
	MaxBytes int64
	Vandals  bool // damage entries while others read them
}

// hammered is what it reports.
type hammered struct {
	Computed int64
	Stats    Stats
}

func TestMain(m *testing.M) {
	if order := os.Getenv(hammerEnv); order != "" {
		if err := hammerMain(order, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func hammerMain(order string, out io.Writer) error {
	var h hammering
	if err := json.Unmarshal([]byte(order), &h); err != nil {
		return err
	}
	result, err := h.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

// run has workers ask for every key in their own order, and checks all they get.
func (h hammering) run() (hammered, error) {
	c, err := Open(h.Dir, Options{MaxBytes: h.MaxBytes, LockWait: time.Minute})
	if err != nil {
		return hammered{}, err
	}
	defer c.Close()
	var computed atomic.Int64
	failures := make([]error, hammerWorkers)
	var workers sync.WaitGroup
	for w := range hammerWorkers {
		rng := rand.New(rand.NewPCG(h.Seed, uint64(w)))
		workers.Go(func() {
			for _, i := range rng.Perm(hammerKeys) {
				if h.Vandals && rng.IntN(3) == 0 {
					vandalise(c, testKey(rng.IntN(hammerKeys)), rng)
				}
				entry, _, err := c.Do(context.Background(), testKey(i), func(context.Context) ([]byte, map[string]string, error) {
					computed.Add(1)
					return hammerPayload(i), nil, nil
				})
				if err == nil && (string(entry.Payload) != string(hammerPayload(i)) || entry.ID != testKey(i).ID()) {
					err = fmt.Errorf("key %d: payload of %d bytes is another's", i, len(entry.Payload))
				}
				failures[w] = errors.Join(failures[w], err)
			}
		})
	}
	workers.Wait()
	return hammered{Computed: computed.Load(), Stats: c.Stats()}, errors.Join(failures...)
}

// hammerPayload differs in length and bytes from key to key.
func hammerPayload(i int) []byte { return []byte(strings.Repeat(fmt.Sprint(i, " "), 100*(i+1))) }

// vandalise damages an entry in place, as failing disks do, or removes it. It never makes a file longer.
func vandalise(c *Cache, key Key, rng *rand.Rand) {
	name := filepath.Join(c.Path(), filepath.FromSlash(key.ID().path()))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return // nothing there to damage
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return
	}
	at := rng.Int64N(info.Size())
	switch rng.IntN(3) {
	case 0:
		_ = f.Truncate(at)
	case 1:
		_, _ = f.WriteAt([]byte{0}, at)
	case 2:
		_ = os.Remove(name)
	}
}

// hammer runs the processes and returns their reports.
func hammer(t *testing.T, h hammering) []hammered {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reports := make([]hammered, hammerChildren)
	failures := make([]error, hammerChildren)
	var children sync.WaitGroup
	for i := range reports {
		h.Seed = uint64(i)
		order, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		child := exec.CommandContext(t.Context(), exe)
		child.Env = append(os.Environ(), hammerEnv+"="+string(order))
		var stderr strings.Builder
		child.Stderr = &stderr
		children.Go(func() {
			out, err := child.Output()
			if err == nil {
				err = json.Unmarshal(out, &reports[i])
			}
			if err != nil {
				failures[i] = fmt.Errorf("process %d: %w\n%s", i, err, stderr.String())
			}
		})
	}
	children.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	return reports
}

// TestHammerOnce holds that processes which start together compute each entry once between them.
func TestHammerOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var computed, corrupt int64
	for _, r := range hammer(t, hammering{Dir: dir}) {
		computed += r.Computed
		corrupt += int64(r.Stats.Corrupt())
	}
	if computed != hammerKeys || corrupt != 0 {
		t.Errorf("%d computed and %d corrupt, want %d and 0", computed, corrupt, hammerKeys)
	}
	c := openAt(t, dir, Options{})
	if report, err := c.Verify(); err != nil || report.Entries != hammerKeys || len(report.Bad) != 0 {
		t.Errorf("left behind: %+v, %v", report, err)
	}
	for _, name := range []string{"tmp", "locks"} {
		if left, err := os.ReadDir(filepath.Join(dir, name)); err != nil || len(left) != 0 {
			t.Errorf("left in %s: %v, %v", name, left, err)
		}
	}
}

// TestHammerDamage has the processes damage, remove and evict what the others read: they compute more, and never get a
// wrong byte.
func TestHammerDamage(t *testing.T) {
	var need int64
	for i := range hammerKeys {
		file, err := encode(newEntry(testKey(i), hammerPayload(i), nil, sampleTime()))
		if err != nil {
			t.Fatal(err)
		}
		need += int64(len(file))
	}
	limit := need / 4
	dir := filepath.Join(t.TempDir(), "cache")
	var evicted int
	for _, r := range hammer(t, hammering{Dir: dir, MaxBytes: limit, Vandals: true}) {
		evicted += r.Stats.Evicted
		if r.Stats.StoreFailures != 0 {
			t.Errorf("%d entries could not be stored", r.Stats.StoreFailures)
		}
	}
	if evicted == 0 {
		t.Error("nothing was evicted")
	}
	report, err := openAt(t, dir, Options{}).Verify()
	if err != nil || report.Bytes > limit {
		t.Errorf("%d bytes left behind, above the cap of %d: %v", report.Bytes, limit, err)
	}
}
