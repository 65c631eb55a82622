package cache

import (
	"context"
	"time"
)

// Compute makes the payload of an entry and the text about it.
type Compute func(ctx context.Context) (payload []byte, meta map[string]string, err error)

// flight is a Do in progress that others of the same key wait for.
type flight struct {
	done    chan struct{} // closed when the flight has landed
	settled bool          // the result holds for everybody
	entry   Entry
	err     error
}

// Do returns the entry of a key, computing and storing it if the cache has none. The result hit reports that this call
// did not run compute.
//
// Of the calls with one key in a process, one computes and the others take its entry or its error. A call that ends
// because its own context ended, or panics, settles nothing for the others: one of them takes over. Between processes an
// advisory lock does the same for at most Options.LockWait, after which, or where there are no locks, both compute:
// the lock saves work and nothing depends on it. Compute must not call Do with its own key.
//
// The error is compute's, or the context's. An entry that cannot be stored is returned all the same. A nil *Cache
// computes every time.
func (c *Cache) Do(ctx context.Context, key Key, compute Compute) (entry Entry, hit bool, err error) {
	if c == nil {
		payload, meta, err := compute(ctx)
		if err != nil {
			return Entry{}, false, err
		}
		return newEntry(key, payload, meta, time.Time{}), false, nil
	}
	for {
		f, leader := c.join(key.ID())
		if leader {
			return c.lead(ctx, key, compute, f)
		}
		select {
		case <-ctx.Done():
			return Entry{}, false, ctx.Err()
		case <-f.done:
		}
		if f.settled {
			c.counter.add(func(s *Stats) { s.Shared++ })
			return f.entry, f.err == nil, f.err
		}
	}
}

// join returns the flight of an entry and whether the caller is to lead it.
func (c *Cache) join(id ID) (f *flight, leader bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[id]; ok {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	c.flights[id] = f
	return f, true
}

// lead fills the entry and lands the flight, however compute ends.
func (c *Cache) lead(ctx context.Context, key Key, compute Compute, f *flight) (entry Entry, hit bool, err error) {
	defer func() {
		c.mu.Lock()
		delete(c.flights, key.ID())
		c.mu.Unlock()
		close(f.done)
	}()
	entry, hit, err = c.fill(ctx, key, compute)
	f.entry, f.err = entry, err
	f.settled = err == nil || ctx.Err() == nil
	return entry, hit, err
}

// fill reads the entry, or computes and stores it.
func (c *Cache) fill(ctx context.Context, key Key, compute Compute) (entry Entry, hit bool, err error) {
	if entry, miss := c.lookup(key.ID()); miss == nil {
		return entry, true, nil
	}
	unlock := c.lock(ctx, key.ID())
	defer unlock()
	// Whoever held the lock until now may have stored the entry.
	if entry, miss := c.load(key.ID()); miss == nil {
		c.counter.add(func(s *Stats) { s.Shared++ })
		c.touch(key.ID())
		return entry, true, nil
	}
	if err := ctx.Err(); err != nil {
		return Entry{}, false, err
	}
	payload, meta, err := compute(ctx)
	if err != nil {
		return Entry{}, false, err
	}
	entry = newEntry(key, payload, meta, c.now())
	if err := c.store(entry); err != nil {
		c.warn(err)
	}
	return entry, false, nil
}
