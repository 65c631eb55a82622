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
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// knowing returns the processor with times of some candidates, by "variant config".
func knowing(known map[string]autotune.Timing) autotune.Device {
	d := processor()
	d.Known = func(_ variants.Problem, c variants.Candidate) (autotune.Timing, bool) {
		timing, ok := known[nameOf(c)]
		return timing, ok
	}
	return d
}

func trusted(seconds float64) autotune.Timing {
	return autotune.Timing{Seconds: seconds, Trusted: true}
}

func choiceFor(t *testing.T, p *autotune.Plan, s variants.Stage) autotune.Choice {
	t.Helper()
	c, ok := p.Choice(s)
	if !ok {
		t.Fatalf("no choice for %s in\n%v", s, p)
	}
	return c
}

// TestMeasuredDecides: a time that was taken here decides, unless the model says of a candidate that was not timed that it is far
// faster: what was timed may be the slowest of all.
func TestMeasuredDecides(t *testing.T) {
	need := autotune.Need{Train: true, Responsibilities: true}
	estimate := func(c string) float64 {
		for _, candidate := range plan(t, problem(), need, processor()).Candidates {
			if candidate.Variant+" "+candidate.Config == c {
				return candidate.Seconds
			}
		}
		t.Fatalf("no candidate %s", c)
		return 0
	}
	product, lanes := estimate("accumulate-full-product tile=64"), estimate("accumulate-full-lanes tile=64")
	if !(1.5*product < lanes) {
		t.Fatalf("estimates of %v and %v s", product, lanes)
	}
	for _, test := range []struct {
		known map[string]autotune.Timing
		want  string
	}{
		{map[string]autotune.Timing{"accumulate-full-product tile=128": trusted(123)}, "accumulate-full-product tile=128"},
		{map[string]autotune.Timing{"accumulate-full-lanes tile=64": trusted(lanes)}, "accumulate-full-product tile=64"},
		{map[string]autotune.Timing{
			"accumulate-full-lanes tile=64": trusted(lanes), "accumulate-full-product tile=128": trusted(1.4 * product),
		}, "accumulate-full-product tile=128"},
	} {
		c := choiceFor(t, plan(t, problem(), need, knowing(test.known)), variants.Accumulate)
		if got := c.Variant + " " + c.Config; got != test.want {
			t.Errorf("of %v: %s: want %s", test.known, got, test.want)
		}
	}
}

// TestEqual: plans compare by what they say.
func TestEqual(t *testing.T) {
	a, b := plan(t, problem(), autotune.Need{Train: true}, processor()), plan(t, problem(), autotune.Need{Train: true}, processor())
	if !a.Equal(b) {
		t.Error("two plans of one problem differ")
	}
	if c := plan(t, problem(), autotune.Need{Score: true}, processor()); a.Equal(c) {
		t.Error("a plan that trains is one that scores")
	}
}

// TestRankedScales: times from a device like this one rank the candidates that have one, and bring the estimates of the others
// to their scale.
func TestRankedScales(t *testing.T) {
	plain := plan(t, problem(), autotune.Need{Score: true}, processor())
	estimate := choiceFor(t, plain, variants.Score).Seconds
	for _, factor := range []float64{0.1, 10} {
		d := knowing(map[string]autotune.Timing{"score-full-lanes tile=64": {Seconds: factor * estimate}})
		p := plan(t, problem(), autotune.Need{Score: true}, d)
		for _, c := range p.Candidates {
			from := autotune.Estimated
			if c.Config == "tile=64" {
				from = autotune.Ranked
			}
			if c.From != from || math.Abs(c.Seconds/(factor*estimate)-1) > 1e-9 {
				t.Errorf("factor %v: %+v: want %v s, %s", factor, c, factor*estimate, from)
			}
		}
	}
}

// TestScaleOfOtherStages: a fused stage that was timed is held against estimates of the others on the scale of its times, so that a
// device that is slower than its rates does not have what was never timed chosen. The estimates of the M-step and of scoring, which
// are held against no other stage, are their own.
func TestScaleOfOtherStages(t *testing.T) {
	need := autotune.Need{Train: true, Variants: []string{"update-full-component"}}
	plain := plan(t, problem(), need, processor())
	if slices.Contains(plain.Variants(), "estep-full-lanes") {
		t.Fatalf("the fused stage is to be estimated as the faster:\n%v", plain)
	}
	for _, factor := range []float64{0.1, 1, 10} {
		estimate := choiceFor(t, plain, variants.Accumulate).Seconds
		d := knowing(map[string]autotune.Timing{ // whose geometric mean is factor times what both are estimated at
			"accumulate-full-product tile=64": trusted(factor / 1.01 * estimate), "accumulate-full-product tile=128": trusted(factor * 1.01 * estimate),
		})
		p := plan(t, problem(), need, d)
		if c := choiceFor(t, p, variants.Accumulate); c.From != autotune.Measured || c.Config != "tile=64" {
			t.Errorf("factor %v: %+v", factor, c)
		}
		for i, c := range p.Candidates {
			want := factor * plain.Candidates[i].Seconds
			if c.Stage == variants.Update || c.Stage == variants.Score {
				want = plain.Candidates[i].Seconds
			}
			if c.Stage != variants.Accumulate && math.Abs(c.Seconds/want-1) > 1e-9 {
				t.Errorf("factor %v: %s %s: %v s: want %v", factor, c.Variant, c.Config, c.Seconds, want)
			}
		}
	}
}

// TestScoringAsksOnce: a plan that does not train asks wisdom of each of its candidates once, and of no others: one is made for a
// score of a single event.
func TestScoringAsksOnce(t *testing.T) {
	for _, need := range []autotune.Need{{Score: true}, {Responsibilities: true}} {
		asked := map[string]int{}
		d := processor()
		d.Known = func(_ variants.Problem, c variants.Candidate) (autotune.Timing, bool) {
			asked[nameOf(c)]++
			return autotune.Timing{}, false
		}
		p := plan(t, problem(), need, d)
		for _, c := range p.Candidates {
			if name := nameOf(c.Candidate); asked[name] != 1 {
				t.Errorf("%+v: asked of %s %d times", need, name, asked[name])
			}
		}
		if len(asked) != len(p.Candidates) {
			t.Errorf("%+v: asked %v for %d candidates", need, asked, len(p.Candidates))
		}
	}
}

// TestNoTime: wisdom of a time that is none is no wisdom.
func TestNoTime(t *testing.T) {
	plain := plan(t, problem(), autotune.Need{Score: true}, processor())
	for _, seconds := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		d := knowing(map[string]autotune.Timing{"score-full-lanes tile=128": trusted(seconds)})
		if c := choiceFor(t, plan(t, problem(), autotune.Need{Score: true}, d), variants.Score); c.From != autotune.Estimated || c.Seconds != choiceFor(t, plain, variants.Score).Seconds {
			t.Errorf("%v s: %+v", seconds, c)
		}
	}
}

// TestFailedIsRefused: what was tried here and failed is not planned again, and the plan says why.
func TestFailedIsRefused(t *testing.T) {
	d := knowing(map[string]autotune.Timing{"score-full-lanes tile=64": {Trusted: true, Failed: "crashed, a signal"}})
	p := plan(t, problem(), autotune.Need{Score: true}, d)
	if c := choiceFor(t, p, variants.Score); c.Config != "tile=128" {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(p.String(), "refused score-full-lanes tile=64: was tried: crashed, a signal") {
		t.Errorf("the plan does not say why:\n%v", p)
	}
	d = knowing(map[string]autotune.Timing{
		"score-full-lanes tile=64": {Trusted: true, Failed: "x"}, "score-full-lanes tile=128": {Trusted: true, Failed: "y"},
	})
	if _, err := autotune.For(problem(), autotune.Need{Score: true}, d); !errors.As(err, new(*autotune.UnservedError)) {
		t.Errorf("nothing is left: error %v", err)
	}
}

// TestStandByLearns: what stands by is what is known to be the fastest, and not what failed.
func TestStandByLearns(t *testing.T) {
	standing := func(known map[string]autotune.Timing) (found autotune.Choice, p *autotune.Plan) {
		known["accumulate-full-product tile=64"] = trusted(0.001)
		p = plan(t, problem(), autotune.Need{Train: true}, knowing(known))
		for _, c := range p.Choices {
			if c.StandsBy {
				found = c
			}
		}
		return found, p
	}
	for failed, want := range map[string]string{"tile=64": "tile=128", "tile=128": "tile=64"} {
		c, p := standing(map[string]autotune.Timing{"accumulate-full-lanes " + failed: {Trusted: true, Failed: "x"}})
		if c.Config != want {
			t.Errorf("%s failed: %q stands by", failed, c.Config)
		}
		if n := strings.Count(p.String(), "refused accumulate-full-lanes "+failed); n != 1 {
			t.Errorf("%d refusals of %s", n, failed)
		}
		c, _ = standing(map[string]autotune.Timing{"accumulate-full-lanes " + failed: trusted(0.2), "accumulate-full-lanes " + want: trusted(0.1)})
		if c.Config != want || c.From != autotune.Measured {
			t.Errorf("%s is the fastest: %+v stands by", want, c)
		}
	}
}

// TestWisdomOnly: where nothing was measured there is an error that says what to do; the M-step is never measured.
func TestWisdomOnly(t *testing.T) {
	need := autotune.Need{Train: true, Mode: autotune.WisdomOnly, Variants: []string{"update-full-component"}}
	_, err := autotune.For(problem(), need, processor())
	if !errors.As(err, new(*autotune.NoWisdomError)) || !strings.Contains(err.Error(), "gmmspec tune -M 16 -D 19 -N 100000") {
		t.Errorf("error %v", err)
	}
	d := knowing(map[string]autotune.Timing{
		"accumulate-full-lanes tile=64": trusted(1), "score-full-lanes tile=64": trusted(1),
	})
	if p := plan(t, problem(), need, d); choiceFor(t, p, variants.Accumulate).From != autotune.Measured {
		t.Errorf("%v", p)
	}
	d = knowing(map[string]autotune.Timing{
		"estep-full-lanes tile=64": trusted(1), "moments-full-lanes tile=64": trusted(1), "score-full-lanes tile=64": trusted(1),
	})
	need.Variants = nil
	if p := plan(t, problem(), need, d); slices.Contains(p.Variants(), "accumulate-full-lanes") {
		t.Errorf("what was not measured is planned:\n%v", p)
	}
}

// TestWisdomOnlyWholeFits: a fit in one launch, which is never measured, is planned where estimates count, or where it is named.
func TestWisdomOnlyWholeFits(t *testing.T) {
	d := h100(t)
	d.Known = func(_ variants.Problem, c variants.Candidate) (autotune.Timing, bool) {
		return trusted(1e-3), c.Variant.Stage != variants.Fit
	}
	p := variants.Problem{M: 5, D: 19, N: 10_000, Covariance: variants.Full, Precision: variants.Float32}
	for _, test := range []struct {
		need autotune.Need
		want bool
	}{
		{autotune.Need{Train: true}, true},
		{autotune.Need{Train: true, Mode: autotune.WisdomOnly}, false},
		{autotune.Need{Train: true, Mode: autotune.WisdomOnly, Variants: []string{"fit-full-block-dimension"}}, true},
	} {
		if _, got := plan(t, p, test.need, d).Choice(variants.Fit); got != test.want {
			t.Errorf("%+v: planned %t, want %t", test.need, got, test.want)
		}
	}
}

// TestUncooperative: a device whose blocks cannot wait for each other has no fit in one launch but for batches, in which none waits; the plan
// says so, and one that is named is an error.
func TestUncooperative(t *testing.T) {
	const name = "fit-full-block-dimension"
	d := h100(t)
	d.Uncooperative = true
	p := variants.Problem{M: 5, D: 19, N: 10_000, Covariance: variants.Full, Precision: variants.Float32}
	for _, batch := range []bool{false, true} {
		planned := plan(t, p, autotune.Need{Train: true, Batch: batch}, d)
		_, fits := planned.Choice(variants.Fit)
		refused := slices.ContainsFunc(planned.Refused, func(r variants.Rejection) bool { return r.Variant == name && r.Reason != "" })
		if fits != batch || refused == batch {
			t.Errorf("batch %t: planned %t, refused %t", batch, fits, refused)
		}
	}
	if _, err := autotune.For(p, autotune.Need{Train: true, Variants: []string{name}}, d); !errors.As(err, new(*autotune.UnservedError)) {
		t.Errorf("one that is named: error %v", err)
	}
}

// TestNoWisdomSays: the command that an error names is of the very problem and device.
func TestNoWisdomSays(t *testing.T) {
	for _, test := range []struct {
		device string
		change func(*variants.Problem)
		want   string
	}{
		{"cc", func(*variants.Problem) {}, "gmmspec tune -M 16 -D 19 -N 100000 --device cc --precision float64"},
		{"cuda:1", func(p *variants.Problem) { p.N = 0 }, "gmmspec tune -M 16 -D 19 -N 1 --device cuda:1 --precision float64"},
		{
			"cuda (a typical sm_90)", func(p *variants.Problem) { p.Covariance, p.Precision = variants.Tied, variants.Float32 },
			"gmmspec tune -M 16 -D 19 -N 100000 --device cuda --precision float32 --covariance tied",
		},
	} {
		e := &autotune.NoWisdomError{Stage: variants.Moments, Device: test.device, Problem: problem()}
		test.change(&e.Problem)
		if text := e.Error(); !strings.HasSuffix(text, "run "+test.want) || !strings.Contains(text, "moments on "+test.device) {
			t.Errorf("%s: want it to end in %q", text, test.want)
		}
	}
}

// TestExplore: one plan after the other has one candidate that was not measured, until all are; then the fastest win.
func TestExplore(t *testing.T) {
	known := map[string]autotune.Timing{}
	d := knowing(known)
	need := autotune.Need{Train: true, Mode: autotune.Explore}
	truth := lanes()
	truth["score-full-lanes tile=64"], truth["score-full-lanes tile=128"] = 1, 2
	for i := range truth {
		p := plan(t, beyondProducts(), need, d)
		explored := 0
		for _, c := range p.Choices {
			name := c.Variant + " " + c.Config
			if c.Explored {
				explored++
				if _, before := known[name]; before {
					t.Errorf("%s is explored twice", name)
				}
				known[name] = trusted(truth[name])
			}
		}
		if explored != 1 || !p.Explores() {
			t.Fatalf("plan %s explores %d:\n%v", i, explored, p)
		}
	}
	p := plan(t, beyondProducts(), need, d)
	if p.Explores() || fmt.Sprint(p.Variants()) != "[estep-full-lanes moments-full-lanes score-full-lanes]" {
		t.Errorf("after all:\n%v", p)
	}
	if c := choiceFor(t, p, variants.EStep); c.Config != "tile=128" {
		t.Errorf("%+v", c)
	}
}

// TestCandidatesShown: a plan has all that was weighed, in words as far as there is room.
func TestCandidatesShown(t *testing.T) {
	p := plan(t, problem(), autotune.Need{Train: true}, processor())
	if len(p.Candidates) < 6 {
		t.Errorf("%d candidates", len(p.Candidates))
	}
	for _, part := range []string{"before ", "estimated"} {
		if !strings.Contains(p.String(), part) {
			t.Errorf("not said: %q in\n%v", part, p)
		}
	}
}

// TestCandidatesMarked: of what was weighed those that were chosen are marked, each is listed once though E-steps are asked for
// twice, and whether it was compiled before is said of the chosen, or of all where that is asked.
func TestCandidatesMarked(t *testing.T) {
	for _, whole := range []bool{false, true} {
		asked := map[string]bool{}
		d := processor()
		d.Cached = func(_ variants.Problem, c variants.Candidate) bool {
			asked[nameOf(c)] = true
			return c.Config.String() == "tile=64"
		}
		p := plan(t, problem(), autotune.Need{Train: true, Responsibilities: true, Whole: whole}, d)
		var chosen, seen []string
		for _, c := range p.Candidates {
			name := nameOf(c.Candidate)
			if slices.Contains(seen, name) {
				t.Errorf("%s is listed twice", name)
			}
			seen = append(seen, name)
			if c.Chosen && c.Variant != "accumulate-full-lanes" { // which stands by
				chosen = append(chosen, string(c.Stage))
			}
			if want := c.Config == "tile=64" && (whole || c.Chosen); c.Cached != want {
				t.Errorf("whole %v: %s: cached %v: want %v", whole, name, c.Cached, want)
			}
		}
		if want := []string{"accumulate", "estep", "score"}; !slices.Equal(slices.Sorted(slices.Values(chosen)), want) {
			t.Errorf("chosen %v: want %v", chosen, want)
		}
		if want := len(p.Choices); !whole && len(asked) != want || whole && len(asked) != len(p.Candidates) {
			t.Errorf("whole %v: asked of %d kernels whether they are cached, of %d candidates, %d of them chosen", whole, len(asked), len(p.Candidates), want)
		}
	}
}

// TestPlanJSON: a plan is read back as it was, but for the rows themselves.
func TestPlanJSON(t *testing.T) {
	d := knowing(map[string]autotune.Timing{
		"score-full-lanes tile=64": trusted(0.1), "score-full-lanes tile=128": {Trusted: true, Failed: "crashed, a signal"},
		"estep-full-lanes tile=64": {Seconds: 0.2},
	})
	d.Startup = 0.3
	for _, need := range []autotune.Need{
		{Train: true, Passes: 7}, {Train: true, Responsibilities: true, Mode: autotune.Explore}, {Train: true, Variants: []string{"moments-full-lanes"}},
	} {
		whole := autotune.Cheapest([]*autotune.Plan{plan(t, problem(), need, d)}, []autotune.Alternative{{Device: "cuda", Reason: "it is not here"}})
		text, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		var back autotune.Plan
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*whole, back, cmpopts.IgnoreFields(autotune.Choice{}, "Candidate")); diff != "" {
			t.Errorf("%+v: read back (-written +read):\n%s", need, diff)
		}
		if back.String() != whole.String() {
			t.Errorf("it reads\n%swas\n%s", back.String(), whole)
		}
	}
}
