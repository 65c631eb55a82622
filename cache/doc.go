// Package cache keeps bytes by key on disk and knows nothing of what they mean.
//
// A [Key] is the SHA-256 of named, length-framed inputs: a complete description of a repeatable computation. An
// [Entry] is what the computation gave: a payload, a small map of text about it, and, in clear, what went into its key.
//
//	dir/                     0700, ours, or refused
//	    entries/ab/<62 hex>  one self-describing file an entry, 0600; ab and the rest are the key in hexadecimal
//	    tmp/                 entries being written
//	    locks/               advisory locks of keys being computed
//
// # Rules
//
// A cache only hits or misses. Whatever is wrong with an entry (cut short, a flipped byte, another program's file,
// another format, unreadable) is a [Miss] with a [Reason]; the bad file is removed if it is still the one that was read,
// and the next [Cache.Put] replaces it. No method panics on what it finds on disk.
//
// A nil *Cache is valid: it always misses, stores nothing, and its [Cache.Do] computes every time. A program whose
// [Open] fails (read-only or full disk, no home directory, a directory it may not trust) reports the error once, as a
// warning, and goes on with the nil *Cache it was given. A directory that turns out to be full, or that may only be read, is a
// cache that hits and stores nothing.
//
// Entries appear whole or not at all: they are written to tmp/ of the same file system, synced, and renamed. The
// directory is not synced after the rename, since an entry lost with the power is only a miss.
//
// Eviction removes what was read longest ago. The time of the last read is set explicitly, as the file's access and
// modification times, and read from the modification time: file systems update access times late or never (relatime,
// noatime), and nothing else needs the modification time since an entry's header tells when it was created.
//
// # Who may share a directory
//
// Any number of goroutines and processes of one user. An entry can be code that the reader will run, so a directory that
// belongs to somebody else, or that its group or others may write, is refused with a [RefusedError], and an entry file
// in such a state is a miss. The directory may be a symbolic link: what counts is where it leads. No link inside it is
// followed out of it. The digest in an entry detects corruption; it does not prove who wrote it. On Windows, where
// mode bits say nothing, the access control lists of the user's profile are relied on instead.
package cache
