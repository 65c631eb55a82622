package dl_test

import (
	"errors"
	"testing"

	"github.com/gmmspec/gmmspec/runtime/cuda/internal/dl"
)

// table has a plain function, a versioned one and one that may be missing.
type table struct {
	Plain     func() int32 `symbol:"plain"`
	Versioned func() int32 `symbol:"versioned_v2,versioned"`
	Optional  func() int32 `symbol:"optional" optional:"true"`
}

func TestBind(t *testing.T) {
	for _, test := range []struct {
		name    string
		symbols map[string]uintptr
		want    [3]int32 // the address behind each field, 0 for nil
		missing string
	}{
		{"all", map[string]uintptr{"plain": 1, "versioned_v2": 2, "versioned": 3, "optional": 4}, [3]int32{1, 2, 4}, ""},
		{"older", map[string]uintptr{"plain": 1, "versioned": 3}, [3]int32{1, 3, 0}, ""},
		{"missing", map[string]uintptr{"optional": 4}, [3]int32{}, "symbol not found: plain, versioned_v2,versioned"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got table
			err := dl.Bind(&got,
				func(symbol string) uintptr { return test.symbols[symbol] },
				func(field any, address uintptr) { *field.(*func() int32) = func() int32 { return int32(address) } })
			if test.missing != "" && (!errors.Is(err, dl.ErrNoSymbol) || err.Error() != test.missing) || test.missing == "" && err != nil {
				t.Errorf("error %v, want %q", err, test.missing)
			}
			for i, f := range []func() int32{got.Plain, got.Versioned, got.Optional} {
				if (f != nil) != (test.want[i] != 0) || f != nil && f() != test.want[i] {
					t.Errorf("field %d is not bound to %d", i, test.want[i])
				}
			}
		})
	}
}
