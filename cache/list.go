package cache

import (
	"bytes"
	"io"
	"slices"
	"time"
)

// Info is one line of a cache's listing.
type Info struct {
	Header
	Bytes    int64     // size of the entry's file
	LastRead time.Time // when it was last read, or else written
	Defect   error     // a *Miss when the header could not be read; of the Header, only the ID is then known
}

// List returns the entries, the most recently read first. It reads headers only: see [Cache.Verify] for a check of the
// payloads.
func (c *Cache) List() ([]Info, error) {
	if c == nil {
		return nil, nil
	}
	files, err := c.files()
	slices.SortFunc(files, func(a, b file) int {
		if order := b.read.Compare(a.read); order != 0 {
			return order
		}
		return bytes.Compare(a.id[:], b.id[:])
	})
	list := make([]Info, 0, len(files))
	for _, f := range files {
		info := Info{Bytes: f.size, LastRead: f.read}
		_, miss := c.judge(f.id.path(), func(r io.Reader, size int64) (miss *Miss) {
			info.Header, miss = decodeHeader(r, size)
			return miss
		})
		info.ID = f.id
		if miss != nil {
			if miss.Reason == ReasonAbsent {
				continue // removed by another process since
			}
			miss.ID = f.id
			info.Defect = miss
		}
		list = append(list, info)
	}
	return list, err
}
