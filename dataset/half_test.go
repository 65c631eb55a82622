package dataset

import (
	"math"
	"testing"
)

// Every bit pattern against the definition of binary16: (-1)^s 2^(e-15) (1 + f/1024), and for e = 0 (-1)^s 2^-14 f/1024.
func TestHalfToFloat32(t *testing.T) {
	for pattern := range 1 << 16 {
		exponent, fraction := pattern>>10&31, float64(pattern&1023)/1024
		want := math.Ldexp(1+fraction, exponent-15)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction, -14)
		case exponent == 31 && fraction == 0:
			want = math.Inf(1)
		case exponent == 31:
			want = math.NaN()
		}
		if pattern>>15 == 1 {
			want = math.Copysign(want, -1)
		}
		got := float64(halfToFloat32(uint16(pattern)))
		if math.IsNaN(want) && math.IsNaN(got) {
			continue
		}
		if math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%#04x is %v, want %v", pattern, got, want)
		}
	}
}
