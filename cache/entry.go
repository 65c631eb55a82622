package cache

import (
	"maps"
	"time"
)

// Header is what an entry says about itself, in clear.
type Header struct {
	ID ID `json:"id"`
	Transcript
	Meta    map[string]string `json:"meta,omitempty"` // the caller's: a compiler's log, registers, milliseconds
	Created time.Time         `json:"created"`        // zero when there was no cache to tell the time
}

// Entry is a stored payload and its header. A payload may be shared between callers: it must not be written to.
type Entry struct {
	Header
	Payload []byte
}

// newEntry returns the entry exactly as it will be read back: times without a monotonic part, text valid as UTF-8.
func newEntry(key Key, payload []byte, meta map[string]string, created time.Time) Entry {
	e := Entry{
		Header: Header{
			ID:         key.ID(),
			Transcript: key.Transcript(),
			Meta:       maps.Clone(meta),
			Created:    created.Round(0).UTC(),
		},
		Payload: payload,
	}
	for name, value := range e.Meta {
		if clean := text(name); clean != name {
			delete(e.Meta, name)
			name = clean
		}
		e.Meta[name] = text(value)
	}
	return e
}
