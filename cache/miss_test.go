package cache

import (
	"errors"
	"fmt"
	"testing"
)

func TestMissMessage(t *testing.T) {
	id := testKey(1).ID()
	for want, miss := range map[string]*Miss{
		fmt.Sprintf("cache: entry %v: absent", id):            {ID: id, Reason: ReasonAbsent},
		fmt.Sprintf("cache: entry %v: version: 2, not 1", id): {ID: id, Reason: ReasonVersion, Err: errors.New("2, not 1")},
	} {
		if miss.Error() != want {
			t.Errorf("got %q, want %q", miss.Error(), want)
		}
	}
}

// TestReasons holds what each reason says of the file: only one that was read and found bad may be removed.
func TestReasons(t *testing.T) {
	for reason, want := range map[Reason]struct{ defect, removable bool }{
		ReasonAbsent:     {false, false},
		ReasonNoCache:    {false, false},
		ReasonUnreadable: {true, false},
		ReasonUntrusted:  {true, true},
		ReasonForeign:    {true, true},
		ReasonVersion:    {true, true},
		ReasonLength:     {true, true},
		ReasonDigest:     {true, true},
		ReasonHeader:     {true, true},
		ReasonOtherKey:   {true, true},
	} {
		if reason.Defect() != want.defect || reason.Removable() != want.removable {
			t.Errorf("%s: defect %v, removable %v, want %v", reason, reason.Defect(), reason.Removable(), want)
		}
	}
}
