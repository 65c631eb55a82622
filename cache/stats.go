package cache

import (
	"maps"
	"sync"
)

// Stats counts what happened to one open [Cache].
type Stats struct {
	Hits          int            // entries read
	Shared        int            // results of Do taken from another goroutine or process that was computing them
	Misses        map[Reason]int // lookups that found no usable entry, by reason
	Stored        int            // entries written
	StoreFailures int            // entries that could not be written
	Evicted       int            // entries removed to keep below the byte cap
}

// Corrupt returns how many misses were due to a defect.
func (s Stats) Corrupt() int {
	n := 0
	for reason, count := range s.Misses {
		if reason.Defect() {
			n += count
		}
	}
	return n
}

// counter is Stats for many goroutines.
type counter struct {
	mu    sync.Mutex
	stats Stats
}

func (c *counter) add(update func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	update(&c.stats)
}

func (c *counter) miss(r Reason) {
	c.add(func(s *Stats) {
		if s.Misses == nil {
			s.Misses = make(map[Reason]int)
		}
		s.Misses[r]++
	})
}

// Stats returns the counts so far.
func (c *Cache) Stats() Stats {
	if c == nil {
		return Stats{}
	}
	c.counter.mu.Lock()
	defer c.counter.mu.Unlock()
	s := c.counter.stats
	s.Misses = maps.Clone(s.Misses)
	return s
}
