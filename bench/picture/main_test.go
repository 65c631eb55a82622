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

// onGPU writes a GPU's record of rows.
func onGPU(rows ...string) string {
	return fmt.Sprintf(`{"device": "NVIDIA H200", "ceiling": 7e14, "within": 1e-5, "rows": [%s]}`, strings.Join(rows, ","))
}

// Rows of a GPU: one with four systems and the ceiling, of which one system failed, and sizes of a series.
const (
	several = `{"n": 1000, "m": 2, "d": 3, "covariance": "full", "operations": 8e4, "seconds": 2e-5, "error": 1e-6, "peers": {
		"two_products": {"seconds": 1e-3, "error": 2e-6}, "jax": {"failed": "out of memory"}, "torch_loop": {"seconds": 2e-3, "error": 2e-6}}}`
	smaller = `{"series": "n", "n": 1000, "m": 2, "d": 3, "covariance": "full", "operations": 8e4, "seconds": 2e-5, "error": 1e-6, "peers": {}}`
	larger  = `{"series": "n", "n": 10000, "m": 2, "d": 3, "covariance": "full", "operations": 8e5, "seconds": 3e-5, "error": 1e-6, "peers": {}}`
	inM     = `{"series": "m", "n": 1000, "m": 4, "d": 3, "covariance": "full", "operations": 2e5, "seconds": 3e-5, "error": 1e-6, "peers": {}}`
)

// drawn runs the command on records.
func drawn(t *testing.T, texts ...string) (status int, picture []byte, stderr string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "cpu.png")
	var args []string
	for _, text := range texts {
		from := filepath.Join(t.TempDir(), "cpu.json")
		if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, from)
	}
	var errs bytes.Buffer
	status = run(append(args, to), &errs)
	picture, err := os.ReadFile(to)
	if (err == nil) != (status == 0) {
		t.Errorf("status %d, and reading the picture: %v", status, err)
	}
	return status, picture, errs.String()
}

// heightOfPicture is how high records are drawn. The same records are drawn the same.
func heightOfPicture(t *testing.T, texts ...string) int {
	t.Helper()
	status, picture, stderr := drawn(t, texts...)
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
	if _, again, _ := drawn(t, texts...); !bytes.Equal(again, picture) {
		t.Error("the same record is drawn differently")
	}
	return config.Height
}

// TestPicture: a problem more makes the picture higher by a name and a line for each system that was timed.
func TestPicture(t *testing.T) {
	one, withArmadillo := heightOfPicture(t, recorded(dense)), heightOfPicture(t, recorded(dense, dense))
	without, two := heightOfPicture(t, recorded(dense, apart)), heightOfPicture(t, recorded(dense), recorded(apart))
	if withArmadillo-one != 6*lineHeight+rowGap || without-one != 5*lineHeight+rowGap || two != without {
		t.Errorf("heights %d, %d, %d and %d: want a line a system", one, withArmadillo, without, two)
	}
}

// TestSeries: what grows is a panel, beside the others and above the bars, and a line below says so where something does not count.
func TestSeries(t *testing.T) {
	bars, panel, panels := heightOfPicture(t, onGPU(several)), heightOfPicture(t, onGPU(smaller, larger)), heightOfPicture(t, onGPU(larger, inM, smaller))
	both, halves := heightOfPicture(t, onGPU(several, smaller, larger)), heightOfPicture(t, onGPU(several), onGPU(smaller, larger))
	const frame, high = titleHeight + 2*edge, panelHeight + legendHeight
	if bars != frame+5*lineHeight+rowGap+axisHeight || panel != frame+high || panels != panel || both != bars+high || halves != both {
		t.Errorf("heights %d, %d, %d, %d and %d: want panels side by side, above a line a system", bars, panel, panels, both, halves)
	}
	for _, wrong := range []string{"2e-5", "null"} {
		if got := heightOfPicture(t, onGPU(smaller, strings.Replace(larger, `"error": 1e-6`, `"error": `+wrong, 1))); got != panel+lineHeight {
			t.Errorf("%d high where an error is %s, and %d where it is right: want a line more", got, wrong, panel)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, says string }{
		{"cut short", `{"rows": [`, "cpu.json: unexpected end"},
		{"nothing", recorded(), "cpu.json: no rows"},
		{"no time", recorded(dense, strings.Replace(apart, `"numpy": 0.02`, `"numpy": 0`, 1)), "row 1: numpy, two products takes 0 s"},
		{"no time on a GPU", onGPU(strings.Replace(several, `"seconds": 1e-3`, `"seconds": 0`, 1)), "row 0: PyTorch, two products takes 0 s"},
		{"a series of another kind", onGPU(strings.Replace(inM, `"m"`, `"k"`, 1)), `row 0: a series along "k"`},
		{"negative", recorded(strings.Replace(dense, `"armadillo": 0.4`, `"armadillo": -1`, 1)), "row 0: Armadillo takes -1 s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status, _, stderr := drawn(t, test.text); status != statusFailed || !strings.Contains(stderr, test.says) {
				t.Errorf("status %d, %q; want 1, %q", status, stderr, test.says)
			}
		})
	}
	if status, _, stderr := drawn(t, recorded(dense), onGPU(several)); status != statusFailed || !strings.Contains(stderr, "of NVIDIA H200") {
		t.Errorf("status %d, %q; want 1 for records of two machines", status, stderr)
	}
	var errs bytes.Buffer
	if status := run([]string{"cpu.json"}, &errs); status != statusUsage || !strings.Contains(errs.String(), "usage") {
		t.Errorf("status %d, %q; want 2 and the usage", status, errs.String())
	}
}

func TestAxis(t *testing.T) {
	a := axisOf([]problem{{figures: []figure{{seconds: 0.5}, {seconds: 0.02}, {seconds: 0.0012}, {seconds: 0.003}}}})
	if a.low != 1 || a.high != 1000 {
		t.Errorf("from %v to %v ms: want 1 to 1000", a.low, a.high)
	}
	if got := a.at(10); got < 0.333 || got > 0.334 {
		t.Errorf("10 ms at %v: want a third", got)
	}
	for _, test := range []struct {
		t    float64
		want string
	}{{0.0000123456, "0.0000123"}, {0.35, "0.35"}, {0.6, "0.6"}, {18.64, "18.6"}, {99.99, "100"}, {1104.07, "1104"}} {
		if got := rounded(test.t); got != test.want {
			t.Errorf("%v is %q: want %q", test.t, got, test.want)
		}
	}
	for _, test := range []struct {
		n    int
		want string
	}{{1, "10⁰"}, {1000, "10³"}, {3000, ""}, {10_000_000_000, "10¹⁰"}} {
		if got := powerOfTen(test.n); got != test.want {
			t.Errorf("%d is %q: want %q", test.n, got, test.want)
		}
	}
}
