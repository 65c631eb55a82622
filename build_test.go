package gmmspec

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gmmspec/gmmspec/cache"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cuda/nvrtc"
	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

// distinct holds that keys are as many as their names.
type distinct struct {
	t     *testing.T
	names map[cache.ID]string
}

func newDistinct(t *testing.T) *distinct {
	t.Helper()
	return &distinct{t, map[cache.ID]string{}}
}

func (d *distinct) add(name string, k cache.Key) {
	d.t.Helper()
	if other, ok := d.names[k.ID()]; ok {
		d.t.Errorf("%q and %q have one key", other, name)
	}
	d.names[k.ID()] = name
}

// TestKeyFields changes each field of the keys alone.
func TestKeyFields(t *testing.T) {
	source := func(text string) specializer.Source { return specializer.Source{Text: text} }
	options := []string{"--std=c++17", "--no-cache"}
	keys := newDistinct(t)
	keys.add("C", objectKey(source("a"), "gcc"))
	keys.add("C: source", objectKey(source("b"), "gcc"))
	keys.add("C: compiler", objectKey(source("a"), "clang"))
	keys.add("CUDA", nvrtcKey(kindCubin, source("a"), "sm_90", options, "13.0"))
	keys.add("CUDA: kind", nvrtcKey(kindPTX, source("a"), "sm_90", options, "13.0"))
	keys.add("CUDA: source", nvrtcKey(kindCubin, source("b"), "sm_90", options, "13.0"))
	keys.add("CUDA: architecture", nvrtcKey(kindCubin, source("a"), "sm_80", options, "13.0"))
	keys.add("CUDA: an option", nvrtcKey(kindCubin, source("a"), "sm_90", []string{options[0], "--use_fast_math"}, "13.0"))
	keys.add("CUDA: an option less", nvrtcKey(kindCubin, source("a"), "sm_90", options[:1], "13.0"))
	keys.add("CUDA: options in another order", nvrtcKey(kindCubin, source("a"), "sm_90", []string{options[1], options[0]}, "13.0"))
	keys.add("CUDA: compiler", nvrtcKey(kindCubin, source("a"), "sm_90", options, "12.9"))
	t.Logf("%d keys, all different", len(keys.names))
}

// TestKeysOfUnits goes through the table of variants: whatever a kernel is compiled for changes its key when it alone changes,
// and what it is not compiled for does not.
func TestKeysOfUnits(t *testing.T) {
	t.Run("cc", func(t *testing.T) {
		w := newWorkshop()
		_, err := w.findCC()
		require.Have(t, "cc", err)
		checkKeysOfUnits(t, w, ccTarget())
	})
	t.Run("cuda", func(t *testing.T) {
		w := newWorkshop()
		_, err := w.openNVRTC()
		require.Have(t, "nvrtc", err)
		hopper, err := variants.CUDAArch("sm_90")
		if err != nil {
			t.Fatal(err)
		}
		ampere, err := variants.CUDAArch("sm_80")
		if err != nil {
			t.Fatal(err)
		}
		checkKeysOfUnits(t, w, hopper, ampere)
	})
}

// TestKeyOfAnotherLibrary: NVRTC says two numbers of its version only, and another file of the same ones has keys of its own.
func TestKeyOfAnotherLibrary(t *testing.T) {
	own, err := newWorkshop().openNVRTC()
	require.Have(t, "nvrtc", err)
	if !filepath.IsAbs(own.Path()) {
		t.Skip("found by its name alone")
	}
	dir := filepath.Join(t.TempDir(), "lib")
	if err := os.Symlink(filepath.Dir(own.Path()), dir); err != nil {
		t.Skip(err)
	}
	other, err := nvrtc.Open(nvrtc.Options{Path: filepath.Join(dir, filepath.Base(own.Path()))})
	if err != nil {
		t.Fatal(err)
	}
	keys := newDistinct(t)
	for _, c := range []*nvrtc.Compiler{own, other} {
		key, _ := cubinKey(specializer.Source{Text: "a", Arch: "sm_90"}, c)
		keys.add(c.Path(), key)
	}
}

func checkKeysOfUnits(t *testing.T, w *workshop, targets ...variants.Target) {
	t.Helper()
	b := &builder{workshop: w}
	key := func(p variants.Problem, target variants.Target, c variants.Candidate) cache.Key {
		u := unit(p, target, c)
		source, err := specializer.Render(u)
		if err != nil {
			t.Fatal(err)
		}
		k, err := b.key(u, source)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	keys, same := newDistinct(t), 0
	for _, v := range variants.All() {
		if v.Backend != targets[0].Backend {
			continue
		}
		for _, target := range targets {
			base, changed, unchanged := problemsOf(v)
			if v.Refuse(base, target) != "" {
				continue // as warpgroups refuse all but sm_90
			}
			for _, config := range v.Configs() {
				c := variants.Candidate{Variant: v, Config: config}
				name := fmt.Sprintf("%s %s %v", target.Arch, v.Name(), config)
				own := key(base, target, c)
				keys.add(name, own)
				for what, p := range changed {
					if v.Refuse(p, target) != "" {
						continue // as tensor cores refuse float64
					}
					keys.add(name+", another "+what, key(p, target, c))
				}
				for what, p := range unchanged {
					if same++; key(p, target, c).ID() != own.ID() {
						t.Errorf("%s: another %s gives another key", name, what)
					}
				}
			}
		}
	}
	t.Logf("%d keys, all different; %d changes that kernels do not depend on, and keys neither", len(keys.names), same)
}

// problemsOf returns a problem of a variant, and others that differ from it in one thing that its kernel depends on, or in one
// that it does not depend on.
func problemsOf(v variants.Variant) (base variants.Problem, changed, unchanged map[string]variants.Problem) {
	base = variants.Problem{M: 9, D: 4, N: 1000, Covariance: v.Covariance, Precision: variants.Float32}
	relative := map[variants.Covariance]variants.Covariance{variants.Full: variants.Tied, variants.Diag: variants.Spherical}
	m, padded, d, n, covariance, precision, weighted := base, base, base, base, base, base, base
	m.M, padded.M, d.D, n.N = 11, 10, 5, 2000
	covariance.Covariance, precision.Precision, weighted.Weighted = relative[v.Covariance], variants.Float64, true
	changed = map[string]variants.Problem{"M": m, "D": d, "precision": precision, "weighting": weighted}
	unchanged = map[string]variants.Problem{"M with the same padding": padded, "N": n, "covariance of the same kernels": covariance}
	if v.Stage == variants.Update { // works in float64 on statistics
		for _, what := range []string{"precision", "weighting"} {
			unchanged[what] = changed[what]
			delete(changed, what)
		}
	}
	return base, changed, unchanged
}
