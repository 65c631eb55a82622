package gmmspec

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
	"github.com/google/go-cmp/cmp"
)

// modulePath is how packages of ours begin.
const modulePath = "github.com/gmmspec/gmmspec"

// goCommand runs the go command in a directory and returns what it prints.
func goCommand(t *testing.T, dir string, arguments ...string) string {
	t.Helper()
	path, err := exec.LookPath("go")
	require.Have(t, "go", err)
	command := exec.CommandContext(t.Context(), path, arguments...)
	command.Dir = dir
	var messages strings.Builder
	command.Stderr = &messages
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, &messages)
	}
	return string(out)
}

// dependencies returns, for each package that the pattern names, all packages outside the standard library that it needs.
func dependencies(t *testing.T, dir, pattern string) map[string][]string {
	t.Helper()
	const format = `{{.ImportPath}}{{range .Deps}} {{.}}{{end}}`
	all := map[string][]string{}
	for line := range strings.Lines(goCommand(t, dir, "list", "-f", format, pattern)) {
		packages := strings.Fields(line)
		all[packages[0]] = slices.DeleteFunc(packages[1:], func(p string) bool {
			first, _, _ := strings.Cut(p, "/")
			return !strings.Contains(first, ".") // the standard library's
		})
	}
	return all
}

// TestImports holds which packages of ours each package needs, directly or not: imports go one way, and whatever is needed to
// run kernels knows nothing of how they are made.
func TestImports(t *testing.T) {
	const gonum = "gonum.org/v1/gonum"
	ours := func(names ...string) []string {
		for i, name := range names {
			names[i] = modulePath + "/" + name
		}
		return names
	}
	all := dependencies(t, ".", "./...")
	for name, rule := range map[string]struct {
		ours, others []string // others are prefixes
	}{
		"mixture":            {nil, []string{gonum}},
		"variants":           {},
		"templates":          {},
		"dataset":            {},
		"cache":              {nil, []string{"github.com/rogpeppe/go-internal/lockedfile"}},
		"specializer":        {ours("variants", "templates"), nil},
		"autotune":           {ours("variants"), []string{"github.com/rogpeppe/go-internal/lockedfile"}},
		"internal/reference": {ours("mixture"), []string{gonum}},
		"internal/compare":   {ours("mixture"), []string{gonum}},
		"internal/corpus":    {ours("mixture"), []string{gonum}},
		"internal/report": {
			ours("autotune", "dataset", "variants"),
			[]string{ // autotune's store, what draws, and what that needs
				"github.com/rogpeppe/go-internal/lockedfile", "gonum.org/v1/plot", "codeberg.org/go-fonts/liberation", "codeberg.org/go-latex/latex", "codeberg.org/go-pdf/fpdf",
				"git.sr.ht/~sbinet/gg", "github.com/ajstarks/svgo", "github.com/golang/freetype", "golang.org/x/image", "golang.org/x/text",
			},
		},
		"runtime":           {ours("mixture"), []string{gonum}},
		"runtime/cc/object": {},
		"runtime/cc": {
			ours("mixture", "runtime", "runtime/cc/object"),
			[]string{gonum, "github.com/ebitengine/purego", "golang.org/x/sys"},
		},
		"runtime/cc/compiler": {ours("runtime/cc/object"), []string{"golang.org/x/sys"}},
		"runtime/cuda": {
			ours("mixture", "runtime", "runtime/cuda/internal/dl", "runtime/cuda/internal/thread"),
			[]string{gonum, "github.com/ebitengine/purego", "golang.org/x/sys"},
		},
		"runtime/cuda/nvrtc": {
			ours("mixture", "runtime", "runtime/cuda", "runtime/cuda/internal/dl", "runtime/cuda/internal/thread"),
			[]string{gonum, "github.com/ebitengine/purego", "golang.org/x/sys"},
		},
	} {
		needs, ok := all[modulePath+"/"+name]
		if !ok {
			t.Errorf("there is no package %s", name)
		}
		for _, p := range needs {
			allowed := slices.Contains(rule.ours, p)
			for _, other := range rule.others {
				allowed = allowed || strings.HasPrefix(p, other)
			}
			if !allowed {
				t.Errorf("%s needs %s", name, p)
			}
		}
	}
}

// TestCommandImports: of ours the command imports the public API, the readers of files, and what draws.
func TestCommandImports(t *testing.T) {
	imports := strings.Fields(goCommand(t, ".", "list", "-f", `{{join .Imports " "}}`, "./cmd/gmmspec"))
	for _, p := range imports {
		if strings.HasPrefix(p, modulePath) && p != modulePath && p != modulePath+"/dataset" && p != modulePath+"/internal/report" {
			t.Errorf("the command imports %s", p)
		}
	}
	if !slices.Contains(imports, modulePath) {
		t.Errorf("the command imports %v", imports)
	}
}

// TestAhead builds and runs a program that was specialised ahead of time: a user's module, which needs no package of ours but
// mixture and a runtime.
func TestAhead(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, variants.CC))
	dir, program := t.TempDir(), aheadProgram(t, w)
	for _, k := range program.Kernels {
		writeFile(t, filepath.Join(dir, k.Entry+".so"), k.Binary)
	}
	for name, from := range map[string]string{"main.go": "testdata/ahead/main.go", "go.sum": "go.sum"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), text)
	}
	writeFile(t, filepath.Join(dir, "go.mod"), aheadModule(t))

	for name, needs := range dependencies(t, dir, ".") {
		for _, p := range needs {
			inside, isOurs := strings.CutPrefix(p, modulePath)
			if isOurs && !slices.Contains([]string{"/mixture", "/runtime", "/runtime/cc", "/runtime/cc/object"}, inside) {
				t.Errorf("%s needs %s", name, p)
			}
		}
	}
	binary := filepath.Join(dir, "ahead")
	goCommand(t, dir, "build", "-o", binary, ".")
	out, err := exec.CommandContext(t.Context(), binary).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got struct {
		Program *runtime.Program
		History []float64
		Model   *Parameters
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i := range program.Kernels {
		program.Kernels[i].Binary = nil
	}
	if diff := cmp.Diff(program, got.Program); diff != "" {
		t.Errorf("the program carries other kernels (-want +got):\n%s", diff)
	}

	events := viewed(t, []float64{0, 0, 1, 0.5, 0.5, 1, 5, 5, 6, 5.5, 5.5, 6.5}, 6, 2)
	model := mustNew(t, 2, 2, WithDevice(DeviceReference), WithStart(StartEven), WithTolerance(0), WithIterations(0, 3))
	want := mustTrain(t, model, events)
	tolerance := compare.Tolerance{Warn: 1e-9, Fail: 1e-9}
	tolerance.Check(t, compare.Parameters(got.Model, model.Parameters())...)
	tolerance.Check(t, compare.Absolute("history", got.History, want.History))
}

// aheadProgram compiles what the program carries.
func aheadProgram(t *testing.T, w *workshop) *runtime.Program {
	t.Helper()
	s, err := newSettings(2, 2, []Option{withWorkshop(w), WithDevice(DeviceCC), WithPrecision(PrecisionFloat64)})
	if err != nil {
		t.Fatal(err)
	}
	c := chooser{settings: s, need: autotune.Need{Train: true, Passes: 1}}
	plan, err := c.inspected(variants.Problem{M: 2, D: 2, Covariance: variants.Full})
	if err != nil {
		t.Fatal(err)
	}
	store, err := w.openCache("")
	if err != nil {
		t.Fatal(err)
	}
	program, err := (&builder{workshop: w, cache: store}).program(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// aheadModule is a user's go.mod, with our module where it lies and the versions that it asks for.
func aheadModule(t *testing.T) []byte {
	t.Helper()
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	return fmt.Appendf(nil, "module example.com/ahead\n%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", rest, modulePath, modulePath, root)
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
