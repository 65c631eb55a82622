package autotune

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/variants"
)

// Device is what estimating needs to know of a device.
type Device struct {
	Name   string
	Target variants.Target // the zero value for the reference

	Startup        float64 // seconds before the first kernel can run
	CompileSeconds float64 // for one kernel that is not cached
	CallSeconds    float64 // for starting one pass of one kernel
	Flops          float64 // peak, per second, in the problem's precision
	UpdateFlops    float64 // the same for an M-step, which is done in float64: of a core on a processor
	Bandwidth      float64 // bytes per second
	SpanBytes      int64   // that responsibilities may take at once, 0 for all that they need; cuda
	Uncooperative  bool    // it has no launch whose blocks are all there at once, so that they can wait for each other; cuda

	// Cached reports whether a candidate's kernel has been compiled before; nil stands for never.
	Cached func(variants.Problem, variants.Candidate) bool
	// Known returns what wisdom has of a candidate's pass; nil stands for nothing.
	Known func(variants.Problem, variants.Candidate) (Timing, bool)
}

// Timing is what wisdom has of one pass of a candidate.
type Timing struct {
	Seconds float64
	// Trusted is set where the time was taken in the very environment that is planned for, and not one like it.
	Trusted bool
	// Failed is why there is no time: the candidate was tried in this environment, and cannot be used. "" where there is.
	Failed string
}

// usable reports whether there is a time.
func (t Timing) usable() bool { return t.Failed == "" && t.Seconds > 0 && !math.IsInf(t.Seconds, 0) }

// Need is what is to be done for a problem.
type Need struct {
	// Train asks for statistics and an M-step, Score for log-likelihoods and labels, Responsibilities for the N×M matrix.
	Train, Score, Responsibilities bool
	// Batch asks for many mixtures to be fitted at once, where there is a kernel for that.
	Batch bool
	// Passes is how many times the events are expected to be passed over.
	Passes int
	// Variants names variants that must be chosen for their stages, at most one for each.
	Variants []string
	// Mode says what a choice may rest on.
	Mode Mode
	// Whole asks whether each candidate was compiled before, for a plan that is to be read: that takes rendering all of them. A
	// plan that is to be run knows it of its choices alone.
	Whole bool
}

// For plans a problem on one device. Its error says that no variant serves a stage, with each one's reason.
func For(p variants.Problem, need Need, d Device) (*Plan, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	plan := &Plan{Problem: p, Device: d.Name, Target: d.Target, Why: "asked for"}
	plan.Estimate = Estimate{Startup: d.Startup, Passes: max(1, need.Passes)}
	if d.Name == Reference {
		plan.Estimate.Pass = referencePass(p, need, d)
		plan.finish()
		return plan, nil
	}
	named := map[variants.Stage]string{}
	for _, name := range need.Variants {
		v, err := variants.ByName(d.Target.Backend, name)
		if err != nil {
			return nil, err
		}
		named[v.Stage] = name
	}
	pl := planner{plan: plan, problem: p, need: need, named: named, device: d, candidates: map[variants.Stage]candidates{}, picked: map[variants.Stage]picked{}}
	if err := pl.stages(); err != nil {
		return nil, err
	}
	plan.finish()
	return plan, nil
}

// finish adds up.
func (p *Plan) finish() {
	p.Estimate.Total = p.Estimate.Startup + p.Estimate.Compile + float64(p.Estimate.Passes)*p.Estimate.Pass
}

// planner chooses the stages of one plan.
type planner struct {
	plan    *Plan
	problem variants.Problem
	need    Need
	named   map[variants.Stage]string // the variants that must be chosen
	device  Device
	// explores is set once a stage has a candidate that was not measured yet: one a plan, so that it is known which one was.
	explores bool
	// candidates are those of each stage, and picked is what was found among them: both are asked for more than once.
	candidates map[variants.Stage]candidates
	picked     map[variants.Stage]picked
	// scale is of estimates, 0 where it is not known yet: see [planner.scaleOfRivals].
	scale float64
	// between is the seconds between two passes without a loop, 0 where they are not known yet.
	between float64
}

// candidates are the ways to do a stage, and why others are not among them.
type candidates struct {
	serve   []variants.Candidate
	refused []variants.Rejection
}

// of returns those of a stage, which are not to be changed.
func (p *planner) of(stage variants.Stage) candidates {
	found, ok := p.candidates[stage]
	if !ok {
		found.serve, found.refused = variants.Candidates(stage, p.problem, p.device.Target)
		p.candidates[stage] = found
	}
	return found
}

// picked is the best choice for a stage, or why there is none.
type picked struct {
	choice Choice
	err    error
}

// stages chooses variants for all that is needed.
func (p *planner) stages() error {
	if p.need.Train {
		if err := p.accumulate(); err != nil {
			return err
		}
		if err := p.update(); err != nil {
			return err
		}
		if err := p.fit(); err != nil {
			return err
		}
	}
	if p.need.Train || p.need.Score || p.need.Responsibilities {
		choice, err := p.best(variants.Score)
		if err != nil {
			return err
		}
		p.choose(choice, !p.need.Train)
	}
	if _, chosen := p.plan.Choice(variants.EStep); p.need.Responsibilities && !chosen {
		choice, err := p.best(variants.EStep)
		if err != nil {
			return err
		}
		p.choose(choice, true)
	}
	return nil
}

// accumulate chooses between the fused stage and the E-step with the moments.
func (p *planner) accumulate() error {
	fused, fusedErr := p.best(variants.Accumulate)
	estep, splitErr := p.best(variants.EStep)
	moments, momentsErr := p.best(variants.Moments)
	if splitErr == nil {
		splitErr = momentsErr
	}
	fusedNamed, splitNamed := p.named[variants.Accumulate] != "", p.named[variants.EStep] != "" || p.named[variants.Moments] != ""
	switch {
	case fusedErr != nil && fusedNamed:
		return fusedErr
	case errors.As(fusedErr, new(*NoWisdomError)) && splitErr != nil:
		return fusedErr
	case fusedErr != nil && splitErr != nil:
		return fmt.Errorf("%w; %w", fusedErr, splitErr)
	case fusedErr == nil && (fusedNamed || !splitNamed && (splitErr != nil || p.prefers(fused, estep, moments))):
		p.choose(fused, true)
		p.standBy(fused, estep, moments, splitErr == nil && p.device.Target.Backend == variants.CUDA)
	case splitErr != nil:
		return splitErr
	default:
		p.choose(estep, true)
		p.choose(moments, true)
	}
	return nil
}

// standBy chooses what sums about each component's mean, for when components are too tight for a fused stage that sums about the
// centre of the events: another fused stage or, on a GPU, where fused ones of that kind are slow, an E-step and moments. It is no part of a
// pass that is planned for.
func (p *planner) standBy(fused, estep, moments Choice, split bool) {
	if !fused.Candidate.Variant.Centred {
		return
	}
	direct := slices.DeleteFunc(slices.Clone(p.of(variants.Accumulate).serve), func(c variants.Candidate) bool { return c.Variant.Centred })
	ways := [][]Choice{}
	for _, c := range p.learn(variants.Accumulate, p.estimated(variants.Accumulate, direct)) {
		ways = append(ways, []Choice{c})
	}
	if split {
		ways = append(ways, []Choice{estep, moments})
	}
	if len(ways) == 0 {
		return
	}
	seconds := func(way []Choice) (sum float64) {
		for _, c := range way {
			sum += c.Seconds
		}
		return sum
	}
	for _, c := range slices.MinFunc(ways, func(a, b []Choice) int { return cmp.Compare(seconds(a), seconds(b)) }) {
		c.StandsBy = true
		p.choose(c, false)
	}
}

// estimated returns candidates for a stage as choices.
func (p *planner) estimated(stage variants.Stage, candidates []variants.Candidate) []Choice {
	choices := make([]Choice, len(candidates))
	for i, c := range candidates {
		choices[i] = Choice{Stage: stage, Variant: c.Variant.Name(), Config: c.Config.String(), Candidate: c, Seconds: p.seconds(c), From: Estimated}
	}
	return choices
}

// refuse notes a refusal in the plan, once.
func (p *planner) refuse(r variants.Rejection) {
	if !slices.Contains(p.plan.Refused, r) {
		p.plan.Refused = append(p.plan.Refused, r)
	}
}

// prefers reports whether the fused stage is chosen before an E-step with moments: what was never tried comes first when
// exploring, otherwise what makes the faster iteration.
func (p *planner) prefers(fused, estep, moments Choice) bool {
	if fused.Explored || estep.Explored || moments.Explored {
		return fused.Explored
	}
	return p.iteration(fused) <= p.iteration(estep)+moments.Seconds
}

// iteration is what a choice takes with what follows a pass before the next can begin: the M-step on the host, or on the device with
// sums and parameters on the way, unless passes follow each other there.
func (p *planner) iteration(c Choice) float64 {
	if !p.need.Train || c.Stage != variants.Accumulate && c.Stage != variants.EStep || p.device.Target.Backend != variants.CUDA || loops(c.Candidate, p.problem) {
		return c.Seconds
	}
	if p.between == 0 {
		p.between = p.device.CallSeconds
		if updates := p.of(variants.Update).serve; len(updates) > 0 {
			work := updates[0].Variant.Work(p.problem, updates[0].Config)
			p.between += min(work.Flops/hostUpdateFlops, p.device.CallSeconds+work.Flops/(p.device.UpdateFlops*work.Efficiency))
		}
	}
	return c.Seconds + p.between
}

// loops reports whether a candidate's passes follow each other on the device, with M-steps between them.
func loops(c variants.Candidate, p variants.Problem) bool {
	return c.Variant.Backend == variants.CUDA && c.Variant.Centred && (p.Covariance == variants.Full || p.Covariance == variants.Diag)
}

// optional returns the best choice for a stage that there need not be, whether there is one, and whether it was named.
func (p *planner) optional(stage variants.Stage) (choice Choice, ok, named bool, err error) {
	named = p.named[stage] != ""
	choice, err = p.best(stage)
	if err != nil && !named {
		return choice, false, false, nil
	}
	return choice, err == nil, named, err
}

// update chooses a kernel for the M-step where one saves more than its compilation costs, compiled before or not: two runs on
// one device are to give the same bits, whatever is in the cache. There need be none.
func (p *planner) update() error {
	choice, ok, named, err := p.optional(variants.Update)
	if !ok {
		return err
	}
	host := choice.Candidate.Variant.Work(p.problem, choice.Candidate.Config).Flops / hostUpdateFlops
	saved := float64(p.plan.Estimate.Passes) * (host - choice.Seconds)
	if named || saved > p.device.CompileSeconds {
		p.choose(choice, true)
	}
	return nil
}

// fit chooses what makes passes and M-steps in one launch, where that makes the faster iteration; the first and the last pass, and what it
// hands over, are for the others. There need be none. It is never measured: where only what was measured counts, it must be named.
func (p *planner) fit() error {
	choice, ok, named, err := p.optional(variants.Fit)
	if !ok {
		return err
	}
	if p.device.Uncooperative && !p.need.Batch {
		of := choice.Candidate.Variant
		refused := variants.Rejection{Variant: choice.Variant, Backend: of.Backend, Config: choice.Config, Reason: "has blocks that wait for each other, for which the device has no launch"}
		p.refuse(refused)
		if named {
			return &UnservedError{Stage: variants.Fit, Variant: choice.Variant, Device: p.device.Name, Problem: p.problem, Refused: []variants.Rejection{refused}}
		}
		return nil
	}
	iteration := 0.0
	for _, c := range p.plan.Choices {
		if c.Stage != variants.Score && c.Stage != variants.Update && !c.StandsBy {
			iteration += p.iteration(c)
		}
	}
	if named || p.need.Mode != WisdomOnly && (p.need.Batch || choice.Seconds < iteration) {
		p.choose(choice, false)
		p.plan.Estimate.Pass = choice.Seconds
	}
	return nil
}

// hostUpdateFlops is the rate of the M-step in Go, measured: small matrices do not fill a processor.
const hostUpdateFlops = 0.3e9

// best returns the fastest candidate for a stage, the preferred one of equals.
func (p *planner) best(stage variants.Stage) (Choice, error) {
	found, ok := p.picked[stage]
	if !ok {
		found.choice, found.err = p.weigh(stage)
		p.picked[stage] = found
	}
	return found.choice, found.err
}

// weigh finds it, and notes all candidates in the plan.
func (p *planner) weigh(stage variants.Stage) (Choice, error) {
	all := p.of(stage)
	named := p.named[stage]
	serve := slices.DeleteFunc(slices.Clone(all.serve), func(c variants.Candidate) bool { return named != "" && c.Variant.Name() != named })
	for _, r := range all.refused {
		p.refuse(r)
	}
	if len(serve) == 0 {
		return Choice{}, &UnservedError{Stage: stage, Variant: named, Device: p.device.Name, Problem: p.problem, Refused: all.refused}
	}
	choices := p.learn(stage, p.estimated(stage, serve))
	if len(choices) == 0 {
		return Choice{}, &UnservedError{Stage: stage, Device: p.device.Name, Problem: p.problem, Refused: p.plan.Refused}
	}
	best, err := p.pick(stage, choices)
	if err != nil {
		return Choice{}, err
	}
	if p.need.Whole {
		for i := range choices {
			choices[i].Cached = p.cached(choices[i])
		}
	}
	p.plan.Candidates = append(p.plan.Candidates, choices...)
	return best, nil
}

// learn puts what wisdom has in the place of estimates, and drops what was tried and failed, unless it is named. The estimates
// that are left are scaled such that estimates and times agree, in their geometric mean, where there are both: within the stage,
// or, where it has no time, among the stages that are weighed against each other: a fused stage that was timed is held against an
// E-step with moments that were not.
func (p *planner) learn(stage variants.Stage, choices []Choice) []Choice {
	if p.device.Known == nil {
		return choices
	}
	var both agreement
	kept := choices[:0]
	for _, c := range choices {
		timing, ok := p.device.Known(p.problem, c.Candidate)
		switch {
		case ok && timing.Failed != "" && c.Variant != p.named[stage]:
			p.refuse(variants.Rejection{
				Variant: c.Variant, Backend: c.Candidate.Variant.Backend, Config: c.Config, Reason: "was tried: " + timing.Failed,
			})
			continue
		case ok && timing.usable():
			both.add(timing.Seconds, c.Seconds)
			c.Seconds, c.From = timing.Seconds, Ranked
			if timing.Trusted {
				c.From = Measured
			}
		}
		kept = append(kept, c)
	}
	scale := both.scale()
	if both.count == 0 && p.need.Train && slices.Contains(rivals(), stage) {
		scale = p.scaleOfRivals()
	}
	for i := range kept {
		if c := &kept[i]; c.From == Estimated && !loops(c.Candidate, p.problem) { // which are out for other reasons
			c.Seconds *= scale
		}
	}
	return kept
}

// rivals are the stages that are weighed against each other: see [planner.accumulate].
func rivals() []variants.Stage {
	return []variants.Stage{variants.Accumulate, variants.EStep, variants.Moments}
}

// scaleOfRivals returns how many times longer than estimated their candidates take that have a time, 1 without any.
func (p *planner) scaleOfRivals() float64 {
	if p.scale == 0 {
		var both agreement
		for _, stage := range rivals() {
			for _, c := range p.of(stage).serve {
				if timing, ok := p.device.Known(p.problem, c); ok && timing.usable() {
					both.add(timing.Seconds, p.seconds(c))
				}
			}
		}
		p.scale = both.scale()
	}
	return p.scale
}

// agreement is how times and estimates of the same candidates compare.
type agreement struct {
	logarithms float64 // the sum of ln(time / estimate)
	count      int
}

func (a *agreement) add(seconds, estimate float64) {
	a.logarithms += math.Log(seconds / estimate)
	a.count++
}

// scale returns the geometric mean of time / estimate, 1 of nothing.
func (a *agreement) scale() float64 { return math.Exp(a.logarithms / float64(max(1, a.count))) }

// estimateMargin is by how much an estimate must be less than a time that can be trusted for it to be preferred: estimates are out by
// so much, and a tuning that was cut short, or a fit that explored, may have timed the slowest candidate alone.
const estimateMargin = 1.5

// pick returns the fastest of a stage's choices, the preferred one of equals. Estimates count where no time can be trusted, or where
// they are far less than all that can; when exploring, a choice without a time comes first.
func (p *planner) pick(stage variants.Stage, choices []Choice) (Choice, error) {
	measured := slices.ContainsFunc(choices, func(c Choice) bool { return c.From == Measured })
	if p.need.Mode == Explore && stage != variants.Update && stage != variants.Fit && !p.explores {
		if i := slices.IndexFunc(choices, func(c Choice) bool { return c.From != Measured }); i >= 0 {
			p.explores, choices[i].Explored = true, true
			return choices[i], nil
		}
	}
	if p.need.Mode == WisdomOnly && stage != variants.Update && stage != variants.Fit && !measured {
		return Choice{}, &NoWisdomError{Stage: stage, Device: p.device.Name, Problem: p.problem}
	}
	fastest := func(from ...From) (best Choice) {
		for _, c := range choices {
			if slices.Contains(from, c.From) && (best.Variant == "" || p.iteration(c) < p.iteration(best)) {
				best = c
			}
		}
		return best
	}
	other := fastest(Estimated, Ranked)
	if !measured {
		return other, nil
	}
	timed := fastest(Measured)
	if p.need.Mode != WisdomOnly && other.Variant != "" && p.iteration(other)*estimateMargin < p.iteration(timed) {
		return other, nil
	}
	return timed, nil
}

// cached reports whether a choice's kernel has been compiled before.
func (p *planner) cached(c Choice) bool {
	return p.device.Cached != nil && p.device.Cached(p.problem, c.Candidate)
}

// seconds estimates one pass: by the model, which knows the kernels of CUDA, and otherwise by what takes longer, computing or
// moving.
func (p *planner) seconds(c variants.Candidate) float64 {
	if p.device.Target.Backend == variants.CUDA {
		if seconds, ok := cudaModel().seconds(p.problem, c, p.device); ok {
			return p.device.CallSeconds + seconds
		}
	}
	w, flops := c.Variant.Work(p.problem, c.Config), p.device.Flops
	if c.Variant.Stage == variants.Update {
		flops = p.device.UpdateFlops
	}
	call := p.device.CallSeconds
	if c.Variant.Stage == variants.Fit {
		call = fitCall
	}
	if loops(c, p.problem) {
		call = float64(1+len(c.Variant.Resources(p.problem, c.Config).Then)) * loopLaunch
	}
	return call + max(w.Flops/(flops*w.Efficiency), w.Bytes/p.device.Bandwidth)
}

// What an iteration with little to do takes, measured: 54 µs of five kernels in a loop on an H100, so much each, in seconds; and in one launch 20 µs of
// 10⁴ events on an H200, and 40 of 10⁵.
const (
	loopLaunch = 10e-6
	fitCall    = 20e-6
)

// choose adds a choice to the plan; everyPass says whether it is part of every pass.
func (p *planner) choose(c Choice, everyPass bool) {
	c.Cached = p.cached(c)
	p.plan.Choices = append(p.plan.Choices, c)
	for i := range p.plan.Candidates {
		if of := &p.plan.Candidates[i]; of.Stage == c.Stage && of.Variant == c.Variant && of.Config == c.Config {
			of.Chosen, of.Cached = true, c.Cached
		}
	}
	if !c.Cached {
		p.plan.Estimate.Compile += p.device.CompileSeconds
	}
	if everyPass {
		p.plan.Estimate.Pass += c.Seconds
	}
}

// referencePass estimates a pass of the reference, which does the direct form's operations.
func referencePass(p variants.Problem, need Need, d Device) float64 {
	flops := p.ScoreFlops()
	if need.Train {
		flops = p.AccumulateFlops()
	}
	return d.CallSeconds + flops/d.Flops
}

// UnservedError says that no variant, or not the one that was named, does a stage of a problem's work on a device.
type UnservedError struct {
	Stage   variants.Stage
	Variant string // that was named, or ""
	Device  string
	Problem variants.Problem
	Refused []variants.Rejection
}

// Error names the stage, the device and the problem, and each refusal's reason.
func (e *UnservedError) Error() string {
	variant := cmp.Or(e.Variant, "no variant")
	does := "does"
	if e.Variant != "" {
		does = "does not do"
	}
	text := fmt.Sprintf("autotune: %s %s %s on %s for %s", variant, does, e.Stage, e.Device, e.Problem)
	for _, r := range e.Refused {
		text += fmt.Sprintf("; %s: %s", label(r.Variant, r.Config), r.Reason)
	}
	return text
}

// Cheapest returns the plan with the least estimated total, the earlier of equals, and notes the others in it.
func Cheapest(plans []*Plan, unavailable []Alternative) *Plan {
	best := plans[0]
	for _, p := range plans[1:] {
		if p.Estimate.Total < best.Estimate.Total {
			best = p
		}
	}
	chosen := *best
	chosen.Why = "the least estimated total"
	if len(plans) == 1 {
		chosen.Why = "no other is here, or worth looking for"
	}
	for _, p := range plans {
		if p != best {
			chosen.Others = append(chosen.Others, Alternative{
				Device: p.Device, Estimate: p.Estimate, Reason: "estimated at " + p.Estimate.String(),
			})
		}
	}
	chosen.Others = append(chosen.Others, unavailable...)
	return &chosen
}
