package autotune_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// processor is a device for C with the rates of some processor.
func processor() autotune.Device {
	return autotune.Device{
		Name: "cc", Target: variants.Native(64, 2),
		CompileSeconds: 0.1, CallSeconds: 1e-5, Flops: 1e11, UpdateFlops: 5e10, Bandwidth: 1e10,
	}
}

func problem() variants.Problem {
	return variants.Problem{M: 16, D: 19, N: 100_000, Covariance: variants.Full, Precision: variants.Float64}
}

func plan(t *testing.T, p variants.Problem, need autotune.Need, d autotune.Device) *autotune.Plan {
	t.Helper()
	plan, err := autotune.For(p, need, d)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestStages: a plan has the stages that are needed, in the order in which they are run.
func TestStages(t *testing.T) {
	for _, test := range []struct {
		need autotune.Need
		want []variants.Stage
	}{
		{autotune.Need{Score: true}, []variants.Stage{variants.Score}},
		{autotune.Need{Responsibilities: true}, []variants.Stage{variants.Score, variants.EStep}},
		{autotune.Need{Train: true}, []variants.Stage{variants.Accumulate, variants.Score}},
		{autotune.Need{Train: true, Responsibilities: true}, []variants.Stage{variants.Accumulate, variants.Score, variants.EStep}},
		{
			autotune.Need{Train: true, Responsibilities: true, Variants: []string{"moments-full-lanes"}},
			[]variants.Stage{variants.EStep, variants.Moments, variants.Score},
		},
		{
			autotune.Need{Train: true, Variants: []string{"accumulate-full-lanes"}},
			[]variants.Stage{variants.Accumulate, variants.Score},
		},
		{
			autotune.Need{Train: true, Responsibilities: true, Variants: []string{"accumulate-full-lanes", "estep-full-lanes"}},
			[]variants.Stage{variants.Accumulate, variants.Score, variants.EStep},
		},
		{
			autotune.Need{Train: true, Variants: []string{"estep-full-lanes", "moments-full-lanes", "update-full-component"}},
			[]variants.Stage{variants.EStep, variants.Moments, variants.Update, variants.Score},
		},
		{
			autotune.Need{Train: true, Variants: []string{"update-full-component"}},
			[]variants.Stage{variants.Accumulate, variants.Update, variants.Score},
		},
	} {
		plan := plan(t, problem(), test.need, processor())
		var got []variants.Stage
		for _, c := range plan.Choices {
			found, ok := plan.Choice(c.Stage)
			if c.StandsBy {
				if !ok || !found.Candidate.Variant.Centred || c.Candidate.Variant.Centred {
					t.Errorf("%s stands by for %s", c.Variant, found.Variant)
				}
				continue
			}
			got = append(got, c.Stage)
			if !ok || found.Variant != c.Variant {
				t.Errorf("stage %s is not found", c.Stage)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v: stages %v, want %v", test.need, got, test.want)
		}
		for _, name := range test.need.Variants {
			if !slices.Contains(plan.Variants(), name) {
				t.Errorf("%s is not in the plan", name)
			}
		}
	}
}

// TestEstimate: the total is starting, compiling what is not cached, and every pass; a stage that only ends a fit is in no pass.
func TestEstimate(t *testing.T) {
	d := processor()
	d.Startup = 0.5
	cached := map[string]bool{"score-full-lanes": true, "accumulate-full-lanes": true} // the latter stands by, in no pass
	d.Cached = func(_ variants.Problem, c variants.Candidate) bool { return cached[c.Variant.Name()] }
	plan := plan(t, problem(), autotune.Need{Train: true, Passes: 10}, d)
	accumulate, _ := plan.Choice(variants.Accumulate)
	score, _ := plan.Choice(variants.Score)
	e := plan.Estimate
	if e.Startup != 0.5 || e.Compile != 0.1 || e.Pass != accumulate.Seconds || e.Passes != 10 || accumulate.Cached || !score.Cached {
		t.Errorf("%+v of\n%v", e, plan)
	}
	if want := 0.5 + 0.1 + 10*accumulate.Seconds; math.Abs(e.Total-want) > 1e-12 {
		t.Errorf("total %v: want %v", e.Total, want)
	}
	work := accumulate.Candidate.Variant.Work(problem(), accumulate.Candidate.Config)
	want := d.CallSeconds + max(work.Flops/(d.Flops*work.Efficiency), work.Bytes/d.Bandwidth)
	if accumulate.Seconds != want {
		t.Errorf("a pass of %v s: want %v", accumulate.Seconds, want)
	}
}

// TestUpdateChoice: a kernel for the M-step is chosen where it saves more than it costs to compile, whatever is compiled
// already and however many cores there are: two runs are to give the same bits.
func TestUpdateChoice(t *testing.T) {
	p := problem()
	p.M, p.D = 256, 64
	for _, passes := range []int{1, 1000} {
		var plans []string
		for _, cores := range []int{1, 64} {
			for _, cached := range []bool{false, true} {
				d := processor()
				d.Target.Units, d.Flops = cores, d.Flops*float64(cores)
				d.Cached = func(variants.Problem, variants.Candidate) bool { return cached }
				plans = append(plans, fmt.Sprint(plan(t, p, autotune.Need{Train: true, Passes: passes}, d).Variants()))
			}
		}
		if len(slices.Compact(plans)) != 1 {
			t.Errorf("%d passes: %v: want one plan", passes, plans)
		}
		if chosen := strings.Contains(plans[0], "update"); chosen != (passes == 1000) {
			t.Errorf("%d passes: %v", passes, plans[0])
		}
	}
	p.Covariance = variants.Tied
	if plan := plan(t, p, autotune.Need{Train: true, Passes: 1000}, processor()); slices.Contains(plan.Variants(), "update-full-component") {
		t.Error("a kernel's M-step for a covariance that it does not serve")
	}
}

// TestUnserved: an error says which stage nothing serves, and each row's reason.
func TestUnserved(t *testing.T) {
	hard := problem()
	hard.Hard = true
	for _, test := range []struct {
		p    variants.Problem
		need autotune.Need
		says []string
	}{
		{hard, autotune.Need{Train: true}, []string{"no variant does accumulate on cc", "hard assignment"}},
		{hard, autotune.Need{Score: true}, []string{"no variant does score", "hard assignment"}},
		{problem(), autotune.Need{Train: true, Variants: []string{"accumulate-diag-lanes"}}, []string{"accumulate-diag-lanes does not do accumulate"}},
		{problem(), autotune.Need{Train: true, Variants: []string{"update-diag-component"}}, []string{"update-diag-component does not do update"}},
	} {
		plan, err := autotune.For(test.p, test.need, processor())
		if plan != nil || !errors.As(err, new(*autotune.UnservedError)) {
			t.Fatalf("plan %v, error %v", plan, err)
		}
		for _, part := range test.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("error %v: want it to say %q", err, part)
			}
		}
	}
	if _, err := autotune.For(problem(), autotune.Need{Train: true, Variants: []string{"score-full-event"}}, processor()); err == nil {
		t.Error("a variant of another backend is planned")
	}
	bad := problem()
	bad.Precision = "float16"
	if _, err := autotune.For(bad, autotune.Need{Train: true}, processor()); err == nil {
		t.Error("a precision that is none is planned")
	}
}

// TestReference: the reference serves everything, and needs no choice.
func TestReference(t *testing.T) {
	hard := problem()
	hard.Hard, hard.Missing, hard.Weighted = true, true, true
	d := autotune.Device{Name: autotune.Reference, Flops: 1e9, CallSeconds: 1e-5}
	train := plan(t, hard, autotune.Need{Train: true, Passes: 3}, d)
	score := plan(t, hard, autotune.Need{Score: true, Passes: 3}, d)
	if len(train.Choices) != 0 || !(train.Estimate.Pass > score.Estimate.Pass) || !(score.Estimate.Pass > 0) {
		t.Errorf("train\n%vscore\n%v", train, score)
	}
}

// TestCheapest: the least total is chosen, the earlier of equals, and the others are told.
func TestCheapest(t *testing.T) {
	of := func(name string, total float64) *autotune.Plan {
		return &autotune.Plan{Device: name, Why: "asked for", Estimate: autotune.Estimate{Total: total}}
	}
	plans := []*autotune.Plan{of("a", 2), of("b", 1), of("c", 1)}
	got := autotune.Cheapest(plans, []autotune.Alternative{{Device: "d", Reason: "it is not here"}})
	if got.Device != "b" || len(got.Others) != 3 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []string{"a", "c", "d"} {
		if got.Others[i].Device != want || got.Others[i].Reason == "" {
			t.Errorf("others %+v", got.Others)
		}
	}
	if plans[1].Why != "asked for" || plans[1].Others != nil {
		t.Error("the plan that was handed in has changed")
	}
	if alone := autotune.Cheapest(plans[:1], nil); alone.Device != "a" || alone.Why == got.Why {
		t.Errorf("alone: %+v", alone)
	}
}

// TestPrinted: a plan in words and as JSON says what is asked, chosen and refused.
func TestPrinted(t *testing.T) {
	p := problem()
	p.Covariance = variants.Tied
	plan := plan(t, p, autotune.Need{Train: true, Passes: 3}, processor())
	text := plan.String()
	for _, part := range []string{"M=16 D=19 N=100000 tied float64", "cc", "accumulate-full-product tile=64 (to compile", "accumulate-full-lanes tile=64 (to compile) where components are too tight", "refused update-full-component: sums"} {
		if !strings.Contains(text, part) {
			t.Errorf("not said: %q in\n%s", part, text)
		}
	}
	encoded, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"device":"cc"`, `"covariance_type":"tied"`, `"variant":"accumulate-full-product"`, `"stands_by":true`, `"passes":3`} {
		if !strings.Contains(string(encoded), part) {
			t.Errorf("not said: %q in\n%s", part, encoded)
		}
	}
}

// TestSeconds: durations are worded to about two digits, and never in powers of ten.
func TestSeconds(t *testing.T) {
	for seconds, want := range map[float64]string{
		2.5e-8: "0.025 µs", 3e-6: "3 µs", 4.2e-5: "42 µs", 9.996e-4: "1000 µs", 1e-3: "1 ms", 0.0456: "46 ms", 0.5: "500 ms",
		1: "1 s", 2.34: "2.3 s", 1234.5: "1234 s",
	} {
		if got := (autotune.Estimate{Total: seconds, Passes: 1}).String(); !strings.HasPrefix(got, want+":") {
			t.Errorf("%v s is %q: want %q", seconds, got, want)
		}
	}
}
