package report

import (
	"cmp"
	"slices"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// Contest is what strategies compete in: a stage's name, or [Training].
type Contest string

// Training is a pass that sums statistics: the fused stage, or the E-step and the moments after it.
const Training Contest = "training"

// contestNames lists the contests in the order in which they are shown.
func contestNames() []Contest {
	names := []Contest{Training}
	for _, s := range variants.Stages() {
		names = append(names, Contest(s))
	}
	return names
}

// entry is a strategy at one problem, in its best configuration.
type entry struct {
	strategy string
	detail   string // which kernels
	seconds  float64
	bound    bool // it was stopped: it takes at least so long
	original bool
	floor    floor
}

// share returns which part of the ceiling the entry reaches, 0 where that is not known.
func (e entry) share() float64 { return e.floor.seconds / e.seconds }

// result is the entries at one problem, the fastest first and bounds last.
type result struct {
	problem variants.Problem
	entries []entry
	failed  int // trials without a time
}

// winner returns the fastest entry, or false where none was timed to the end.
func (r *result) winner() (entry, bool) {
	if r == nil || len(r.entries) == 0 || r.entries[0].bound {
		return entry{}, false
	}
	return r.entries[0], true
}

// slowest returns the slowest entry, or false where fewer than two compete.
func (r *result) slowest() (entry, bool) {
	if _, ok := r.winner(); !ok || len(r.entries) < 2 {
		return entry{}, false
	}
	return slices.MaxFunc(r.entries, func(a, b entry) int { return cmp.Compare(a.seconds, b.seconds) }), true
}

// original returns the 2011 specializer's default, or false where it has no time.
func (r *result) original() (entry, bool) {
	if _, ok := r.winner(); !ok {
		return entry{}, false
	}
	i := slices.IndexFunc(r.entries, func(e entry) bool { return e.original })
	if i < 0 {
		return entry{}, false
	}
	return r.entries[i], true
}

// sort puts the entries into their order, and keeps the best of each strategy.
func (r *result) sort() {
	slices.SortFunc(r.entries, func(a, b entry) int {
		return cmp.Or(compareFlags(a.bound, b.bound), cmp.Compare(a.seconds, b.seconds), cmp.Compare(a.strategy, b.strategy), cmp.Compare(a.detail, b.detail))
	})
	kept := r.entries[:0]
	for _, e := range r.entries {
		if !slices.ContainsFunc(kept, func(k entry) bool { return k.strategy == e.strategy }) {
			kept = append(kept, e)
		}
	}
	r.entries = kept
}

// contest is the results of one contest in one environment.
type contest struct {
	name    Contest
	results map[variants.Problem]*result
	panels  []panel
	points  int // how many problems the sweep's sizes span
	unshown int // panels that are left out
}

// panel is the problems of a contest that differ in M and D alone.
type panel struct {
	kind   variants.Problem // with M and D 0
	ms, ds []int            // of the environment's whole sweep with that covariance type
}

// at returns the result for m and d, nil where there is none.
func (c *contest) at(p panel, m, d int) *result {
	problem := p.kind
	problem.M, problem.D = m, d
	return c.results[problem]
}

// ordered returns the results in the order of their problems.
func (c *contest) ordered() []*result {
	var all []*result
	for _, r := range c.results {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *result) int { return compareProblems(a.problem, b.problem) })
	return all
}

// compete fills the contests from the trials.
func (b *bench) compete() {
	stages := map[variants.Stage]map[variants.Problem]*result{}
	for _, s := range variants.Stages() {
		stages[s] = map[variants.Problem]*result{}
	}
	for _, t := range b.trials {
		r := stages[t.Stage][t.Problem]
		if r == nil {
			r = &result{problem: t.Problem}
			stages[t.Stage][t.Problem] = r
		}
		r.take(t)
	}
	for _, results := range stages {
		for _, r := range results {
			r.sort()
		}
	}
	swept := b.swept()
	for _, name := range contestNames() {
		results := stages[variants.Stage(name)]
		if name == Training {
			results = training(stages)
		}
		if len(results) > 0 {
			c := &contest{name: name, results: results}
			c.lay(swept)
			b.contests = append(b.contests, c)
		}
	}
}

// take adds a trial.
func (r *result) take(t trial) {
	if !t.Timed() {
		r.failed++
		return
	}
	r.entries = append(r.entries, entry{
		strategy: t.strategy, detail: kernel(t.Variant, t.Config), seconds: t.Seconds, bound: t.Outcome == autotune.Bound,
		original: t.original, floor: t.floor,
	})
}

// training enters every fused strategy, and every strategy for the moments with the fastest E-step before it.
func training(stages map[variants.Stage]map[variants.Problem]*result) map[variants.Problem]*result {
	results := map[variants.Problem]*result{}
	at := func(p variants.Problem) *result {
		if results[p] == nil {
			results[p] = &result{problem: p}
		}
		return results[p]
	}
	for p, fused := range stages[variants.Accumulate] {
		r := at(p)
		r.failed += fused.failed
		for _, e := range fused.entries {
			e.strategy = "fused " + e.strategy
			r.entries = append(r.entries, e)
		}
	}
	for p, moments := range stages[variants.Moments] {
		r := at(p)
		r.failed += moments.failed
		estep := stages[variants.EStep][p]
		if estep == nil || len(estep.entries) == 0 {
			continue
		}
		first := estep.entries[0]
		for _, e := range moments.entries {
			e.strategy = "split " + e.strategy
			e.detail = first.detail + ", then " + e.detail
			e.seconds += first.seconds
			e.bound = e.bound || first.bound
			e.floor = first.floor.plus(e.floor)
			r.entries = append(r.entries, e)
		}
	}
	for p, estep := range stages[variants.EStep] {
		at(p).failed += estep.failed
		if stages[variants.Moments][p] == nil && len(stages[variants.Moments]) > 0 {
			at(p).entries = nil // time ran out before the moments were tried: nobody has won
		}
	}
	for _, r := range results {
		r.sort()
	}
	return results
}

// sizes is the M and D of trials, and how many there are of each.
type sizes struct{ ms, ds map[int]int }

// swept returns the sizes of an environment's whole sweep, so that what is missing shows. What was swept with one covariance
// type is not asked of the other: diag goes to larger sizes.
func (b *bench) swept() map[variants.Covariance]sizes {
	all := map[variants.Covariance]sizes{}
	for _, t := range b.trials {
		s, ok := all[t.Problem.Covariance]
		if !ok {
			s = sizes{map[int]int{}, map[int]int{}}
			all[t.Problem.Covariance] = s
		}
		s.ms[t.Problem.M]++
		s.ds[t.Problem.D]++
	}
	return all
}

// lay lays out the panels of a contest, those with the most problems where there are too many.
func (c *contest) lay(swept map[variants.Covariance]sizes) {
	problems := map[variants.Problem]int{}
	for p := range c.results {
		p.M, p.D = 0, 0
		problems[p]++
	}
	for kind := range problems {
		c.panels = append(c.panels, panel{kind: kind})
		c.points += len(swept[kind.Covariance].ms) * len(swept[kind.Covariance].ds)
	}
	slices.SortFunc(c.panels, func(a, b panel) int {
		return cmp.Or(cmp.Compare(problems[b.kind], problems[a.kind]), compareProblems(a.kind, b.kind))
	})
	c.unshown = max(0, len(c.panels)-mostPanels)
	c.panels = c.panels[:len(c.panels)-c.unshown]
	slices.SortFunc(c.panels, func(a, b panel) int { return compareProblems(a.kind, b.kind) })
	for i := range c.panels {
		s := swept[c.panels[i].kind.Covariance]
		c.panels[i].ms, c.panels[i].ds = shown(s.ms), shown(s.ds)
	}
}

// mostPanels is the most panels of a contest. A sweep has twelve; the page grows with them, whatever they hold.
const mostPanels = 48

// mostSizes is the most rows or columns of a map: a sweep has ten, and a map of many more is no longer read.
const mostSizes = 24

// shown returns the sizes in order, the most frequent ones where there are too many.
func shown(sizes map[int]int) []int {
	var all []int
	for size := range sizes {
		all = append(all, size)
	}
	slices.SortFunc(all, func(a, b int) int { return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b)) })
	all = all[:min(len(all), mostSizes)]
	slices.Sort(all)
	return all
}
