package gmmspec

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gmmspec/gmmspec/cache"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda/nvrtc"
	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

// What an entry of the cache says about its kernel.
const (
	metaVariant   = "variant"
	metaProblem   = "problem"
	metaLog       = "log"
	metaRegisters = "registers"
	metaSpills    = "spill_bytes"
	metaShared    = "shared_bytes"
)

// The kinds of keys: a shared object, machine code for one architecture, and PTX.
const (
	kindObject = "cc-object"
	kindCubin  = "cuda-cubin"
	kindPTX    = "cuda-ptx"
)

// builder turns choices into kernels: it renders, looks in the cache, and compiles what is not there.
type builder struct {
	workshop *workshop
	cache    *cache.Cache
}

// unit decides a choice entirely, and forgets what does not matter to the kernel, nor should to the cache: tied covariances
// have full's kernels and spherical ones diag's, and the update works in float64 on statistics.
func unit(p variants.Problem, t variants.Target, c variants.Candidate) specializer.Unit {
	p.N = 0
	p.Covariance = p.Covariance.Kernel()
	if c.Variant.Stage == variants.Update {
		p.Precision, p.Weighted = variants.Float64, false
	}
	return specializer.Unit{Problem: p, Target: t, Variant: c.Variant, Config: c.Config}
}

// program compiles all of a plan's choices, in parallel.
func (b *builder) program(ctx context.Context, plan *Plan) (*runtime.Program, error) {
	p := plan.Problem
	program := &runtime.Program{
		Components: variants.RoundComponents(p.M), Dimensions: p.D, Covariance: mixture.Covariance(p.Covariance),
		Precision: string(p.Precision), Weighted: p.Weighted, Kernels: make([]runtime.Kernel, len(plan.Choices)),
	}
	errs := make([]error, len(plan.Choices))
	var wait sync.WaitGroup
	for i, choice := range plan.Choices {
		wait.Go(func() {
			program.Kernels[i], errs[i] = b.kernel(ctx, unit(p, plan.Target, choice.Candidate))
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return program, nil
}

// kernel compiles one unit, or finds it in the cache.
func (b *builder) kernel(ctx context.Context, u specializer.Unit) (runtime.Kernel, error) {
	source, err := specializer.Render(u)
	if err != nil {
		return runtime.Kernel{}, err
	}
	entry, _, err := b.entry(ctx, u, source)
	if err != nil {
		return runtime.Kernel{}, err
	}
	b.workshop.noteBuilt(b.identity(u))
	r := source.Resources
	return runtime.Kernel{
		Variant: source.Name, Stage: string(u.Variant.Stage), Entry: source.Entry, Binary: entry.Payload,
		Events: string(u.Variant.Events), Factor: string(u.Variant.Factor), Constant: u.Variant.Parameters == variants.Constant,
		Centred: u.Variant.Centred,
		Threads: r.Threads, SharedBytes: r.SharedBytes, Blocks: r.Blocks, BlocksPerUnit: r.BlocksPerUnit,
		Tile: r.Tile, ScratchBytes: r.ScratchBytes, Then: launches(r.Then),
		Workspace: r.Workspace, WorkspacePerEvent: r.WorkspacePerEvent, WorkspacePerBucket: r.WorkspacePerBucket, RowBytes: r.RowBytes,
		WorkspaceLabels: r.WorkspaceLabels, WorkspacePerRow: r.WorkspacePerRow,
		Label: launches([]variants.Launch{r.Label})[0], Sort: launches(r.Sort), RecordBytes: r.RecordBytes,
	}, nil
}

// launches says the same to a runtime.
func launches(of []variants.Launch) []runtime.Launch {
	var all []runtime.Launch
	for _, l := range of {
		all = append(all, runtime.Launch{
			Entry: l.Entry, Threads: l.Threads, SharedBytes: l.SharedBytes, Tile: l.Tile, Blocks: l.Blocks, BlocksPerUnit: l.BlocksPerUnit,
			Sums: l.Sums, Loop: l.Loop,
		})
	}
	return all
}

// entry returns the cache's entry of a source, compiled now if need be.
func (b *builder) entry(ctx context.Context, u specializer.Unit, s specializer.Source) (cache.Entry, bool, error) {
	if u.Target.Backend == variants.CC {
		return b.object(ctx, u, s)
	}
	return b.cubin(ctx, u, s)
}

// identity tells units apart, and the same unit in different caches.
func (b *builder) identity(u specializer.Unit) string {
	return fmt.Sprint(b.cache.Path(), u.Target, u.Problem, u.Variant.Name(), u.Config)
}

// cached reports whether a unit is in the cache, or was compiled into it by this process. Plans ask it for every job, so what was
// once found is remembered.
func (b *builder) cached(u specializer.Unit) bool {
	if b.workshop.isBuilt(b.identity(u)) {
		return true
	}
	found := b.lookUp(u)
	if found {
		b.workshop.noteBuilt(b.identity(u))
	}
	return found
}

// lookUp looks for a unit in the cache.
func (b *builder) lookUp(u specializer.Unit) bool {
	source, err := specializer.Render(u)
	if err != nil {
		return false
	}
	key, err := b.key(u, source)
	if err != nil {
		return false
	}
	_, err = b.cache.Get(key)
	return err == nil
}

// key returns the key of a unit whose source is given. It fails where there is no compiler to ask for its name.
func (b *builder) key(u specializer.Unit, s specializer.Source) (cache.Key, error) {
	if u.Target.Backend == variants.CC {
		compiler, err := b.workshop.findCC()
		if err != nil {
			return cache.Key{}, err
		}
		return objectKey(s, compiler.Identity()), nil
	}
	compiler, err := b.workshop.openNVRTC()
	if err != nil {
		return cache.Key{}, err
	}
	key, _ := cubinKey(s, compiler)
	return key, nil
}

func objectKey(s specializer.Source, identity string) cache.Key {
	return cache.NewKey(kindObject).Add("source", s.Text).Add("compiler", identity)
}

// object compiles C.
func (b *builder) object(ctx context.Context, u specializer.Unit, s specializer.Source) (cache.Entry, bool, error) {
	compiler, err := b.workshop.findCC()
	if err != nil {
		return cache.Entry{}, false, err
	}
	return b.cache.Do(ctx, objectKey(s, compiler.Identity()), func(ctx context.Context) ([]byte, map[string]string, error) {
		object, log, err := compiler.Compile(ctx, s.Name, s.Text)
		return object, map[string]string{metaVariant: s.Name, metaProblem: u.Problem.String(), metaLog: log}, err
	})
}

// cubinKey returns the key of a CUDA source and the architecture that is compiled for: the device's, or the latest that the
// compiler knows where the device is newer, whose PTX the driver then compiles.
func cubinKey(s specializer.Source, c *nvrtc.Compiler) (key cache.Key, compiled string) {
	kind, compiled := kindCubin, s.Arch
	if known := c.Archs(); !slices.Contains(known, archNumber(s.Arch)) && !strings.HasSuffix(s.Arch, "a") {
		kind = kindPTX
		for _, a := range known {
			if a <= archNumber(s.Arch) {
				compiled = "sm_" + strconv.Itoa(a)
			}
		}
	}
	return nvrtcKey(kind, s, compiled, c.Options(nvrtc.Program{Arch: compiled}), c.Identity()), compiled
}

func nvrtcKey(kind string, s specializer.Source, arch string, options []string, identity string) cache.Key {
	return cache.NewKey(kind).Add("source", s.Text).Add("arch", arch).Add("options", strings.Join(options, "\n")).Add("compiler", identity)
}

// archNumber returns 90 of "sm_90".
func archNumber(arch string) int {
	n, _ := strconv.Atoi(strings.Trim(arch, "sm_af"))
	return n
}

// most returns what the kernels of a source need at most: registers of a thread, bytes that it spills, and a block's shared memory.
func most(entries []nvrtc.Entry, s specializer.Source) (registers, spills, shared int) {
	dynamic := map[string]int{s.Entry: s.Resources.SharedBytes}
	for _, l := range s.Resources.Then {
		dynamic[l.Entry] = l.SharedBytes
	}
	for _, e := range entries {
		registers, spills = max(registers, e.Registers), max(spills, e.SpillStores+e.SpillLoads)
		shared = max(shared, e.SharedBytes+dynamic[e.Name])
	}
	return registers, spills, shared
}

// cubin compiles CUDA C++. Machine code is what is loaded; PTX is kept beside it, to be read.
func (b *builder) cubin(ctx context.Context, u specializer.Unit, s specializer.Source) (cache.Entry, bool, error) {
	compiler, err := b.workshop.openNVRTC()
	if err != nil {
		return cache.Entry{}, false, err
	}
	key, arch := cubinKey(s, compiler)
	return b.cache.Do(ctx, key, func(ctx context.Context) ([]byte, map[string]string, error) {
		result, err := compiler.Compile(ctx, nvrtc.Program{Name: s.Name + ".cu", Source: s.Text, Arch: arch})
		if err != nil {
			return nil, nil, err
		}
		registers, spills, shared := most(result.Entries, s)
		meta := map[string]string{
			metaVariant: s.Name, metaProblem: u.Problem.String(), metaLog: result.Log,
			metaRegisters: strconv.Itoa(registers), metaSpills: strconv.Itoa(spills), metaShared: strconv.Itoa(shared),
		}
		if arch != s.Arch {
			return result.PTX, meta, nil
		}
		return result.Cubin, meta, nil
	})
}
