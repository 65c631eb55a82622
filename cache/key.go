package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// keySchema is the first thing hashed into every key. It names the entry format too, so that versions of this package
// with different formats can share a directory without ever meeting in one file.
const keySchema = "gmmspec cache entry, format 1"

// Key names an entry by everything its payload depends on. It is a value: [Key.Add] leaves its receiver as it was, so
// keys with a common beginning can be branched from it.
//
// With frame(s) the length of s as 8 bytes, big-endian, followed by s, the key's ID is the last of
//
//	ID₀ = SHA-256(frame(schema), frame(kind))
//	IDᵢ = SHA-256(IDᵢ₋₁, frame(nameᵢ), frame(valueᵢ))
//
// so that "ab", "c" and "a", "bc" differ, as do the same inputs in another order. Build a key from inputs (source text,
// options, compiler version), never from outputs, which compilers do not always reproduce.
type Key struct {
	id         ID
	transcript Transcript
}

// NewKey returns the key of the given kind of computation with no inputs yet.
func NewKey(kind string) Key {
	h := sha256.New()
	writeFrame(h, keySchema)
	writeFrame(h, kind)
	return Key{id: ID(h.Sum(nil)), transcript: Transcript{Kind: text(kind)}}
}

// Add returns the key with one more input. Names may repeat: a list of options is one Add an option.
func (k Key) Add(name, value string) Key {
	h := sha256.New()
	h.Write(k.id[:])
	writeFrame(h, name)
	writeFrame(h, value)
	return Key{id: ID(h.Sum(nil)), transcript: k.transcript.add(newInput(name, value))}
}

// ID returns the digest that names the key's entry.
func (k Key) ID() ID { return k.id }

// Transcript returns what went into the key, readable.
func (k Key) Transcript() Transcript { return k.transcript.add() }

func writeFrame(h hash.Hash, s string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(s)))
	h.Write(length[:])
	h.Write([]byte(s))
}
