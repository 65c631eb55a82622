package gmmspec

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/variants"
)

// planned explains with tools that are the same everywhere: a C compiler that is not there, or this machine's, and no CUDA.
func planned(t *testing.T, w *workshop, m, d int, n int64, options ...Option) *Plan {
	t.Helper()
	noCUDA(w)
	plan, err := Explain(m, d, n, append(options, withWorkshop(w))...)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestExplainSmall(t *testing.T) {
	plan := planned(t, newWorkshop(), 2, 2, 272)
	if plan.Device != DeviceReference || len(plan.Others) != 2 || !strings.Contains(plan.Others[0].Reason, "not looked for") {
		t.Errorf("plan\n%v", plan)
	}
}

func TestExplainLarge(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, "cc"))
	plan := planned(t, w, 64, 19, 1_000_000)
	if plan.Device != DeviceCC || plan.Why == "" || plan.Estimate.Total <= 0 || !slices.Contains(plan.Variants(), "accumulate-full-lanes") {
		t.Errorf("plan\n%v", plan)
	}
	text := plan.String()
	for _, part := range []string{"M=64 D=19 N=1000000 full float32", "float32: an iteration puts covariances at most 1e-05 off", "accumulate-full-lanes", "not reference", "not cuda"} {
		if !strings.Contains(text, part) {
			t.Errorf("the plan does not say %q:\n%s", part, text)
		}
	}
	if again := planned(t, w, 64, 19, 1_000_000); again.String() != text {
		t.Errorf("planned again:\n%v\nwant\n%s", again, text)
	}
	encoded, err := json.Marshal(plan)
	if err != nil || !json.Valid(encoded) {
		t.Errorf("%s, %v", encoded, err)
	}
}

// TestExplainArch: an architecture stands for its device, which need not be here.
func TestExplainArch(t *testing.T) {
	plan := planned(t, without(t), 64, 19, 1_000_000, WithArch("sm_80"))
	if plan.Device != "cuda (a typical sm_80)" || plan.Problem.Precision != variants.Float32 || plan.Target.Arch != "sm_80" {
		t.Errorf("plan\n%v", plan)
	}
	larger := planned(t, without(t), 64, 19, 100_000_000, WithArch("sm_80"))
	if ratio := larger.Estimate.Pass / plan.Estimate.Pass; ratio < 50 || ratio > 110 {
		t.Errorf("100 times the events take %.3g times as long", ratio)
	}
}

func TestExplainRefuses(t *testing.T) {
	for name, explain := range map[string]func() (*Plan, error){
		"no events":     func() (*Plan, error) { return Explain(2, 2, 0) },
		"no components": func() (*Plan, error) { return Explain(0, 2, 10) },
		"no device":     func() (*Plan, error) { return Explain(2, 2, 10, WithDevice("cuda:99")) },
		"a variant of another covariance": func() (*Plan, error) {
			return Explain(2, 2, 10, WithDevice(DeviceCC), WithVariant("score-diag-lanes"), withWorkshop(newWorkshop()))
		},
	} {
		if name == "a variant of another covariance" && available(newWorkshop(), "cc") != nil {
			continue // the reference serves it
		}
		if plan, err := explain(); err == nil {
			t.Errorf("%s: no error, plan\n%v", name, plan)
		}
	}
}

// TestExplainNamed: a variant that is named is in the plan of auto, however small the work.
func TestExplainNamed(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, "cc"))
	for _, v := range variants.All() {
		if v.Backend != variants.CC {
			continue
		}
		c := Covariance(v.Covariance)
		plan := planned(t, w, 2, 2, 10, WithVariant(v.Name()), WithCovariance(c))
		if plan.Device != DeviceCC || !slices.Contains(plan.Variants(), v.Name()) {
			t.Errorf("%s: plan\n%v", v.Name(), plan)
		}
	}
}

// TestRender: every kernel of every device can be shown without the device or a compiler, the same each time.
func TestRender(t *testing.T) {
	w := without(t)
	noCUDA(w)
	for _, v := range variants.All() {
		options := []Option{
			WithDevice(string(v.Backend)), WithVariant(v.Name()), WithCovariance(Covariance(v.Covariance)), withWorkshop(w),
		}
		sources, err := Render(5, 3, options...)
		if err != nil {
			t.Fatal(err)
		}
		if len(sources) != 1 || sources[0].Variant != v.Name() || !strings.Contains(sources[0].Text, "D = 3") {
			t.Errorf("%s: %d sources", v.Name(), len(sources))
		}
		again, err := Render(5, 3, options...)
		if err != nil || again[0] != sources[0] {
			t.Errorf("%s: rendered again it differs, %v", v.Name(), err)
		}
	}
	whole, err := Render(5, 3, withWorkshop(w))
	if err != nil || len(whole) < 3 {
		t.Errorf("%d sources of a whole plan, %v", len(whole), err)
	}
	if _, err := Render(5, 3, WithDevice(DeviceReference), withWorkshop(w)); err == nil {
		t.Error("the reference has a source")
	}
}

// TestCompile compiles C, and then finds it.
func TestCompile(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, "cc"))
	dir := t.TempDir()
	for i, cached := range []bool{false, true} {
		compiled, err := Compile(t.Context(), 3, 2, nil, withWorkshop(w), WithCacheDir(dir), WithVariant("score-full-lanes"))
		if err != nil {
			t.Fatal(err)
		}
		if len(compiled) != 1 || compiled[0].Variant != "score-full-lanes" || compiled[0].Cached != cached || compiled[0].Time <= 0 {
			t.Errorf("time %d: %+v", i, compiled)
		}
	}
}

// TestCompileArchs compiles for GPUs that are not here.
func TestCompileArchs(t *testing.T) {
	w := newWorkshop()
	_, err := w.openNVRTC()
	require.Have(t, "nvrtc", err)
	dir := t.TempDir()
	archs := []string{"sm_80", "sm_90"}
	for i, cached := range []bool{false, true} {
		compiled, err := Compile(t.Context(), 3, 2, archs, withWorkshop(w), WithCacheDir(dir), WithVariant("accumulate-full-tile"))
		if err != nil {
			t.Fatal(err)
		}
		if len(compiled) != len(archs) {
			t.Fatalf("time %d: %+v", i, compiled)
		}
		for j, c := range compiled {
			if c.Arch != archs[j] || c.Cached != cached || c.Registers == 0 || c.Shared == 0 {
				t.Errorf("time %d: %+v", i, c)
			}
		}
	}
}

func TestCompileFails(t *testing.T) {
	if _, err := Compile(t.Context(), 3, 2, nil, withWorkshop(without(t)), WithCacheDir(t.TempDir())); err == nil {
		t.Error("compiled without a compiler")
	}
	w := playing(t, failing)
	if _, err := Compile(t.Context(), 3, 2, nil, withWorkshop(w), WithCacheDir(t.TempDir())); err == nil || !strings.Contains(err.Error(), "so the part says") {
		t.Errorf("error %v: want the compiler's", err)
	}
	if _, err := Compile(t.Context(), 3, 2, []string{"sm_90", "sm_0"}); err == nil || !strings.Contains(err.Error(), "sm_0") {
		t.Errorf("error %v: want one that names the architecture", err)
	}
}

func TestVariants(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range Variants() {
		key := v.Device + " " + v.Name
		if seen[key] || v.Doc == "" {
			t.Errorf("%+v", v)
		}
		seen[key] = true
	}
	if len(seen) != len(variants.All()) {
		t.Errorf("%d variants, the table has %d", len(seen), len(variants.All()))
	}
}

// TestDiagnose: whatever is missing is said with every place tried and advice, and whatever is here with where it is.
func TestDiagnose(t *testing.T) {
	w := without(t)
	noCUDA(w)
	findings, err := Diagnose(withWorkshop(w), WithCacheDir(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]Finding{}
	for _, f := range findings {
		parts[f.Part] = f
		if f.Text == "" {
			t.Errorf("%s: nothing said", f.Part)
		}
	}
	for _, part := range []string{"C compiler", "NVRTC", "CUDA driver", "cache"} {
		if _, ok := parts[part]; !ok {
			t.Errorf("nothing is said of %s: %v", part, findings)
		}
	}
	if f := parts["C compiler"]; f.OK || f.Advice == "" || len(f.Tried) != 1 || !strings.Contains(f.Tried[0].Place, "no-such-compiler") {
		t.Errorf("%+v", f)
	}
	if f := parts["CUDA driver"]; f.OK || f.Advice == "" {
		t.Errorf("%+v", f)
	}
	if f := parts["cache"]; !f.OK {
		t.Errorf("%+v", f)
	}
	if f := newWorkshop().findCompiler(); f.OK != (available(newWorkshop(), "cc") == nil) || len(f.Tried) == 0 {
		t.Errorf("%+v", f)
	}
}

// TestDiagnoseUnloadable: where compiled C cannot be loaded a compiler is of no use, nor is advice to install one.
func TestDiagnoseUnloadable(t *testing.T) {
	for _, w := range []*workshop{newWorkshop(), without(t)} {
		w.loadsC = func() error { return cc.ErrUnavailable }
		if f := w.findCompiler(); f.OK || f.Advice != "" || !strings.Contains(f.Text, "cannot be opened on this operating system") {
			t.Errorf("%+v", f)
		}
		plan := planned(t, w, 64, 19, 1_000_000, WithDevice(DeviceCC))
		if plan.Device != DeviceReference || !strings.Contains(plan.String(), "cannot be opened on this operating system") {
			t.Errorf("plan\n%v", plan)
		}
	}
}
