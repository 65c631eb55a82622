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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The hammer tests start this test binary again as several processes that use one cache at once.
const (
	hammerEnv      = "GMMSPEC_CACHE_HAMMER" // a hammering in JSON: makes the process a hammer
	hammerKeys     = 24
	hammerWorkers  = 8
	hammerChildren = 8

	// hammerCompute is how long an entry takes to compute: long enough for all the others to ask for it meanwhile.
	hammerCompute = 2 * time.Millisecond
)

// The parts that a process plays.
const (
	asking    = "asking"    // asks for every key, computing what is not there
	damaging  = "damaging"  // damages entries between that
	replacing = "replacing" // stores new entries, and reads old ones before each
	writing   = "writing"   // stores entries without end
)

// hammering is what one process is told to do.
type hammering struct {
	Dir      string
	Seed     uint64
	Part     string
	MaxBytes int64
	LockWait time.Duration
}

// hammered is what it reports.
type hammered struct {
	Computed [hammerKeys]int // runs of compute, by key
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

// run has workers play the part.
func (h hammering) run() (hammered, error) {
	c, err := Open(h.Dir, Options{MaxBytes: h.MaxBytes, LockWait: h.LockWait})
	if err != nil {
		return hammered{}, err
	}
	defer c.Close()
	var computed [hammerKeys]atomic.Int64
	failures := make([]error, hammerWorkers)
	var workers sync.WaitGroup
	for w := range hammerWorkers {
		rng := rand.New(rand.NewPCG(h.Seed, uint64(w)))
		workers.Go(func() {
			switch h.Part {
			case asking, damaging:
				failures[w] = askAll(c, rng, h.Part == damaging, &computed)
			case replacing:
				failures[w] = replaceCold(c, h.Seed, w)
			case writing:
				failures[w] = writeForEver(c, rng)
			}
		})
	}
	workers.Wait()
	result := hammered{Stats: c.Stats()}
	for i := range computed {
		result.Computed[i] = int(computed[i].Load())
	}
	return result, errors.Join(failures...)
}

// askAll asks for every key in an order of its own, and checks all it gets.
func askAll(c *Cache, rng *rand.Rand, damages bool, computed *[hammerKeys]atomic.Int64) (failure error) {
	for _, i := range rng.Perm(hammerKeys) {
		if damages && rng.IntN(3) == 0 {
			vandalise(c, testKey(rng.IntN(hammerKeys)), rng)
		}
		entry, _, err := c.Do(context.Background(), testKey(i), func(context.Context) ([]byte, map[string]string, error) {
			computed[i].Add(1)
			time.Sleep(hammerCompute)
			return hammerPayload(i), nil, nil
		})
		if err == nil && (string(entry.Payload) != string(hammerPayload(i)) || entry.ID != testKey(i).ID()) {
			err = fmt.Errorf("key %d: payload of %d bytes is another's", i, len(entry.Payload))
		}
		failure = errors.Join(failure, err)
	}
	return failure
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

// child returns this test binary as a process that does what it is told to.
func child(ctx context.Context, h hammering) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	order, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, exe)
	c.Env = append(os.Environ(), hammerEnv+"="+string(order), "GORACE=atexit_sleep_ms=0") // else each process of a test under -race takes a second to end
	return c, nil
}

// hammer runs the processes, whose seeds follow each other, and returns their reports.
func hammer(t *testing.T, h hammering) []hammered {
	t.Helper()
	reports := make([]hammered, hammerChildren)
	failures := make([]error, hammerChildren)
	var children sync.WaitGroup
	for i := range reports {
		process, err := child(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		h.Seed++
		var stderr strings.Builder
		process.Stderr = &stderr
		children.Go(func() {
			out, err := process.Output()
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

// TestHammerOnce has processes start together on a cold cache: each computes an entry at most once, and all of them together
// once if they wait for each other's locks.
func TestHammerOnce(t *testing.T) {
	for name, test := range map[string]struct {
		lockWait time.Duration
		most     int // computations of one key in all processes together
	}{
		"locks":    {time.Minute, 1},
		"no locks": {time.Nanosecond, hammerChildren},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			var all, once [hammerKeys]int
			var shared int
			for _, r := range hammer(t, hammering{Dir: dir, Part: asking, LockWait: test.lockWait}) {
				for i, n := range r.Computed {
					all[i] += n
					once[i] = max(once[i], n)
				}
				shared += r.Stats.Shared
				if r.Stats.Corrupt() != 0 || r.Stats.StoreFailures != 0 {
					t.Errorf("got %+v, want no defects and no failures", r.Stats)
				}
			}
			sum := 0
			for _, n := range all {
				sum += n
			}
			t.Logf("%d processes of %d goroutines, %d keys: %d computations, of one key %d at most in a process and %d in all; %d results shared",
				hammerChildren, hammerWorkers, hammerKeys, sum, slices.Max(once[:]), slices.Max(all[:]), shared)
			if slices.Max(once[:]) > 1 || slices.Max(all[:]) > test.most || slices.Min(all[:]) < 1 || shared == 0 {
				t.Errorf("computed %v, at most %v in a process, and shared %d: want at most %d and 1, and some", all, once, shared, test.most)
			}
			c := openAt(t, dir, Options{})
			if report, err := c.Verify(); err != nil || report.Entries != hammerKeys || len(report.Bad) != 0 {
				t.Errorf("left behind: %+v, %v", report, err)
			}
			if left := leftIn(t, c, tmpDir); len(left) != 0 {
				t.Errorf("left in tmp: %v", left)
			}
			// Who gave up waiting for a lock leaves its file to a sweep.
			if left := leftIn(t, c, locksDir); len(left) != 0 && test.most == 1 {
				t.Errorf("left in locks: %v", left)
			}
		})
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
	var evicted, corrupt int
	for _, r := range hammer(t, hammering{Dir: dir, Part: damaging, MaxBytes: limit, LockWait: time.Minute}) {
		evicted += r.Stats.Evicted
		corrupt += r.Stats.Corrupt()
		if r.Stats.StoreFailures != 0 {
			t.Errorf("%d entries could not be stored", r.Stats.StoreFailures)
		}
	}
	if evicted == 0 || corrupt == 0 {
		t.Errorf("%d evicted and %d found damaged, want some", evicted, corrupt)
	}
	report, err := openAt(t, dir, Options{}).Verify()
	if err != nil || report.Bytes > limit {
		t.Errorf("%d bytes left behind, above the cap of %d: %v", report.Bytes, limit, err)
	}
	t.Logf("%d evicted, %d found damaged, %d of at most %d bytes left behind", evicted, corrupt, report.Bytes, limit)
}
