package autotune_test

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// script is a bench whose candidates take what it says, on a clock of its own.
type script struct {
	seconds map[string]float64 // by "variant config": the true time of a pass
	fails   map[string]string  // "build", "verify" (wrong), "crash", "hang", "time" (crash in the timing)
	noise   float64            // times are up to so much longer
	step    time.Duration      // that building and verifying take
	jump    time.Duration      // that the clock is set by after each of those
	tick    float64            // of the clock that passes are timed by, in seconds; 0 for none

	mu     sync.Mutex
	now    time.Time
	random *rand.Rand
	timed  map[string]int // passes
	built  []string
	asked  func(what, name string)
}

func newScript(seconds map[string]float64) *script {
	return &script{
		seconds: seconds, fails: map[string]string{}, now: time.Unix(0, 0), random: rand.New(rand.NewPCG(1, 2)), timed: map[string]int{},
		asked: func(string, string) {},
	}
}

// errNoWorker is trouble of a bench.
var errNoWorker = errors.New("no more processes")

// lanes are the candidates of the tests: what the table of C has for full.
func lanes() map[string]float64 {
	return map[string]float64{
		"accumulate-full-lanes tile=64": 9e-3, "accumulate-full-lanes tile=128": 8e-3,
		"estep-full-lanes tile=64": 3e-3, "estep-full-lanes tile=128": 2.9e-3,
		"moments-full-lanes tile=64": 4e-3, "moments-full-lanes tile=128": 80e-3,
	}
}

func nameOf(c variants.Candidate) string { return c.Variant.Name() + " " + c.Config.String() }

func (s *script) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *script) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *script) Environment() autotune.Environment { return here() }

// beyondProducts is a problem that two candidates of each stage serve: it has too many dimensions for products of matrices.
func beyondProducts() variants.Problem {
	p := problem()
	p.D = 150
	return p
}

func (s *script) Source(_ variants.Problem, c variants.Candidate) (string, error) {
	if s.fails[nameOf(c)] == "source" {
		return "", errors.New("it cannot be rendered")
	}
	return "source of " + nameOf(c), nil
}

func (s *script) Build(ctx context.Context, _ variants.Problem, c variants.Candidate) error {
	s.asked("build", nameOf(c))
	s.pass(s.step)
	s.mu.Lock()
	s.built = append(s.built, nameOf(c))
	s.mu.Unlock()
	switch s.fails[nameOf(c)] {
	case "build":
		return errors.New("error: expected ';'")
	case "build hangs":
		<-ctx.Done()
		return ctx.Err()
	case "trouble in building":
		return &autotune.BenchError{Err: errNoWorker}
	}
	return nil
}

func (s *script) Verify(ctx context.Context, _ variants.Problem, c variants.Candidate) (float64, error) {
	s.asked("verify", nameOf(c))
	s.pass(s.step + s.jump)
	switch s.fails[nameOf(c)] {
	case "verify":
		return 0.5, &autotune.WrongError{Worst: 0.5, Where: "covariances"}
	case "crash":
		return 0, &autotune.CrashError{Reason: "signal: segmentation fault"}
	case "hang":
		<-ctx.Done()
		return 0, ctx.Err()
	case "infinite":
		return 0, &autotune.WrongError{Worst: math.Inf(1), Where: "a NaN"}
	case "judged as NaN":
		return math.NaN(), nil
	case "trouble":
		return 0, &autotune.BenchError{Err: errNoWorker}
	}
	return 1e-12, nil
}

func (s *script) Time(ctx context.Context, _ variants.Problem, c variants.Candidate, repeats int) ([]float64, error) {
	s.asked("time", nameOf(c))
	switch s.fails[nameOf(c)] {
	case "time":
		return nil, &autotune.CrashError{Reason: "an illegal address"}
	case "timing hangs":
		<-ctx.Done()
		return nil, ctx.Err()
	case "trouble in timing":
		return nil, &autotune.BenchError{Err: errNoWorker}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	times := make([]float64, repeats)
	for i := range times {
		times[i] = s.seconds[nameOf(c)] * (1 + s.noise*s.random.Float64())
		s.now = s.now.Add(time.Duration(times[i] * float64(time.Second)))
		if s.tick > 0 {
			times[i] = math.Floor(times[i]/s.tick) * s.tick
		}
	}
	s.timed[nameOf(c)] += repeats
	return times, nil
}

// tune runs a script.
func (s *script) tune(ctx context.Context, change func(*autotune.TuneRequest)) (*autotune.Tuning, error) {
	request := autotune.TuneRequest{
		Problem: beyondProducts(), Target: processor().Target, Workers: 2, Now: s.clock, Limit: 50 * time.Millisecond,
		Stages: []variants.Stage{variants.Accumulate, variants.EStep, variants.Moments},
	}
	if change != nil {
		change(&request)
	}
	return autotune.Tune(ctx, request, s)
}

func mustTune(t *testing.T, s *script, change func(*autotune.TuneRequest)) *autotune.Tuning {
	t.Helper()
	tuning, err := s.tune(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	return tuning
}

// outcome returns what became of a candidate.
func outcome(t *testing.T, tuning *autotune.Tuning, name string) autotune.Record {
	t.Helper()
	for _, r := range tuning.Records {
		if strings.TrimSpace(r.Variant+" "+r.Config) == name {
			return r
		}
	}
	t.Fatalf("no record of %s among %v", name, tuning.Records)
	return autotune.Record{}
}

// TestTuneNoise: the right candidates win though times are up to a fifth longer than they should be, and the two of 3 % distance
// are timed more often than the one that is far behind, which is a bound.
func TestTuneNoise(t *testing.T) {
	s := newScript(lanes())
	s.noise = 0.2
	tuning := mustTune(t, s, nil)
	for stage, want := range map[variants.Stage]string{
		variants.Accumulate: "accumulate-full-lanes tile=128", variants.Moments: "moments-full-lanes tile=64",
	} {
		best, ok := tuning.Best(stage)
		if got := best.Variant + " " + best.Config; !ok || got != want {
			t.Errorf("%s: %s: want %s", stage, got, want)
		}
		if !(best.Low <= best.Seconds && best.Seconds <= best.High) || best.Repeats < 3 || best.Error != 1e-12 || best.Validate() != nil {
			t.Errorf("%s: record %+v, %v", stage, best, best.Validate())
		}
	}
	bound := outcome(t, tuning, "moments-full-lanes tile=128")
	if bound.Outcome != autotune.Bound || bound.Repeats != 1 || bound.Validate() != nil {
		t.Errorf("the one far behind: %+v, %v", bound, bound.Validate())
	}
	if near, far := s.timed["estep-full-lanes tile=64"], s.timed["moments-full-lanes tile=128"]; near < 5 || far != 1 {
		t.Errorf("%d passes of the near one, %d of the far one", near, far)
	}
	if winners := tuning.Winners(); len(winners) != 2 || winners[0].Stage != variants.EStep || winners[1].Stage != variants.Moments {
		t.Errorf("winners %v: want the E-step with moments", winners)
	}
}

// TestTuneFails: what does not compile, is wrong, crashes or hangs is recorded as such, has no time, and costs nothing else.
func TestTuneFails(t *testing.T) {
	for how, want := range map[string]autotune.Outcome{
		"build": autotune.NotCompiled, "verify": autotune.Wrong, "crash": autotune.Crashed, "hang": autotune.Hung, "time": autotune.Crashed,
		"build hangs": autotune.Hung, "timing hangs": autotune.Hung, "infinite": autotune.Wrong, "judged as NaN": autotune.Wrong,
	} {
		t.Run(how, func(t *testing.T) {
			s := newScript(lanes())
			const bad = "moments-full-lanes tile=64"
			s.fails[bad] = how
			tuning := mustTune(t, s, nil)
			r := outcome(t, tuning, bad)
			if r.Outcome != want || r.Reason == "" || r.Seconds != 0 || r.Validate() != nil {
				t.Errorf("record %+v, %v: want outcome %q, with a reason and no time", r, r.Validate(), want)
			}
			if s.timed[bad] != 0 {
				t.Errorf("it was timed")
			}
			if best, ok := tuning.Best(variants.Moments); !ok || best.Config != "tile=128" || best.Outcome != autotune.OK {
				t.Errorf("the other: %+v, %v", best, ok)
			}
			if len(tuning.Records) != len(lanes()) || len(tuning.Missing) != 0 {
				t.Errorf("%d records, missing %v", len(tuning.Records), tuning.Missing)
			}
			if _, err := autotune.NewWisdom(tuning.Records...).WriteTo(io.Discard); err != nil {
				t.Errorf("it cannot be kept: %v", err)
			}
		})
	}
}

// TestTuneNoSource: a candidate that has no source is refused, with the reason, and costs nothing else; a stage without any other
// is an error.
func TestTuneNoSource(t *testing.T) {
	s := newScript(lanes())
	s.fails["estep-full-lanes tile=64"] = "source"
	tuning := mustTune(t, s, nil)
	if len(tuning.Records) != len(lanes())-1 || len(tuning.Missing) != 0 {
		t.Errorf("%d records, missing %v", len(tuning.Records), tuning.Missing)
	}
	if !slices.Contains(tuning.Refused, variants.Rejection{
		Variant: "estep-full-lanes", Backend: variants.CC, Config: "tile=64", Reason: "it cannot be rendered",
	}) {
		t.Errorf("refused %v", tuning.Refused)
	}
	s.fails["estep-full-lanes tile=128"] = "source"
	if tuning, err := s.tune(t.Context(), nil); tuning != nil || err == nil || !strings.Contains(err.Error(), "for estep of M=16") ||
		!strings.Contains(err.Error(), "it cannot be rendered") {
		t.Errorf("tuning %v, error %v", tuning, err)
	}
}

// TestTuneTrouble: where the bench fails, not a candidate, nothing is held against any candidate, nothing new begins, and what was
// learned is kept.
func TestTuneTrouble(t *testing.T) {
	for how, records := range map[string]int{
		"trouble in building": 0, // what was built was not timed
		"trouble":             0,
		"trouble in timing":   4, // the fused stage and the E-step are timed before
	} {
		s := newScript(lanes())
		s.fails["moments-full-lanes tile=64"] = how
		tuning, err := s.tune(t.Context(), nil)
		if !errors.Is(err, errNoWorker) || tuning == nil {
			t.Fatalf("%s: tuning %v, error %v", how, tuning, err)
		}
		if len(tuning.Records) != records || len(tuning.Missing) != len(lanes())-records {
			t.Errorf("%s: records %v, missing %v", how, tuning.Records, tuning.Missing)
		}
		if slices.ContainsFunc(tuning.Records, func(r autotune.Record) bool { return !r.Timed() }) {
			t.Errorf("%s: a candidate was found guilty: %v", how, tuning.Records)
		}
	}
}

// TestTuneCoarseClock: passes that are shorter than the clock's tick have no time, and a candidate that has no other is missing.
func TestTuneCoarseClock(t *testing.T) {
	s := newScript(lanes())
	s.tick = 3.5e-3 // the E-step's passes are shorter, the moments' just longer
	tuning := mustTune(t, s, nil)
	for _, r := range tuning.Records {
		if r.Stage == variants.EStep || r.Validate() != nil {
			t.Errorf("%+v, %v", r, r.Validate())
		}
	}
	if want := []string{"estep-full-lanes tile=64", "estep-full-lanes tile=128"}; !slices.Equal(tuning.Missing, want) {
		t.Errorf("missing %v: want %v", tuning.Missing, want)
	}
	s = newScript(lanes())
	s.noise, s.tick = 1, 4e-3 // some of the E-step's passes have a time
	for _, r := range mustTune(t, s, nil).Records {
		if r.Validate() != nil {
			t.Errorf("%+v: %v", r, r.Validate())
		}
	}
}

// TestTuneBehind: a candidate that is behind, but not far, has one turn after its first pass, and a time of its own.
func TestTuneBehind(t *testing.T) {
	s := newScript(lanes())
	s.seconds["moments-full-lanes tile=128"] = 12e-3
	s.noise = 0.01
	tuning := mustTune(t, s, nil)
	behind, best := outcome(t, tuning, "moments-full-lanes tile=128"), outcome(t, tuning, "moments-full-lanes tile=64")
	if behind.Outcome != autotune.OK || behind.Repeats != 2 || best.Repeats <= 2 {
		t.Errorf("%+v of %d repeats beside the best of %d: want 2, and more", behind, behind.Repeats, best.Repeats)
	}
}

// TestTuneFastPasses: a time of next to nothing asks for no absurd number of passes.
func TestTuneFastPasses(t *testing.T) {
	s := newScript(lanes())
	s.seconds["moments-full-lanes tile=64"] = 1e-300
	const most = 50 * 14
	if mustTune(t, s, nil); s.timed["moments-full-lanes tile=64"] > most {
		t.Errorf("%d passes: want at most %d", s.timed["moments-full-lanes tile=64"], most)
	}
}

// TestTuneClock: a tuning without a clock is an error.
func TestTuneClock(t *testing.T) {
	if _, err := newScript(lanes()).tune(t.Context(), func(r *autotune.TuneRequest) { r.Now = nil }); err == nil {
		t.Error("no error")
	}
}

// TestTuneAllFail: where nothing of a stage can be used there is an error with every reason, and the records all the same.
func TestTuneAllFail(t *testing.T) {
	s := newScript(lanes())
	s.fails["estep-full-lanes tile=64"], s.fails["estep-full-lanes tile=128"] = "verify", "crash"
	tuning, err := s.tune(t.Context(), nil)
	if err == nil || tuning == nil || len(tuning.Records) != len(lanes()) {
		t.Fatalf("tuning %v, error %v", tuning, err)
	}
	for _, part := range []string{"every candidate for estep", "tile=64: wrong", "covariances", "tile=128: crashed", "segmentation fault"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %v: want it to say %q", err, part)
		}
	}
}

// TestTuneVerifiesFirst: nothing is timed that was not held against the reference.
func TestTuneVerifiesFirst(t *testing.T) {
	s := newScript(lanes())
	verified := map[string]bool{}
	s.asked = func(what, name string) {
		switch {
		case what == "verify":
			verified[name] = true
		case what == "time" && !verified[name]:
			t.Errorf("%s is timed before it is verified", name)
		}
	}
	mustTune(t, s, nil)
	if len(verified) != len(lanes()) {
		t.Errorf("%d verified", len(verified))
	}
}

// TestTuneKnown: a second run does nothing, a kernel that has changed is tried again alone, and so is one that another
// environment knows.
func TestTuneKnown(t *testing.T) {
	s := newScript(lanes())
	first := mustTune(t, s, nil)
	if first.Known != 0 {
		t.Errorf("%d known before the first", first.Known)
	}
	known := autotune.NewWisdom(first.Records...)
	s.built, s.timed = nil, map[string]int{}
	second := mustTune(t, s, func(r *autotune.TuneRequest) { r.Known = known })
	if second.Known != len(lanes()) || len(s.built) != 0 || len(s.timed) != 0 || len(second.Winners()) != 2 {
		t.Errorf("known %d, built %v, timed %v, winners %v", second.Known, s.built, s.timed, second.Winners())
	}
	changed := outcome(t, first, "estep-full-lanes tile=64")
	changed.Source = "another"
	known.Add(changed)
	third := mustTune(t, s, func(r *autotune.TuneRequest) { r.Known = known })
	if third.Known != len(lanes())-1 || !slices.Equal(s.built, []string{"estep-full-lanes tile=64"}) {
		t.Errorf("known %d, built %v", third.Known, s.built)
	}
}

// TestTuneBudget: nothing begins after the time is up, what was learned is kept, and what was not tried is named.
func TestTuneBudget(t *testing.T) {
	s := newScript(lanes())
	s.step = time.Second
	tuning := mustTune(t, s, func(r *autotune.TuneRequest) { r.Budget = 9 * time.Second })
	if tuning.Elapsed < 9*time.Second || tuning.Elapsed > 12*time.Second {
		t.Errorf("it took %v", tuning.Elapsed)
	}
	if len(tuning.Missing) == 0 || len(tuning.Missing)+len(tuning.Records) != len(lanes()) {
		t.Errorf("%d records, missing %v", len(tuning.Records), tuning.Missing)
	}
}

// TestTuneBudgetBuilds: a candidate that waited for a worker is not built once the time is up.
func TestTuneBudgetBuilds(t *testing.T) {
	s := newScript(lanes())
	s.step = time.Second
	s.asked = func(string, string) { time.Sleep(20 * time.Millisecond) } // until the next one waits
	tuning := mustTune(t, s, func(r *autotune.TuneRequest) { r.Budget, r.Workers = time.Second/2, 1 })
	if len(s.built) != 1 || len(tuning.Missing) != len(lanes()) || len(tuning.Records) != 0 {
		t.Errorf("built %v, missing %v, records %v", s.built, tuning.Missing, tuning.Records)
	}
}

// TestTuneClockBack: a clock that is set back after the time was up has nothing timed that was not verified.
func TestTuneClockBack(t *testing.T) {
	s := newScript(lanes())
	s.step = time.Second
	ahead := true
	s.asked = func(what, _ string) {
		if what == "verify" && ahead { // of all that is built, the first alone is verified before the time is up
			ahead = false
			s.pass(time.Hour)
		}
	}
	back := func() time.Time {
		now := s.clock()
		if !ahead {
			s.pass(-time.Hour / 2) // less is left of the hour at each look
		}
		return now
	}
	tuning := mustTune(t, s, func(r *autotune.TuneRequest) { r.Now, r.Budget = back, time.Minute })
	if len(tuning.Records) > 1 || len(tuning.Missing) < len(lanes())-1 {
		t.Errorf("records %v, missing %v", tuning.Records, tuning.Missing)
	}
}

// TestTuneInterrupted: what was learned comes back with ctx's error.
func TestTuneInterrupted(t *testing.T) {
	s := newScript(lanes())
	ctx, cancel := context.WithCancel(t.Context())
	s.asked = func(what, name string) {
		if what == "time" && strings.HasPrefix(name, "moments") {
			cancel()
		}
	}
	tuning, err := s.tune(ctx, nil)
	if !errors.Is(err, context.Canceled) || tuning == nil {
		t.Fatalf("tuning %v, error %v", tuning, err)
	}
	if _, ok := tuning.Best(variants.EStep); !ok {
		t.Errorf("the E-step's times are lost: %v", tuning.Records)
	}
	if len(tuning.Missing)+len(tuning.Records) != len(lanes()) || len(tuning.Missing) == 0 {
		t.Errorf("%d records, missing %v", len(tuning.Records), tuning.Missing)
	}
}

// TestTuneMost: only the promising candidates of each stage are tried.
func TestTuneMost(t *testing.T) {
	s := newScript(lanes())
	tuning := mustTune(t, s, func(r *autotune.TuneRequest) { r.Most = 1 })
	if len(tuning.Records) != 3 {
		t.Errorf("records %v: want one a stage", tuning.Records)
	}
}

// TestTuneProgress: every step is told, as one of how many.
func TestTuneProgress(t *testing.T) {
	s := newScript(lanes())
	last := map[string]int{}
	mustTune(t, s, func(r *autotune.TuneRequest) {
		r.Progress = func(p autotune.TuneProgress) {
			if p.Done < 1 || p.Done > p.Total || p.Candidate == "" {
				t.Errorf("%+v", p)
			}
			last[p.Step] += 1
		}
	})
	for _, step := range []string{"build", "verify", "time"} {
		if last[step] != len(lanes()) {
			t.Errorf("%d steps of %s: want %d", last[step], step, len(lanes()))
		}
	}
}

// TestSimulation: records that are replayed lead to the same winners, and to the same failures.
func TestSimulation(t *testing.T) {
	s := newScript(lanes())
	s.fails["accumulate-full-lanes tile=128"], s.fails["estep-full-lanes tile=128"] = "crash", "hang"
	s.fails["moments-full-lanes tile=128"] = "build"
	was := mustTune(t, s, nil)
	replay := &autotune.Simulation{Env: here(), Wisdom: autotune.NewWisdom(was.Records...)}
	now, err := autotune.Tune(t.Context(), autotune.TuneRequest{
		Problem: beyondProducts(), Target: processor().Target, Workers: 2, Now: s.clock, Limit: 50 * time.Millisecond,
		Stages: []variants.Stage{variants.Accumulate, variants.EStep, variants.Moments},
	}, replay)
	if err != nil {
		t.Fatal(err)
	}
	if len(now.Records) != len(was.Records) {
		t.Errorf("%d records of %d", len(now.Records), len(was.Records))
	}
	for i, r := range now.Records {
		before := was.Records[i]
		before.Low, before.High, before.Repeats, before.Date = r.Low, r.High, r.Repeats, r.Date
		if r != before {
			t.Errorf("%+v: was %+v", r, before)
		}
	}

	replay.Wisdom.Forget(func(r autotune.Record) bool { return r.Variant == "moments-full-lanes" && r.Outcome == autotune.OK })
	part, err := autotune.Tune(t.Context(), autotune.TuneRequest{
		Problem: beyondProducts(), Target: processor().Target, Now: s.clock, Stages: []variants.Stage{variants.Accumulate, variants.Moments},
	}, replay)
	if err == nil || !strings.Contains(err.Error(), "every candidate for moments") {
		t.Errorf("of the moments what fails alone is left: error %v", err)
	}
	if best, ok := part.Best(variants.Accumulate); !ok || best.Config != "tile=64" || len(part.Refused) == 0 {
		t.Errorf("best %v, refused %v", best, part.Refused)
	}
}

// TestWinners: the fused stage is held against the sum of the E-step and the moments, and does not need them, nor they it.
func TestWinners(t *testing.T) {
	fused, estep, moments := record("accumulate-full-lanes", "tile=64", 5), record("estep-full-lanes", "tile=64", 2), record("moments-full-lanes", "tile=64", 3)
	slow, bound := fused, record("estep-full-lanes", "tile=128", 1)
	slow.Seconds, bound.Outcome = 5.1, autotune.Bound
	for name, test := range map[string]struct {
		records []autotune.Record
		want    []autotune.Record
	}{
		"equal":          {[]autotune.Record{estep, moments, fused}, []autotune.Record{fused}},
		"split":          {[]autotune.Record{slow, estep, moments}, []autotune.Record{estep, moments}},
		"fused alone":    {[]autotune.Record{slow, estep}, []autotune.Record{slow}},
		"split alone":    {[]autotune.Record{moments, estep}, []autotune.Record{estep, moments}},
		"half":           {[]autotune.Record{moments}, nil},
		"a bound is not": {[]autotune.Record{bound, moments}, nil},
		"none":           {nil, nil},
	} {
		if got := (&autotune.Tuning{Records: test.records}).Winners(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v: want %v", name, got, test.want)
		}
	}
}
