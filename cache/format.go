package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// An entry file, all integers big-endian:
//
//	offset  size  what
//	0       8     magic "GMMCACHE"
//	8       4     version of the format, 1
//	12      4     length H of the header
//	16      H     header: one line of JSON and a newline
//	16+H    8     length P of the payload
//	24+H    32    SHA-256 of the 24+H bytes before it and the P bytes after it
//	56+H    P     payload
//
// and nothing after it.
const (
	magic         = "GMMCACHE"
	formatVersion = 1

	versionSize   = 4
	headerLenSize = 4
	prefixSize    = len(magic) + versionSize + headerLenSize
	payloadLen    = 8
	frameSize     = prefixSize + payloadLen + sha256.Size // a file's length less its header and payload

	// maxHeader and maxPayload are far above any compiler's log and any kernel; they keep what a damaged length can
	// make a reader allocate within the int of every platform.
	maxHeader  = 1 << 20
	maxPayload = 1 << 30
)

// ErrTooLarge is wrapped by the error of storing an entry that the format or the cache's byte cap has no room for.
var ErrTooLarge = errors.New("cache: entry too large")

func encode(e Entry) ([]byte, error) {
	var header bytes.Buffer
	enc := json.NewEncoder(&header)
	enc.SetEscapeHTML(false) // people read it: "<", not "\u003c"
	if err := enc.Encode(e.Header); err != nil {
		return nil, fmt.Errorf("cache: header: %w", err)
	}
	if header.Len() > maxHeader {
		return nil, fmt.Errorf("%w: header has %d bytes, %d at most", ErrTooLarge, header.Len(), maxHeader)
	}
	if len(e.Payload) > maxPayload {
		return nil, fmt.Errorf("%w: payload has %d bytes, %d at most", ErrTooLarge, len(e.Payload), maxPayload)
	}
	file := make([]byte, 0, frameSize+header.Len()+len(e.Payload))
	file = append(file, magic...)
	file = binary.BigEndian.AppendUint32(file, formatVersion)
	file = binary.BigEndian.AppendUint32(file, uint32(header.Len()))
	file = append(file, header.Bytes()...)
	file = binary.BigEndian.AppendUint64(file, uint64(len(e.Payload)))
	file = append(file, digest(file, e.Payload)...)
	return append(file, e.Payload...), nil
}

// digest returns the SHA-256 of what precedes it in a file and the payload that follows it.
func digest(preceding, payload []byte) []byte {
	h := sha256.New()
	h.Write(preceding)
	h.Write(payload)
	return h.Sum(nil)
}

// decode reads the entry in a file of the given size. Its misses have no ID.
func decode(r io.Reader, size int64) (Entry, *Miss) {
	f, miss := readFrame(r, size)
	if miss != nil {
		return Entry{}, miss
	}
	payload := make([]byte, f.payload)
	if miss := readFull(r, payload); miss != nil {
		return Entry{}, miss
	}
	if !bytes.Equal(digest(f.preceding, payload), f.digest) {
		return Entry{}, &Miss{Reason: ReasonDigest}
	}
	header, miss := f.header()
	return Entry{Header: header, Payload: payload}, miss
}

// decodeHeader reads the header alone, without the assurance of the digest.
func decodeHeader(r io.Reader, size int64) (Header, *Miss) {
	f, miss := readFrame(r, size)
	if miss != nil {
		return Header{}, miss
	}
	return f.header()
}

// frame is all of a file but its payload.
type frame struct {
	preceding []byte // all that precedes the digest
	digest    []byte
	payload   int // bytes of payload that follow
}

// readFrame reads up to the payload, and allocates no more than the file's size allows.
func readFrame(r io.Reader, size int64) (frame, *Miss) {
	prefix := make([]byte, prefixSize)
	if miss := readFull(r, prefix); miss != nil {
		return frame{}, miss
	}
	if got := prefix[:len(magic)]; string(got) != magic {
		return frame{}, &Miss{Reason: ReasonForeign, Err: fmt.Errorf("begins with %q, not %q", got, magic)}
	}
	if got := binary.BigEndian.Uint32(prefix[len(magic):]); got != formatVersion {
		return frame{}, &Miss{Reason: ReasonVersion, Err: fmt.Errorf("%d, not %d", got, formatVersion)}
	}
	header := int64(binary.BigEndian.Uint32(prefix[len(magic)+versionSize:]))
	room := size - int64(frameSize) - header
	if header > maxHeader || room < 0 {
		return frame{}, &Miss{Reason: ReasonLength, Err: fmt.Errorf("%d bytes of header in a file of %d", header, size)}
	}
	rest := make([]byte, int(header)+payloadLen+sha256.Size)
	if miss := readFull(r, rest); miss != nil {
		return frame{}, miss
	}
	payload := binary.BigEndian.Uint64(rest[header:])
	if payload != uint64(room) || payload > maxPayload {
		return frame{}, &Miss{Reason: ReasonLength, Err: fmt.Errorf("%d bytes of payload where there are %d", payload, room)}
	}
	all := append(prefix, rest...)
	split := len(all) - sha256.Size
	return frame{preceding: all[:split], digest: all[split:], payload: int(payload)}, nil
}

func (f frame) header() (Header, *Miss) {
	var h Header
	if err := json.Unmarshal(f.preceding[prefixSize:len(f.preceding)-payloadLen], &h); err != nil {
		return Header{}, &Miss{Reason: ReasonHeader, Err: err}
	}
	return h, nil
}

func readFull(r io.Reader, buf []byte) *Miss {
	_, err := io.ReadFull(r, buf)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Miss{Reason: ReasonLength, Err: io.ErrUnexpectedEOF}
	default:
		return &Miss{Reason: ReasonUnreadable, Err: err}
	}
}
