//go:build unix

package cache

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/gmmspec/gmmspec/internal/isolate"
)

// limitFiles has the system refuse to make a file larger than a number of bytes, until the returned function is called.
func limitFiles(t *testing.T, size int) (lift func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = uint64(size)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteCutShort has the system stop each write of an entry at every byte: what was there before stays, and nothing else.
func TestWriteCutShort(t *testing.T) {
	if !isolate.Alone(t) { // the limit holds for a test's log, too
		return
	}
	c := open(t, Options{Now: sampleTime})
	e := sampleEntry()
	for _, before := range []string{"", strings.Repeat("before", 100)} {
		if before != "" {
			put(t, c, sampleKey(), before)
		}
		for n := range sampleFile() {
			lift := limitFiles(t, n)
			err := c.Put(sampleKey(), e.Payload, e.Meta)
			lift()
			if !errors.Is(err, syscall.EFBIG) {
				t.Fatalf("cut at byte %d: error %v, want the system's", n, err)
			}
			if before == "" {
				expectMiss(t, c, sampleKey(), ReasonAbsent)
			} else {
				expectHit(t, c, sampleKey(), before)
			}
			if left := leftIn(t, c, tmpDir); len(left) != 0 {
				t.Fatalf("cut at byte %d: left in tmp: %v", n, left)
			}
		}
	}
	t.Logf("an entry of %d bytes, its writing cut short at every byte, without one before and in place of one: %d failures, %d stored",
		len(sampleFile()), c.Stats().StoreFailures, c.Stats().Stored-1)
}
