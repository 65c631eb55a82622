package specializer_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// target is what units of a backend are rendered for here.
func target(t testing.TB, b variants.Backend, arch string) variants.Target {
	t.Helper()
	if b == variants.CC {
		return variants.Native(64, 2)
	}
	device, err := variants.CUDAArch(arch)
	if err != nil {
		t.Fatal(err)
	}
	return device
}

// unitOf decides a variant for a problem in its preferred configuration; ok is false where the row refuses.
func unitOf(t testing.TB, v variants.Variant, p variants.Problem, arch string) (u specializer.Unit, ok bool) {
	t.Helper()
	device := target(t, v.Backend, arch)
	candidates, _ := variants.Candidates(v.Stage, p, device)
	for _, c := range candidates {
		if c.Variant.Name() == v.Name() {
			return specializer.Unit{Problem: p, Target: device, Variant: v, Config: c.Config}, true
		}
	}
	return u, false
}

func render(t testing.TB, u specializer.Unit) specializer.Source {
	t.Helper()
	s, err := specializer.Render(u)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGolden shows one rendered kernel of every variant: small, so that it can be read, and weighted, so that it is whole.
func TestGolden(t *testing.T) {
	for _, v := range variants.All() {
		t.Run(string(v.Backend)+"/"+v.Name(), func(t *testing.T) {
			u, ok := unitOf(t, v, variants.Problem{M: 5, D: 3, Covariance: v.Covariance, Precision: variants.Float32, Weighted: true}, "sm_90")
			if !ok {
				t.Fatal("the row refuses M=5, D=3")
			}
			compareGolden(t, filepath.Join("testdata", "golden", v.Name()+filepath.Ext(strings.TrimSuffix(v.Template, ".tmpl"))+".txt"), render(t, u).Text)
		})
	}
}

// compareGolden compares text with a file, or rewrites the file.
func compareGolden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s is not what is rendered (-want +got):\n%s", path, diff)
	}
}

// grid lists units of every variant over sizes around the limits that templates know.
func grid(t testing.TB) []specializer.Unit {
	t.Helper()
	var units []specializer.Unit
	for _, v := range variants.All() {
		for _, d := range []int{1, 2, 19, 32, 33, 64} {
			for _, m := range []int{1, 5, 33} {
				for _, precision := range []variants.Precision{variants.Float32, variants.Float64} {
					for _, weighted := range []bool{false, true} {
						p := variants.Problem{M: m, D: d, Covariance: v.Covariance, Precision: precision, Weighted: weighted}
						if u, ok := unitOf(t, v, p, "sm_90"); ok {
							units = append(units, u)
						}
					}
				}
			}
		}
	}
	return units
}

// TestRenderedSum holds a digest of every unit of the grid, so that a change that was not meant shows as a few lines.
func TestRenderedSum(t *testing.T) {
	var b strings.Builder
	for _, u := range grid(t) {
		sum := sha256.Sum256([]byte(render(t, u).Text))
		fmt.Fprintf(&b, "%x %s %s %s %s\n", sum[:8], u.Target.Backend, u.Variant.Name(), u.Problem, u.Config)
	}
	compareGolden(t, filepath.Join("testdata", "rendered.sum"), b.String())
}

// TestDeterministic renders in three orders: the bytes are the same, and whole.
func TestDeterministic(t *testing.T) {
	units := grid(t)
	first := make([]string, len(units))
	for i, u := range units {
		s := render(t, u)
		first[i] = s.Text
		for _, broken := range []string{"<no value>", "%!", "\n\n\n", "{{", "}}"} {
			if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(s.Text, "} }", ""), "{ {", ""), broken) {
				t.Errorf("%s, %v: the text has %q", s.Name, u.Problem, broken)
			}
		}
		for _, bracket := range []string{"{}", "()", "[]"} {
			if open, shut := strings.Count(s.Text, bracket[:1]), strings.Count(s.Text, bracket[1:]); open != shut {
				t.Errorf("%s, %v: %d %q and %d %q", s.Name, u.Problem, open, bracket[:1], shut, bracket[1:])
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2 {
		for _, i := range random.Perm(len(units)) {
			if got := render(t, units[i]).Text; got != first[i] {
				t.Fatalf("%s: a second rendering differs:\n%s", units[i].Variant.Name(), cmp.Diff(first[i], got))
			}
		}
	}
}

// TestShared checks what shares a binary: numbers of components that round to the same, and all numbers of events.
func TestShared(t *testing.T) {
	for _, v := range variants.All() {
		texts := map[string]bool{}
		for _, size := range []struct {
			m int
			n int64
		}{{17, 0}, {18, 0}, {20, 1e6}, {19, 1e9}} {
			u, ok := unitOf(t, v, variants.Problem{M: size.m, D: 7, N: size.n, Covariance: v.Covariance, Precision: variants.Float32}, "sm_90")
			if !ok {
				t.Fatalf("%s refuses %v", v.Name(), size)
			}
			texts[render(t, u).Text] = true
		}
		if len(texts) != 1 {
			t.Errorf("%s: %d texts for M from 17 to 20: want 1", v.Name(), len(texts))
		}
	}
}

// FuzzRender renders whatever it is asked for, or says why not.
func FuzzRender(f *testing.F) {
	f.Add(0, 5, 3, true, "full", "float32", "tile=64")
	f.Add(11, 1, 1, false, "diag", "float64", "threads=128")
	f.Add(3, -1, 0, false, "round", "float16", "tile")
	all := variants.All()
	f.Fuzz(func(t *testing.T, row, m, d int, weighted bool, covariance, precision, config string) {
		v := all[((row%len(all))+len(all))%len(all)]
		const largest = 64 // a rendering takes D² steps
		p := variants.Problem{M: m, D: d % largest, Covariance: variants.Covariance(covariance), Precision: variants.Precision(precision), Weighted: weighted}
		c, err := v.ParseConfig(config)
		if err != nil {
			return
		}
		s, err := specializer.Render(specializer.Unit{Problem: p, Target: target(t, v.Backend, "sm_90"), Variant: v, Config: c})
		if err == nil && (!strings.Contains(s.Text, s.Entry) || strings.Contains(s.Text, "<no value>")) {
			t.Errorf("no whole kernel:\n%s", s.Text)
		}
	})
}
