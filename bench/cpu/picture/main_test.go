package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded writes a record of rows.
func recorded(rows ...string) string {
	return fmt.Sprintf(`{"scikit_learn": "1.9.1", "rows": [%s]}`, strings.Join(rows, ","))
}

const (
	dense = `{"n": 1000, "m": 2, "d": 3, "covariance": "full", "scikit_learn": 0.5, "numpy": 0.02, "armadillo": 0.4, "float32": 0.0012, "float64": 0.003}`
	apart = `{"n": 1000, "m": 2, "d": 3, "covariance": "diag", "apart": true, "scikit_learn": 0.5, "numpy": 0.02, "float32": 0.0012, "float64": 0.003}`
)

// drawn runs the command on a record.
func drawn(t *testing.T, text string) (status int, picture []byte, stderr string) {
	t.Helper()
	from, to := filepath.Join(t.TempDir(), "cpu.json"), filepath.Join(t.TempDir(), "cpu.png")
	if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	status = run([]string{from, to}, &errs)
	picture, err := os.ReadFile(to)
	if (err == nil) != (status == 0) {
		t.Errorf("status %d, and reading the picture: %v", status, err)
	}
	return status, picture, errs.String()
}

// TestPicture: a problem more makes the picture higher by a name and a line for each system that was timed, and the same record is
// drawn the same.
func TestPicture(t *testing.T) {
	height := func(text string) int {
		status, picture, stderr := drawn(t, text)
		if status != 0 {
			t.Fatal(stderr)
		}
		config, err := png.DecodeConfig(bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		if config.Width != width {
			t.Errorf("%d pixels wide: want %d", config.Width, width)
		}
		if _, again, _ := drawn(t, text); !bytes.Equal(again, picture) {
			t.Error("the same record is drawn differently")
		}
		return config.Height
	}
	one, withArmadillo, without := height(recorded(dense)), height(recorded(dense, dense)), height(recorded(dense, apart))
	if withArmadillo-one != 6*lineHeight+rowGap || without-one != 5*lineHeight+rowGap {
		t.Errorf("heights %d, %d and %d: want a line a system", one, withArmadillo, without)
	}
}

func TestRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, says string }{
		{"cut short", `{"rows": [`, "cpu.json: unexpected end"},
		{"nothing", recorded(), "cpu.json: no rows"},
		{"no time", recorded(dense, strings.Replace(apart, `"numpy": 0.02`, `"numpy": 0`, 1)), "row 1: numpy, two products takes 0 s"},
		{"negative", recorded(strings.Replace(dense, `"armadillo": 0.4`, `"armadillo": -1`, 1)), "row 0: Armadillo takes -1 s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status, _, stderr := drawn(t, test.text); status != statusFailed || !strings.Contains(stderr, test.says) {
				t.Errorf("status %d, %q; want 1, %q", status, stderr, test.says)
			}
		})
	}
	var errs bytes.Buffer
	if status := run([]string{"cpu.json"}, &errs); status != statusUsage || !strings.Contains(errs.String(), "usage") {
		t.Errorf("status %d, %q; want 2 and the usage", status, errs.String())
	}
}

func TestAxis(t *testing.T) {
	a := axisOf([]row{{ScikitLearn: 0.5, Numpy: 0.02, Float32: 0.0012, Float64: 0.003}})
	if a.low != 1 || a.high != 1000 {
		t.Errorf("from %v to %v ms: want 1 to 1000", a.low, a.high)
	}
	if got := a.at(10); got < 0.333 || got > 0.334 {
		t.Errorf("10 ms at %v: want a third", got)
	}
	for _, test := range []struct {
		t    float64
		want string
	}{{0.35, "0.35"}, {18.64, "18.6"}, {99.99, "100"}, {1104.07, "1104"}} {
		if got := rounded(test.t); got != test.want {
			t.Errorf("%v is %q: want %q", test.t, got, test.want)
		}
	}
}
