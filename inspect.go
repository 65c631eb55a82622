package gmmspec

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/cache"
	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

// Explain returns the plan that a model of m components over d dimensions would train n events with: what is chosen, every
// estimate, and every refusal's reason.
func Explain(m, d int, n int64, options ...Option) (*Plan, error) {
	s, err := newSettings(m, d, options)
	if err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("gmmspec: %d events: want at least 1", n)
	}
	return s.planToTrain(m, d, n)
}

// planToTrain plans training; WithArch stands for a CUDA device.
func (s *settings) planToTrain(m, d int, n int64) (*Plan, error) {
	if s.arch != "" {
		s.device = DeviceCUDA
	}
	c := chooser{settings: s, need: autotune.Need{Train: true, Passes: s.expectedPasses(), Whole: true}}
	return c.plan(s.problem(m, d, n))
}

// Source is the text of one kernel.
type Source struct {
	Variant string
	File    string // a name for its file, "score-full-lanes.c"
	Text    string
}

// inspectedEvents is the number of events that is planned for where none is given. It enters no source, but decides which are chosen.
const inspectedEvents = 1_000_000

// Render returns the sources that a plan for training and scoring would compile, or of those alone that [WithVariant]
// names. The device is cc unless [WithDevice] or [WithArch] say otherwise; for cuda no GPU is needed, and the architecture is
// sm_90 unless one is there or named. The precision auto stands for that of training.
func Render(m, d int, options ...Option) ([]Source, error) {
	s, plan, err := inspect(m, d, options)
	if err != nil {
		return nil, err
	}
	var sources []Source
	for _, choice := range s.choices(plan) {
		source, err := specializer.Render(unit(plan.Problem, plan.Target, choice.Candidate))
		if err != nil {
			return nil, err
		}
		sources = append(sources, Source{Variant: choice.Variant, File: choice.Variant + extension(plan.Target.Backend), Text: source.Text})
	}
	return sources, nil
}

// extension is how the names of a backend's sources end.
func extension(b variants.Backend) string {
	if b == variants.CUDA {
		return ".cu"
	}
	return ".c"
}

// defaultArch is what CUDA sources are shown for where there is no device.
const defaultArch = "sm_90"

// inspect plans training without needing the device.
func inspect(m, d int, options []Option) (*settings, *Plan, error) {
	s, err := newSettings(m, d, options)
	if err != nil {
		return nil, nil, err
	}
	if s.arch != "" {
		s.device = DeviceCUDA
	}
	if s.device == DeviceAuto {
		s.device = DeviceCC
	}
	if err := s.checkInspection(); err != nil { // again, of the device that auto stands for
		return nil, nil, err
	}
	if s.device == DeviceReference {
		return nil, nil, fmt.Errorf("gmmspec: the reference has no kernels: want device cc or cuda")
	}
	if s.device == DeviceCUDA && s.arch == "" {
		if _, err := s.workshop.cudaDevice(s.ordinal); err != nil {
			s.arch = defaultArch
		}
	}
	c := chooser{settings: s, need: autotune.Need{Train: true, Responsibilities: true, Passes: s.expectedPasses()}}
	plan, err := c.inspected(s.problem(m, d, s.events))
	return s, plan, err
}

// inspected plans for cuda or cc whether or not they are here.
func (c *chooser) inspected(p variants.Problem) (*Plan, error) {
	if c.settings.device == DeviceCUDA {
		return c.cuda(p)
	}
	p.Precision = c.precision()
	return c.on(p, c.ccDevice(p.Precision))
}

// choices returns a plan's choices, or those that are named.
func (s *settings) choices(p *Plan) []autotune.Choice {
	if len(s.variants) == 0 {
		return p.Choices
	}
	return slices.DeleteFunc(slices.Clone(p.Choices), func(c autotune.Choice) bool { return !slices.Contains(s.variants, c.Variant) })
}

// Compiled is what [Compile] did for one kernel.
type Compiled struct {
	Arch      string        `json:"arch"`
	Variant   string        `json:"variant"`
	Cached    bool          `json:"cached"` // it had been compiled before
	Time      time.Duration `json:"nanoseconds"`
	Registers int           `json:"registers"`    // of a thread
	Spills    int           `json:"spill_bytes"`  // of a thread, stores and loads
	Shared    int           `json:"shared_bytes"` // of a block
}

// Compile compiles the sources that [Render] returns, for each of the CUDA architectures given (none stands for C on this
// machine), and keeps them in the cache. No device is needed.
func Compile(ctx context.Context, m, d int, archs []string, options ...Option) ([]Compiled, error) {
	if len(archs) == 0 {
		return compileFor(ctx, m, d, options)
	}
	for _, arch := range archs { // all are looked at before any is compiled for
		if _, err := variants.CUDAArch(arch); err != nil {
			return nil, fmt.Errorf("gmmspec: %w", err)
		}
	}
	var all []Compiled
	for _, arch := range archs {
		compiled, err := compileFor(ctx, m, d, append(append([]Option(nil), options...), WithArch(arch)))
		if err != nil {
			return all, err
		}
		all = append(all, compiled...)
	}
	return all, nil
}

func compileFor(ctx context.Context, m, d int, options []Option) ([]Compiled, error) {
	s, plan, err := inspect(m, d, options)
	if err != nil {
		return nil, err
	}
	store, err := s.workshop.openCache(s.cacheDir)
	if err != nil {
		return nil, fmt.Errorf("gmmspec: nowhere to keep what is compiled: %w", err)
	}
	if warning := s.workshop.passedOver(); warning != "" && plan.Target.Backend == variants.CC {
		s.warn(warning)
	}
	b := &builder{workshop: s.workshop, cache: store}
	choices := s.choices(plan)
	compiled, errs := make([]Compiled, len(choices)), make([]error, len(choices))
	var wait sync.WaitGroup
	for i, choice := range choices {
		wait.Go(func() { compiled[i], errs[i] = b.compile(ctx, unit(plan.Problem, plan.Target, choice.Candidate)) })
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, err
		}
		compiled[i].Arch = plan.Target.Arch
	}
	if err := s.workshop.unkept(s.cacheDir); err != nil {
		return nil, fmt.Errorf("gmmspec: what is compiled is not kept: %w", err)
	}
	return compiled, nil
}

func (b *builder) compile(ctx context.Context, u specializer.Unit) (Compiled, error) {
	source, err := specializer.Render(u)
	if err != nil {
		return Compiled{}, err
	}
	began := time.Now()
	entry, hit, err := b.entry(ctx, u, source)
	if err != nil {
		return Compiled{}, err
	}
	if u.Target.Backend == variants.CC && b.workshop.loadsC() == nil {
		if err := opens(entry.Payload, source.Entry); err != nil {
			return Compiled{}, fmt.Errorf("gmmspec: what was compiled of %s cannot be used: %w", source.Name, err)
		}
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(entry.Meta[name])
		return n
	}
	return Compiled{
		Variant: source.Name, Cached: hit, Time: time.Since(began),
		Registers: number(metaRegisters), Spills: number(metaSpills), Shared: number(metaShared),
	}, nil
}

// VariantInfo describes a row of the variant table.
type VariantInfo struct {
	Device           string   `json:"device"` // "cuda" or "cc"
	Name             string   `json:"name"`
	Stage            string   `json:"stage"`
	Covariance       string   `json:"covariance_type"`
	Strategy         string   `json:"strategy"`
	EventLayout      string   `json:"event_layout"`       // "event": N×D, "dimension": D×N
	CovarianceLayout string   `json:"covariance_layout"`  // "packed", "square" or "diagonal"
	Parameters       string   `json:"parameters"`         // the memory in which it reads them: "global", "shared" or "constant"
	Original         string   `json:"original,omitempty"` // its name in the 2011 specializer
	Doc              string   `json:"doc"`
	Tunables         []string `json:"tunables,omitempty"` // "tile: events in shared memory: 64, 32"
}

// Variants lists every variant there is.
func Variants() []VariantInfo {
	var infos []VariantInfo
	for _, v := range variants.All() {
		info := VariantInfo{
			Device: string(v.Backend), Name: v.Name(), Stage: string(v.Stage), Covariance: string(v.Covariance), Strategy: v.Strategy,
			EventLayout: string(v.Events), CovarianceLayout: string(v.Factor), Parameters: string(v.Parameters),
			Original: v.Original, Doc: v.Doc,
		}
		for _, t := range v.Tunables {
			values := make([]string, len(t.Values))
			for i, value := range t.Values {
				values[i] = strconv.Itoa(value)
			}
			info.Tunables = append(info.Tunables, fmt.Sprintf("%s: %s: %s", t.Name, t.Doc, strings.Join(values, ", ")))
		}
		infos = append(infos, info)
	}
	return infos
}

// Cache is the store of compiled kernels.
type Cache = cache.Cache

// CacheLimits say how much of a [Cache] to keep.
type CacheLimits = cache.Limits

// DefaultCacheBytes is the size beyond which a cache drops what was read longest ago.
const DefaultCacheBytes = cache.DefaultMaxBytes

// OpenCache opens the cache that is in dir; "" stands for $GMMSPEC_CACHE or a folder of the user's cache directory. Where there is
// none, none is made, and the error wraps [fs.ErrNotExist]. It is the caller's to close; models have the directory open for
// themselves.
func OpenCache(dir string) (*Cache, error) { return cache.Open(dir, cache.Options{Existing: true}) }

// CacheDir returns the default directory of the cache.
func CacheDir() (string, error) { return cache.DefaultDir() }
