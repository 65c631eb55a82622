package cache

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// computes returns a Compute of the given payload that counts its runs.
func computes(payload string, runs *int) Compute {
	return func(context.Context) ([]byte, map[string]string, error) {
		*runs++
		return []byte(payload), map[string]string{"log": "fine"}, nil
	}
}

func TestDo(t *testing.T) {
	c := open(t, Options{})
	runs := 0
	fresh, hit, err := c.Do(t.Context(), testKey(1), computes("x", &runs))
	if err != nil || hit {
		t.Fatalf("first: hit %v, %v", hit, err)
	}
	stored, hit, err := c.Do(t.Context(), testKey(1), computes("x", &runs))
	if err != nil || !hit || runs != 1 {
		t.Fatalf("second: hit %v, %v, %d runs", hit, err, runs)
	}
	if !reflect.DeepEqual(fresh, stored) {
		t.Errorf("computed\n%#v\nread\n%#v", fresh, stored)
	}
	want := Stats{Hits: 1, Stored: 1, Misses: map[Reason]int{ReasonAbsent: 1}}
	if got := c.Stats(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDoNilCache(t *testing.T) {
	var c *Cache
	runs := 0
	for range 2 {
		entry, hit, err := c.Do(t.Context(), testKey(1), computes("x", &runs))
		if err != nil || hit || string(entry.Payload) != "x" || entry.ID != testKey(1).ID() || entry.Meta["log"] != "fine" {
			t.Errorf("got %#v, %v, %v", entry, hit, err)
		}
	}
	if runs != 2 {
		t.Errorf("%d runs, want 2", runs)
	}
	failure := errors.New("does not compile")
	fail := func(context.Context) ([]byte, map[string]string, error) { return nil, nil, failure }
	if _, _, err := c.Do(t.Context(), testKey(1), fail); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

func TestDoError(t *testing.T) {
	c := open(t, Options{})
	failure := errors.New("does not compile")
	fail := func(context.Context) ([]byte, map[string]string, error) { return []byte("half"), nil, failure }
	if entry, hit, err := c.Do(t.Context(), testKey(1), fail); !errors.Is(err, failure) || hit || entry.Payload != nil {
		t.Errorf("got %v, %v, %v", entry, hit, err)
	}
	expectMiss(t, c, testKey(1), ReasonAbsent)
}

// TestDoCannotStore spoils the directory: the payload is returned, and the failure reported aside.
func TestDoCannotStore(t *testing.T) {
	var warnings []error
	c := open(t, Options{Warn: func(err error) { warnings = append(warnings, err) }})
	replaceByFile(t, filepath.Join(c.Path(), "tmp"))
	replaceByFile(t, filepath.Join(c.Path(), "locks"))
	runs := 0
	entry, hit, err := c.Do(t.Context(), testKey(1), computes("x", &runs))
	if err != nil || hit || string(entry.Payload) != "x" {
		t.Errorf("got %v, %v, %v", entry, hit, err)
	}
	if len(warnings) != 1 || c.Stats().StoreFailures != 1 {
		t.Errorf("warnings %v, %+v", warnings, c.Stats())
	}
}

// TestDoReplacesDefect holds that a spoilt entry is computed again and stored sound.
func TestDoReplacesDefect(t *testing.T) {
	c := open(t, Options{})
	plant(t, c, testKey(1), []byte("garbage of another program"))
	runs := 0
	for want := range 2 {
		entry, hit, err := c.Do(t.Context(), testKey(1), computes("x", &runs))
		if err != nil || hit != (want == 1) || string(entry.Payload) != "x" {
			t.Errorf("got %v, %v, %v", entry, hit, err)
		}
	}
	if runs != 1 || c.Stats().Misses[ReasonForeign] != 1 {
		t.Errorf("%d runs, %+v", runs, c.Stats())
	}
}

func TestDoCancelledBefore(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runs := 0
	if _, hit, err := c.Do(ctx, testKey(1), computes("x", &runs)); err != nil || !hit {
		t.Errorf("a hit needs no time, but got %v, %v", hit, err)
	}
	if _, _, err := c.Do(ctx, testKey(2), computes("x", &runs)); !errors.Is(err, context.Canceled) || runs != 0 {
		t.Errorf("got %v, %d runs", err, runs)
	}
}

// flightTest runs a first Do that has begun to compute and others that wait for it, then ends the first as told.
func flightTest(t *testing.T, first Compute, cancelFirst bool) (results []error, runs int, stats Stats) {
	t.Helper()
	const waiting = 8
	results = make([]error, waiting)
	c := open(t, Options{})
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			defer func() { _ = recover() }() // of a compute that panics on purpose
			_, _, _ = c.Do(ctx, testKey(1), func(ctx context.Context) ([]byte, map[string]string, error) {
				<-release
				return first(ctx)
			})
		})
		synctest.Wait()
		for i := range waiting {
			all.Go(func() {
				entry, _, err := c.Do(t.Context(), testKey(1), computes("x", &runs))
				if err == nil && string(entry.Payload) != "x" {
					err = errors.New("wrong payload")
				}
				results[i] = err
			})
		}
		synctest.Wait()
		if cancelFirst {
			cancel()
		}
		close(release)
		all.Wait()
	})
	return results, runs, c.Stats()
}

func TestDoSingleFlight(t *testing.T) {
	firstRuns := 0
	results, runs, stats := flightTest(t, computes("x", &firstRuns), false)
	for i, err := range results {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if firstRuns != 1 || runs != 0 || stats.Shared != len(results) || stats.Stored != 1 {
		t.Errorf("%d and %d runs, %+v", firstRuns, runs, stats)
	}
}

func TestDoSharesErrors(t *testing.T) {
	failure := errors.New("does not compile")
	results, runs, _ := flightTest(t, func(context.Context) ([]byte, map[string]string, error) { return nil, nil, failure }, false)
	for i, err := range results {
		if !errors.Is(err, failure) {
			t.Errorf("%d: %v, want the first's error", i, err)
		}
	}
	if runs != 0 {
		t.Errorf("%d more runs", runs)
	}
}

// TestDoTakesOver ends the first call in ways that say nothing of the key: one of those that wait computes.
func TestDoTakesOver(t *testing.T) {
	for name, first := range map[string]Compute{
		"cancelled": func(ctx context.Context) ([]byte, map[string]string, error) { return nil, nil, ctx.Err() },
		"panicked":  func(context.Context) ([]byte, map[string]string, error) { panic("compiler bug") },
	} {
		t.Run(name, func(t *testing.T) {
			results, runs, _ := flightTest(t, first, name == "cancelled")
			for i, err := range results {
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
			if runs != 1 {
				t.Errorf("%d runs, want 1", runs)
			}
		})
	}
}

// TestDoWaiterGivesUp cancels a call that waits for another.
func TestDoWaiterGivesUp(t *testing.T) {
	c := open(t, Options{})
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_, _, _ = c.Do(t.Context(), testKey(1), func(context.Context) ([]byte, map[string]string, error) {
				<-release
				return nil, nil, nil
			})
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		runs := 0
		if _, _, err := c.Do(ctx, testKey(1), computes("x", &runs)); !errors.Is(err, context.DeadlineExceeded) || runs != 0 {
			t.Errorf("got %v, %d runs", err, runs)
		}
		close(release)
		all.Wait()
	})
}

// holdLock takes the lock of a key as another process would, until the test ends or release is called.
func holdLock(t *testing.T, c *Cache, key Key) (release func()) {
	t.Helper()
	f, err := lockedfile.Create(filepath.Join(c.Path(), "locks", key.ID().String()))
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { f.Close() })
	t.Cleanup(release)
	return release
}

// TestLockIsNotRequired holds that a process that never lets go of its lock only delays.
func TestLockIsNotRequired(t *testing.T) {
	c := open(t, Options{LockWait: time.Millisecond})
	holdLock(t, c, testKey(1))
	runs := 0
	entry, hit, err := c.Do(t.Context(), testKey(1), computes("x", &runs))
	if err != nil || hit || string(entry.Payload) != "x" {
		t.Errorf("got %v, %v, %v", entry, hit, err)
	}
	expectHit(t, c, testKey(1), "x")
}

func TestLockWaitIsCancelled(t *testing.T) {
	c := open(t, Options{LockWait: time.Hour})
	holdLock(t, c, testKey(1))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	runs := 0
	if _, _, err := c.Do(ctx, testKey(1), computes("x", &runs)); !errors.Is(err, context.DeadlineExceeded) || runs != 0 {
		t.Errorf("got %v, %d runs", err, runs)
	}
}

// TestLockThenHit stores the entry while a Do waits for the lock of whoever computes it.
func TestLockThenHit(t *testing.T) {
	c := open(t, Options{LockWait: time.Hour})
	release := holdLock(t, c, testKey(1))
	other := openAt(t, c.Path(), Options{})
	done := make(chan error)
	runs := 0
	go func() {
		entry, hit, err := c.Do(t.Context(), testKey(1), computes("mine", &runs))
		if err == nil && (!hit || string(entry.Payload) != "theirs") {
			err = errors.New("computed what another process had stored")
		}
		done <- err
	}()
	for c.Stats().Misses[ReasonAbsent] == 0 { // until it is at the lock
		time.Sleep(time.Millisecond)
	}
	put(t, other, testKey(1), "theirs")
	release()
	if err := <-done; err != nil || runs != 0 {
		t.Errorf("%v, %d runs", err, runs)
	}
	if got := c.Stats(); got.Shared != 1 || got.Hits != 0 {
		t.Errorf("got %+v", got)
	}
}
