package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// TestKeySpelledOut hashes by hand what the documentation of Key says is hashed.
func TestKeySpelledOut(t *testing.T) {
	h0 := sha256.Sum256([]byte("\x00\x00\x00\x00\x00\x00\x00\x1dgmmspec cache entry, format 1" +
		"\x00\x00\x00\x00\x00\x00\x00\x06kernel"))
	h1 := sha256.Sum256([]byte(string(h0[:]) +
		"\x00\x00\x00\x00\x00\x00\x00\x04arch" +
		"\x00\x00\x00\x00\x00\x00\x00\x06sm_90a"))
	h2 := sha256.Sum256([]byte(string(h1[:]) +
		"\x00\x00\x00\x00\x00\x00\x00\x06option" +
		"\x00\x00\x00\x00\x00\x00\x00\x00"))
	got := NewKey("kernel").Add("arch", "sm_90a").Add("option", "").ID()
	if got != ID(h2) {
		t.Errorf("got %v, want %x", got, h2)
	}
}

// TestKeyDistinguishes changes one thing at a time.
func TestKeyDistinguishes(t *testing.T) {
	key := func(kind string, inputs ...string) Key {
		k := NewKey(kind)
		for i := 0; i < len(inputs); i += 2 {
			k = k.Add(inputs[i], inputs[i+1])
		}
		return k
	}
	long := strings.Repeat("x", maxClear+1)
	keys := map[string]Key{
		"base":                key("kernel", "source", "ab", "arch", "c"),
		"kind":                key("binary", "source", "ab", "arch", "c"),
		"first value":         key("kernel", "source", "aB", "arch", "c"),
		"second value":        key("kernel", "source", "ab", "arch", "d"),
		"first name":          key("kernel", "Source", "ab", "arch", "c"),
		"second name":         key("kernel", "source", "ab", "arcH", "c"),
		"byte moved":          key("kernel", "source", "a", "arch", "bc"),
		"byte moved to name":  key("kernel", "sourcea", "b", "arch", "c"),
		"byte moved to kind":  key("kernels", "ource", "ab", "arch", "c"),
		"other order":         key("kernel", "arch", "c", "source", "ab"),
		"one fewer":           key("kernel", "source", "ab"),
		"none":                key("kernel"),
		"empty input more":    key("kernel", "source", "ab", "arch", "c", "", ""),
		"input repeated":      key("kernel", "source", "ab", "arch", "c", "arch", "c"),
		"inputs as one value": key("kernel", "source", "ab\x00\x00\x00\x00\x00\x00\x00\x04arch\x00\x00\x00\x00\x00\x00\x00\x01c"),
		"long value":          key("kernel", "source", long),
		"long value changed":  key("kernel", "source", long[1:]+"y"),
		"not text":            key("kernel", "source", "\xff"),
		"its replacement":     key("kernel", "source", "\uFFFD"),
	}
	seen := make(map[ID]string)
	for name, k := range keys {
		if other, ok := seen[k.ID()]; ok {
			t.Errorf("%q and %q have one key", name, other)
		}
		seen[k.ID()] = name
	}
}

// TestKeyBranches holds that keys built from one beginning do not disturb each other.
func TestKeyBranches(t *testing.T) {
	base := NewKey("kernel").Add("a", "1").Add("b", "2").Add("c", "3")
	before, transcript := base.ID(), base.Transcript().String()
	left, right := base.Add("side", "left"), base.Add("side", "right")
	base.Transcript().Inputs[0].Value = "overwritten"
	if base.ID() != before || base.Transcript().String() != transcript {
		t.Error("Add or Transcript changed the key they were called on")
	}
	if l, r := left.Transcript().Inputs[3].Value, right.Transcript().Inputs[3].Value; l != "left" || r != "right" {
		t.Errorf("branches hold %q and %q", l, r)
	}
}

func TestTranscript(t *testing.T) {
	long := strings.Repeat("line\n", maxClear)
	key := NewKey("kernel").Add("option", "-O3 \"x\"").Add("source", long).Add("blob", "\xff").Add("empty", "")
	want := "kernel\n" +
		"  option: \"-O3 \\\"x\\\"\"\n" +
		fmt.Sprintf("  source: %d bytes, sha256 %x\n", len(long), sha256.Sum256([]byte(long))) +
		fmt.Sprintf("  blob: 1 bytes, sha256 %x\n", sha256.Sum256([]byte("\xff"))) +
		"  empty: \"\"\n"
	if got := key.Transcript().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestParseID(t *testing.T) {
	id := NewKey("kernel").ID()
	back, err := ParseID(id.String())
	if err != nil || back != id {
		t.Errorf("ParseID(%v) = %v, %v", id, back, err)
	}
	if got := hex.EncodeToString(id[:]); got != id.String() {
		t.Errorf("String is %s, want %s", id, got)
	}
	for _, bad := range []string{
		"", "ab", id.String()[1:], id.String() + "0", strings.Repeat("g", 64), strings.Repeat("AB", 32),
		"../" + id.String()[3:],
	} {
		if got, err := ParseID(bad); err == nil || got != (ID{}) {
			t.Errorf("ParseID(%q) = %v, %v, want an error", bad, got, err)
		}
	}
}

// testKey returns one of many keys whose entries are all of one size.
func testKey(i int) Key {
	var index [8]byte
	binary.BigEndian.PutUint64(index[:], uint64(i))
	return NewKey("test").Add("index", hex.EncodeToString(index[:]))
}
