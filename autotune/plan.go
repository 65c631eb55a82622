package autotune

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec/variants"
)

// Reference is the name of the device that needs no variants: plain Go in float64.
const Reference = "reference"

// Choice is the variant and configuration chosen for a stage.
type Choice struct {
	Stage   variants.Stage `json:"stage"`
	Variant string         `json:"variant"`
	Config  string         `json:"config,omitempty"`
	Cached  bool           `json:"cached"`  // compiled before; see [Need.Whole]
	Seconds float64        `json:"seconds"` // a pass
	From    From           `json:"from"`    // what Seconds rests on
	// Explored is set where it was chosen because it was not measured yet.
	Explored bool `json:"explored,omitempty"`
	// StandsBy is set where it takes the place of an earlier choice for the stage when components are too tight for that one.
	StandsBy bool `json:"stands_by,omitempty"`
	// Chosen is set among a plan's candidates, of those that are its choices too.
	Chosen bool `json:"chosen,omitempty"`

	Candidate variants.Candidate `json:"-"`
}

// From says what the time of a choice rests on.
type From string

// What times rest on.
const (
	// Estimated is the cost model.
	Estimated From = "estimated"
	// Ranked is a time on a device of the same model, with another driver or compiler.
	Ranked From = "ranked"
	// Measured is a time in this very environment.
	Measured From = "measured"
)

// Mode says what the choices of a plan may rest on.
type Mode string

// The modes.
const (
	// ByEstimate takes what was measured, where there is such a thing, and otherwise the cost model.
	ByEstimate Mode = "estimate"
	// Measure has what was not measured timed first: the caller tunes, and plans then.
	Measure Mode = "measure"
	// WisdomOnly takes only what was measured, and fails where nothing was.
	WisdomOnly Mode = "wisdom"
	// Explore takes a candidate that was not measured yet, so that by and by all are known.
	Explore Mode = "explore"
)

// Modes lists the modes.
func Modes() []Mode { return []Mode{ByEstimate, Measure, WisdomOnly, Explore} }

// NoWisdomError says that nothing was measured for a stage where only that counts.
type NoWisdomError struct {
	Stage   variants.Stage
	Device  string
	Problem variants.Problem
}

// Error says how to come by a measurement: of this covariance type and precision, on this device.
func (e *NoWisdomError) Error() string {
	p := e.Problem
	device, _, _ := strings.Cut(e.Device, " ") // of a typical one the name says more
	text := fmt.Sprintf("autotune: nothing was measured of %s on %s for %s: run gmmspec tune -M %d -D %d -N %d --device %s --precision %s",
		e.Stage, e.Device, p, p.M, p.D, max(1, p.N), device, p.Precision)
	if p.Covariance != variants.Full {
		text += " --covariance " + string(p.Covariance)
	}
	return text
}

// Estimate is where the time of a plan is expected to go, in seconds.
type Estimate struct {
	Startup float64 `json:"startup"`
	Compile float64 `json:"compile"`
	Pass    float64 `json:"pass"` // each of Passes
	Passes  int     `json:"passes"`
	Total   float64 `json:"total"`
}

// Plan is what is done for a problem on a device: an ordered list of units of work, and why.
type Plan struct {
	Problem variants.Problem `json:"problem"`
	// WhyPrecision is why it is done in the problem's precision.
	WhyPrecision string `json:"why_precision,omitempty"`
	// MaxError is what an iteration in float32 may put covariances off by, 0 for what is usual; Promised is set where the fit goes on in
	// float64 if it may be more.
	MaxError float64         `json:"max_error,omitempty"`
	Promised bool            `json:"promised,omitempty"`
	Device   string          `json:"device"`
	Target   variants.Target `json:"target"`
	Choices  []Choice        `json:"choices"` // empty for the reference
	// Candidates are all that were weighed, stage by stage in the order of the table.
	Candidates []Choice             `json:"candidates"`
	Estimate   Estimate             `json:"estimate"`
	Why        string               `json:"why"`
	Others     []Alternative        `json:"others"`
	Refused    []variants.Rejection `json:"refused"`
}

// Alternative is a device that was not chosen, or could not be.
type Alternative struct {
	Device   string   `json:"device"`
	Estimate Estimate `json:"estimate,omitzero"`
	Reason   string   `json:"reason"`
}

// Equal reports whether two plans are the same in all that their JSON has.
func (p *Plan) Equal(other *Plan) bool {
	a, errA := json.Marshal(p)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Explores reports whether a choice was made to explore it.
func (p *Plan) Explores() bool {
	return slices.ContainsFunc(p.Choices, func(c Choice) bool { return c.Explored })
}

// Variants lists the names of the chosen variants, in the plan's order.
func (p *Plan) Variants() []string {
	names := make([]string, 0, len(p.Choices))
	for _, c := range p.Choices {
		names = append(names, c.Variant)
	}
	return names
}

// Ways returns how many choices there are for stages that do the same work, those that stand by among them.
func (p *Plan) Ways(stages ...variants.Stage) int {
	ways := 0
	for _, c := range p.Choices {
		if slices.Contains(stages, c.Stage) {
			ways++
		}
	}
	return ways
}

// Choice returns the choice for a stage, or false.
func (p *Plan) Choice(s variants.Stage) (Choice, bool) {
	for _, c := range p.Choices {
		if c.Stage == s {
			return c, true
		}
	}
	return Choice{}, false
}

// String prints the plan: what is asked, what was chosen with estimates, and every refusal with its reason.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "problem  %s\n", p.Problem)
	fmt.Fprintf(&b, "device   %s: %s\n", p.Device, p.Why)
	if p.WhyPrecision != "" {
		fmt.Fprintf(&b, "%-8s %s\n", p.Problem.Precision+":", p.WhyPrecision)
	}
	fmt.Fprintf(&b, "estimate %s\n", p.Estimate)
	for _, c := range p.Choices {
		state := "to compile"
		if c.Cached {
			state = "in the cache"
		}
		if c.StandsBy {
			fmt.Fprintf(&b, "           %s (%s) where components are too tight for that\n", label(c.Variant, c.Config), state)
			continue
		}
		fmt.Fprintf(&b, "%-10s %s (%s, %s a pass, %s)\n", c.Stage, label(c.Variant, c.Config), state, seconds(c.Seconds), c.From)
		b.WriteString(p.runnersUp(c))
	}
	for _, a := range p.Others {
		fmt.Fprintf(&b, "not %s: %s\n", a.Device, a.Reason)
	}
	for _, r := range p.Refused {
		fmt.Fprintf(&b, "refused %s: %s\n", label(r.Variant, r.Config), r.Reason)
	}
	return b.String()
}

// shownCandidates is how many of those that were not chosen for a stage a plan in words has.
const shownCandidates = 3

// runnersUp words the best of those that were weighed against a choice.
func (p *Plan) runnersUp(chosen Choice) string {
	var others []Choice
	for _, c := range p.Candidates {
		if c.Stage == chosen.Stage && (c.Variant != chosen.Variant || c.Config != chosen.Config) {
			others = append(others, c)
		}
	}
	slices.SortStableFunc(others, func(a, b Choice) int { return cmp.Compare(a.Seconds, b.Seconds) })
	text := ""
	for i, c := range others {
		if i == shownCandidates {
			return text + fmt.Sprintf("           and %d more\n", len(others)-i)
		}
		text += fmt.Sprintf("           before %s (%s, %s)\n", label(c.Variant, c.Config), seconds(c.Seconds), c.From)
	}
	return text
}

// label names a variant, with its configuration if it has one.
func label(variant, config string) string { return strings.TrimSpace(variant + " " + config) }

// String gives the parts of an estimate that are not zero.
func (e Estimate) String() string {
	parts := []string{}
	if e.Startup > 0 {
		parts = append(parts, "start-up "+seconds(e.Startup))
	}
	if e.Compile > 0 {
		parts = append(parts, "compiling "+seconds(e.Compile))
	}
	parts = append(parts, fmt.Sprintf("%d passes of %s", e.Passes, seconds(e.Pass)))
	return seconds(e.Total) + ": " + strings.Join(parts, ", ")
}

// seconds words a duration to about two digits.
func seconds(s float64) string {
	for _, unit := range []struct {
		seconds float64
		name    string
	}{{1, "s"}, {1e-3, "ms"}} {
		if s >= unit.seconds {
			return digits(s/unit.seconds) + " " + unit.name
		}
	}
	return digits(s/1e-6) + " µs"
}

// digits writes a number of at least 10 without a fraction.
func digits(v float64) string {
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}
