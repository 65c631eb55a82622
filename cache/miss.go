package cache

import "fmt"

// Reason is why a cache missed.
type Reason string

// The reasons of a miss. All but the first two are defects.
const (
	ReasonAbsent     Reason = "absent"     // no such entry
	ReasonNoCache    Reason = "no cache"   // the *Cache is nil
	ReasonUnreadable Reason = "unreadable" // the system would not let the file be read
	ReasonUntrusted  Reason = "untrusted"  // not a regular file, another owner's, or writable by group or others
	ReasonForeign    Reason = "foreign"    // the magic is not ours
	ReasonVersion    Reason = "version"    // another version of the format
	ReasonLength     Reason = "length"     // shorter or longer than it says
	ReasonDigest     Reason = "digest"     // the bytes are not those that were written
	ReasonHeader     Reason = "header"     // the header is not one
	ReasonOtherKey   Reason = "other key"  // a sound entry under another entry's name
)

// Defect reports whether a miss for this reason means that something is wrong with an entry.
func (r Reason) Defect() bool { return r != ReasonAbsent && r != ReasonNoCache }

// Removable reports whether the file is known to be bad, and removed. One that could not be read (too many open files, a failing
// network) may be good; if it is not, Put replaces it.
func (r Reason) Removable() bool { return r.Defect() && r != ReasonUnreadable }

// Miss is the error of a lookup that found no entry it may use.
type Miss struct {
	ID     ID
	Reason Reason
	Err    error // details; nil when the reason says all
}

// Error returns the reason with its details.
func (m *Miss) Error() string {
	if m.Err == nil {
		return fmt.Sprintf("cache: entry %v: %s", m.ID, m.Reason)
	}
	return fmt.Sprintf("cache: entry %v: %s: %v", m.ID, m.Reason, m.Err)
}

// Unwrap returns the details.
func (m *Miss) Unwrap() error { return m.Err }
