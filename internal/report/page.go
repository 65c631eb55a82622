package report

import (
	"cmp"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// pageText is the template of the page.
//
//go:embed page.html.tmpl
var pageText string

// WriteHTML writes one page that needs nothing besides itself: what was measured and with what, which strategy wins where and
// by how much, the time against D, the distance from the ceiling, and what failed and why. It reads light and dark, and without
// scripts. Its error says that there are no records, or is w's.
func WriteHTML(w io.Writer, records []autotune.Record, ceilings Ceilings) error {
	return writeHTML(w, records, ceilings, variants.ByName)
}

func writeHTML(w io.Writer, records []autotune.Record, ceilings Ceilings, table rows) error {
	benches, err := gather(records, ceilings, table)
	if err != nil {
		return err
	}
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("report: the page's template: %w", err)
	}
	if err := page.Execute(w, pageOf(benches, len(records))); err != nil {
		return fmt.Errorf("report: writing the page: %w", err)
	}
	return nil
}

// page is what the template sees: every decision has been made.
type page struct {
	Records string
	Unshown int // environments
	Hues    []hueRule
	Steps   []stepRule
	Benches []benchView
}

// hueRule is a slot's style, in the light and the dark theme.
type hueRule struct {
	Slot             int
	Fill, Line, Dash string
}

type stepRule struct {
	Slot       int
	Fill, Text string
	Words      string
}

// benchView is one environment.
type benchView struct {
	ID, Title string
	Facts     []fact
	Aside     []count
	Overview  []overview
	Gains     []gainView
	Contests  []contestView
	Failures  []failure
	Unlisted  int // failures that are not listed
	Ceiling   string
}

type fact struct{ Name, Value string }

// overview is a contest in a row.
type overview struct {
	Name, Won, Best, OverOriginal, OverWorst, Ceiling string
}

// gainView is a distribution of gains.
type gainView struct {
	Title string
	Chart *chart
	Rows  []gainRow
}

type gainRow struct {
	Name                                    string
	Number, Min, Low, Median, High, Max, Of string
}

// contestView is one contest.
type contestView struct {
	ID, Name, Doc string
	Open          bool
	Keys          []key
	WinColumns    []string
	WinRows       []winRow
	Families      []familyView
	Unshown       int // panels
}

type winRow struct {
	Slot    int
	Letter  string
	Name    string
	Numbers []int
	Total   int
	Share   string
}

// familyView is the panels that differ in N alone.
type familyView struct {
	Title  string
	Panels []panelView
}

// panelView is the problems that differ in M and D alone.
type panelView struct {
	Title, Events string
	Columns       []int
	Winners       []mapRow
	Chart         *chart
	ChartColumns  []int
	Numbers       []numberRow
	Shares        []mapRow // nil where no ceiling is known
	Missing       string
}

type mapRow struct {
	M     int
	Cells []cell
}

// cell is a place of a map.
type cell struct{ Class, Mark, Text, Title string }

type numberRow struct {
	Letter, Name string
	Times        []string
}

// failure is trials that failed in the same way.
type failure struct {
	Stage, Kernel, Outcome, Reason, Example string
	Number                                  int
}

// dashes are the patterns of the lines, by slot, so that lines are told apart without colour.
func dashes() []string {
	return []string{"none", "7 3", "2 3", "9 3 2 3", "none", "5 2", "1 3", "12 4", "4 4", "8 2 2 2 2 2", "3 6"}
}

// mostEnvironments is how many environments a page shows: more than a reader compares.
const mostEnvironments = 16

func pageOf(benches []*bench, records int) page {
	p := page{Records: plural(records, "record") + ", " + plural(len(benches), "environment")}
	for slot := range len(letters) + 1 {
		h := hueOf(slot)
		p.Hues = append(p.Hues, hueRule{slot, h.fill, h.dark, dashes()[slot]})
	}
	for slot, s := range steps() {
		rule := stepRule{Slot: slot, Fill: s.fill, Text: "#111", Words: "from " + percent(s.from)}
		if s.white {
			rule.Text = "#fff"
		}
		if slot == 0 {
			rule.Words = "less than " + percent(steps()[1].from)
		}
		p.Steps = append(p.Steps, rule)
	}
	keys := legends(benches)
	p.Unshown = max(0, len(benches)-mostEnvironments)
	for i, b := range benches[:len(benches)-p.Unshown] {
		p.Benches = append(p.Benches, b.view("e"+strconv.Itoa(i+1), keys))
	}
	return p
}

func (b *bench) view(id string, keys map[Contest]legend) benchView {
	e := b.environment
	v := benchView{ID: id, Title: clip(environmentWords(e), nameRunes), Aside: b.aside}
	v.Facts = []fact{
		{"Device", shownName(e.Device)},
		{"Backend", shownName(string(e.Backend))},
		{"Compiled for", shownName(e.Arch)},
		{"Driver", shownName(e.Driver)},
		{"Compiler", shownName(e.Compiler)},
		{"Dates", dates(b.first, b.last)},
		{"Trials", thousands(int64(len(b.trials))) + ": " + b.outcomes()},
	}
	for _, c := range b.contests {
		v.Overview = append(v.Overview, c.overview())
		v.Gains = append(v.Gains, c.gainViews(id)...)
		v.Contests = append(v.Contests, c.view(id, keys[c.name]))
	}
	v.Failures, v.Unlisted = b.failures()
	return v
}

// shownName is a name from a record, or a dash.
func shownName(text string) string { return cmp.Or(clip(text, nameRunes), "–") }

// overview returns the row of a contest.
func (c *contest) overview() overview {
	s := c.summary()
	o := overview{Name: string(c.name), Won: fmt.Sprintf("%d of %d", s.Won, s.Points), Best: "–", OverOriginal: "–", OverWorst: "–", Ceiling: "–"}
	if len(s.Wins) > 0 {
		o.Best = fmt.Sprintf("%s (%d)", s.Wins[0].Strategy, s.Wins[0].Problems)
		if len(s.Wins) > 1 {
			o.Best += fmt.Sprintf(", and %d more", len(s.Wins)-1)
		}
	}
	if s.OverOriginal.Number > 0 {
		o.OverOriginal = medianWords(s.OverOriginal, ratio)
	}
	if s.OverWorst.Number > 0 {
		o.OverWorst = medianWords(s.OverWorst, ratio)
	}
	if s.Ceiling.Number > 0 {
		o.Ceiling = medianWords(s.Ceiling, percent)
	}
	return o
}

// medianWords writes a median with how many numbers it is of.
func medianWords(d Distribution, words func(float64) string) string {
	return fmt.Sprintf("%s (of %d)", d.median(words), d.Number)
}

// gainViews returns the distributions of a contest's gains.
func (c *contest) gainViews(id string) []gainView {
	var views []gainView
	for _, g := range []struct {
		id, over string
		gains    []gain
	}{
		{"v1", "the original's default, V1", c.gains((*result).original)},
		{"worst", "the slowest strategy", c.gains((*result).slowest)},
	} {
		if len(g.gains) == 0 {
			continue
		}
		v := gainView{Title: fmt.Sprintf("%s: over %s", c.name, g.over)}
		v.Chart = histogram(fmt.Sprintf("%s-%s-%s", id, c.name, g.id), v.Title, g.gains, spread(g.gains))
		v.Rows = append(v.Rows, gainRowOf("all", g.gains))
		families := c.families()
		for _, f := range families {
			var of []gain
			for _, one := range g.gains {
				if familyOf(one.problem) == f {
					of = append(of, one)
				}
			}
			if len(of) > 0 && len(families) > 1 {
				v.Rows = append(v.Rows, gainRowOf(familyWords(f), of))
			}
		}
		views = append(views, v)
	}
	return views
}

func gainRowOf(name string, gains []gain) gainRow {
	d := spread(gains)
	return gainRow{
		name, strconv.Itoa(d.Number), ratio(d.Min), ratio(d.Low), ratio(d.Median), ratio(d.High), ratio(d.Max), strconv.Itoa(d.AtLeast),
	}
}

// familyOf returns the problem without its sizes.
func familyOf(p variants.Problem) variants.Problem {
	p.M, p.D, p.N = 0, 0, 0
	return p
}

// families lists the kinds of problem apart from N.
func (c *contest) families() []variants.Problem {
	var all []variants.Problem
	for _, p := range c.panels {
		if f := familyOf(p.kind); !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}

// contestDoc says what a contest is about.
func contestDoc(c Contest) string {
	switch variants.Stage(c) {
	case variants.EStep:
		return "The responsibilities and log-likelihoods of all events."
	case variants.Moments:
		return "The sums of statistics from given responsibilities: what the original varied."
	case variants.Accumulate:
		return "Both in one kernel: responsibilities never leave the chip."
	case variants.Score:
		return "Log-likelihoods and labels."
	case variants.Update:
		return "The M-step: statistics in, parameters out."
	default:
		return "A pass of training: fused, the stage accumulate; or split, the fastest E-step and then a strategy for the moments. The M-step is not in it."
	}
}

func (c *contest) view(id string, l legend) contestView {
	v := contestView{
		ID: fmt.Sprintf("%s-%s", id, c.name), Name: string(c.name), Doc: contestDoc(c.name), Open: c.name == Training, Keys: l.keys(),
		Unshown: c.unshown,
	}
	families := c.families()
	for _, f := range families {
		v.WinColumns = append(v.WinColumns, familyWords(f))
		family := familyView{Title: familyWords(f)}
		for _, p := range c.panels {
			if familyOf(p.kind) == f {
				family.Panels = append(family.Panels, c.panelView(fmt.Sprintf("%s-%d-%d", v.ID, len(v.Families), len(family.Panels)), p, l))
			}
		}
		v.Families = append(v.Families, family)
	}
	wins := make([]map[string]int, len(families))
	for i, f := range families {
		wins[i] = map[string]int{}
		for _, w := range c.wins(func(p variants.Problem) bool { return familyOf(p) == f }) {
			wins[i][w.Strategy] = w.Problems
		}
	}
	won := c.summary().Won
	for _, w := range c.wins(func(variants.Problem) bool { return true }) {
		slot := min(l.slot(w.Strategy), len(letters))
		row := winRow{Slot: slot, Letter: letter(slot), Name: w.Strategy, Total: w.Problems, Share: percent(float64(w.Problems) / float64(won))}
		for i := range families {
			row.Numbers = append(row.Numbers, wins[i][w.Strategy])
		}
		v.WinRows = append(v.WinRows, row)
	}
	return v
}

func (c *contest) panelView(id string, p panel, l legend) panelView {
	v := panelView{Title: fmt.Sprintf("%s, %s", c.name, kindWords(p.kind)), Columns: p.ds, Missing: c.missing(p)}
	v.Events = "N=" + thousands(p.kind.N)
	if p.kind.N == 0 {
		v.Events = "N not known"
	}
	shares := false
	var rows []mapRow
	for _, m := range p.ms {
		winners, share := mapRow{M: m}, mapRow{M: m}
		for _, d := range p.ds {
			r := c.at(p, m, d)
			winners.Cells = append(winners.Cells, winnerCell(r, m, d, l))
			share.Cells = append(share.Cells, shareCell(r, m, d))
			if w, ok := r.winner(); ok && w.floor.seconds > 0 {
				shares = true
			}
		}
		v.Winners, rows = append(v.Winners, winners), append(rows, share)
	}
	if shares {
		v.Shares = rows
	}
	if m, ok := c.middle(p); ok {
		lines := c.overD(p, m, l)
		v.Chart = timeChart(id+"-time", lines, m, kindWords(p.kind))
		v.ChartColumns, v.Numbers = p.ds, numbersOf(lines, p.ds)
	}
	return v
}

// numbersOf returns the times of a chart as a table.
func numbersOf(lines []series, ds []int) []numberRow {
	var rows []numberRow
	for _, l := range lines {
		row := numberRow{Letter: letter(l.slot), Name: l.strategy}
		for _, d := range ds {
			text := "–"
			for _, p := range l.points {
				if p.d == d {
					text = entryTime(p.entry)
				}
			}
			row.Times = append(row.Times, text)
		}
		rows = append(rows, row)
	}
	return rows
}

// The marks of places without a winner.
const (
	markFailed  = "×"
	markMissing = "·"
)

// without says why a place has no winner.
func without(r *result, m, d int) cell {
	at := fmt.Sprintf("M=%d D=%d: ", m, d)
	switch {
	case r == nil || r.failed == 0 && len(r.entries) == 0:
		return cell{"none", markMissing, "", at + "not tried"}
	case len(r.entries) > 0:
		return cell{"none", markFailed, "", at + "no time but bounds, the least " + entryTime(r.entries[0])}
	case r.failed == 1:
		return cell{"none", markFailed, "", at + "the one trial has no time"}
	default:
		return cell{"none", markFailed, "", fmt.Sprintf("%snone of %d trials has a time", at, r.failed)}
	}
}

func winnerCell(r *result, m, d int, l legend) cell {
	w, ok := r.winner()
	if !ok {
		return without(r, m, d)
	}
	slot := min(l.slot(w.strategy), len(letters))
	title := fmt.Sprintf("M=%d D=%d: %s, %s (%s)", m, d, w.strategy, duration(w.seconds), w.detail)
	switch {
	case len(r.entries) == 1:
		title += "; no other has a time"
	case r.entries[1].bound:
		title += fmt.Sprintf("; next %s, at least %s", r.entries[1].strategy, ratio(r.entries[1].seconds/w.seconds))
	default:
		title += fmt.Sprintf("; next %s, %s", r.entries[1].strategy, ratio(r.entries[1].seconds/w.seconds))
	}
	return cell{"s" + strconv.Itoa(slot), letter(slot), duration(w.seconds), title}
}

func shareCell(r *result, m, d int) cell {
	w, ok := r.winner()
	if !ok {
		return without(r, m, d)
	}
	if w.floor.seconds == 0 {
		return cell{"none", markMissing, "", fmt.Sprintf("M=%d D=%d: the ceiling of %s is not known", m, d, w.strategy)}
	}
	return cell{
		"q" + strconv.Itoa(stepOf(w.share())), percent(w.share()), string(w.floor.limit),
		fmt.Sprintf("M=%d D=%d: %s reaches %s of what %s allows", m, d, w.strategy, percent(w.share()), w.floor.limit),
	}
}

// missing lists the places without a winner, "" for none.
func (c *contest) missing(p panel) string {
	var rows []string
	for _, m := range p.ms {
		var ds []string
		for _, d := range p.ds {
			if _, ok := c.at(p, m, d).winner(); !ok {
				ds = append(ds, strconv.Itoa(d))
			}
		}
		switch len(ds) {
		case 0:
		case len(p.ds):
			rows = append(rows, fmt.Sprintf("M=%d at every D", m))
		default:
			rows = append(rows, fmt.Sprintf("M=%d at D=%s", m, strings.Join(ds, ", ")))
		}
	}
	return strings.Join(rows, "; ")
}

// mostFailures is how many rows the table of failures has: a reader who needs more reads the records.
const mostFailures = 200

// failures groups the trials that have no time by what and why, the most frequent first, and counts the groups left out.
func (b *bench) failures() (listed []failure, unlisted int) {
	groups := map[failure]*failure{}
	var order []*failure
	for _, t := range b.trials {
		if t.Timed() {
			continue
		}
		f := failure{
			Stage: string(t.Stage), Kernel: kernel(t.Variant, t.Config), Outcome: string(t.Outcome), Reason: cmp.Or(clip(t.Reason, reasonRunes), "none given"),
		}
		if groups[f] == nil {
			first := f
			first.Example = t.Problem.String()
			groups[f] = &first
			order = append(order, &first)
		}
		groups[f].Number++
	}
	slices.SortStableFunc(order, func(a, b *failure) int {
		return cmp.Or(
			cmp.Compare(b.Number, a.Number), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Kernel, b.Kernel),
			cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason),
		)
	})
	for _, f := range order[:min(len(order), mostFailures)] {
		listed = append(listed, *f)
	}
	return listed, len(order) - len(listed)
}
