package cache

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// open opens a new cache for a test.
func open(t *testing.T, options Options) *Cache {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "cache"), options)
}

func openAt(t *testing.T, dir string, options Options) *Cache {
	t.Helper()
	c, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// clock is a clock that only the test moves.
type clock struct{ time time.Time }

func newClock() *clock { return &clock{sampleTime().Truncate(time.Second)} }

func (c *clock) now() time.Time          { return c.time }
func (c *clock) advance(d time.Duration) { c.time = c.time.Add(d) }

// entryFile returns where the entry of a key lies.
func entryFile(c *Cache, key Key) string {
	return filepath.Join(c.Path(), filepath.FromSlash(key.ID().path()))
}

// leftIn lists the files in a directory of a cache.
func leftIn(t *testing.T, c *Cache, dir string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.Path(), dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		files = append(files, filepath.Join(c.Path(), dir, entry.Name()))
	}
	return files
}

// plant puts bytes where the entry of a key belongs.
func plant(t *testing.T, c *Cache, key Key, file []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(entryFile(c, key)), dirMode); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entryFile(c, key), file, fileMode); err != nil {
		t.Fatal(err)
	}
}

func expectMiss(t *testing.T, c *Cache, key Key, want Reason) {
	t.Helper()
	entry, err := c.Get(key)
	var miss *Miss
	if !errors.As(err, &miss) || miss.Reason != want || miss.ID != key.ID() {
		t.Fatalf("Get: %v, want a miss, %s", err, want)
	}
	if !reflect.DeepEqual(entry, Entry{}) {
		t.Fatalf("a miss came with the entry %v", entry)
	}
}

func expectHit(t *testing.T, c *Cache, key Key, payload string) {
	t.Helper()
	entry, err := c.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	if string(entry.Payload) != payload {
		t.Fatalf("payload %q, want %q", entry.Payload, payload)
	}
}

func put(t *testing.T, c *Cache, key Key, payload string) {
	t.Helper()
	if err := c.Put(key, []byte(payload), nil); err != nil {
		t.Fatal(err)
	}
}

func TestPutGet(t *testing.T) {
	clock := newClock()
	dir := filepath.Join(t.TempDir(), "new", "folders")
	c := openAt(t, dir, Options{Now: clock.now})
	key := sampleKey()
	expectMiss(t, c, key, ReasonAbsent)
	meta := map[string]string{"log": "two\nlines", "bad\xff": "\xfe\xff!"}
	if err := c.Put(key, []byte("first"), meta); err != nil {
		t.Fatal(err)
	}
	created := clock.now()
	clock.advance(time.Minute)
	got, err := openAt(t, dir, Options{}).Get(key)
	if err != nil {
		t.Fatal(err)
	}
	want := Entry{
		Header: Header{
			ID:         key.ID(),
			Transcript: key.Transcript(),
			Meta:       map[string]string{"log": "two\nlines", "bad\uFFFD": "\uFFFD!"},
			Created:    created,
		},
		Payload: []byte("first"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%#v\nwant\n%#v", got, want)
	}
	if _, ok := meta["bad\xff"]; !ok {
		t.Error("Put changed its caller's map")
	}
	put(t, c, key, "")
	expectHit(t, c, key, "")
	if left := leftIn(t, c, tmpDir); len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
}

func TestStats(t *testing.T) {
	var warnings []error
	c := open(t, Options{Warn: func(err error) { warnings = append(warnings, err) }})
	expectMiss(t, c, testKey(1), ReasonAbsent)
	put(t, c, testKey(1), "x")
	expectHit(t, c, testKey(1), "x")
	expectHit(t, c, testKey(1), "x")
	plant(t, c, testKey(1), []byte("garbage of another program"))
	expectMiss(t, c, testKey(1), ReasonForeign)
	expectMiss(t, c, testKey(1), ReasonAbsent)
	got := c.Stats()
	want := Stats{Hits: 2, Stored: 1, Misses: map[Reason]int{ReasonAbsent: 2, ReasonForeign: 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Corrupt() != 1 {
		t.Errorf("Corrupt is %d, want 1", got.Corrupt())
	}
	var miss *Miss
	if len(warnings) != 1 || !errors.As(warnings[0], &miss) || miss.Reason != ReasonForeign {
		t.Errorf("warnings: %v", warnings)
	}
	got.Misses[ReasonAbsent] = 100
	if c.Stats().Misses[ReasonAbsent] != 2 {
		t.Error("Stats hands out its own map")
	}
}

func TestReplacedFileIsNotDiscarded(t *testing.T) {
	c := open(t, Options{})
	key := testKey(1)
	plant(t, c, key, []byte("bad"))
	seen, err := os.Lstat(entryFile(c, key))
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, key, "good") // by another process, after the bad file was read
	c.discard(key.ID().path(), seen)
	expectHit(t, c, key, "good")
}

func TestPutTooLarge(t *testing.T) {
	c := open(t, Options{MaxBytes: 1000})
	put(t, c, testKey(1), "small")
	if err := c.Put(testKey(2), make([]byte, 1000), nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	expectHit(t, c, testKey(1), "small")
	if got := c.Stats(); got.StoreFailures != 1 || got.Stored != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestPutUnencodable(t *testing.T) {
	farFuture := func() time.Time { return time.Date(12345, time.January, 1, 0, 0, 0, 0, time.UTC) }
	if err := open(t, Options{Now: farFuture}).Put(testKey(1), nil, nil); err == nil {
		t.Error("stored an entry of the year 12345, which JSON cannot hold")
	}
}

func TestNilCache(t *testing.T) {
	var c *Cache
	expectMiss(t, c, testKey(1), ReasonNoCache)
	put(t, c, testKey(1), "x")
	expectMiss(t, c, testKey(1), ReasonNoCache)
	list, err := c.List()
	report, verify := c.Verify()
	pruned, prune := c.Prune(Limits{MaxBytes: 1})
	cleared, clearErr := c.Clear()
	if err := errors.Join(err, verify, prune, clearErr, c.Close()); err != nil {
		t.Error(err)
	}
	if len(list) != 0 || report.Entries != 0 || pruned != (Removed{}) || cleared != (Removed{}) || c.Path() != "" ||
		!reflect.DeepEqual(c.Stats(), Stats{}) {
		t.Error("a nil cache has something in it")
	}
}

func TestClosedCache(t *testing.T) {
	c := open(t, Options{})
	put(t, c, testKey(1), "x")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	expectMiss(t, c, testKey(1), ReasonUnreadable)
	if err := c.Put(testKey(1), nil, nil); err == nil {
		t.Error("Put into a closed cache succeeded")
	}
	if _, err := c.List(); err == nil {
		t.Error("List of a closed cache succeeded")
	}
	if _, err := c.Verify(); err == nil {
		t.Error("Verify of a closed cache succeeded")
	}
	if _, err := c.Prune(Limits{}); err == nil {
		t.Error("Prune of a closed cache succeeded")
	}
	if _, err := c.Clear(); err == nil {
		t.Error("Clear of a closed cache succeeded")
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, options := range []Options{{MaxBytes: -1}, {LockWait: -1}} {
		if c, err := Open(filepath.Join(t.TempDir(), "cache"), options); err == nil || c != nil {
			t.Errorf("%+v: got %v, %v, want an error", options, c, err)
		}
	}
}

// TestEntryMetaIsCopied holds that an entry does not change with its caller's map.
func TestEntryMetaIsCopied(t *testing.T) {
	meta := map[string]string{"a": "1"}
	e := newEntry(testKey(1), nil, meta, sampleTime())
	meta["a"] = "2"
	if !maps.Equal(e.Meta, map[string]string{"a": "1"}) {
		t.Errorf("got %v", e.Meta)
	}
}
