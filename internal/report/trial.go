package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// rows looks a variant up in a table, as [variants.ByName] does.
type rows func(variants.Backend, string) (variants.Variant, error)

const (
	// largestSize is the most components or dimensions of a record that is shown. No kernel is written out for as many, and
	// the formulas of the rows count in machine integers.
	largestSize = 1 << 20
	// A pass takes at least a cycle of a clock and less than a working life.
	shortestPass = 1e-9
	longestPass  = 1e9
)

// original is what the rows of the 2011 specializer's default have in their original name.
const original = "V1"

// trial is a record that can be used, with what the table says of it.
type trial struct {
	autotune.Record
	strategy string // as it is shown
	original bool   // the 2011 specializer's default
	floor    floor
}

// count is how often something was seen.
type count struct {
	What   string
	Number int
}

// bench is what was measured in one environment.
type bench struct {
	environment autotune.Environment
	first, last time.Time // of the dated trials
	trials      []trial
	aside       []count // records that are not used, and why
	contests    []*contest
}

// gather sorts records out by environment, the one with the most trials first.
func gather(records []autotune.Record, ceilings Ceilings, table rows) ([]*bench, error) {
	if len(records) == 0 {
		return nil, errors.New("report: there are no records")
	}
	records = slices.Clone(records)
	slices.SortFunc(records, compareRecords)

	var benches []*bench
	byEnvironment := map[autotune.Environment]*bench{}
	seen := map[autotune.Key]bool{}
	for _, r := range records {
		b := byEnvironment[r.Environment]
		if b == nil {
			b = &bench{environment: r.Environment}
			byEnvironment[r.Environment] = b
			benches = append(benches, b)
		}
		key := autotune.Key{
			Environment: r.Environment, Question: autotune.Question{Problem: r.Problem, Stage: r.Stage}, Variant: r.Variant, Config: r.Config,
		}
		reason := unusable(r)
		if reason == "" && seen[key] {
			reason = "replaced by a later trial of the same candidate"
		}
		if reason != "" {
			b.setAside(reason)
			continue
		}
		seen[key] = true
		b.add(r, ceilings[r.Model()], table)
	}
	for _, b := range benches {
		slices.SortFunc(b.aside, compareCounts)
		b.compete()
	}
	slices.SortStableFunc(benches, func(a, b *bench) int { return cmp.Compare(len(b.trials), len(a.trials)) })
	return benches, nil
}

// compareRecords orders records by what they are about, and the latest trial first: the order in which they come is nobody's
// business.
func compareRecords(a, b autotune.Record) int {
	return cmp.Or(
		compareEnvironments(a.Environment, b.Environment),
		compareProblems(a.Problem, b.Problem),
		cmp.Compare(a.Stage, b.Stage),
		cmp.Compare(a.Variant, b.Variant),
		cmp.Compare(a.Config, b.Config),
		b.Date.Compare(a.Date),
		cmp.Compare(a.Source, b.Source),
		cmp.Compare(a.Outcome, b.Outcome),
		cmp.Compare(a.Seconds, b.Seconds),
		cmp.Compare(a.Reason, b.Reason),
	)
}

func compareEnvironments(a, b autotune.Environment) int {
	return cmp.Or(
		cmp.Compare(a.Backend, b.Backend), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Arch, b.Arch),
		cmp.Compare(a.Driver, b.Driver), cmp.Compare(a.Compiler, b.Compiler),
	)
}

// compareProblems orders by kind first, then by size: full before diag, float32 before float64.
func compareProblems(a, b variants.Problem) int {
	return cmp.Or(
		-cmp.Compare(a.Covariance, b.Covariance), cmp.Compare(a.Precision, b.Precision),
		compareFlags(a.Weighted, b.Weighted), compareFlags(a.Hard, b.Hard), compareFlags(a.Missing, b.Missing),
		cmp.Compare(a.N, b.N), cmp.Compare(a.M, b.M), cmp.Compare(a.D, b.D),
	)
}

func compareFlags(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// compareCounts puts the most frequent first.
func compareCounts(a, b count) int {
	return cmp.Or(cmp.Compare(b.Number, a.Number), cmp.Compare(a.What, b.What))
}

// unusable returns why a record cannot be used, "" where it can.
func unusable(r autotune.Record) string {
	switch {
	case !slices.Contains(variants.Stages(), r.Stage):
		return "of a stage that is unknown here"
	case !slices.Contains(autotune.Outcomes(), r.Outcome):
		return "of an outcome that is unknown here"
	case r.Problem.Validate() != nil:
		return "of a problem that cannot be"
	case r.Problem.M > largestSize || r.Problem.D > largestSize:
		return fmt.Sprintf("of a problem of more than %d components or dimensions", largestSize)
	case r.Timed() && !(r.Seconds >= shortestPass && r.Seconds <= longestPass):
		return "of a time that no pass takes"
	}
	return ""
}

// setAside counts a record that is not used.
func (b *bench) setAside(reason string) {
	for i := range b.aside {
		if b.aside[i].What == reason {
			b.aside[i].Number++
			return
		}
	}
	b.aside = append(b.aside, count{reason, 1})
}

// add takes a record that can be used.
func (b *bench) add(r autotune.Record, c Ceiling, table rows) {
	prefix := string(r.Stage) + "-" + string(r.Problem.Covariance.Kernel()) + "-"
	strategy := strings.TrimPrefix(r.Variant, prefix) // layouts too, if the grammar has them
	t := trial{Record: r, strategy: clip(strategy, labelRunes) + " (unknown here)"}
	row, err := table(r.Backend, r.Variant)
	if err == nil && row.Stage == r.Stage && row.Covariance == r.Problem.Covariance.Kernel() {
		t.strategy = strategy
		t.original = row.Stage == variants.Moments && strings.Contains(row.Original, original)
		if config, ok := configOf(row, r.Config); ok && r.Timed() {
			t.floor = c.of(r.Problem, r.Stage, row.Work(r.Problem, config))
		}
	}
	b.trials = append(b.trials, t)
	if r.Date.IsZero() {
		return
	}
	if b.first.IsZero() || r.Date.Before(b.first) {
		b.first = r.Date
	}
	if r.Date.After(b.last) {
		b.last = r.Date
	}
}

// configOf parses a configuration; ok is false where the row has no such one, since its formulas need not stand others.
func configOf(v variants.Variant, text string) (config variants.Config, ok bool) {
	config, err := v.ParseConfig(text)
	if err != nil {
		return nil, false
	}
	for i, t := range v.Tunables {
		if !slices.Contains(t.Values, config[i].Value) {
			return nil, false
		}
	}
	return config, true
}

// outcomes counts the trials in words, in the order in which package autotune lists the outcomes.
func (b *bench) outcomes() string {
	numbers := map[autotune.Outcome]int{}
	for _, t := range b.trials {
		numbers[t.Outcome]++
	}
	var words []string
	for _, o := range autotune.Outcomes() {
		words = append(words, thousands(int64(numbers[o]))+" "+string(o))
	}
	return strings.Join(words, ", ")
}
