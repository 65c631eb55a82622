package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Transcript tells what went into a key, in order.
type Transcript struct {
	Kind   string  `json:"kind"`
	Inputs []Input `json:"inputs,omitempty"`
}

// Input is one named input of a key: its value in clear, or the length and digest of a value that is long or not text.
type Input struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`  // length of the value that SHA256 stands for
	SHA256 string `json:"sha256,omitempty"` // in hexadecimal; empty when Value is in clear
}

// maxClear is the longest value kept in clear: a compiler's banner or its options fit, source text does not.
const maxClear = 1024

func newInput(name, value string) Input {
	if len(value) <= maxClear && utf8.ValidString(value) {
		return Input{Name: text(name), Value: value}
	}
	sum := sha256.Sum256([]byte(value))
	return Input{Name: text(name), Bytes: len(value), SHA256: hex.EncodeToString(sum[:])}
}

// add returns the transcript with more inputs, sharing no memory with its receiver.
func (t Transcript) add(inputs ...Input) Transcript {
	return Transcript{Kind: t.Kind, Inputs: slices.Concat(t.Inputs, inputs)}
}

// String returns the kind on one line and each input on a line below it.
func (t Transcript) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", t.Kind)
	for _, in := range t.Inputs {
		fmt.Fprintf(&b, "  %s\n", in)
	}
	return b.String()
}

// String returns "name: value", the value quoted, or "name: n bytes, sha256 digest".
func (in Input) String() string {
	if in.SHA256 != "" {
		return fmt.Sprintf("%s: %d bytes, sha256 %s", in.Name, in.Bytes, in.SHA256)
	}
	return fmt.Sprintf("%s: %q", in.Name, in.Value)
}

// text returns s as JSON will give it back, with U+FFFD for what is not UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }
