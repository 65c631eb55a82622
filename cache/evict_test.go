package cache

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

const (
	hotKeys    = 8 // their entries are read all the time, and never stored again
	coldRounds = 4 // new entries that each worker stores in a phase
	coldPhases = 3 // how often all processes come to rest
	coldPhase  = coldRounds * hammerWorkers * hammerChildren

	// coldRoom is how many new entries there is room for: those of the last two phases. It is far more than are ever stored
	// between two reads of a hot entry, as no worker stores two without having read all of those.
	coldRoom = 2 * coldPhase
)

// coldKey is the key of an entry that one worker stores and nobody reads.
func coldKey(seed uint64, worker, round int) Key {
	return testKey(hotKeys + coldRounds*(hammerWorkers*int(seed)+worker) + round)
}

// replaceCold stores entries under new keys, and reads all hot ones before each.
func replaceCold(c *Cache, seed uint64, worker int) error {
	for round := range coldRounds {
		for i := range hotKeys {
			if entry, err := c.Get(testKey(i)); err != nil || string(entry.Payload) != "x" {
				return fmt.Errorf("what is read all the time: %q, %w", entry.Payload, err)
			}
		}
		if err := c.Put(coldKey(seed, worker, round), []byte("x"), nil); err != nil {
			return err
		}
	}
	return nil
}

// TestEvictionUnderLoad has many processes store more than there is room for, while all of them read the oldest entries: those
// survive, as do the last stored of the others, and at rest the cache is within its cap.
func TestEvictionUnderLoad(t *testing.T) {
	file, err := encode(newEntry(testKey(0), []byte("x"), nil, sampleTime()))
	if err != nil {
		t.Fatal(err)
	}
	limit := int64(len(file)) * (hotKeys + coldRoom)
	c := open(t, Options{})
	for i := range hotKeys {
		put(t, c, testKey(i), "x")
	}
	evicted, reads := 0, 0
	for phase := range coldPhases {
		stop := largest(t, c)
		for _, r := range hammer(t, hammering{Dir: c.Path(), Part: replacing, Seed: uint64(phase * hammerChildren), MaxBytes: limit}) {
			evicted += r.Stats.Evicted
			reads += r.Stats.Hits
		}
		report, err := c.Verify()
		t.Logf("phase %d: %d entries of %d bytes, at most %d, and %d under load; %d reads of %d entries that stay, %d others evicted",
			phase, report.Entries, report.Bytes, limit, stop(), reads, hotKeys, evicted)
		if err != nil || len(report.Bad) != 0 || report.Bytes > limit {
			t.Errorf("%+v, %v: want at most %d bytes", report, err, limit)
		}
		expectKept(t, c, hotKeys, 0, 1, 2, 3, 4, 5, 6, 7)
	}
	// All came to rest before the last phase, so the first one's are those read longest ago.
	for seed := range uint64(coldPhases * hammerChildren) {
		for worker := range hammerWorkers {
			for round := range coldRounds {
				_, err := os.Stat(entryFile(c, coldKey(seed, worker, round)))
				if want := seed >= hammerChildren; (err == nil) != want {
					t.Errorf("process %d, worker %d, round %d: there is %v, want %v", seed, worker, round, err == nil, want)
				}
			}
		}
	}
}

// largest watches how large a cache becomes, until it is asked.
func largest(t *testing.T, c *Cache) (stop func() int64) {
	t.Helper()
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for {
			files, err := c.files()
			if err != nil {
				t.Error(err)
			}
			var total int64
			for _, f := range files {
				total += f.size
			}
			most = max(most, total)
			select {
			case <-done:
				result <- most
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	stop = sync.OnceValue(func() int64 {
		close(done)
		return <-result
	})
	t.Cleanup(func() { stop() })
	return stop
}
