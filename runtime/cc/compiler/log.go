package compiler

import "fmt"

// logLimit bounds the messages kept of one run of a compiler. The first errors matter most, and a page of them is about 4 KiB.
const logLimit = 64 << 10

// A boundedBuffer keeps the first limit bytes written to it and counts the others.
type boundedBuffer struct {
	limit   int
	kept    []byte
	dropped int
}

// Write implements io.Writer and never fails.
func (b *boundedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), b.limit-len(b.kept))
	b.kept = append(b.kept, p[:n]...)
	b.dropped += len(p) - n
	return len(p), nil
}

// String returns what was kept, and says so when that is not all.
func (b *boundedBuffer) String() string {
	if b.dropped == 0 {
		return string(b.kept)
	}
	return fmt.Sprintf("%s\n[%d more bytes not kept]\n", b.kept, b.dropped)
}
