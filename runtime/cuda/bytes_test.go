package cuda

import (
	"bytes"
	"testing"
)

func TestBytes(t *testing.T) {
	if got := Bytes([]uint16{0x0201, 0x0403}); !bytes.Equal(got, []byte{1, 2, 3, 4}) {
		t.Errorf("% x, want 01 02 03 04", got)
	}
	x := []float64{1, 2}
	Bytes(x)[15] = 0xC0 // the sign and exponent of -2
	if x[1] != -2 {
		t.Errorf("x[1] = %v: the bytes are not the slice's own", x[1])
	}
	if Bytes[int8](nil) != nil {
		t.Error("bytes of nothing")
	}
}
