package autotune_test

import (
	"context"
	"errors"
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

func (s *script) Source(_ variants.Problem, c variants.Candidate) (string, error) {
	return "source of " + nameOf(c), nil
}

func (s *script) Build(_ context.Context, _ variants.Problem, c variants.Candidate) error {
	s.asked("build", nameOf(c))
	s.pass(s.step)
	s.mu.Lock()
	s.built = append(s.built, nameOf(c))
	s.mu.Unlock()
	if s.fails[nameOf(c)] == "build" {
		return errors.New("error: expected ';'")
	}
	return nil
}

func (s *script) Verify(ctx context.Context, _ variants.Problem, c variants.Candidate) (float64, error) {
	s.asked("verify", nameOf(c))
	s.pass(s.step)
	switch s.fails[nameOf(c)] {
	case "verify":
		return 0.5, &autotune.WrongError{Worst: 0.5, Where: "covariances"}
	case "crash":
		return 0, &autotune.CrashError{Reason: "signal: segmentation fault"}
	case "hang":
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return 1e-12, nil
}

func (s *script) Time(_ context.Context, _ variants.Problem, c variants.Candidate, repeats int) ([]float64, error) {
	s.asked("time", nameOf(c))
	if s.fails[nameOf(c)] == "time" {
		return nil, &autotune.CrashError{Reason: "an illegal address"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	times := make([]float64, repeats)
	for i := range times {
		times[i] = s.seconds[nameOf(c)] * (1 + s.noise*s.random.Float64())
		s.now = s.now.Add(time.Duration(times[i] * float64(time.Second)))
	}
	s.timed[nameOf(c)] += repeats
	return times, nil
}

// tune runs a script.
func (s *script) tune(ctx context.Context, change func(*autotune.TuneRequest)) (*autotune.Tuning, error) {
	request := autotune.TuneRequest{
		Problem: problem(), Target: processor().Target, Workers: 2, Now: s.clock, Limit: 50 * time.Millisecond,
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
		})
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
		Problem: problem(), Target: processor().Target, Workers: 2, Now: s.clock, Limit: 50 * time.Millisecond,
		Stages: []variants.Stage{variants.Accumulate, variants.EStep, variants.Moments},
	}, replay)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range now.Records {
		if before := was.Records[i]; r.Outcome != before.Outcome || r.Seconds != before.Seconds || r.Variant != before.Variant {
			t.Errorf("%v: was %v", r, before)
		}
	}
}
