package cache

import (
	"context"
	"os"
	"path"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// lock takes the advisory lock of an entry and returns what releases it. It waits for at most c.lockWait, and goes on
// without the lock after that or where locks do not work.
func (c *Cache) lock(ctx context.Context, id ID) (unlock func()) {
	ctx, cancel := context.WithTimeout(ctx, c.lockWait)
	defer cancel()
	locked := make(chan *lockedfile.File)
	// The system's call waits without a limit, so a goroutine makes it. When nobody waits for it any more it releases
	// what it gets.
	go func() {
		f, err := lockedfile.OpenFile(filepath.Join(c.dir, locksDir, id.String()), os.O_RDWR|os.O_CREATE, fileMode)
		if err != nil {
			close(locked)
			return
		}
		select {
		case locked <- f:
		case <-ctx.Done():
			f.Close()
		}
	}()
	select {
	case f, ok := <-locked:
		if !ok {
			return func() {}
		}
		return func() {
			f.Close()
			// Whoever waits on the removed file gets its lock still, and finds the entry stored.
			_ = c.root.Remove(path.Join(locksDir, id.String()))
		}
	case <-ctx.Done():
		return func() {}
	}
}
