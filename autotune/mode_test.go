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

// TestMeasuredDecides: a time that was taken here decides, whatever the model says of candidates that were not timed.
func TestMeasuredDecides(t *testing.T) {
	d := knowing(map[string]autotune.Timing{"score-full-lanes tile=128": trusted(123)})
	c := choiceFor(t, plan(t, problem(), autotune.Need{Score: true}, d), variants.Score)
	if c.Config != "tile=128" || c.Seconds != 123 || c.From != autotune.Measured {
		t.Errorf("%+v", c)
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

// TestWisdomOnly: where nothing was measured there is an error that says what to do; the M-step is never measured.
func TestWisdomOnly(t *testing.T) {
	need := autotune.Need{Train: true, Mode: autotune.WisdomOnly, Variant: "update-full-component"}
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
	need.Variant = ""
	if p := plan(t, problem(), need, d); slices.Contains(p.Variants(), "accumulate-full-lanes") {
		t.Errorf("what was not measured is planned:\n%v", p)
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
		p := plan(t, problem(), need, d)
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
	p := plan(t, problem(), need, d)
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
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back autotune.Plan
	if err := json.Unmarshal(text, &back); err != nil || len(back.Candidates) != len(p.Candidates) || back.Candidates[0].From != autotune.Estimated {
		t.Errorf("%v, read back as %+v", err, back)
	}
}
