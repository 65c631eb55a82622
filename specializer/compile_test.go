package specializer_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cuda/nvrtc"
	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

// spillFree is the largest D at which no kernel may spill registers: past it the event itself is in local memory.
const spillFree = 32

// savedBytes is what a thread may save and take back, as around the call of a function.
const savedBytes = 16

// fitSpills is what fits in one launch spill at most, in M-steps, rather than have fewer blocks for their passes.
const fitSpills = 256

// TestCUDA compiles every CUDA variant for every architecture that its row accepts, precisions, weights and sizes in turn;
// with GMMSPEC_INTENSITY above 1, all of them.
func TestCUDA(t *testing.T) {
	c, err := nvrtc.Open(nvrtc.Options{})
	require.Have(t, "nvrtc", err)
	if err != nil {
		return
	}
	refused := map[string][]string{}
	problems := func(v variants.Variant, arch string, turn int) []variants.Problem {
		var all []variants.Problem
		sizes := []int{2, 19, 64}
		if v.Strategy == "matrix" && arch != "sm_90" && require.Intensity(t) == 1 {
			sizes = []int{2, 19} // in matrix form the largest takes a compiler five seconds
		}
		for _, d := range sizes {
			for _, precision := range []variants.Precision{variants.Float32, variants.Float64} {
				for _, weighted := range []bool{false, true} {
					p := variants.Problem{M: 5, D: d, Covariance: v.Covariance, Precision: precision, Weighted: weighted}
					if _, ok := unitOf(t, v, p, arch); ok {
						all = append(all, p)
					}
				}
			}
		}
		if require.Intensity(t) > 1 {
			return all
		}
		if len(all) == 0 {
			refused[v.Name()] = append(refused[v.Name()], arch)
			return nil
		}
		return all[turn%len(all):][:1]
	}
	turn := 0
	for _, arch := range variants.CUDAArchs() {
		for _, v := range variants.All() {
			if v.Backend != variants.CUDA {
				continue
			}
			turn += 5 // prime to the number of problems: all come up
			for _, p := range problems(v, arch, turn) {
				u, _ := unitOf(t, v, p, arch)
				t.Run(arch+"/"+v.Name()+"/d="+strconv.Itoa(p.D)+"/"+string(p.Precision), func(t *testing.T) {
					t.Parallel()
					compileCUDA(t, c, u, arch)
				})
			}
		}
	}
	for name, archs := range refused {
		if strings.Contains(name, "warpgroup") { // which tensor cores of sm_90 alone multiply for
			if slices.Contains(archs, "sm_90") {
				t.Errorf("%s refuses everything on sm_90", name)
			}
			continue
		}
		if len(archs) > 1 || archs[0] != "sm_75" { // which has no tensor cores that will do
			t.Errorf("%s refuses everything on %v", name, archs)
		}
	}
}

func compileCUDA(t *testing.T, c *nvrtc.Compiler, u specializer.Unit, arch string) {
	s := render(t, u)
	result, err := c.Compile(t.Context(), nvrtc.Program{Name: s.Name, Source: s.Text, Arch: s.Arch})
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := result.Entry(s.Entry)
	if !ok {
		t.Fatalf("the compiler reports no kernel %s", s.Entry)
	}
	most := savedBytes
	if u.Variant.Stage == variants.Fit {
		most = fitSpills
	}
	if spills := entry.SpillStores + entry.SpillLoads; spills > most && u.Problem.D <= spillFree {
		t.Errorf("%d bytes of spills in %d registers", spills, entry.Registers)
	}
	if total := entry.SharedBytes + s.Resources.SharedBytes; total > u.Target.SharedPerBlock {
		t.Errorf("%d bytes of shared memory: %s has %d", total, arch, u.Target.SharedPerBlock)
	}
}

// warnings are the C compiler's, as errors. Weights are a parameter of kernels for events without weights too.
// So are vectors for calls that are all inlined.
var warnings = []string{"-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-psabi", "-Werror", "-fsyntax-only", "-x", "c", "-"}

// TestC has the C compiler look for anything odd in every C kernel.
func TestC(t *testing.T) {
	c, err := compiler.Find(compiler.Options{})
	require.Have(t, "cc", err)
	if err != nil {
		return
	}
	for _, u := range grid(t) {
		if u.Variant.Backend != variants.CC || u.Problem.M != 5 || !slices.Contains([]int{1, 19}, u.Problem.D) {
			continue
		}
		for _, size := range variants.VectorSizes() {
			t.Run(fmt.Sprintf("%s/%s/vector=%d", u.Variant.Name(), strings.ReplaceAll(u.Problem.String(), " ", ","), size), func(t *testing.T) {
				t.Parallel()
				u := u
				u.Target = variants.Native(size, 2)
				s := render(t, u)
				command := exec.CommandContext(context.WithoutCancel(t.Context()), c.Fingerprint.Path, warnings...)
				command.Stdin = strings.NewReader(s.Text)
				var log bytes.Buffer
				command.Stderr = &log
				if err := command.Run(); err != nil {
					t.Errorf("%v: %s\n%s", err, log.String(), s.Text)
				}
			})
		}
	}
}

// TestTemplates holds that every file is some row's, or a part that rows share.
func TestTemplates(t *testing.T) {
	used := map[string]bool{}
	for _, v := range variants.All() {
		used[filepath.Base(v.Template)] = true
	}
	for _, folder := range []string{"cuda", "c"} {
		files, err := os.ReadDir(filepath.Join("..", "templates", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !used[f.Name()] {
				t.Errorf("no row uses templates/%s/%s", folder, f.Name())
			}
		}
	}
}
