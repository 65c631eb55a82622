package cache

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestList(t *testing.T) {
	clock := newClock()
	c := open(t, Options{Now: clock.now})
	created := clock.now()
	for i := range 3 {
		if err := c.Put(testKey(i), []byte("x"), map[string]string{"registers": "96"}); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(time.Minute)
	expectHit(t, c, testKey(1), "x")
	clock.advance(time.Minute)
	expectHit(t, c, testKey(2), "x")
	plant(t, c, testKey(0), []byte("spoilt"))
	if err := os.Chtimes(entryFile(c, testKey(0)), created, created); err != nil {
		t.Fatal(err)
	}
	notOurs := filepath.Join(filepath.Dir(entryFile(c, testKey(0))), ".nfs0001")
	if err := os.WriteFile(notOurs, nil, fileMode); err != nil {
		t.Fatal(err)
	}

	list, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 {
		t.Fatalf("%d entries, want 3", len(list))
	}
	for at, i := range []int{2, 1} {
		info, err := os.Stat(entryFile(c, testKey(i)))
		if err != nil {
			t.Fatal(err)
		}
		want := Info{
			Header: Header{
				ID:         testKey(i).ID(),
				Transcript: testKey(i).Transcript(),
				Meta:       map[string]string{"registers": "96"},
				Created:    created,
			},
			Bytes:    info.Size(),
			LastRead: created.Add(time.Duration(i) * time.Minute),
		}
		got := list[at]
		got.LastRead = got.LastRead.UTC()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("line %d: got\n%#v\nwant\n%#v", at, got, want)
		}
	}
	var miss *Miss
	bad := list[2]
	if bad.ID != testKey(0).ID() || bad.Bytes != int64(len("spoilt")) || !errors.As(bad.Defect, &miss) ||
		miss.Reason != ReasonLength || miss.ID != bad.ID {
		t.Errorf("the spoilt entry is listed as %#v", bad)
	}
	if _, err := os.Stat(entryFile(c, testKey(0))); err != nil {
		t.Error("List removed the spoilt entry")
	}
}

func TestVerify(t *testing.T) {
	c := open(t, Options{})
	const entries = 6
	var total int64
	for i := range entries {
		put(t, c, testKey(i), "payload")
	}
	good, err := os.ReadFile(entryFile(c, testKey(0)))
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, good...)
	flipped[len(flipped)-1] ^= 1
	bad := map[int]struct {
		file   []byte
		reason Reason
	}{
		1: {flipped, ReasonDigest},
		3: {good, ReasonOtherKey},
		4: {nil, ReasonLength},
	}
	for i, b := range bad {
		plant(t, c, testKey(i), b.file)
	}
	for i := range entries {
		info, err := os.Stat(entryFile(c, testKey(i)))
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}

	report, err := c.Verify()
	if err != nil {
		t.Fatal(err)
	}
	if report.Entries != entries || report.Bytes != total || len(report.Bad) != len(bad) {
		t.Errorf("got %+v, want %d entries, %d bytes, %d bad", report, entries, total, len(bad))
	}
	reasons := make(map[ID]Reason)
	for _, miss := range report.Bad {
		reasons[miss.ID] = miss.Reason
	}
	for i, b := range bad {
		if got := reasons[testKey(i).ID()]; got != b.reason {
			t.Errorf("entry %d: %q, want %q", i, got, b.reason)
		}
	}
	expectKept(t, c, entries, 0, 2, 5)
	if report, err := c.Verify(); err != nil || len(report.Bad) != 0 || report.Entries != entries-len(bad) {
		t.Errorf("the second time: %+v, %v", report, err)
	}
}
