package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
)

// ID is the SHA-256 that names an entry.
type ID [sha256.Size]byte

// ParseID reads the 64 hexadecimal digits that [ID.String] writes.
func ParseID(s string) (ID, error) {
	var id ID
	err := id.UnmarshalText([]byte(s))
	return id, err
}

// String returns the ID as 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns what [ID.String] returns.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what [ID.MarshalText] wrote, and refuses everything else, upper-case digits included: an ID has
// one spelling.
func (id *ID) UnmarshalText(text []byte) error {
	var read ID
	if len(text) != hex.EncodedLen(len(read)) {
		return fmt.Errorf("cache: an ID has %d hexadecimal digits, not %d", hex.EncodedLen(len(read)), len(text))
	}
	if _, err := hex.Decode(read[:], text); err != nil {
		return fmt.Errorf("cache: ID %q: %w", text, err)
	}
	if read.String() != string(text) {
		return fmt.Errorf("cache: ID %q is not in lower case", text)
	}
	*id = read
	return nil
}

// shardDigits is how many leading digits of an ID name its directory: 256 directories keep each one small at any number
// of entries that the byte cap admits.
const shardDigits = 2

// path returns where the entry lies below the cache's directory.
func (id ID) path() string {
	s := id.String()
	return path.Join(entriesDir, s[:shardDigits], s[shardDigits:])
}
