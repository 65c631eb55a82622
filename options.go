package gmmspec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/variants"
)

// The devices that [WithDevice] takes, besides "cuda:1" and so on.
const (
	DeviceAuto      = "auto"
	DeviceCUDA      = "cuda"
	DeviceCC        = "cc"
	DeviceReference = autotune.Reference
)

// The precisions that [WithPrecision] takes.
const (
	PrecisionAuto    = "auto"
	PrecisionFast    = "fast"
	PrecisionFloat32 = "float32"
	PrecisionFloat64 = "float64"
)

// The default of [WithMaxError], the least that it takes, and the least for which auto takes float32.
const (
	DefaultMaxError      = runtime.DefaultMaxError
	LeastMaxError        = runtime.LeastMaxError
	LeastFloat32MaxError = runtime.LeastMaxError32
)

// The defaults of [WithTolerance] and [WithIterations].
const (
	DefaultTolerance     = mixture.DefaultTolerance
	DefaultMaxIterations = mixture.DefaultMaxIterations
)

// Option is a setting of [New], [Explain], [Render] or [Compile].
type Option func(*settings)

// settings is all options, checked.
type settings struct {
	covariance Covariance
	// ownCovariance is set where the covariance type was given, and not that of the initial parameters.
	ownCovariance bool
	device        string
	ordinal       int // of the CUDA device
	arch          string
	events        int64 // that Render and Compile plan for
	precision     string
	maxError      float64
	unfit         *runtime.PrecisionError // why float32 does not do what it was chosen for, nil where it was not tried
	variants      []string                // that were named
	mode          PlanMode

	start     Start
	initial   *Parameters
	seeded    bool // initial was given, even if it is nil
	seed      uint64
	tolerance float64
	min, max  int
	ridge     float64
	ownRidge  bool
	weights   []float64
	hard      bool
	missing   bool
	progress  func(Progress)
	warn      func(string)
	cacheDir  string
	workshop  *workshop
}

// WithCovariance sets the covariance type; that of [WithParameters], or else Full, is the default.
func WithCovariance(c Covariance) Option {
	return func(s *settings) { s.covariance, s.ownCovariance = c, true }
}

// WithDevice sets where the work is done: "auto" (the default: what is estimated to be fastest), "cuda", "cuda:1", "cc" or
// "reference".
func WithDevice(name string) Option { return func(s *settings) { s.device = name } }

// WithPrecision sets the floating-point type of the kernels, on every device alike. Sums and the M-step are float64 always, and so is
// all of the reference, whatever is asked for.
//
//   - "auto", the default: the cheapest that keeps what [WithMaxError] allows. A fit is done in float32, and goes on in float64, with a
//     warning, from the iteration on for which estimates from the parameters say that float32 would not keep it; from the start where
//     less than [LeastFloat32MaxError] is allowed. Scores, labels and responsibilities are float64: log p(x) of an event that is far from all
//     components has few digits in float32.
//   - "fast": float32, for scores too, whatever the estimates of log-densities say. Sums are kept within what is allowed as far as float32
//     does; what it cannot hold at all is done in float64, with a warning.
//   - "float32": as fast, but what float32 cannot hold is an error.
//   - "float64": covariances within [LeastMaxError] of the reference's.
func WithPrecision(name string) Option { return func(s *settings) { s.precision = name } }

// WithMaxError sets how far one iteration may put covariances off: max |ΔΣ_ab| / √(Σ_aa Σ_bb), of the worst entry of the worst
// component, with ΔΣ the difference from what float64 makes of the same parameters. [DefaultMaxError] is the default; less than
// [LeastMaxError] is more than float64 promises. It is kept by what costs least: sums about a centre that all components share; of
// events sorted into buckets, about a centre of each; about each component's mean; and float64.
func WithMaxError(most float64) Option { return func(s *settings) { s.maxError = most } }

// WithStart sets the rule for an unseeded model's first parameters; StartRandomFromData is the default.
func WithStart(start Start) Option { return func(s *settings) { s.start = start } }

// WithParameters sets the model's first parameters, which have its covariance type: [WithCovariance] must not say otherwise.
// They are copied.
func WithParameters(p *Parameters) Option {
	return func(s *settings) { s.initial, s.seeded = p, true }
}

// WithSeed sets the seed of random starts; 0 is the default.
func WithSeed(seed uint64) Option { return func(s *settings) { s.seed = seed } }

// WithTolerance stops training once the mean log-likelihood per event changes by less; 1e-3 is the default, and 0 runs every
// iteration.
func WithTolerance(tolerance float64) Option { return func(s *settings) { s.tolerance = tolerance } }

// WithIterations bounds the number of EM iterations; 0 and 100 are the defaults.
func WithIterations(least, most int) Option { return func(s *settings) { s.min, s.max = least, most } }

// WithRidge sets what each M-step adds to the diagonal of the covariances. The default is relative to the data: see
// mixture.RelativePrior.
func WithRidge(ridge float64) Option { return func(s *settings) { s.ridge, s.ownRidge = ridge, true } }

// WithWeights gives each event that is trained on a weight ≥ 0: an event of weight 2 counts as two. They are not copied,
// and belong to one set of events: others, of another number, are refused by Train.
func WithWeights(weights []float64) Option { return func(s *settings) { s.weights = weights } }

// WithHardAssignment gives each event wholly to its most likely component (classification EM).
func WithHardAssignment() Option { return func(s *settings) { s.hard = true } }

// WithMissingValues lets NaN in events stand for a missing coordinate, which is integrated out.
func WithMissingValues() Option { return func(s *settings) { s.missing = true } }

// WithProgress calls f after every pass of training, from the goroutine that trains: f may look at the model and score with
// it, but a Train or Reset of it would wait for ever. A fit that goes on in float64 tells of the iteration that it goes on from again.
func WithProgress(f func(Progress)) Option { return func(s *settings) { s.progress = f } }

// WithWarning calls f with the warnings of scoring and of [Compile], one sentence each and each of scoring once; those of
// training are in its [Result].
func WithWarning(f func(string)) Option {
	return func(s *settings) {
		if f != nil {
			s.warn = f
		}
	}
}

// WithCacheDir keeps compiled kernels in dir; the default is $GMMSPEC_CACHE or a folder of the user's cache directory.
func WithCacheDir(dir string) Option { return func(s *settings) { s.cacheDir = dir } }

// WithArch makes [Explain], [Render] and [Compile] work for a CUDA architecture, such as "sm_90", instead of a device.
func WithArch(arch string) Option { return func(s *settings) { s.arch = arch } }

// WithEvents makes [Render] and [Compile] plan for n events, which decide what is the fastest; a million is the default.
func WithEvents(n int64) Option { return func(s *settings) { s.events = n } }

// WithVariant makes a plan use the named variant for its stage. One may be named for each stage; two for one stage are refused, and
// so are the fused accumulate with moments, which do the same work. "" takes back all that were named.
func WithVariant(name string) Option {
	return func(s *settings) {
		switch {
		case name == "":
			s.variants = nil
		case !slices.Contains(s.variants, name):
			s.variants = append(s.variants, name)
		}
	}
}

// WithPlanMode sets what a plan's choices may rest on; PlanByEstimate is the default.
func WithPlanMode(mode PlanMode) Option { return func(s *settings) { s.mode = mode } }

// withWorkshop replaces the process's tools.
func withWorkshop(w *workshop) Option { return func(s *settings) { s.workshop = w } }

// CheckOptions reports the first reason for which the options would be refused by any model: a name that is not known, a
// number out of its range. What depends on a model's size or on this machine is not looked at.
func CheckOptions(options ...Option) error { return applied(options).check() }

// CheckModel reports the first reason for which [New] would refuse a model.
func CheckModel(m, d int, options ...Option) error {
	_, err := newSettings(m, d, options)
	return err
}

// newSettings applies and checks options for a model of m components over d dimensions.
func newSettings(m, d int, options []Option) (*settings, error) {
	s := applied(options)
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := checkSize(s.covariance, m, d); err != nil {
		return nil, err
	}
	if err := s.checkInitial(m, d); err != nil {
		return nil, err
	}
	if s.workshop == nil {
		s.workshop = processWorkshop()
	}
	return s, nil
}

// applied returns the default settings, changed by options in their order.
func applied(options []Option) *settings {
	s := &settings{
		covariance: Full, device: DeviceAuto, precision: PrecisionAuto, maxError: DefaultMaxError, start: StartRandomFromData, mode: PlanByEstimate, events: inspectedEvents,
		tolerance: DefaultTolerance, max: DefaultMaxIterations, warn: func(string) {},
	}
	for _, o := range options {
		if o != nil {
			o(s)
		}
	}
	if s.initial != nil && !s.ownCovariance {
		s.covariance = s.initial.Covariance
	}
	return s
}

// check looks at each setting but the initial parameters.
func (s *settings) check() error {
	if _, err := ParseCovariance(string(s.covariance)); err != nil {
		return fmt.Errorf("gmmspec: %w", err)
	}
	if err := s.checkDevice(); err != nil {
		return err
	}
	if !slices.Contains([]string{PrecisionAuto, PrecisionFast, PrecisionFloat32, PrecisionFloat64}, s.precision) {
		return fmt.Errorf("gmmspec: unknown precision %q: want auto, fast, float32 or float64", s.precision)
	}
	if !(s.maxError >= LeastMaxError) || math.IsInf(s.maxError, 0) {
		return fmt.Errorf("gmmspec: maximum error %v: want a finite number of at least %g, what float64 promises", s.maxError, LeastMaxError)
	}
	if !slices.Contains(autotune.Modes(), s.mode) {
		return fmt.Errorf("gmmspec: unknown plan mode %q: want estimate, measure, wisdom or explore", s.mode)
	}
	if _, err := mixture.ParseStart(string(s.start)); err != nil {
		return fmt.Errorf("gmmspec: %w", err)
	}
	if !(s.tolerance >= 0) || math.IsInf(s.tolerance, 0) {
		return fmt.Errorf("gmmspec: tolerance %v: want a finite number of at least 0", s.tolerance)
	}
	if s.events < 1 {
		return fmt.Errorf("gmmspec: %d events: want at least 1", s.events)
	}
	if s.min < 0 {
		return fmt.Errorf("gmmspec: minimum of %d iterations: want at least 0", s.min)
	}
	if s.max < s.min {
		return fmt.Errorf("gmmspec: maximum of %d iterations: want at least the minimum, %d", s.max, s.min)
	}
	if s.ownRidge && (!(s.ridge >= 0) || math.IsInf(s.ridge, 0)) {
		return fmt.Errorf("gmmspec: ridge %v: want a finite number of at least 0", s.ridge)
	}
	return s.checkInspection()
}

func (s *settings) checkDevice() error {
	name, number, numbered := strings.Cut(s.device, ":")
	switch name {
	case DeviceAuto, DeviceCC, DeviceReference:
		if numbered {
			return fmt.Errorf("gmmspec: unknown device %q: only cuda devices have numbers", s.device)
		}
		return nil
	case DeviceCUDA:
		if numbered {
			n, err := strconv.Atoi(number)
			if err != nil || n < 0 {
				return fmt.Errorf("gmmspec: unknown device %q: want cuda:NUMBER", s.device)
			}
			s.ordinal = n
		}
		s.device = DeviceCUDA
		return nil
	}
	return fmt.Errorf("gmmspec: unknown device %q: want auto, cuda, cuda:NUMBER, cc or reference", s.device)
}

// maxNumbers is how many numbers a model's means and factors may be: 4 GiB of them, of which a fit holds several copies. More is a
// mistake, and would end the process.
const maxNumbers = 1 << 29

// checkSize reports sizes that no model has, or one that can be held. They are multiplied as float64, which does not overflow.
func checkSize(c Covariance, m, d int) error {
	if m < 1 {
		return fmt.Errorf("gmmspec: %d components: want at least 1", m)
	}
	if d < 1 {
		return fmt.Errorf("gmmspec: %d dimensions: want at least 1", d)
	}
	components, dimensions := float64(m), float64(d)
	numbers := components * (1 + dimensions)
	switch c {
	case Full, Tied: // each component of tied has its copy of the factor
		numbers += components * dimensions * dimensions
	case Diag, Spherical:
		numbers += components * dimensions
	}
	if numbers > maxNumbers {
		return fmt.Errorf("gmmspec: %d components of %d dimensions, %s, are %.3g numbers: want at most %d", m, d, c, numbers, maxNumbers)
	}
	return nil
}

// checkInspection checks what [Explain], [Render] and [Compile] take besides.
func (s *settings) checkInspection() error {
	if s.arch != "" {
		if _, err := variants.CUDAArch(s.arch); err != nil {
			return fmt.Errorf("gmmspec: %w", err)
		}
	}
	return s.checkVariants()
}

// checkVariants holds the named variants against each other and against the device.
func (s *settings) checkVariants() error {
	stages := map[variants.Stage]string{}
	serve := []string{DeviceCC, DeviceCUDA} // devices that all of them are for
	for _, name := range s.variants {
		devices, stage := writtenFor(name)
		switch other, taken := stages[stage]; {
		case len(devices) == 0:
			return fmt.Errorf("gmmspec: unknown variant %q", name)
		case taken:
			return fmt.Errorf("gmmspec: variants %q and %q are both named for %s: want one", other, name, stage)
		case s.arch != "" && !slices.Contains(devices, DeviceCUDA):
			return fmt.Errorf("gmmspec: variant %q is for device %s, not for %s", name, DeviceCC, s.arch)
		case s.arch == "" && s.device != DeviceAuto && !slices.Contains(devices, s.device):
			return fmt.Errorf("gmmspec: variant %q is for device %s, not for %s", name, strings.Join(devices, " or "), s.device)
		}
		stages[stage] = name
		serve = slices.DeleteFunc(serve, func(d string) bool { return !slices.Contains(devices, d) })
	}
	fused, moments := stages[variants.Accumulate], stages[variants.Moments]
	switch {
	case len(serve) == 0:
		return fmt.Errorf("gmmspec: variants %q are for different devices: want those of one", s.variants)
	case fused != "" && moments != "":
		return fmt.Errorf("gmmspec: variants %q and %q are both named: a pass is fused, or an E-step with moments", fused, moments)
	}
	return nil
}

// writtenFor returns the devices that a variant is written for, and its stage; none where there is no such variant.
func writtenFor(name string) (devices []string, stage variants.Stage) {
	for _, v := range variants.All() {
		if v.Name() == name {
			devices, stage = append(devices, string(v.Backend)), v.Stage
		}
	}
	return devices, stage
}

func (s *settings) checkInitial(m, d int) error {
	if !s.seeded {
		return nil
	}
	if err := s.initial.Validate(); err != nil {
		return fmt.Errorf("gmmspec: initial parameters: %w", err)
	}
	if s.initial.M != m || s.initial.D != d {
		return fmt.Errorf("gmmspec: initial parameters have M=%d, D=%d: want M=%d, D=%d", s.initial.M, s.initial.D, m, d)
	}
	if s.initial.Covariance != s.covariance {
		return fmt.Errorf("gmmspec: initial parameters are %s: want %s", s.initial.Covariance, s.covariance)
	}
	s.initial = s.initial.Clone()
	return nil
}
