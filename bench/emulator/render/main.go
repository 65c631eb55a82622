// Command render renders a kernel in matrix form for the emulator: render OUT COVARIANCE M D WEIGHTED [SETTING…]
// writes OUT.cu, and OUT.launch.h with how its kernels are launched.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func main() {
	out, covariance := os.Args[1], os.Args[2]
	m, err := strconv.Atoi(os.Args[3])
	must(err)
	d, err := strconv.Atoi(os.Args[4])
	must(err)
	t, err := variants.CUDAArch("sm_90")
	must(err)
	var v variants.Variant
	covariance, strategy, other := strings.Cut(covariance, "/")
	if !other {
		strategy = "matrix"
	}
	v, err = variants.ByName(variants.CUDA, "accumulate-"+covariance+"-"+strategy+"-dimension")
	must(err)
	p := variants.Problem{M: m, D: d, N: 1000000, Covariance: v.Covariance, Precision: variants.Float32, Weighted: os.Args[5] == "1"}
	why := ""
configs:
	for _, c := range v.Configs() {
		for _, setting := range os.Args[6:] {
			if !strings.Contains(","+c.String()+",", ","+setting+",") {
				continue configs
			}
		}
		if refused := v.Serves(p, t, c); refused != "" {
			why += fmt.Sprintln(c, refused)
			continue
		}
		s, err := specializer.Render(specializer.Unit{Variant: v, Problem: p, Target: t, Config: c})
		must(err)
		must(os.WriteFile(out+".cu", []byte(s.Text), 0o644))
		r := s.Resources
		var b strings.Builder
		fmt.Fprintf(&b, "// %s %s\n#define EMU_ENTRY %s\n#define EMU_CONFIG \"%s\"\n", s.Name, c, s.Entry, c)
		all := append([]variants.Launch{{Entry: s.Entry, Threads: r.Threads, SharedBytes: r.SharedBytes, Tile: r.Tile, Blocks: r.Blocks, BlocksPerUnit: r.BlocksPerUnit}}, r.Then...)
		for _, list := range []struct {
			name string
			all  []variants.Launch
		}{{"EMU_LAUNCHES", all}, {"EMU_LABEL", []variants.Launch{r.Label}}, {"EMU_SORTS", r.Sort}} {
			fmt.Fprintf(&b, "#define %s(X)", list.name)
			for _, l := range list.all {
				fmt.Fprintf(&b, " X(%s, %d, %d, %d, %d, %d, %v, %v)", l.Entry, l.Threads, l.SharedBytes, l.Tile, l.Blocks, l.BlocksPerUnit, l.Sums, l.Loop)
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "#define EMU_TILE %d\n#define EMU_WORKSPACE %d\n#define EMU_PER_BUCKET %d\n#define EMU_PER_EVENT %d\n#define EMU_ROW_BYTES %d\n#define EMU_COMPONENTS %d\n#define EMU_WEIGHTED %v\n#define EMU_FULL %v\n",
			r.Tile, r.Workspace, r.WorkspacePerBucket, r.WorkspacePerEvent, r.RowBytes, s.Components, p.Weighted, v.Covariance == variants.Full)
		must(os.WriteFile(out+".launch.h", []byte(b.String()), 0o644))
		return
	}
	must(fmt.Errorf("no configuration of %s serves with %v:\n%s", v.Name(), os.Args[6:], why))
}
