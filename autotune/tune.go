package autotune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gmmspec/gmmspec/variants"
)

// TuneRequest is what to tune, and how long it may take.
type TuneRequest struct {
	Problem variants.Problem // N is the number of events that are timed
	Target  variants.Target
	Stages  []variants.Stage
	// Budget bounds the time: after it nothing new begins. 0 is no bound.
	Budget time.Duration
	// Most bounds how many candidates of a stage are tried, the most promising ones; 0 is all.
	Most int
	// Estimate returns what a candidate's pass is estimated to take: those of less are more promising. Nil stands for the rows' own
	// formulas.
	Estimate func(variants.Candidate) float64
	// Known is what need not be tried again; nil for nothing.
	Known *Wisdom
	// Workers is how many candidates are built at once.
	Workers int
	// Now is the clock. It is needed.
	Now func() time.Time
	// Limit bounds each step of a candidate: past it, it hangs. 0 is [DefaultLimit].
	Limit time.Duration
	// Progress, where not nil, is told of every step that is done.
	Progress func(TuneProgress)
}

// DefaultLimit is long for the slowest candidate of the largest problem.
const DefaultLimit = 60 * time.Second

// TuneProgress is where a tuning stands.
type TuneProgress struct {
	Step        string // "build", "verify" or "time"
	Done, Total int
	Candidate   string
}

// Tuning is what was learned.
type Tuning struct {
	Environment Environment
	Problem     variants.Problem
	// Records are of all candidates that were tried, now or before, in the order of the table of variants.
	Records []Record
	// Known is how many of them were known before.
	Known int
	// Refused are the candidates that do not serve the problem, or have no source.
	Refused []variants.Rejection
	// Missing are the candidates for which no time was left.
	Missing []string
	// Elapsed is how long it took.
	Elapsed time.Duration
}

// Best returns the fastest record of a stage, or false where none has a time.
func (t *Tuning) Best(s variants.Stage) (Record, bool) { return fastest(t.Records, s) }

func fastest(records []Record, s variants.Stage) (best Record, ok bool) {
	for _, r := range records {
		if r.Stage == s && r.Outcome == OK && (!ok || r.Seconds < best.Seconds) {
			best, ok = r, true
		}
	}
	return best, ok
}

// Winners returns the fastest way to sum statistics: the fused stage, or an E-step and the moments.
func (t *Tuning) Winners() []Record {
	fused, hasFused := t.Best(variants.Accumulate)
	estep, hasEStep := t.Best(variants.EStep)
	moments, hasMoments := t.Best(variants.Moments)
	switch split := hasEStep && hasMoments; {
	case hasFused && (!split || fused.Seconds <= estep.Seconds+moments.Seconds):
		return []Record{fused}
	case split:
		return []Record{estep, moments}
	default:
		return nil
	}
}

// trial is a candidate under trial.
type trial struct {
	candidate variants.Candidate
	record    Record
	known     bool
	verified  bool // held against the reference
	done      bool // its record is final
	times     []float64
}

// tuner tries candidates.
type tuner struct {
	TuneRequest
	bench  Bench
	began  time.Time
	trials []*trial
	tuning *Tuning

	mu      sync.Mutex
	trouble error // of the bench, after which nothing new begins
}

// Tune tries every candidate of the stages: it is built, held against the reference, and only then timed. What fails in
// whatever way costs that candidate alone. The rest are timed in turns, so that a disturbance meets all of them, and those
// that are near the best longer than others. When ctx is cancelled, or the bench itself fails, what was learned is returned with
// the error; where every candidate of a stage failed, an error lists why.
func Tune(ctx context.Context, request TuneRequest, bench Bench) (*Tuning, error) {
	if err := request.Problem.Validate(); err != nil {
		return nil, err
	}
	if ctx == nil || request.Now == nil {
		return nil, errors.New("autotune: a tuning needs a context and a clock")
	}
	if request.Limit == 0 {
		request.Limit = DefaultLimit
	}
	request.Problem.Covariance = request.Problem.Covariance.Kernel()
	t := &tuner{TuneRequest: request, bench: bench, began: request.Now()}
	t.tuning = &Tuning{Environment: bench.Environment(), Problem: request.Problem}
	if err := t.collect(); err != nil {
		return nil, err
	}
	t.build(ctx)
	t.verify(ctx)
	for _, stage := range t.Stages {
		t.time(ctx, stage)
	}
	return t.finish(ctx)
}

// collect lists the candidates and what is known of them.
func (t *tuner) collect() error {
	for _, stage := range t.Stages {
		serve, refused := variants.Candidates(stage, t.Problem, t.Target)
		t.tuning.Refused = append(t.tuning.Refused, refused...)
		if t.Most > 0 && len(serve) > t.Most {
			slices.SortStableFunc(serve, func(a, b variants.Candidate) int { return cmp.Compare(t.promise(a), t.promise(b)) })
			serve = serve[:t.Most]
		}
		errs := []error{fmt.Errorf("autotune: no candidate for %s of %s has a source", stage, t.Problem)}
		for _, c := range serve {
			one, err := t.start(stage, c)
			if err != nil {
				t.tuning.Refused = append(t.tuning.Refused, variants.Rejection{
					Variant: c.Variant.Name(), Backend: c.Variant.Backend, Config: c.Config.String(), Reason: err.Error(),
				})
				errs = append(errs, err)
				continue
			}
			t.trials = append(t.trials, one)
		}
		if len(serve) > 0 && len(errs) > len(serve) {
			return errors.Join(errs...)
		}
	}
	if len(t.trials) == 0 && len(t.Stages) > 0 {
		return &UnservedError{Stage: t.Stages[0], Device: t.tuning.Environment.Device, Problem: t.Problem, Refused: t.tuning.Refused}
	}
	return nil
}

// start begins the trial of a candidate with what is known of it.
func (t *tuner) start(stage variants.Stage, c variants.Candidate) (*trial, error) {
	source, err := t.bench.Source(t.Problem, c)
	if err != nil {
		return nil, err
	}
	one := &trial{candidate: c, record: Record{
		Environment: t.tuning.Environment, Problem: t.Problem, Stage: stage,
		Variant: c.Variant.Name(), Config: c.Config.String(), Source: source,
	}}
	if t.Known != nil {
		if r, ok := t.Known.Get(one.record.Key()); ok && r.Source == source {
			one.record, one.known, one.done = r, true, true
		}
	}
	return one, nil
}

// over reports whether nothing new may begin.
func (t *tuner) over(ctx context.Context) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trouble != nil || ctx.Err() != nil || t.Budget > 0 && t.Now().Sub(t.began) >= t.Budget
}

// pending lists the trials that go on.
func (t *tuner) pending(match func(*trial) bool) []*trial {
	var all []*trial
	for _, one := range t.trials {
		if !one.done && match(one) {
			all = append(all, one)
		}
	}
	return all
}

func anyTrial(*trial) bool { return true }

// tell reports a step.
func (t *tuner) tell(step string, done, total int, one *trial) {
	if t.Progress != nil {
		t.Progress(TuneProgress{step, done, total, label(one.record.Variant, one.record.Config)})
	}
}

// build compiles all candidates, several at once.
func (t *tuner) build(ctx context.Context) {
	pending := t.pending(anyTrial)
	queue := make(chan *trial)
	var telling sync.Mutex
	done := 0
	var wait sync.WaitGroup
	for range max(1, t.Workers) {
		wait.Go(func() {
			for one := range queue {
				if t.over(ctx) { // it may have been so for as long as no worker was free
					continue
				}
				err := t.limited(ctx, func(ctx context.Context) error { return t.bench.Build(ctx, t.Problem, one.candidate) })
				telling.Lock()
				t.settle(ctx, one, NotCompiled, err)
				done++
				t.tell("build", done, len(pending), one)
				telling.Unlock()
			}
		})
	}
	for _, one := range pending {
		if t.over(ctx) {
			break
		}
		queue <- one
	}
	close(queue)
	wait.Wait()
}

// limited runs a step of a candidate within the limit.
func (t *tuner) limited(ctx context.Context, step func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, t.Limit)
	defer cancel()
	return step(limited)
}

// settle ends a trial by an error of one of its steps, if there is one.
func (t *tuner) settle(ctx context.Context, one *trial, otherwise Outcome, err error) {
	if err == nil || ctx.Err() != nil {
		return // a trial that was interrupted is missing
	}
	if trouble, ok := errors.AsType[*BenchError](err); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.trouble == nil {
			t.trouble = trouble
		}
		return
	}
	one.done = true
	one.record.Outcome, one.record.Reason, one.record.Date = otherwise, err.Error(), t.Now().UTC()
	if wrong, ok := errors.AsType[*WrongError](err); ok {
		one.record.Outcome, one.record.Error, one.record.Reason = Wrong, wrong.Largest(), wrong.Where
	} else if crash, ok := errors.AsType[*CrashError](err); ok {
		one.record.Outcome, one.record.Reason = Crashed, crash.Reason
	} else if errors.Is(err, context.DeadlineExceeded) {
		one.record.Outcome, one.record.Reason = Hung, fmt.Sprintf("no answer in %v", t.Limit)
	}
}

// verify holds the candidates against the reference.
func (t *tuner) verify(ctx context.Context) {
	pending := t.pending(anyTrial)
	for i, one := range pending {
		if t.over(ctx) {
			return
		}
		err := t.limited(ctx, func(ctx context.Context) error {
			worst, err := t.bench.Verify(ctx, t.Problem, one.candidate)
			if err == nil && !(worst >= 0 && worst <= math.MaxFloat64) { // NaN is no judgement
				err = &WrongError{Worst: worst, Where: fmt.Sprintf("a difference of %v", worst)}
			}
			if err == nil {
				one.record.Error = worst
			}
			return err
		})
		t.settle(ctx, one, Crashed, err)
		one.verified = err == nil
		t.tell("verify", i+1, len(pending), one)
	}
}

const (
	// farBehind is how many times slower than the best a candidate's first pass may be for it to be timed further.
	farBehind = 10
	// near is how many times slower than the best a candidate may be for it to be timed in all rounds.
	near = 1.5
	// roundSeconds is about how long a candidate's turn takes: far longer than a clock's tick.
	roundSeconds = 4e-3
	// mostRepeats bounds the passes of a turn.
	mostRepeats = 50
	// leastRounds and mostRounds bound the turns of candidates that are near the best.
	leastRounds, mostRounds = 2, 12
	// alike is how many times slower than the best a candidate may be without the choice between them mattering.
	alike = 1.02
)

// time times the candidates of a stage: the promising ones first, so that the others are soon seen to be behind.
func (t *tuner) time(ctx context.Context, stage variants.Stage) {
	pending := t.pending(func(one *trial) bool { return one.verified && one.record.Stage == stage })
	slices.SortStableFunc(pending, func(a, b *trial) int {
		return cmp.Compare(t.promise(a.candidate), t.promise(b.candidate))
	})
	best := 0.0
	if known, ok := fastest(t.records(), stage); ok {
		best = known.Seconds
	}
	for i, one := range pending {
		if t.over(ctx) {
			break
		}
		t.turn(ctx, one, 1)
		if !one.done && len(one.times) > 0 && (best == 0 || one.times[0] < best) {
			best = one.times[0]
		}
		t.tell("time", i+1, len(pending), one)
	}
	for _, one := range pending {
		if !one.done && len(one.times) > 0 && one.times[0] > farBehind*best {
			t.close(one, Bound)
			one.record.Reason = fmt.Sprintf("stopped after a pass: more than %d times behind", farBehind)
		}
	}
	t.rounds(ctx, pending)
	for _, one := range pending {
		if !one.done && len(one.times) > 0 {
			t.close(one, OK)
		}
	}
}

// promise ranks candidates before they are timed.
func (t *tuner) promise(c variants.Candidate) float64 {
	if t.Estimate != nil {
		return t.Estimate(c)
	}
	w := c.Variant.Work(t.Problem, c.Config)
	return w.Flops / w.Efficiency
}

// rounds gives the candidates turns until the two best are told apart.
func (t *tuner) rounds(ctx context.Context, pending []*trial) {
	for round := range mostRounds {
		var going []*trial
		for _, one := range pending {
			if !one.done && len(one.times) > 0 {
				going = append(going, one)
			}
		}
		if len(going) == 0 {
			return
		}
		slices.SortStableFunc(going, func(a, b *trial) int { return cmp.Compare(spreadOf(a.times).median, spreadOf(b.times).median) })
		best := spreadOf(going[0].times)
		if round >= leastRounds && (len(going) == 1 || told(best, spreadOf(going[1].times))) {
			return
		}
		for _, one := range going {
			if round > 0 && spreadOf(one.times).median > near*best.median {
				continue
			}
			if t.over(ctx) {
				return
			}
			t.turn(ctx, one, int(min(roundSeconds/spreadOf(one.times).median+1, mostRepeats)))
		}
	}
}

// told reports whether the best is told apart from the next, or need not be.
func told(best, next spread) bool {
	return best.high < next.low || best.median > 0 && next.median < alike*best.median
}

// turn times a candidate's passes. What is no time, such as the 0 of a clock that is coarser than a pass, is left out: a candidate
// that has no other is missing.
func (t *tuner) turn(ctx context.Context, one *trial, repeats int) {
	var times []float64
	err := t.limited(ctx, func(ctx context.Context) (err error) {
		times, err = t.bench.Time(ctx, t.Problem, one.candidate, repeats)
		return err
	})
	t.settle(ctx, one, Crashed, err)
	for _, seconds := range times {
		if err == nil && seconds > 0 && !math.IsInf(seconds, 0) {
			one.times = append(one.times, seconds)
		}
	}
}

// close makes a trial's times its record.
func (t *tuner) close(one *trial, outcome Outcome) {
	one.done = true
	one.record = WithTimes(one.record, one.times)
	one.record.Outcome, one.record.Date = outcome, t.Now().UTC()
}

// WithTimes returns the record with the seconds of its passes.
func WithTimes(r Record, times []float64) Record {
	s := spreadOf(times)
	r.Outcome, r.Seconds, r.Low, r.High, r.Repeats = OK, s.median, s.low, s.high, len(times)
	return r
}

// records lists what is final.
func (t *tuner) records() []Record {
	var all []Record
	for _, one := range t.trials {
		if one.done {
			all = append(all, one.record)
		}
	}
	return all
}

// finish says what was learned, and what was not.
func (t *tuner) finish(ctx context.Context) (*Tuning, error) {
	t.tuning.Records = t.records()
	for _, one := range t.trials {
		switch {
		case one.known:
			t.tuning.Known++
		case !one.done:
			t.tuning.Missing = append(t.tuning.Missing, label(one.record.Variant, one.record.Config))
		}
	}
	t.tuning.Elapsed = t.Now().Sub(t.began)
	if err := ctx.Err(); err != nil {
		return t.tuning, err
	}
	errs := []error{t.trouble}
	for _, stage := range t.Stages {
		errs = append(errs, t.failed(stage))
	}
	return t.tuning, errors.Join(errs...)
}

// failed is the error of a stage whose candidates were all tried, and all failed.
func (t *tuner) failed(stage variants.Stage) error {
	text, tried := "", 0
	for _, one := range t.trials {
		if one.record.Stage != stage {
			continue
		}
		if !one.done || one.record.Timed() {
			return nil
		}
		tried++
		text += fmt.Sprintf("; %s: %s (%s)", label(one.record.Variant, one.record.Config), one.record.Outcome, one.record.Reason)
	}
	if tried == 0 {
		return nil
	}
	return fmt.Errorf("autotune: every candidate for %s of %s failed%s", stage, t.Problem, text)
}

// spread is the median and the quartiles of times.
type spread struct{ low, median, high float64 }

func spreadOf(times []float64) spread {
	sorted := slices.Sorted(slices.Values(times))
	n := len(sorted)
	const quarters = 4
	return spread{low: sorted[(n-1)/quarters], median: sorted[(n-1)/2], high: sorted[n-1-(n-1)/quarters]}
}
