package variants_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/variants"
)

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range variants.All() {
		key := string(v.Backend) + " " + v.Name()
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		want := variants.Name{Stage: v.Stage, Covariance: v.Covariance, Strategy: v.Strategy, Events: v.Events, Factor: v.Factor}
		if got, err := variants.ParseName(v.Name()); err != nil || got != want {
			t.Errorf("%q reads as %+v, %v: want %+v", v.Name(), got, err, want)
		}
		if got, err := variants.ByName(v.Backend, v.Name()); err != nil || got.Name() != v.Name() {
			t.Errorf("ByName(%s, %s): %v, %v", v.Backend, v.Name(), got.Name(), err)
		}
		if !strings.HasSuffix(v.Doc, ".") || v.Covariance.Kernel() != v.Covariance {
			t.Errorf("%s: doc %q, covariance %s", v.Name(), v.Doc, v.Covariance)
		}
	}
	if _, err := variants.ByName(variants.CC, "estep-full-nothing"); err == nil || !strings.Contains(err.Error(), "estep-full-lanes") {
		t.Errorf("an unknown name: %v", err)
	}
}

// FuzzParseName reads what String writes, and nothing else.
func FuzzParseName(f *testing.F) {
	for _, name := range []string{"moments-full-pair-dimension", "estep-full-warp-square", "estep-diag-warp", "a-b-c", "estep-full--x", "estep-diag-warp-square"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := variants.ParseName(text)
		if err == nil && name.String() != text {
			t.Errorf("%q reads as %q", text, name)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("the error does not name %q: %v", text, err)
		}
	})
}

// TestStrategies counts strategies: stage, strategy and layouts, precisions and tunables not counted.
func TestStrategies(t *testing.T) {
	for backend, least := range map[variants.Backend]int{variants.CUDA: 12, variants.CC: 4} {
		strategies := map[variants.Name]bool{}
		for _, v := range variants.All() {
			name, err := variants.ParseName(v.Name())
			if v.Backend == backend && v.Covariance == variants.Full && err == nil {
				strategies[name] = true
			}
		}
		if len(strategies) < least {
			t.Errorf("%s has %d strategies: want at least %d", backend, len(strategies), least)
		}
	}
}

// TestServed holds that every device has a way to train and to score at the sizes that tests and users have, and at the
// largest that are promised.
func TestServed(t *testing.T) {
	targets := []variants.Target{variants.Native(64, 2)}
	for _, arch := range variants.CUDAArchs() {
		target, err := variants.CUDAArch(arch)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	var problems []variants.Problem
	for _, d := range []int{1, 2, 3, 7, 13, 19, 32, 39, 64} {
		for _, m := range []int{1, 2, 5, 33, 64, 512, 4096} {
			for _, c := range []variants.Covariance{variants.Full, variants.Diag, variants.Tied, variants.Spherical} {
				problems = append(problems, variants.Problem{M: m, D: d, Covariance: c})
			}
		}
	}
	problems = append(problems,
		variants.Problem{M: 4096, D: 1024, Covariance: variants.Diag}, variants.Problem{M: 1, D: 1024, Covariance: variants.Diag},
		variants.Problem{M: 16, D: 256, Covariance: variants.Full}, variants.Problem{M: 1, D: 256, Covariance: variants.Full},
		variants.Problem{M: 4096, D: 16, Covariance: variants.Full}, variants.Problem{M: 512, D: 64, Covariance: variants.Full},
	)
	for _, target := range targets {
		for _, p := range problems {
			for _, precision := range []variants.Precision{variants.Float32, variants.Float64} {
				p.Precision = precision
				for _, stage := range []variants.Stage{variants.EStep, variants.Moments, variants.Score} {
					if serve, refused := variants.Candidates(stage, p, target); len(serve) == 0 {
						t.Errorf("%s on %s: %v: refused: %v", stage, target.Arch, p, refused)
					}
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	target, err := variants.CUDAArch("sm_75")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		p      variants.Problem
		stage  variants.Stage
		reason string
		all    bool // that no row serves it
	}{
		{"shared memory", variants.Problem{M: 4096, D: 64, Covariance: variants.Full, Precision: variants.Float64}, variants.Accumulate, "sm_75 has 65536", true},
		{"missing", variants.Problem{M: 2, D: 2, Covariance: variants.Full, Precision: variants.Float64, Missing: true}, variants.EStep, "missing values", true},
		{"hard", variants.Problem{M: 2, D: 2, Covariance: variants.Full, Precision: variants.Float64, Hard: true}, variants.Score, "hard assignment", true},
		{"size", variants.Problem{M: 2, D: 257, Covariance: variants.Full, Precision: variants.Float64}, variants.EStep, "at most D=256", true},
		{"tied", variants.Problem{M: 2, D: 2, Covariance: variants.Tied, Precision: variants.Float64}, variants.Update, "tied", true},
		{"threads", variants.Problem{M: 2, D: 45, Covariance: variants.Full, Precision: variants.Float32}, variants.Moments, "1081 sums", false},
		{"constant memory", variants.Problem{M: 128, D: 19, Covariance: variants.Full, Precision: variants.Float32}, variants.EStep, "constant memory: there are 65536", false},
		{"registers", variants.Problem{M: 2, D: 19, Covariance: variants.Full, Precision: variants.Float32}, variants.Moments, "in registers", false},
		{"grid", variants.Problem{M: 1 << 24, D: 64, Covariance: variants.Diag, Precision: variants.Float32}, variants.Moments, "a grid has at most", false},
	} {
		serve, refused := variants.Candidates(test.stage, test.p, target)
		named := slices.ContainsFunc(refused, func(r variants.Rejection) bool { return strings.Contains(r.Reason, test.reason) })
		if test.all && len(serve) != 0 || !named {
			t.Errorf("%s: served by %d, refused %v: want a reason with %q", test.name, len(serve), refused, test.reason)
		}
	}
}

// TestRefusedByMemory: what needs more memory for a tile than there should be for a worker is no kernel's.
func TestRefusedByMemory(t *testing.T) {
	p := variants.Problem{M: 1_000_000, D: 1, Covariance: variants.Diag, Precision: variants.Float64}
	for _, stage := range []variants.Stage{variants.EStep, variants.Moments, variants.Accumulate, variants.Score} {
		serve, refused := variants.Candidates(stage, p, variants.Native(64, 1))
		if len(serve) != 0 || !strings.Contains(fmt.Sprint(refused), "at most 128 MiB") {
			t.Errorf("%s: served by %d, refused %v", stage, len(serve), refused)
		}
	}
}

func TestRoundComponents(t *testing.T) {
	last := 0
	for m := 1; m <= 1<<13; m++ {
		r := variants.RoundComponents(m)
		if r < m || float64(r) > 1.25*float64(m) || r < last || variants.RoundComponents(r) != r {
			t.Fatalf("RoundComponents(%d) is %d, after %d", m, r, last)
		}
		last = r
	}
	for _, m := range []int{math.MaxInt, math.MaxInt - 1, math.MaxInt/2 + 1, 1 << 62} {
		if r := variants.RoundComponents(m); r < m {
			t.Errorf("RoundComponents(%d) is %d", m, r)
		}
	}
}

func TestCells(t *testing.T) {
	for _, d := range []int{1, 2, 7} {
		for _, c := range []variants.Covariance{variants.Full, variants.Diag, variants.Tied, variants.Spherical} {
			cells := c.Cells(d)
			if want := 1 + d + c.Triangle(d); len(cells) != want {
				t.Errorf("%s, D=%d: %d cells: want %d", c, d, len(cells), want)
			}
			seen := map[variants.Cell]bool{}
			for i, cell := range cells {
				diagonal := c.Kernel() == variants.Diag && cell.B > 0 && cell.A != cell.B
				if seen[cell] || cell.A < cell.B || cell.A > d || diagonal {
					t.Errorf("%s, D=%d: cell %d is %v", c, d, i, cell)
				}
				seen[cell] = true
			}
			for i := range d + 1 {
				if want := (variants.Cell{A: i}); cells[i] != want {
					t.Errorf("%s, D=%d: cell %d is %v: want %v", c, d, i, cells[i], want)
				}
			}
		}
	}
}

func TestCUDAArch(t *testing.T) {
	for arch, shared := range map[string]int{"sm_75": 64 << 10, "sm_80": 163 << 10, "sm_88": 163 << 10, "sm_90": 227 << 10, "sm_90a": 227 << 10, "sm_120": 99 << 10, "sm_200": 99 << 10} {
		target, err := variants.CUDAArch(arch)
		if err != nil || target.SharedPerBlock != shared {
			t.Errorf("%s: %d bytes, %v: want %d", arch, target.SharedPerBlock, err, shared)
		}
	}
	for _, arch := range variants.CUDAArchs() {
		rates, err := variants.TypicalRates(arch)
		if err != nil || !(rates.Float32 > 1e12 && rates.Float64 > 0 && rates.Float64 < rates.Float32 && rates.Bandwidth > 1e11) {
			t.Errorf("%s: %+v, %v", arch, rates, err)
		}
	}
	for _, arch := range []string{"", "90", "sm_", "sm_70", "sm_x", "compute_90"} {
		if _, err := variants.CUDAArch(arch); err == nil {
			t.Errorf("%q is no error", arch)
		}
	}
}

func TestWork(t *testing.T) {
	for _, v := range variants.All() {
		for _, n := range []int64{0, 1, 1 << 40} {
			p := variants.Problem{M: 64, D: 19, N: n, Covariance: v.Covariance, Precision: variants.Float32}
			w := v.Work(p, nil)
			if !(w.Flops > 0 && w.Bytes > 0 && w.Efficiency > 0 && w.Efficiency <= 1) || math.IsInf(w.Flops, 0) {
				t.Errorf("%s, N=%d: %+v", v.Name(), n, w)
			}
		}
	}
}

func TestProblem(t *testing.T) {
	good := variants.Problem{M: 64, D: 19, N: 1e6, Covariance: variants.Full, Precision: variants.Float32, Weighted: true}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if got, want := good.String(), "M=64 D=19 N=1000000 full float32 weighted"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for reason, spoil := range map[string]func(p *variants.Problem){
		"components": func(p *variants.Problem) { p.M = 0 },
		"dimensions": func(p *variants.Problem) { p.D = 0 },
		"events":     func(p *variants.Problem) { p.N = -1 },
		"covariance": func(p *variants.Problem) { p.Covariance = "round" },
		"precision":  func(p *variants.Problem) { p.Precision = "float16" },
	} {
		bad := good
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

// FuzzParseConfig reads what String writes, and nothing else.
func FuzzParseConfig(f *testing.F) {
	f.Add(0, "tile=64")
	f.Add(12, "threads=0128")
	f.Add(3, "")
	all := variants.All()
	f.Fuzz(func(t *testing.T, row int, text string) {
		v := all[((row%len(all))+len(all))%len(all)]
		c, err := v.ParseConfig(text)
		if err == nil && c.String() != text {
			t.Errorf("%s: %q reads as %q", v.Name(), text, c)
		}
	})
}

func TestConfig(t *testing.T) {
	c := variants.Config{{Name: "tile", Value: 64}, {Name: "threads", Value: 256}}
	if c.String() != "tile=64,threads=256" || c.Value("threads") != 256 || c.Value("none") != 0 {
		t.Errorf("%v", c)
	}
	for _, v := range variants.All() {
		candidates, _ := variants.Candidates(v.Stage, variants.Problem{M: 5, D: 3, Covariance: v.Covariance, Precision: variants.Float32},
			variants.Target{Backend: v.Backend, SharedPerBlock: math.MaxInt, ThreadsPerBlock: math.MaxInt})
		for _, candidate := range candidates {
			got, err := v.ParseConfig(candidate.Config.String())
			if candidate.Variant.Name() == v.Name() && (err != nil || !slices.Equal(got, candidate.Config)) {
				t.Errorf("%s: %v reads as %v, %v", v.Name(), candidate.Config, got, err)
			}
		}
	}
}
