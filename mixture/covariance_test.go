package mixture_test

import (
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
)

// TestCovarianceSizes counts by hand for 5 components in 3 dimensions, whose triangle is 1 + 2 + 3.
func TestCovarianceSizes(t *testing.T) {
	for _, test := range []struct {
		covariance mixture.Covariance
		len        int
		secondLen  int
		correlated bool
	}{
		{mixture.Full, 45, 30, true},
		{mixture.Diag, 15, 15, false},
		{mixture.Tied, 9, 6, true},
		{mixture.Spherical, 5, 5, false},
		{"oblate", 0, 0, false},
	} {
		c := test.covariance
		if got := c.Len(5, 3); got != test.len {
			t.Errorf("%s: Len is %d: want %d", c, got, test.len)
		}
		if got := c.SecondLen(5, 3); got != test.secondLen {
			t.Errorf("%s: SecondLen is %d: want %d", c, got, test.secondLen)
		}
		if got := c.Correlated(); got != test.correlated {
			t.Errorf("%s: Correlated is %v: want %v", c, got, test.correlated)
		}
	}
}

func TestParseCovariance(t *testing.T) {
	for _, c := range mixture.Covariances() {
		if got, err := mixture.ParseCovariance(string(c)); got != c || err != nil {
			t.Errorf("%s: got %s, %v", c, got, err)
		}
	}
	_, err := mixture.ParseCovariance("Full")
	wantError(t, err, "mixture: ", `"Full"`, "full, diag, tied or spherical")
}
