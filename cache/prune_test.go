package cache

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// testEntrySize is the size of the files of testKey's entries with the given payload on a clock of whole seconds.
func testEntrySize(t *testing.T, payload string) int64 {
	t.Helper()
	file, err := encode(newEntry(testKey(0), []byte(payload), nil, newClock().now()))
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(file))
}

// kept returns which of the keys 0..n-1 have an entry, without reading it.
func kept(t *testing.T, c *Cache, n int) []int {
	t.Helper()
	var out []int
	for i := range n {
		if _, err := os.Stat(entryFile(c, testKey(i))); err == nil {
			out = append(out, i)
		}
	}
	return out
}

func expectKept(t *testing.T, c *Cache, n int, want ...int) {
	t.Helper()
	if got := kept(t, c, n); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

// TestEviction fills a cache of three entries.
func TestEviction(t *testing.T) {
	clock := newClock()
	c := open(t, Options{MaxBytes: 3 * testEntrySize(t, "x"), Now: clock.now})
	for i := range 3 {
		put(t, c, testKey(i), "x")
		clock.advance(time.Second)
	}
	expectKept(t, c, 3, 0, 1, 2)
	expectHit(t, c, testKey(0), "x") // now 1 was read longest ago
	clock.advance(time.Second)
	put(t, c, testKey(3), "x")
	expectKept(t, c, 4, 0, 2, 3)
	clock.advance(time.Second)
	put(t, c, testKey(2), "x") // in place of itself: nothing goes
	expectKept(t, c, 4, 0, 2, 3)
	clock.advance(time.Second)
	put(t, c, testKey(4), "xx") // one byte too many: two go
	expectKept(t, c, 5, 2, 4)
	if got := c.Stats().Evicted; got != 3 {
		t.Errorf("%d evicted, want 3", got)
	}
}

// TestEvictionKeepsTheNew holds that an entry survives its own Put, even by a clock that runs backwards.
func TestEvictionKeepsTheNew(t *testing.T) {
	clock := newClock()
	c := open(t, Options{MaxBytes: testEntrySize(t, "x"), Now: clock.now})
	for i := range 4 {
		put(t, c, testKey(i), "x")
		expectKept(t, c, 4, i)
		clock.advance(-time.Hour)
	}
}

func TestPrune(t *testing.T) {
	size := testEntrySize(t, "x")
	for _, test := range []struct {
		name   string
		limits Limits
		want   []int
	}{
		{"no limits", Limits{}, []int{0, 1, 2, 3}},
		{"roomy", Limits{MaxBytes: 4 * size, MaxAge: 4 * time.Hour}, []int{0, 1, 2, 3}},
		{"bytes", Limits{MaxBytes: 3*size - 1}, []int{2, 3}},
		{"age", Limits{MaxAge: 3*time.Hour - 1}, []int{2, 3}},
		{"age reached, not passed", Limits{MaxAge: 3 * time.Hour}, []int{1, 2, 3}},
		{"both, bytes closer", Limits{MaxBytes: size, MaxAge: 3 * time.Hour}, []int{3}},
		{"both, age closer", Limits{MaxBytes: 3 * size, MaxAge: 90 * time.Minute}, []int{3}},
		{"one byte", Limits{MaxBytes: 1}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := newClock()
			c := open(t, Options{Now: clock.now})
			for i := range 4 {
				put(t, c, testKey(i), "x")
				clock.advance(time.Hour)
			}
			removed, err := c.Prune(test.limits)
			if err != nil {
				t.Fatal(err)
			}
			expectKept(t, c, 4, test.want...)
			gone := 4 - len(test.want)
			if want := (Removed{Entries: gone, Bytes: int64(gone) * size}); removed != want {
				t.Errorf("removed %+v, want %+v", removed, want)
			}
		})
	}
}

func TestClear(t *testing.T) {
	c := open(t, Options{})
	for i := range 4 {
		put(t, c, testKey(i), "x")
	}
	mine := filepath.Join(c.Path(), "mine")
	alsoMine := filepath.Join(filepath.Dir(entryFile(c, testKey(0))), "mine")
	temp := filepath.Join(c.Path(), "tmp", tempPrefix+rand.Text())
	lock := filepath.Join(c.Path(), "locks", testKey(0).ID().String())
	myTemp, myLock := filepath.Join(c.Path(), "tmp", tempPrefix+"results.csv"), filepath.Join(c.Path(), "locks", "mine")
	for _, file := range []string{mine, alsoMine, temp, lock, myTemp, myLock} {
		if err := os.WriteFile(file, nil, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := c.Clear()
	if err != nil {
		t.Fatal(err)
	}
	if removed.Entries != 4 {
		t.Errorf("removed %+v, want 4 entries", removed)
	}
	expectKept(t, c, 4)
	for file, want := range map[string]bool{mine: true, alsoMine: true, temp: false, lock: false, myTemp: true, myLock: true} {
		if _, err := os.Stat(file); (err == nil) != want {
			t.Errorf("%s: there is %v, want %v", file, err == nil, want)
		}
	}
	put(t, c, testKey(0), "again")
	expectHit(t, c, testKey(0), "again")
}

// TestClearReportsWhatStays has a directory that cannot be removed under the name of an entry.
func TestClearReportsWhatStays(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(0), "x")
	if err := os.MkdirAll(filepath.Join(entryFile(c, testKey(1)), "full"), dirMode); err != nil {
		t.Fatal(err)
	}
	removed, err := c.Clear()
	if err == nil || removed.Entries != 1 {
		t.Errorf("got %+v, %v, want one entry and an error", removed, err)
	}
	expectKept(t, c, 2, 1)
}

// TestSweep leaves files of many ages as if their writers had crashed, and others beside them that are not the cache's.
func TestSweep(t *testing.T) {
	clock := newClock()
	c := open(t, Options{Now: clock.now})
	for _, sweep := range []struct {
		name string
		run  func()
	}{
		{"Open", func() { openAt(t, c.Path(), Options{Now: clock.now}) }},
		{"Prune", func() {
			if _, err := c.Prune(Limits{}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		kept := map[string]bool{}
		for i, age := range []time.Duration{0, staleAfter - time.Second, staleAfter, 1000 * staleAfter} {
			id, temp := testKey(i).ID().String(), tempPrefix+rand.Text()
			for name, ours := range map[string]bool{
				filepath.Join("tmp", temp): true, filepath.Join("locks", id): true,
				filepath.Join("tmp", tempPrefix+id): false, filepath.Join("locks", temp): false,
			} {
				kept[name] = age < staleAfter || !ours
				file := filepath.Join(c.Path(), name)
				if err := os.WriteFile(file, nil, fileMode); err != nil {
					t.Fatal(err)
				}
				written := clock.now().Add(-age)
				if err := os.Chtimes(file, written, written); err != nil {
					t.Fatal(err)
				}
			}
		}
		sweep.run()
		for name, want := range kept {
			if _, err := os.Stat(filepath.Join(c.Path(), name)); (err == nil) != want {
				t.Errorf("%s: %s: there is %v, want %v", sweep.name, name, err == nil, want)
			}
		}
	}
}
