package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"
)

// staleAfter is the age at which a temporary or lock file belongs to a process that crashed: writing one takes
// milliseconds, computing under one minutes at most.
const staleAfter = time.Hour

// Limits say how much of a cache to keep. A zero field sets no limit.
type Limits struct {
	MaxBytes int64         // bytes of entry files
	MaxAge   time.Duration // time since an entry was last read, or written
}

// Removed counts what was removed from a cache.
type Removed struct {
	Entries int
	Bytes   int64
}

// Prune removes the entries beyond the limits, those read longest ago first, and what crashed writers left.
func (c *Cache) Prune(limits Limits) (Removed, error) {
	if c == nil {
		return Removed{}, nil
	}
	c.sweep(staleAfter)
	return c.prune(limits, ID{})
}

// Clear removes every entry, and every temporary and lock file, those in use too: their owners only lose the entry they
// were storing. It leaves alone whatever in the directory is not the cache's.
func (c *Cache) Clear() (Removed, error) {
	if c == nil {
		return Removed{}, nil
	}
	c.sweep(0)
	files, err := c.files()
	removed, removeErr := c.removeFiles(files)
	return removed, errors.Join(err, removeErr)
}

// prune removes what exceeds the limits, but never the entry keep.
func (c *Cache) prune(limits Limits, keep ID) (Removed, error) {
	files, err := c.files()
	removed, removeErr := c.removeFiles(beyond(files, limits, keep, c.now()))
	return removed, errors.Join(err, removeErr)
}

// beyond returns the files beyond the limits: the stale ones, then those read longest ago until the rest fits.
func beyond(files []file, limits Limits, keep ID, now time.Time) []file {
	var total int64
	for _, f := range files {
		total += f.size
	}
	slices.SortFunc(files, func(a, b file) int { return a.read.Compare(b.read) })
	var out []file
	for _, f := range files {
		stale := limits.MaxAge > 0 && now.Sub(f.read) > limits.MaxAge
		excess := limits.MaxBytes > 0 && total > limits.MaxBytes
		if f.id != keep && (stale || excess) {
			out = append(out, f)
			total -= f.size
		}
	}
	return out
}

func (c *Cache) removeFiles(files []file) (removed Removed, err error) {
	for _, f := range files {
		if e := c.root.Remove(f.id.path()); errors.Is(e, fs.ErrNotExist) {
			continue // removed by another process since
		} else if e != nil {
			err = errors.Join(err, e)
			continue
		}
		removed.Entries++
		removed.Bytes += f.size
	}
	if err != nil {
		err = fmt.Errorf("cache: %w", err)
	}
	return removed, err
}

// file is an entry as the file system knows it.
type file struct {
	id   ID
	size int64
	read time.Time
}

// files returns the files whose names are those of entries. Every Put walks them: about 10 ms for 2,500, beside
// the compiling that led to the Put.
func (c *Cache) files() ([]file, error) {
	fsys := c.root.FS()
	shards, err := fs.ReadDir(fsys, entriesDir)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	var files []file
	for _, shard := range shards {
		if len(shard.Name()) != shardDigits || !shard.IsDir() {
			continue
		}
		entries, err := fs.ReadDir(fsys, path.Join(entriesDir, shard.Name()))
		if err != nil {
			return files, fmt.Errorf("cache: %w", err)
		}
		for _, entry := range entries {
			id, err := ParseID(shard.Name() + entry.Name())
			if err != nil {
				continue // not ours
			}
			info, err := entry.Info()
			if err != nil {
				continue // removed by another process since
			}
			files = append(files, file{id: id, size: info.Size(), read: info.ModTime()})
		}
	}
	return files, nil
}

// sweep removes the temporary and lock files of at least the given age. What it cannot remove does no harm.
func (c *Cache) sweep(age time.Duration) {
	for dir, ours := range map[string]func(name string) bool{
		tmpDir:   ownTemp.MatchString,
		locksDir: func(name string) bool { _, err := ParseID(name); return err == nil },
	} {
		entries, err := fs.ReadDir(c.root.FS(), dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err == nil && info.Mode().IsRegular() && ours(entry.Name()) && c.now().Sub(info.ModTime()) >= age {
				_ = c.root.Remove(path.Join(dir, entry.Name()))
			}
		}
	}
}
