package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	kills       = 200
	killedKeys  = 16
	killedBytes = 64 << 10             // of the largest payload: writing one takes long enough to be killed at
	killedAfter = 5 * time.Millisecond // at most, counted from the first entry stored

	// killedAtOnce is how many processes write, and are killed, at the same time.
	killedAtOnce = 2
)

// writeForEver stores entries of many sizes, in place of others and where there are none, and says on standard output when
// the first is there.
func writeForEver(c *Cache, rng *rand.Rand) error {
	for first := true; ; first = false {
		key, payload := testKey(rng.IntN(killedKeys)), bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(killedBytes))
		var err error
		if rng.IntN(2) == 0 {
			err = c.Put(key, payload, nil)
		} else {
			_, _, err = c.Do(context.Background(), key, func(context.Context) ([]byte, map[string]string, error) { return payload, nil, nil })
		}
		if err != nil {
			return err
		}
		if first {
			if _, err := fmt.Println(); err != nil {
				return err
			}
		}
	}
}

// TestKilledWriters kills processes that write, at random points: what they leave is sound entries, and temporary and lock
// files that are in nobody's way and are swept once they are old.
func TestKilledWriters(t *testing.T) {
	c := open(t, Options{})
	const seed = 1
	t.Logf("seed %d", seed)
	var killers sync.WaitGroup
	for killer := range killedAtOnce {
		killers.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(killer)))
			for i := range kills / killedAtOnce {
				order := hammering{Dir: c.Path(), Part: writing, Seed: rng.Uint64(), MaxBytes: killedKeys * killedBytes / 4, LockWait: time.Minute}
				if err := killOne(t.Context(), order, time.Duration(rng.Int64N(int64(killedAfter)))); err != nil {
					t.Errorf("process %d: %v", i, err)
				}
			}
		})
	}
	killers.Wait()
	report, err := c.Verify()
	if err != nil || report.Entries == 0 || len(report.Bad) != 0 {
		t.Errorf("%+v, %v: want entries, and none bad", report, err)
	}
	temps, locks := leftIn(t, c, tmpDir), leftIn(t, c, locksDir)
	cut := 0
	for _, name := range temps {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, miss := decode(bytes.NewReader(file), int64(len(file))); miss != nil {
			cut++
		}
	}
	t.Logf("%d processes killed up to %v after their first entry: %d entries, %d bad; %d temporary files left, %d of them cut short, and %d locks",
		kills, killedAfter, report.Entries, len(report.Bad), len(temps), cut, len(locks))
	if cut == 0 || len(locks) == 0 {
		t.Error("no process was killed while it wrote, or none while it held a lock")
	}
	openAt(t, c.Path(), Options{Now: func() time.Time { return time.Now().Add(staleAfter) }})
	if temps, locks := leftIn(t, c, tmpDir), leftIn(t, c, locksDir); len(temps) != 0 || len(locks) != 0 {
		t.Errorf("%v and %v are left when they are old", temps, locks)
	}
	if after, err := c.Verify(); err != nil || after.Entries != report.Entries || len(after.Bad) != 0 {
		t.Errorf("after the sweep %+v, %v: want %d entries", after, err, report.Entries)
	}
}

// killOne starts a process that writes, and kills it some time after it has stored its first entry.
func killOne(ctx context.Context, order hammering, after time.Duration) error {
	process, err := child(ctx, order)
	if err != nil {
		return err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	var stderr strings.Builder
	process.Stderr = &stderr
	if err := process.Start(); err != nil {
		return err
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		return fmt.Errorf("%w, %w\n%s", err, process.Wait(), stderr.String())
	}
	time.Sleep(after)
	if err := process.Process.Kill(); err != nil {
		return err
	}
	err = process.Wait()
	if ended := (*exec.ExitError)(nil); !errors.As(err, &ended) || ended.Exited() {
		return fmt.Errorf("ended by itself: %w\n%s", err, stderr.String())
	}
	return nil
}
