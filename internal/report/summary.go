package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// Summary is the numbers of one environment.
type Summary struct {
	Environment autotune.Environment `json:"environment"`
	// First and Last are the dates between which the trials were made, zero where no record has one.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Trials is how many records are used, SetAside how many are not.
	Trials   int              `json:"trials"`
	SetAside int              `json:"set_aside"`
	Contests []ContestSummary `json:"contests"` // training first, then the stages that have a trial
}

// ContestSummary is the numbers of one contest.
type ContestSummary struct {
	Contest Contest `json:"contest"`
	// Points is how many problems the sweep's sizes span, Won at how many a strategy has a time and so one wins.
	Points int `json:"points"`
	Won    int `json:"won"`
	// Wins has each strategy that wins somewhere, the most frequent winner first.
	Wins []Win `json:"wins"`
	// OverOriginal is how many times as long the original's default takes as the winner, where it has a time: the row for the
	// moments whose original name contains V1, in training with the fastest E-step before it. It is empty in other stages.
	OverOriginal Distribution `json:"over_original"`
	// OverWorst is the same of the slowest strategy that is right, in its best configuration, where at least two have a time.
	OverWorst Distribution `json:"over_worst"`
	// Ceiling is which share of the device's ceiling the winner reaches, by the row's own count of its operations and traffic.
	Ceiling Distribution `json:"ceiling"`
}

// Win is how many problems a strategy wins.
type Win struct {
	Strategy string `json:"strategy"`
	Problems int    `json:"problems"`
}

// Distribution is the quartiles of some numbers. All are 0 where there are none.
type Distribution struct {
	Number  int     `json:"number"`
	AtLeast int     `json:"at_least,omitempty"` // how many of the numbers are least values, by a bound
	Min     float64 `json:"min"`
	Low     float64 `json:"low"`
	Median  float64 `json:"median"`
	High    float64 `json:"high"`
	Max     float64 `json:"max"`
}

// Summarize returns the numbers of each environment, the one with the most trials first. Its error says that there are no
// records.
func Summarize(records []autotune.Record, ceilings Ceilings) ([]Summary, error) {
	benches, err := gather(records, ceilings, variants.ByName)
	if err != nil {
		return nil, err
	}
	var all []Summary
	for _, b := range benches {
		all = append(all, b.summary())
	}
	return all, nil
}

func (b *bench) summary() Summary {
	s := Summary{Environment: b.environment, First: b.first, Last: b.last, Trials: len(b.trials)}
	for _, a := range b.aside {
		s.SetAside += a.Number
	}
	for _, c := range b.contests {
		s.Contests = append(s.Contests, c.summary())
	}
	return s
}

func (c *contest) summary() ContestSummary {
	s := ContestSummary{
		Contest: c.name, Points: c.points, Wins: c.wins(func(variants.Problem) bool { return true }),
		OverOriginal: spread(c.gains((*result).original)), OverWorst: spread(c.gains((*result).slowest)),
	}
	for _, w := range s.Wins {
		s.Won += w.Problems
	}
	var shares []gain
	for _, r := range c.ordered() {
		if w, ok := r.winner(); ok && w.floor.seconds > 0 {
			shares = append(shares, gain{r.problem, w.share(), false})
		}
	}
	s.Ceiling = spread(shares)
	return s
}

// wins counts the problems that each strategy wins, of those that are asked for.
func (c *contest) wins(of func(variants.Problem) bool) []Win {
	numbers := map[string]int{}
	for _, r := range c.results {
		if w, ok := r.winner(); ok && of(r.problem) {
			numbers[w.strategy]++
		}
	}
	wins := make([]Win, 0, len(numbers))
	for strategy, n := range numbers {
		wins = append(wins, Win{strategy, n})
	}
	slices.SortFunc(wins, func(a, b Win) int {
		return cmp.Or(cmp.Compare(b.Problems, a.Problems), cmp.Compare(a.Strategy, b.Strategy))
	})
	return wins
}

// gain is how many times as long another entry takes as the winner of a problem.
type gain struct {
	problem variants.Problem
	times   float64
	atLeast bool
}

// gains compares the winner of each problem with another entry, in the order of the problems.
func (c *contest) gains(other func(*result) (entry, bool)) []gain {
	var all []gain
	for _, r := range c.ordered() {
		w, ok := r.winner()
		o, has := other(r)
		if ok && has {
			all = append(all, gain{r.problem, o.seconds / w.seconds, o.bound})
		}
	}
	return all
}

// spread returns the quartiles.
func spread(gains []gain) Distribution {
	if len(gains) == 0 {
		return Distribution{}
	}
	d := Distribution{Number: len(gains)}
	var values []float64
	for _, g := range gains {
		values = append(values, g.times)
		if g.atLeast {
			d.AtLeast++
		}
	}
	slices.Sort(values)
	d.Min, d.Max = values[0], values[len(values)-1]
	d.Low, d.Median, d.High = quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)
	return d
}

// quantile interpolates between the sorted values next to q of the way.
func quantile(values []float64, q float64) float64 {
	at := q * float64(len(values)-1)
	i := int(at)
	if i+1 >= len(values) {
		return values[len(values)-1]
	}
	part := at - float64(i)
	return (1-part)*values[i] + part*values[i+1]
}

// String gives the summary in lines.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", clip(environmentWords(s.Environment), nameRunes), plural(s.Trials, "trial"), dates(s.First, s.Last))
	if s.SetAside > 0 {
		fmt.Fprintf(&b, "  %s set aside\n", plural(s.SetAside, "record"))
	}
	for _, c := range s.Contests {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	return b.String()
}

// String gives the numbers in a line.
func (c ContestSummary) String() string {
	text := fmt.Sprintf("%s: won at %d of %s", c.Contest, c.Won, plural(c.Points, "problem"))
	var wins []string
	for _, w := range c.Wins {
		wins = append(wins, fmt.Sprintf("%s %d", w.Strategy, w.Problems))
	}
	if len(wins) > 0 {
		text += " (" + strings.Join(wins, ", ") + ")"
	}
	if c.OverOriginal.Number > 0 {
		text += fmt.Sprintf("; over the original's default %s", c.OverOriginal)
	}
	if c.OverWorst.Number > 0 {
		text += fmt.Sprintf("; over the slowest %s", c.OverWorst)
	}
	if c.Ceiling.Number > 0 {
		text += fmt.Sprintf("; %s of the ceiling", percent(c.Ceiling.Median))
	}
	return text
}

// String gives the median of gains.
func (d Distribution) String() string {
	return fmt.Sprintf("%s (median of %s)", d.median(ratio), plural(d.Number, "problem"))
}

// median words the median. It is a least value too where a number is.
func (d Distribution) median(words func(float64) string) string {
	if d.AtLeast > 0 {
		return "at least " + words(d.Median)
	}
	return words(d.Median)
}

// environmentWords names an environment: the device, and what kernels are compiled for.
func environmentWords(e autotune.Environment) string {
	return fmt.Sprintf("%s (%s, %s)", cmp.Or(e.Device, "a device without a name"), cmp.Or(string(e.Backend), "?"), cmp.Or(e.Arch, "?"))
}
