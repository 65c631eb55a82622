package gmmspec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/variants"
)

// workerArgument, as the first argument, makes the test binary play a tuner's worker; the second is the part to play, the third the
// device.
const workerArgument = "-fake-worker"

// The parts of a worker.
const (
	working  = "working"  // does the trials
	crashing = "crashing" // ends at the first trial of an E-step
	silent   = "silent"   // hangs at the first trial of an E-step
	starving = "starving" // ends when it is to load events
)

// playWorker is the whole of a worker; it returns the exit status.
func playWorker(part, device string) int {
	in := io.Reader(os.Stdin)
	if part != working {
		in = &spoiled{in: os.Stdin, part: part}
	}
	if err := ServeTrials(context.Background(), in, os.Stdout, WithDevice(device)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// spoiled is a worker's input that does away with it.
type spoiled struct {
	in   io.Reader
	part string
}

// Read reads, unless a trial is asked for that the part is not up to.
func (s *spoiled) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	unbearable := `"variant":"estep-`
	if s.part == starving {
		unbearable = `"do":"load"`
	}
	if bytes.Contains(p[:n], []byte(unbearable)) {
		if s.part == silent {
			time.Sleep(time.Hour)
		}
		fmt.Fprintln(os.Stderr, "fatal: so the part says")
		os.Exit(3)
	}
	return n, err
}

// worker returns what starts this binary as a worker.
func worker(t *testing.T, part string) func(device string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return func(device string) *exec.Cmd { return exec.Command(self, workerArgument, part, device) }
}

// withoutCUDA returns a workshop that finds no driver.
func withoutCUDA(t *testing.T) *workshop {
	t.Helper()
	w := newWorkshop()
	w.openCUDA = func() (*cuda.Driver, error) { return nil, &cuda.UnavailableError{} }
	return w
}

// newTestTuner returns a tuner of compiled C with wisdom of its own.
func newTestTuner(t *testing.T, o TunerOptions, options ...Option) *Tuner {
	t.Helper()
	require.Have(t, "cc", available(newWorkshop(), "cc"))
	tuner, err := NewTuner(o, append([]Option{WithDevice(DeviceCC)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, tuner) })
	return tuner
}

// TestTune: every candidate of C is judged and timed, in this process and in another, the same kernels are known the next
// time, and plans rest on what was measured.
func TestTune(t *testing.T) {
	for name, o := range map[string]TunerOptions{"here": {}, "in a worker": {Worker: worker(t, working)}, "of auto": {Worker: worker(t, working)}} {
		t.Run(name, func(t *testing.T) {
			dir := WithCacheDir(t.TempDir())
			options := []Option{dir, WithPrecision(PrecisionFloat64)}
			if name == "of auto" {
				options = append(options, WithDevice(DeviceAuto), withWorkshop(withoutCUDA(t)))
			}
			tuner := newTestTuner(t, o, options...)
			tuning, err := tuner.Tune(t.Context(), 3, 2, 5000)
			if err != nil {
				t.Fatal(err)
			}
			report := tuner.Report(tuning)
			if len(report.Trials) < 8 || len(report.Winners) != 4 || len(report.Fit) == 0 || report.Known != 0 {
				t.Errorf("report %+v", report)
			}
			for _, one := range report.Trials {
				if !one.Timed() || one.Validate() != nil || !(one.Ceiling > 0) || !(one.Error > 0 && one.Error < 1e-9) {
					t.Errorf("trial %+v, %v", one, one.Validate())
				}
			}
			again, err := tuner.Tune(t.Context(), 3, 2, 5000)
			if err != nil || again.Known != len(tuning.Records) {
				t.Errorf("%d of %d known, %v", again.Known, len(tuning.Records), err)
			}
			plan, err := Explain(3, 2, 5000, WithDevice(DeviceCC), WithPrecision(PrecisionFloat64), WithPlanMode(PlanWisdomOnly), dir)
			if err != nil {
				t.Fatal(err)
			}
			score, _ := plan.Choice(variants.Score)
			if want, _ := tuning.Best(variants.Score); score.Config != want.Config || score.From != autotune.Measured {
				t.Errorf("planned %+v: want %v", score, want)
			}
		})
	}
}

// TestTuneWorkerLost: a worker that crashes or hangs costs the candidates that it did so with, and no others.
func TestTuneWorkerLost(t *testing.T) {
	for part, want := range map[string]autotune.Outcome{crashing: autotune.Crashed, silent: autotune.Hung} {
		t.Run(part, func(t *testing.T) {
			// What does not hang must be done in it, however much else the machine does.
			limit := time.Minute
			if part == silent {
				limit = 4 * time.Second
			}
			tuner := newTestTuner(t, TunerOptions{Worker: worker(t, part), limit: limit}, WithCacheDir(t.TempDir()))
			tuning, err := tuner.Tune(t.Context(), 2, 2, 2000)
			if err == nil || !strings.Contains(err.Error(), "every candidate for estep") {
				t.Errorf("error %v", err)
			}
			if tuning == nil {
				t.Fatal("nothing was learned")
			}
			for _, r := range tuning.Records {
				if got := r.Outcome; got != want && r.Stage == variants.EStep || got != autotune.OK && got != autotune.Bound && r.Stage == variants.Accumulate {
					t.Errorf("%v: want %q for E-steps, and a time for fused kernels", r, want)
				}
				if part == crashing && r.Stage == variants.EStep && !strings.Contains(r.Reason, "so the part says") {
					t.Errorf("reason %q: want the worker's last words", r.Reason)
				}
			}
		})
	}
}

// TestTuneCompilers: what a compiler refuses is kept as such; of one that compiles nothing, no kernel is to blame.
func TestTuneCompilers(t *testing.T) {
	for part, want := range map[string]string{choosy: "every candidate for estep", failing: "candidates cannot be tried"} {
		t.Run(part, func(t *testing.T) {
			tuner := newTestTuner(t, TunerOptions{}, WithCacheDir(t.TempDir()), withWorkshop(playing(t, part)))
			tuning, err := tuner.Tune(t.Context(), 2, 2, 2000)
			if err == nil || !strings.Contains(err.Error(), want) || tuning == nil {
				t.Fatalf("tuning %v, error %v: want %q", tuning, err, want)
			}
			for _, r := range tuning.Records {
				if refused := r.Outcome == autotune.NotCompiled; part == failing || refused != (r.Stage == variants.EStep) {
					t.Errorf("%v", r)
				}
			}
			w, err := tuner.store.Load()
			if err != nil || w.Len() != len(tuning.Records) || (w.Len() == 0) != (part == failing) {
				t.Errorf("%d kept of %d, %v", w.Len(), len(tuning.Records), err)
			}
		})
	}
}

// TestTuneBlames: of a kernel that is wrong no other is to blame that is tried beside it.
func TestTuneBlames(t *testing.T) {
	tuner := newTestTuner(t, TunerOptions{}, WithCacheDir(t.TempDir()), withWorkshop(playing(t, sparing)))
	tuning, err := tuner.Tune(t.Context(), 2, 2, 2000)
	if err == nil || !strings.Contains(err.Error(), "every candidate for score") || tuning == nil {
		t.Fatalf("tuning %v, error %v", tuning, err)
	}
	for _, r := range tuning.Records {
		if wrong := r.Outcome == autotune.Wrong; wrong != (r.Stage == variants.Score) {
			t.Errorf("%v", r)
		}
	}
}

// TestTuneNoMemory: where a worker does not survive loading the events, no kernel is held to be bad.
func TestTuneNoMemory(t *testing.T) {
	tuner := newTestTuner(t, TunerOptions{Worker: worker(t, starving)}, WithCacheDir(t.TempDir()))
	tuning, err := tuner.Tune(t.Context(), 2, 2, 2000)
	if !errors.As(err, new(*autotune.BenchError)) || !strings.Contains(err.Error(), "loading the events of M=2 D=2 N=2000") {
		t.Errorf("error %v", err)
	}
	if w, err := tuner.store.Load(); err != nil || w.Len() != 0 || tuning == nil || len(tuning.Missing) == 0 {
		t.Errorf("kept %v, %v: want nothing", w.Records(), err)
	}
}

// TestTuneNoWorker: where no worker can be started, no kernel is held to be bad, now or later.
func TestTuneNoWorker(t *testing.T) {
	dir := t.TempDir()
	missing := func(string) *exec.Cmd { return exec.Command(filepath.Join(dir, "no such program")) }
	tuner := newTestTuner(t, TunerOptions{Worker: missing}, WithCacheDir(dir))
	tuning, err := tuner.Tune(t.Context(), 2, 2, 2000)
	if !errors.As(err, new(*autotune.BenchError)) || tuning == nil || len(tuning.Missing) == 0 {
		t.Errorf("tuning %+v, error %v", tuning, err)
	}
	if w, err := tuner.store.Load(); err != nil || w.Len() != 0 {
		t.Errorf("kept %v, %v: want nothing", w.Records(), err)
	}
}

// TestServeTrials: requests that make no sense are answered with an error, and the next one is served.
func TestServeTrials(t *testing.T) {
	require.Have(t, "cc", available(newWorkshop(), "cc"))
	requests := strings.NewReader(`{"do":"sing","variant":"score-full-lanes","config":"tile=64"}
		{"do":"time","variant":"no such","config":""}
		{"do":"time","variant":"score-full-lanes","config":"tile=64","repeats":2,
		"problem":{"components":2,"dimensions":2,"events":100,"covariance_type":"full","precision":"float64"}}`)
	var out bytes.Buffer
	if err := ServeTrials(t.Context(), requests, &out, WithDevice(DeviceCC)); err != nil {
		t.Fatal(err)
	}
	var replies []trialReply
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var r trialReply
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		replies = append(replies, r)
	}
	if len(replies) != 3 || !strings.Contains(replies[0].Error, `"sing"`) || !strings.Contains(replies[1].Error, `"no such"`) || len(replies[2].Seconds) != 2 {
		t.Errorf("replies %+v", replies)
	}
	if err := ServeTrials(t.Context(), strings.NewReader("rubbish"), &out, WithDevice(DeviceCC)); err == nil {
		t.Error("rubbish is no error")
	}
}

// TestTuneRefuses: sizes and devices that there are not.
func TestTuneRefuses(t *testing.T) {
	if _, err := NewTuner(TunerOptions{}, WithDevice(DeviceReference)); err == nil {
		t.Error("the reference is tuned")
	}
	tuner := newTestTuner(t, TunerOptions{}, WithCacheDir(t.TempDir()))
	for _, size := range []Size{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {2, 4, math.MaxInt}, {1 << 30, 1 << 30, 1}} {
		if _, err := tuner.Tune(t.Context(), size.Components, size.Dimensions, int64(size.Events)); err == nil {
			t.Errorf("%+v is tuned", size)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if tuning, err := tuner.Tune(ctx, 2, 2, 100); !errors.Is(err, context.Canceled) || tuning == nil || len(tuning.Missing) == 0 {
		t.Errorf("cancelled: %+v, %v", tuning, err)
	}
}

// TestPlanModes: a fit that measures first, and fits that explore, give what any fit gives, and leave what they learned.
func TestPlanModes(t *testing.T) {
	require.Have(t, "cc", available(newWorkshop(), "cc"))
	events, start := small(t)
	fit := func(t *testing.T, options ...Option) (*Result, *Parameters) {
		t.Helper()
		model := mustNew(t, start.M, start.D, append(options, WithParameters(start), WithDevice(DeviceCC), WithPrecision(PrecisionFloat64),
			WithTolerance(0), WithIterations(0, 3))...)
		return mustTrain(t, model, events), model.Parameters()
	}
	_, want := fit(t)
	near := compare.Tolerance{Warn: 1e-10, Fail: 1e-9}

	t.Run("measure", func(t *testing.T) {
		dir := WithCacheDir(t.TempDir())
		result, got := fit(t, dir, WithPlanMode(PlanMeasured))
		near.Check(t, compare.Parameters(got, want)...)
		for _, c := range result.Plan.Choices {
			if c.From != autotune.Measured && c.Stage != variants.Update {
				t.Errorf("%+v was not measured", c)
			}
		}
		if _, got := fit(t, dir, WithPlanMode(PlanWisdomOnly)); got == nil {
			t.Error("no fit")
		}
	})
	t.Run("wisdom", func(t *testing.T) {
		model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithPlanMode(PlanWisdomOnly), WithCacheDir(t.TempDir()))
		if _, err := model.Train(t.Context(), events); !errors.As(err, new(*autotune.NoWisdomError)) {
			t.Errorf("error %v: want a *autotune.NoWisdomError", err)
		}
	})
	t.Run("measure a score", func(t *testing.T) {
		dir := t.TempDir()
		model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithPlanMode(PlanMeasured), WithCacheDir(dir))
		if _, err := model.Score(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		store, err := OpenWisdom(dir)
		if err != nil {
			t.Fatal(err)
		}
		w, err := store.Load()
		if err != nil || w.Len() == 0 || slices.ContainsFunc(w.Records(), func(r TrialRecord) bool { return r.Stage != variants.Score }) {
			t.Errorf("%v, %v: want scoring alone", w.Records(), err)
		}
	})
	t.Run("explore by scoring", func(t *testing.T) {
		dir := t.TempDir()
		model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithPlanMode(PlanExplore), WithCacheDir(dir))
		for want := 1; want <= 2; want++ {
			if _, err := model.Score(t.Context(), events); err != nil {
				t.Fatal(err)
			}
			if _, all, err := StaleWisdom(dir); err != nil || all != want {
				t.Errorf("%d records, %v: want %d", all, err, want)
			}
		}
	})
	t.Run("explore", func(t *testing.T) {
		dir := t.TempDir()
		tried := map[string]bool{}
		for range 20 {
			result, got := fit(t, WithCacheDir(dir), WithPlanMode(PlanExplore))
			near.Check(t, compare.Parameters(got, want)...)
			if !result.Plan.Explores() {
				break
			}
			i := slices.IndexFunc(result.Plan.Choices, func(c autotune.Choice) bool { return c.Explored })
			name := result.Plan.Choices[i].Variant + " " + result.Plan.Choices[i].Config
			if tried[name] {
				t.Fatalf("%s is explored twice", name)
			}
			tried[name] = true
		}
		if _, all, err := StaleWisdom(dir); err != nil || all < 8 { // others of a plan are measured with the one explored
			t.Errorf("%d records after exploring %v, %v: want all candidates of C", all, tried, err)
		}
		if _, err := Explain(start.M, start.D, int64(events.Len()), WithDevice(DeviceCC), WithPrecision(PrecisionFloat64), WithCacheDir(dir),
			WithPlanMode(PlanWisdomOnly)); err != nil {
			t.Errorf("after exploring: %v", err)
		}
	})
}

// TestExploreFailing: a kernel that cannot be used is recorded as such, said, and not explored again; the fit goes on.
func TestExploreFailing(t *testing.T) {
	w := playing(t, lying)
	events, start := small(t)
	dir := WithCacheDir(t.TempDir())
	model := mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), withWorkshop(w), dir, WithPlanMode(PlanExplore))
	result := mustTrain(t, model, events)
	if result.Plan.Device != DeviceReference || !slices.ContainsFunc(result.Warnings, func(s string) bool { return strings.Contains(s, "to be explored") }) {
		t.Errorf("device %s, warnings %q", result.Plan.Device, result.Warnings)
	}
}

// TestWisdomFile: what is imported is used, forgotten or found stale; a damaged file costs a warning and no fit.
func TestWisdomFile(t *testing.T) {
	dir := t.TempDir()
	tuner := newTestTuner(t, TunerOptions{}, WithCacheDir(dir))
	if _, err := tuner.Tune(t.Context(), 2, 2, 300); err != nil {
		t.Fatal(err)
	}
	stale, all, err := StaleWisdom(dir)
	if err != nil || len(stale) != 0 || all == 0 {
		t.Fatalf("%d of %d stale, %v", len(stale), all, err)
	}
	store, err := OpenWisdom(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	changed := w.Records()[0]
	changed.Source = "another"
	var text bytes.Buffer
	if _, err := autotune.NewWisdom(changed).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	if added, older, err := ImportWisdom(dir, &text); err != nil || added != 1 || older != 0 {
		t.Fatalf("%d imported, %d older, %v", added, older, err)
	}
	if stale, _, err = StaleWisdom(dir); err != nil || len(stale) != 1 || stale[0].Variant != changed.Variant {
		t.Errorf("stale: %v, %v", stale, err)
	}
	if n, err := ForgetWisdom(dir, StaleTrial); err != nil || n != 1 {
		t.Errorf("%d forgotten, %v", n, err)
	}

	newer, older := w.Records()[1], w.Records()[1]
	newer.Seconds, newer.Date = newer.High, newer.Date.Add(time.Hour)
	imports := func(r autotune.Record) (added, older int) {
		t.Helper()
		var text bytes.Buffer
		if _, err := autotune.NewWisdom(r).WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		added, older, err := ImportWisdom(dir, &text)
		if err != nil {
			t.Fatal(err)
		}
		return added, older
	}
	if added, _ := imports(newer); added != 1 {
		t.Errorf("%d imported: want the newer record", added)
	}
	if added, behind := imports(older); added != 0 || behind != 1 {
		t.Errorf("%d imported, %d older: want the newer record to stay", added, behind)
	}
	if w, err := store.Load(); err != nil || !slices.Contains(w.Records(), newer) {
		t.Errorf("the newer record is gone, %v", err)
	}
	stalest := newer
	stalest.Source, stalest.Date = "another", newer.Date.Add(time.Hour)
	imports(stalest)
	if added, _ := imports(older); added != 1 {
		t.Errorf("%d imported: want what is of the kernel as it is now", added)
	}

	if n, err := ForgetWisdom(dir, func(TrialRecord) bool { return true }); err != nil || n != all-1 {
		t.Errorf("%d forgotten, %v: want %d", n, err, all-1)
	}

	if err := os.WriteFile(store.Path, []byte("rubbish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	events, start := small(t)
	result := mustTrain(t, mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithCacheDir(dir), withWorkshop(newWorkshop())), events)
	if result.Plan.Device != DeviceCC || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], store.Path) {
		t.Errorf("device %s, warnings %q: want cc, and one that names %s", result.Plan.Device, result.Warnings, store.Path)
	}
}

// TestWisdomServes: times of a thousand events are held to be as many times longer for more, and those of other processors are not
// held to be this one's.
func TestWisdomServes(t *testing.T) {
	const timed, planned = 1000, 1400 // nearest to the same power of two
	dir := t.TempDir()
	tuner := newTestTuner(t, TunerOptions{}, WithCacheDir(dir))
	tuning, err := tuner.Tune(t.Context(), 2, 2, timed)
	if err != nil {
		t.Fatal(err)
	}
	best, ok := tuning.Best(variants.Score)
	if !ok {
		t.Fatal("scoring has no time")
	}
	elsewhere := best
	elsewhere.Device = "another processor"
	elsewhere.Low, elsewhere.Seconds, elsewhere.High = best.Low/100, best.Seconds/100, best.High/100
	var text bytes.Buffer
	if _, err := autotune.NewWisdom(elsewhere).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ImportWisdom(dir, &text); err != nil {
		t.Fatal(err)
	}
	plan, err := Explain(2, 2, planned, WithDevice(DeviceCC), WithCacheDir(dir), withWorkshop(newWorkshop()))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := plan.Choice(variants.Score)
	if want := best.Seconds * planned / timed; c.From != autotune.Measured || math.Abs(c.Seconds/want-1) > 1e-12 {
		t.Errorf("%v s, %s: want %v", c.Seconds, c.From, want)
	}
}

// TestUntrustedWisdom: where others may write, nothing is read of what was measured, and nothing is kept.
func TestUntrustedWisdom(t *testing.T) {
	require.Have(t, "cc", available(newWorkshop(), "cc"))
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := newWorkshop().wisdomStore(dir); err == nil {
		t.Error("a directory of mode 0777 holds wisdom")
	}
	if _, err := NewTuner(TunerOptions{}, WithDevice(DeviceCC), WithCacheDir(dir), withWorkshop(newWorkshop())); err == nil {
		t.Error("a tuner keeps its records there")
	}
	events, start := small(t)
	mustTrain(t, mustNew(t, start.M, start.D, WithParameters(start), WithDevice(DeviceCC), WithCacheDir(dir),
		withWorkshop(newWorkshop()), WithPlanMode(PlanExplore)), events)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%v, %v: want nothing there", files, err)
	}
}

// TestSizes: a grid's problems are all combinations, each once; the first few are spread over it.
func TestSizes(t *testing.T) {
	grid := SweepSizes()
	problems := grid.Problems()
	if len(problems) != len(grid.Components)*len(grid.Dimensions)*len(grid.Events) {
		t.Errorf("%d problems", len(problems))
	}
	seen := map[Size]bool{}
	for _, p := range problems {
		seen[p] = true
	}
	if len(seen) != len(problems) {
		t.Errorf("%d different problems of %d", len(seen), len(problems))
	}
	components, dimensions := map[int]bool{}, map[int]bool{}
	for _, p := range problems[:20] {
		components[p.Components], dimensions[p.Dimensions] = true, true
	}
	if len(components) < 4 || len(dimensions) < 4 {
		t.Errorf("the first 20 are %v", problems[:20])
	}
	for _, text := range []string{"", "0", "1,,2", "1,1", "x", "-3", "1e6"} {
		if sizes, err := ParseSizes(text); err == nil {
			t.Errorf("%q reads as %v", text, sizes)
		}
	}
	if sizes, err := ParseSizes("1,5,64"); err != nil || !slices.Equal(sizes, []int{1, 5, 64}) {
		t.Errorf("%v, %v", sizes, err)
	}
}
