package nvrtc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cuda/nvrtc"
)

// open returns the compiler that the ordinary search finds.
func open(t *testing.T) *nvrtc.Compiler {
	t.Helper()
	c, err := nvrtc.Open(nvrtc.Options{})
	require.Have(t, "nvrtc", err)
	return c
}

// kernels are one that keeps to its registers, with 512 bytes of shared memory and
// an array it indexes, and one that is denied the registers for its 64 live values.
const kernels = `
extern "C" __global__ void tidy(float *x, int n) {
  __shared__ float s[128];
  float v[50];
  for (int i = 0; i < n; i++) v[(i * n) % 50] = x[i];
  s[threadIdx.x] = v[n];
  __syncthreads();
  x[threadIdx.x] = s[n];
}

extern "C" __global__ void __launch_bounds__(1024) spilling(float *x, const float *y, int n) {
  float v[96];
  #pragma unroll
  for (int i = 0; i < 96; i++) v[i] = y[i * n + threadIdx.x];
  for (int j = 0; j < n; j++)
    #pragma unroll
    for (int i = 0; i < 96; i++) v[i] = v[i] * v[(i + 7) % 96] + y[j];
  #pragma unroll
  for (int i = 0; i < 96; i++) x[i * n + threadIdx.x] = v[i];
}
`

func TestCompileForEveryArchitecture(t *testing.T) {
	c := open(t)
	for _, arch := range []struct {
		name   string
		number int
	}{
		{"sm_75", 75},
		{"sm_80", 80},
		{"sm_86", 86},
		{"sm_89", 89},
		{"sm_90", 90},
		{"sm_90a", 90},
		{"sm_100", 100},
		{"sm_120", 120},
	} {
		t.Run(arch.name, func(t *testing.T) {
			if !slices.Contains(c.Archs(), arch.number) {
				major, minor := c.Version()
				require.Have(t, "nvrtc", fmt.Errorf("NVRTC %d.%d does not compile for it", major, minor))
			}
			r, err := c.Compile(context.Background(), nvrtc.Program{Name: "kernels.cu", Source: kernels, Arch: arch.name})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(r.Cubin, []byte("\x7fELF")) {
				t.Errorf("the cubin begins with %q, not with ELF's mark", r.Cubin[:min(4, len(r.Cubin))])
			}
			for _, text := range []string{".target " + arch.name + "\n", ".entry tidy(", ".entry spilling("} {
				if !bytes.Contains(r.PTX, []byte(text)) {
					t.Errorf("the PTX lacks %q", text)
				}
			}
			if bytes.IndexByte(r.PTX, 0) >= 0 {
				t.Error("the PTX holds a zero byte")
			}
			if len(r.Entries) != 2 {
				t.Fatalf("entries %+v, want two; log:\n%s", r.Entries, r.Log)
			}
			tidy, ok := r.Entry("tidy")
			if !ok || tidy.Registers == 0 || tidy.SharedBytes != 512 || tidy.StackBytes != 200 || tidy.SpillStores != 0 || tidy.SpillLoads != 0 || tidy.Barriers != 1 {
				t.Errorf("tidy: %+v, want 512 shared bytes, 200 of stack for its array, no spills, one barrier", tidy)
			}
			spilling, ok := r.Entry("spilling")
			if !ok || spilling.Registers == 0 || spilling.Registers > 64 || spilling.SpillStores == 0 || spilling.SpillLoads == 0 || spilling.StackBytes == 0 {
				t.Errorf("spilling: %+v, want spills, and at most 64 registers", spilling)
			}
			if _, ok := r.Entry("absent"); ok {
				t.Error("an entry for a kernel that is not there")
			}
		})
	}
}

func TestCompileReportsEveryTime(t *testing.T) {
	c := open(t)
	for range 2 {
		r, err := c.Compile(context.Background(), nvrtc.Program{Name: "kernels.cu", Source: kernels, Arch: "sm_80"})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Entries) != 2 {
			t.Errorf("entries %+v, want two: the compiler's own cache is in use", r.Entries)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	c := open(t)
	const empty = `extern "C" __global__ void k() {}`
	for _, test := range []struct {
		name    string
		program nvrtc.Program
		code    nvrtc.Code
		log     string
	}{
		{"source", nvrtc.Program{Source: "\n\nextern \"C\" __global__ void k(int *x) {\n  *x = y;\n}\n", Arch: "sm_80"}, nvrtc.CodeCompilation, "broken.cu(4): error: identifier \"y\" is undefined"},
		{"assembly", nvrtc.Program{Source: `extern "C" __global__ void k() { asm volatile("bogus.f32;"); }`, Arch: "sm_80"}, nvrtc.CodeCompilation, "bogus"},
		{"architecture", nvrtc.Program{Source: empty, Arch: "sm_1"}, nvrtc.CodeInvalidOption, "--gpu-architecture"},
		{"option", nvrtc.Program{Source: empty, Arch: "sm_80", Options: []string{"--no-such-option"}}, nvrtc.CodeInvalidOption, "no-such-option"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.program.Name = "broken.cu"
			_, err := c.Compile(context.Background(), test.program)
			var failed *nvrtc.CompileError
			if !errors.As(err, &failed) {
				t.Fatalf("error %v, want a CompileError", err)
			}
			if failed.Code != test.code || !strings.Contains(failed.Log, test.log) || !strings.Contains(err.Error(), test.log) {
				t.Errorf("code %v and log %q, want %v and %q", failed.Code, failed.Log, test.code, test.log)
			}
			if failed.Name != "broken.cu" || failed.Source != test.program.Source || !slices.Equal(failed.Options, c.Options(test.program)) {
				t.Errorf("the error does not carry the program: %+v", failed)
			}
		})
	}
}

func TestCompileConcurrently(t *testing.T) {
	c := open(t)
	const workers = 4
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			entry := fmt.Sprintf("k%d", i)
			source := fmt.Sprintf(`extern "C" __global__ void %s(float *x) { __shared__ float s[%d]; s[threadIdx.x] = x[0]; __syncthreads(); x[1] = s[2]; }`, entry, 32*(i+1))
			r, err := c.Compile(context.Background(), nvrtc.Program{Name: entry + ".cu", Source: source, Arch: "sm_80"})
			if err != nil {
				t.Errorf("%s: %v", entry, err)
				return
			}
			if len(r.Entries) != 1 || r.Entries[0].Name != entry || r.Entries[0].SharedBytes != 128*(i+1) {
				t.Errorf("%s: entries %+v, want it alone with %d bytes of shared memory", entry, r.Entries, 128*(i+1))
			}
		})
	}
	group.Wait()
}

func TestOpenTakesTheFileAskedFor(t *testing.T) {
	c := open(t)
	again, err := nvrtc.Open(nvrtc.Options{Path: c.Path()})
	if err != nil {
		t.Fatal(err)
	}
	if again.Path() != c.Path() || len(again.Attempts()) != 1 {
		t.Errorf("attempts %v, want %s alone", again.Attempts(), c.Path())
	}
	if _, err := nvrtc.Open(nvrtc.Options{Path: "/nonexistent/libnvrtc.so.13"}); !errors.Is(err, nvrtc.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}
