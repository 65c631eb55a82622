package gmmspec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	goruntime "runtime"
	"slices"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// Tuning is what a [Tuner] learned of one problem.
type Tuning = autotune.Tuning

// TuneProgress is where a tuning stands.
type TuneProgress = autotune.TuneProgress

// TunerOptions say how a [Tuner] works.
type TunerOptions struct {
	// Worker returns the command of a process that calls [ServeTrials] on its standard input and output, with the device given, as
	// [WithDevice] takes it. Candidates run there, so that one that crashes or hangs costs nothing else. Without it they run in this
	// process.
	Worker func(device string) *exec.Cmd
	// Budget bounds the time of each problem; 0 is no bound.
	Budget time.Duration
	// Most bounds how many candidates of a stage are tried, the most promising ones; 0 is all.
	Most int
	// Progress, where not nil, is told of every step.
	Progress func(TuneProgress)

	limit time.Duration // of a step of a candidate; 0 is autotune.DefaultLimit
}

// Tuner finds out which kernels are fastest on one device, and has plans made on this machine from then on rest on it.
type Tuner struct {
	options    TunerOptions
	settings   *settings
	laboratory *laboratory
	bench      autotune.Bench
	store      autotune.Store
	known      *Wisdom // what the store held at the first Tune, and what was learned since
}

// NewTuner returns a tuner of the device that the options name: of CUDA, where there is a choice and a GPU, otherwise of C.
func NewTuner(o TunerOptions, options ...Option) (*Tuner, error) {
	s, err := newSettings(1, 1, options)
	if err != nil {
		return nil, err
	}
	return newTuner(o, s)
}

func newTuner(o TunerOptions, s *settings) (*Tuner, error) {
	own := *s
	if own.device == DeviceAuto {
		own.device = DeviceCC
		if _, err := own.workshop.cudaDevice(own.ordinal); err == nil {
			own.device = DeviceCUDA
		}
	}
	if own.device == DeviceReference {
		return nil, errors.New("gmmspec: the reference has no variants: want device cc or cuda")
	}
	store, err := own.workshop.wisdomStore(own.cacheDir)
	if err != nil {
		return nil, err
	}
	l, err := newLaboratory(&own)
	if err != nil {
		return nil, err
	}
	t := &Tuner{options: o, settings: &own, laboratory: l, bench: l, store: store}
	if o.Worker != nil {
		device := own.device
		if device == DeviceCUDA {
			device = fmt.Sprintf("%s:%d", device, own.ordinal)
		}
		t.bench = &remoteBench{laboratory: l, command: func() *exec.Cmd { return o.Worker(device) }}
	}
	return t, nil
}

// tunedStages are those whose candidates are timed. The M-step is small beside them, and its kernel is chosen by what it saves.
func tunedStages() []variants.Stage {
	return []variants.Stage{variants.Accumulate, variants.EStep, variants.Moments, variants.Score}
}

// Tune times every candidate for fits of n events, m components and d dimensions, keeps what it learned, and says what that
// is. When ctx is cancelled, what was learned until then is kept and returned with its error.
func (t *Tuner) Tune(ctx context.Context, m, d int, n int64) (*Tuning, error) {
	if err := t.checkSize(m, d, n); err != nil {
		return nil, err
	}
	p := t.settings.problem(m, d, n)
	c := chooser{settings: t.settings, need: autotune.Need{Train: true}}
	p.Precision = c.precision()
	p.Covariance = p.Covariance.Kernel()
	return t.tune(ctx, p, tunedStages())
}

// maxTrialNumbers bounds the events that candidates are timed on: 16 GiB of them.
const maxTrialNumbers = 1 << 32

// checkSize reports a problem that is too large to be timed.
func (t *Tuner) checkSize(m, d int, n int64) error {
	switch numbers := float64(n) * float64(d); {
	case t == nil || t.settings == nil:
		return errors.New("gmmspec: the tuner was not made by NewTuner")
	case n < 1:
		return fmt.Errorf("gmmspec: %d events: want at least 1", n)
	case numbers > maxTrialNumbers:
		return fmt.Errorf("gmmspec: %d events of %d dimensions are %.3g numbers: want at most %d: times of fewer events hold for more",
			n, d, numbers, int64(maxTrialNumbers))
	}
	return checkSize(t.settings.covariance, m, d)
}

// estimates returns what the planner expects of a problem's candidates.
func (t *Tuner) estimates(p variants.Problem) func(variants.Candidate) float64 {
	c := chooser{settings: t.settings, need: autotune.Need{Train: true, Responsibilities: true, Passes: 1}}
	var d autotune.Device
	if t.settings.device == DeviceCUDA {
		var err error
		if d, err = c.cudaDevice(p.Precision); err != nil {
			return nil
		}
	} else {
		d = c.ccDevice(p.Precision)
	}
	d.Known = nil
	plan, err := autotune.For(p, c.need, d)
	if err != nil {
		return nil
	}
	seconds := map[[2]string]float64{}
	for _, candidate := range plan.Candidates {
		seconds[[2]string{candidate.Variant, candidate.Config}] = candidate.Seconds
	}
	return func(c variants.Candidate) float64 { return seconds[[2]string{c.Variant.Name(), c.Config.String()}] }
}

func (t *Tuner) tune(ctx context.Context, p variants.Problem, stages []variants.Stage) (*Tuning, error) {
	if t.known == nil {
		known, err := t.store.Load()
		if err != nil {
			return nil, err
		}
		t.known = known
	}
	tuning, err := autotune.Tune(ctx, autotune.TuneRequest{
		Problem: p, Target: t.laboratory.target, Stages: stages, Estimate: t.estimates(p), Budget: t.options.Budget, Most: t.options.Most,
		Known: t.known, Workers: goruntime.GOMAXPROCS(0), Now: time.Now, Limit: t.options.limit, Progress: t.options.Progress,
	}, t.bench)
	if tuning == nil {
		return nil, err
	}
	if len(tuning.Records) == tuning.Known {
		return tuning, err
	}
	for _, r := range tuning.Records {
		t.known.Add(r)
	}
	return tuning, errors.Join(err, t.settings.keepRecords(tuning.Records))
}

// Close ends the tuner's worker and gives back what it holds on the device.
func (t *Tuner) Close() error {
	if t == nil || t.settings == nil {
		return nil
	}
	if remote, ok := t.bench.(*remoteBench); ok {
		remote.stop()
	}
	return t.laboratory.Close()
}

// TuneReport is what a tuner learned of one problem, for people and programs.
type TuneReport struct {
	Environment autotune.Environment `json:"environment"`
	Problem     variants.Problem     `json:"problem"`
	Trials      []TrialReport        `json:"trials"`  // the fastest of each stage first
	Winners     []autotune.Record    `json:"winners"` // of each stage
	Fit         []autotune.Record    `json:"fit"`     // what sums statistics fastest: a fused kernel, or an E-step and moments
	Refused     []variants.Rejection `json:"refused"`
	Missing     []string             `json:"missing"`
	Known       int                  `json:"known"` // before
	Seconds     float64              `json:"seconds"`
}

// TrialReport is a record and how near the ceiling it comes.
type TrialReport struct {
	autotune.Record
	// Ceiling is the least time that the row's operations and traffic take at the device's peak rates, over the time taken.
	Ceiling float64 `json:"ceiling"`
}

// Report puts a tuning in order.
func (t *Tuner) Report(tuning *Tuning) TuneReport {
	if t == nil || t.settings == nil || tuning == nil {
		return TuneReport{}
	}
	report := TuneReport{
		Environment: tuning.Environment, Problem: tuning.Problem, Fit: tuning.Winners(), Refused: tuning.Refused,
		Missing: tuning.Missing, Known: tuning.Known, Seconds: tuning.Elapsed.Seconds(),
	}
	for _, stage := range tunedStages() {
		var trials []TrialReport
		for _, r := range tuning.Records {
			if r.Stage == stage {
				trials = append(trials, TrialReport{r, t.ceiling(r)})
			}
		}
		slices.SortStableFunc(trials, func(a, b TrialReport) int {
			if a.Timed() != b.Timed() {
				if a.Timed() {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.Seconds, b.Seconds)
		})
		report.Trials = append(report.Trials, trials...)
		if best, ok := tuning.Best(stage); ok {
			report.Winners = append(report.Winners, best)
		}
	}
	return report
}

// ceiling is the share of the device's peak at which a record's kernel works.
func (t *Tuner) ceiling(r autotune.Record) float64 {
	if !r.Timed() {
		return 0
	}
	rates := ccRates()
	if t.settings.device == DeviceCUDA {
		device, err := t.settings.workshop.cudaDevice(t.settings.ordinal)
		if err != nil {
			return 0
		}
		rates = cudaRates(device)
	}
	flops := rates.Float32
	if r.Problem.Precision == variants.Float64 {
		flops = rates.Float64
	}
	candidate, err := candidateOf(r.Backend, r.Variant, r.Config)
	if err != nil {
		return 0
	}
	w := candidate.Variant.Work(r.Problem, candidate.Config)
	return max(w.Flops/flops, w.Bytes/rates.Bandwidth) / r.Seconds
}
