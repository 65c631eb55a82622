package cache

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"
)

const (
	// DefaultMaxBytes is the byte cap of a cache whose Options name none: some thousands of compiled kernels.
	DefaultMaxBytes = 512 << 20

	// DefaultLockWait is how long Do waits by default for another process that computes the same entry: longer than
	// compilers take (milliseconds to a few seconds), short enough that a stopped process only delays.
	DefaultLockWait = 10 * time.Second
)

// Options are the settings of a [Cache]. The zero value is ready for use.
type Options struct {
	// MaxBytes caps the sum of the entries' file sizes. Zero means DefaultMaxBytes. An entry is stored before others make room
	// for it, so that while some are being stored the sum can be larger by those.
	MaxBytes int64
	// LockWait is how long Do waits for another process that computes the same entry before it computes it too. Zero
	// means DefaultLockWait.
	LockWait time.Duration
	// Existing opens a cache that is there, and makes nothing: where there is none, the error wraps [fs.ErrNotExist].
	Existing bool
	// Now is the clock that dates entries and reads. Nil means time.Now.
	Now func() time.Time
	// Warn is told of what the cache gets over by itself: each defect it meets (a *Miss), each entry that Do could not
	// store, each eviction that failed. It may be called from several goroutines at once. Nil ignores them.
	Warn func(error)
}

// Cache is an open directory of entries. Its methods may be called from several goroutines at once. A nil *Cache is
// valid, always misses and stores nothing.
type Cache struct {
	root     *os.Root
	dir      string
	maxBytes int64
	lockWait time.Duration
	now      func() time.Time
	warn     func(error)

	counter counter

	mu      sync.Mutex
	flights map[ID]*flight
}

// Open opens the cache in dir, making the directory where it is missing, and clears away what crashed writers left. An
// empty dir means [DefaultDir].
//
// The error wraps that of the file system, or is a [*RefusedError], and the *Cache is then nil: report it as a warning
// and go on with the nil *Cache.
func Open(dir string, options Options) (*Cache, error) {
	if options.MaxBytes < 0 {
		return nil, fmt.Errorf("cache: Options.MaxBytes is %d: negative", options.MaxBytes)
	}
	if options.LockWait < 0 {
		return nil, fmt.Errorf("cache: Options.LockWait is %v: negative", options.LockWait)
	}
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cache: open: %w", err)
	}
	root, err := openRoot(dir, options.Existing)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("cache: open %s: %w", dir, err)
	}
	c := &Cache{
		root:     root,
		dir:      dir,
		maxBytes: options.MaxBytes,
		lockWait: options.LockWait,
		now:      options.Now,
		warn:     options.Warn,
		flights:  make(map[ID]*flight),
	}
	if c.maxBytes == 0 {
		c.maxBytes = DefaultMaxBytes
	}
	if c.lockWait == 0 {
		c.lockWait = DefaultLockWait
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.warn == nil {
		c.warn = func(error) {}
	}
	c.sweep(staleAfter)
	return c, nil
}

// Close releases the directory. After it the cache misses, and stores nothing.
func (c *Cache) Close() error {
	if c == nil || c.root == nil {
		return nil
	}
	return c.root.Close()
}

// Path returns the cache's directory, absolute, or "" of a nil *Cache.
func (c *Cache) Path() string {
	if c == nil {
		return ""
	}
	return c.dir
}

// Get returns the entry of a key and dates its last read. Its error is always a [*Miss].
func (c *Cache) Get(key Key) (Entry, error) {
	entry, miss := c.lookup(key.ID())
	if miss != nil {
		return Entry{}, miss
	}
	return entry, nil
}

// Put stores a payload under a key, replacing what is there, and evicts what was read longest ago until the cache is
// within its byte cap. On an error, which the caller may ignore, nothing was stored; it wraps [ErrTooLarge] or the file
// system's. Meta is text; what is not UTF-8 in it is stored as U+FFFD.
func (c *Cache) Put(key Key, payload []byte, meta map[string]string) error {
	if c == nil {
		return nil
	}
	return c.store(newEntry(key, payload, meta, c.now()))
}

// lookup is load for a reader: it counts, warns and dates.
func (c *Cache) lookup(id ID) (Entry, *Miss) {
	entry, miss := c.load(id)
	if c == nil {
		return entry, miss
	}
	if miss != nil {
		c.counter.miss(miss.Reason)
		if miss.Reason.Defect() {
			c.warn(miss)
		}
		return entry, miss
	}
	c.counter.add(func(s *Stats) { s.Hits++ })
	c.touch(id)
	return entry, nil
}

// touch dates the last read of an entry. An entry that cannot be dated (a read-only disk) is evicted sooner, no more.
func (c *Cache) touch(id ID) {
	now := c.now()
	_ = c.root.Chtimes(id.path(), now, now)
}

// load reads and checks one entry, and removes its file if it is known to be bad.
func (c *Cache) load(id ID) (Entry, *Miss) {
	if c == nil {
		return Entry{}, &Miss{ID: id, Reason: ReasonNoCache}
	}
	var entry Entry
	seen, miss := c.judge(id.path(), func(r io.Reader, size int64) (miss *Miss) {
		entry, miss = decode(r, size)
		if miss == nil && entry.ID != id {
			miss = &Miss{Reason: ReasonOtherKey, Err: fmt.Errorf("holds %v", entry.ID)}
		}
		return miss
	})
	if miss == nil {
		return entry, nil
	}
	miss.ID = id
	if miss.Reason.Removable() {
		c.discard(id.path(), seen)
	}
	return Entry{}, miss
}

// judge opens a file, trusts it or not, and has read read it. It returns what the file system says of the file judged.
// Its misses have no ID.
func (c *Cache) judge(name string, read func(r io.Reader, size int64) *Miss) (fs.FileInfo, *Miss) {
	// Looked at before it is opened: opening a pipe would wait for its writer.
	info, err := c.root.Lstat(name)
	if err != nil {
		return nil, missing(err)
	}
	if !info.Mode().IsRegular() {
		return info, &Miss{Reason: ReasonUntrusted, Err: fmt.Errorf("not a regular file (%v)", info.Mode())}
	}
	f, err := c.root.Open(name)
	if err != nil {
		return info, missing(err)
	}
	defer f.Close()
	// Another process may have replaced the file since: size and owner are those of the file that is open.
	if info, err = f.Stat(); err != nil {
		return nil, missing(err)
	}
	if reason := private(info); reason != "" {
		return info, &Miss{Reason: ReasonUntrusted, Err: errors.New(reason)}
	}
	return info, read(f, info.Size())
}

// missing is the miss of a file that could not be opened.
func missing(err error) *Miss {
	if errors.Is(err, fs.ErrNotExist) {
		return &Miss{Reason: ReasonAbsent}
	}
	return &Miss{Reason: ReasonUnreadable, Err: err}
}

// discard removes a bad file unless it has changed since it was seen. A good one put there between the look and the
// removal is lost, which costs one miss.
func (c *Cache) discard(name string, seen fs.FileInfo) {
	now, err := c.root.Lstat(name)
	if err != nil || !os.SameFile(seen, now) || now.Size() != seen.Size() || !now.ModTime().Equal(seen.ModTime()) {
		return
	}
	_ = c.root.Remove(name) // if it stays, it stays a miss
}

// store writes an entry and keeps the cache within its cap.
func (c *Cache) store(e Entry) error {
	err := c.write(e)
	if err != nil {
		c.counter.add(func(s *Stats) { s.StoreFailures++ })
		return fmt.Errorf("cache: store %v in %s: %w", e.ID, c.dir, err)
	}
	c.counter.add(func(s *Stats) { s.Stored++ })
	evicted, err := c.prune(Limits{MaxBytes: c.maxBytes}, e.ID)
	c.counter.add(func(s *Stats) { s.Evicted += evicted.Entries })
	if err != nil {
		c.warn(err)
	}
	return nil
}

// write makes the entry appear whole or not at all.
func (c *Cache) write(e Entry) error {
	file, err := encode(e)
	if err != nil {
		return err
	}
	if int64(len(file)) > c.maxBytes {
		return fmt.Errorf("%w: %d bytes in a cache of at most %d", ErrTooLarge, len(file), c.maxBytes)
	}
	temp := path.Join(tmpDir, tempPrefix+rand.Text()) // unique among processes, hosts and containers, as a process ID is not
	if err := c.publish(temp, e.ID.path(), file); err != nil {
		_ = c.root.Remove(temp) // if it stays, a sweep takes it
		return err
	}
	return nil
}

// publish writes a temporary file and gives it its name.
func (c *Cache) publish(temp, name string, file []byte) error {
	if err := c.writeTemp(temp, file); err != nil {
		return err
	}
	if err := c.root.MkdirAll(path.Dir(name), dirMode); err != nil {
		return err
	}
	return c.root.Rename(temp, name)
}

func (c *Cache) writeTemp(name string, data []byte) error {
	f, err := c.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	now := c.now()
	return c.root.Chtimes(name, now, now)
}
