package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func sampleKey() Key {
	return NewKey("kernel").Add("arch", "sm_90a").Add("source", strings.Repeat("x", maxClear+1))
}

func sampleTime() time.Time { return time.Date(2026, time.March, 4, 5, 6, 7, 8, time.UTC) }

func sampleEntry() Entry {
	return newEntry(sampleKey(), []byte("\x7fELF"), map[string]string{"registers": "96", "log": "a<b"}, sampleTime())
}

// sampleFile spells out the file of sampleEntry; another SHA-256 program gave the key and the source's digest.
func sampleFile() []byte {
	header := `{"id":"10831fc08647fcb02e4929310397f86b5c73700b605253e78c77411571d8045b",` +
		`"kind":"kernel",` +
		`"inputs":[{"name":"arch","value":"sm_90a"},` +
		`{"name":"source","bytes":1025,"sha256":"c6d8e9905300876046729949cc95c2385221270d389176f7234fe7ac00c4e430"}],` +
		`"meta":{"log":"a<b","registers":"96"},` +
		`"created":"2026-03-04T05:06:07.000000008Z"}` + "\n"
	file := "GMMCACHE" + // magic
		"\x00\x00\x00\x01" + // version
		"\x00\x00\x01\x42" + // length of the header: 322
		header +
		"\x00\x00\x00\x00\x00\x00\x00\x04" // length of the payload
	sum := sha256.Sum256([]byte(file + "\x7fELF"))
	return []byte(file + string(sum[:]) + "\x7fELF")
}

func TestEncodeSpelledOut(t *testing.T) {
	got, err := encode(sampleEntry())
	if err != nil {
		t.Fatal(err)
	}
	if want := sampleFile(); !bytes.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestDecodeSpelledOut(t *testing.T) {
	file := sampleFile()
	got, miss := decode(iotest.OneByteReader(bytes.NewReader(file)), int64(len(file)))
	if miss != nil {
		t.Fatal(miss)
	}
	if want := sampleEntry(); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%#v\nwant\n%#v", got, want)
	}
}

// TestPathSpelledOut holds where an entry lies and who may read it.
func TestPathSpelledOut(t *testing.T) {
	c := open(t, Options{Now: sampleTime})
	e := sampleEntry()
	if err := c.Put(sampleKey(), e.Payload, e.Meta); err != nil {
		t.Fatal(err)
	}
	id := sampleKey().ID().String()
	got, err := os.ReadFile(filepath.Join(c.Path(), "entries", id[:2], id[2:]))
	if err != nil {
		t.Fatal(err)
	}
	if want := sampleFile(); !bytes.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestEveryTruncation cuts an entry on disk at every offset: each is a miss, and the stump is removed.
func TestEveryTruncation(t *testing.T) {
	c := open(t, Options{})
	file := sampleFile()
	for n := range file {
		expectDefect(t, c, file[:n], ReasonLength)
	}
	expectDefect(t, c, append(bytes.Clone(file), 0), ReasonLength)
	t.Logf("an entry of %d bytes, cut to every length below and longer by a byte: %d hits, misses %v", len(file), c.Stats().Hits, c.Stats().Misses)
}

// TestEveryFlip flips every bit of every byte of an entry on disk, one at a time, and all bits of a byte at once.
func TestEveryFlip(t *testing.T) {
	c := open(t, Options{})
	file := sampleFile()
	for at := range file {
		for _, bits := range []byte{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff} {
			bad := bytes.Clone(file)
			bad[at] ^= bits
			switch {
			case at < len(magic):
				expectDefect(t, c, bad, ReasonForeign)
			case at < len(magic)+versionSize:
				expectDefect(t, c, bad, ReasonVersion)
			case at < prefixSize:
				expectDefect(t, c, bad, ReasonLength)
			case at >= len(file)-len("\x7fELF")-sha256.Size-payloadLen && at < len(file)-len("\x7fELF")-sha256.Size:
				expectDefect(t, c, bad, ReasonLength)
			default:
				expectDefect(t, c, bad, ReasonDigest)
			}
		}
	}
	t.Logf("an entry of %d bytes, each flipped 9 ways: %d hits, misses %v", len(file), c.Stats().Hits, c.Stats().Misses)
}

// expectDefect puts bytes where sampleKey's entry belongs and expects a listing that leaves them and a miss that removes them.
func expectDefect(t *testing.T, c *Cache, file []byte, want Reason) {
	t.Helper()
	plant(t, c, sampleKey(), file)
	if list, err := c.List(); err != nil || len(list) != 1 {
		t.Fatalf("listed as %v, %v, want one line", list, err)
	}
	expectMiss(t, c, sampleKey(), want)
	expectMiss(t, c, sampleKey(), ReasonAbsent)
}

// TestSealedNonsense has files whose digest is right and whose content is not an entry's.
func TestSealedNonsense(t *testing.T) {
	c := open(t, Options{})
	expectDefect(t, c, seal([]byte("not JSON"), nil), ReasonHeader)
	expectDefect(t, c, seal(nil, nil), ReasonHeader)
	expectDefect(t, c, seal([]byte(`{"id":"ab"}`), nil), ReasonHeader)
	expectDefect(t, c, seal([]byte(`{}`), nil), ReasonOtherKey)
	other, err := encode(newEntry(testKey(0), nil, nil, sampleTime()))
	if err != nil {
		t.Fatal(err)
	}
	expectDefect(t, c, other, ReasonOtherKey)
	expectDefect(t, c, seal(bytes.Repeat([]byte{' '}, maxHeader+1), nil), ReasonLength)
}

// seal gives a header and a payload a frame without fault.
func seal(header, payload []byte) []byte {
	file := []byte("GMMCACHE\x00\x00\x00\x01")
	file = binary.BigEndian.AppendUint32(file, uint32(len(header)))
	file = append(file, header...)
	file = binary.BigEndian.AppendUint64(file, uint64(len(payload)))
	sum := sha256.Sum256(append(bytes.Clone(file), payload...))
	return append(append(file, sum[:]...), payload...)
}

// TestDecodeReadError has a disk that fails at every offset.
func TestDecodeReadError(t *testing.T) {
	file := sampleFile()
	broken := errors.New("broken disk")
	for n := range file {
		r := &failingReader{data: file[:n], err: broken}
		if _, miss := decode(r, int64(len(file))); miss == nil || miss.Reason != ReasonUnreadable || !errors.Is(miss, broken) {
			t.Fatalf("failure at offset %d: %v", n, miss)
		}
	}
}

type failingReader struct {
	data []byte
	err  error
}

func (r *failingReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, r.err
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// TestDecodeAllocation claims more than the file has: the claim is refused before it is allocated.
func TestDecodeAllocation(t *testing.T) {
	for name, file := range map[string]string{
		"header":  "GMMCACHE\x00\x00\x00\x01\xff\xff\xff\xff",
		"payload": string(seal([]byte("{}"), nil)[:18]) + "\x7f\xff\xff\xff\xff\xff\xff\xff" + strings.Repeat("\x00", 32),
	} {
		if _, miss := decode(strings.NewReader(file), int64(len(file))); miss == nil || miss.Reason != ReasonLength {
			t.Errorf("%s: %v", name, miss)
		}
	}
	// A file as large as it claims to be, sparse for instance, is refused above the format's limit.
	file := "GMMCACHE\x00\x00\x00\x01\x00\x00\x00\x00" + "\x00\x00\x00\x01\x00\x00\x00\x00" + strings.Repeat("\x00", 32)
	if _, miss := decode(strings.NewReader(file), int64(len(file))+1<<32); miss == nil || miss.Reason != ReasonLength {
		t.Errorf("4 GiB payload: %v", miss)
	}
}

func TestEncodeTooLarge(t *testing.T) {
	e := newEntry(testKey(0), nil, map[string]string{"log": strings.Repeat("x", maxHeader)}, sampleTime())
	if _, err := encode(e); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// FuzzDecode feeds raw files, and nonsense in a faultless frame: a decoder misses or returns an entry that it would
// write and read again unchanged.
func FuzzDecode(f *testing.F) {
	sample := sampleFile()
	header := sample[prefixSize : len(sample)-len("\x7fELF")-sha256.Size-payloadLen]
	f.Add(sample, header, []byte("payload"))
	f.Add([]byte("GMMCACHE"), []byte(`{"meta":{},"created":"2026-03-04T05:06:07+01:00"}`), []byte{})
	f.Fuzz(func(t *testing.T, raw, header, payload []byte) {
		for _, file := range [][]byte{raw, seal(header, payload)} {
			e, miss := decode(bytes.NewReader(file), int64(len(file)))
			if miss != nil {
				if !miss.Reason.Defect() || miss.Error() == "" {
					t.Fatalf("a file that is there is %q", miss.Reason)
				}
				continue
			}
			once, err := encode(e)
			if errors.Is(err, ErrTooLarge) {
				continue // JSON may grow in rewriting
			}
			if err != nil {
				t.Fatalf("cannot encode what was decoded: %v", err)
			}
			back, miss := decode(bytes.NewReader(once), int64(len(once)))
			if miss != nil {
				t.Fatalf("cannot decode what was encoded: %v", miss)
			}
			twice, err := encode(back)
			if err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("%q\nbecomes\n%q\n%v", once, twice, err)
			}
		}
	})
}
