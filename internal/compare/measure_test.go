package compare_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
)

func TestAbsolute(t *testing.T) {
	got := compare.Absolute("x", []float64{1, 2, 3.5, math.Inf(1)}, []float64{1, 2.25, 3, math.Inf(1)})
	if got.Error != 0.5 || got.At[0] != 2 || got.Got != 3.5 || got.Want != 3 {
		t.Errorf("got %v: want an error of 0.5 at [2]", got)
	}
}

func TestRelative(t *testing.T) {
	got := compare.Relative("x", []float64{1, -8}, []float64{3, -8})
	if got.Error != 0.25 || got.At[0] != 0 {
		t.Errorf("got %v: want an error of 2/8 at [0]", got)
	}
}

func TestBits(t *testing.T) {
	same := []float64{math.NaN(), 0, 1}
	if got := compare.Bits("x", same, same); got.Error != 0 {
		t.Errorf("got %v: want no difference", got)
	}
	got := compare.Bits("x", []float64{0, 2, 3}, []float64{math.Copysign(0, -1), 2, 4})
	if got.Error != 2 || got.At[0] != 0 {
		t.Errorf("got %v: want two, the first at [0]", got)
	}
}

func TestLabels(t *testing.T) {
	responsibilities := []float64{0.2, 0.5, 0.3, 0.4, 0.4, 0.2}
	for _, c := range []struct {
		labels []int
		want   float64
	}{
		{[]int{1, 0}, 0},
		{[]int{1, 1}, 0}, // a tie
		{[]int{2, 0}, 0.2},
		{[]int{1, 3}, math.Inf(1)},
		{[]int{-1, 0}, math.Inf(1)},
	} {
		if got := compare.Labels(c.labels, responsibilities, 3); got.Error != c.want {
			t.Errorf("labels %v: %v, want an error of %v", c.labels, got, c.want)
		}
	}
}

func TestLengths(t *testing.T) {
	short, long := []float64{1}, []float64{1, 2}
	for _, m := range []compare.Measure{
		compare.Absolute("x", short, long), compare.Relative("x", long, short), compare.Bits("x", short, long),
		compare.LogDensities(short, long), compare.Labels([]int{0, 0}, long, 2),
	} {
		if compare.Exact().Judge(m.Error) != compare.Wrong || !math.IsInf(m.Error, 1) {
			t.Errorf("got %v: want an infinite error", m)
		}
	}
}

// TestNaN puts a NaN in every place of either side: every measure must say so, wherever it is and whatever comes after.
func TestNaN(t *testing.T) {
	measures := map[string]func(got, want []float64) compare.Measure{
		"absolute":      func(got, want []float64) compare.Measure { return compare.Absolute("x", got, want) },
		"relative":      func(got, want []float64) compare.Measure { return compare.Relative("x", got, want) },
		"log-densities": compare.LogDensities,
	}
	for name, measure := range measures {
		for i := range 3 {
			for side := range 2 {
				pair := [2][]float64{{1, 2, 3}, {1, 5, 3}}
				pair[side][i] = math.NaN()
				if got := measure(pair[0], pair[1]); loose().Judge(got.Error) != compare.Wrong {
					t.Errorf("%s, NaN at %d of side %d: %v is not wrong", name, i, side, got)
				}
			}
		}
	}
}

func TestWorst(t *testing.T) {
	measure := func(e float64) compare.Measure { return compare.Measure{What: fmt.Sprint(e), Error: e} }
	for _, c := range []struct {
		errors []float64
		want   string
	}{
		{[]float64{1, 3, 2}, "3"},
		{[]float64{math.NaN(), 3}, "NaN"},
		{[]float64{3, math.NaN(), 4}, "NaN"},
		{[]float64{0, 0}, "0"},
	} {
		var all []compare.Measure
		for _, e := range c.errors {
			all = append(all, measure(e))
		}
		if got := compare.Worst(all...); got.What != c.want {
			t.Errorf("worst of %v is %s: want %s", c.errors, got.What, c.want)
		}
	}
}

// record is a Reporter that counts.
type record struct{ logs, errors []string }

func (r *record) Helper() {}
func (r *record) Logf(format string, args ...any) {
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

func (r *record) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestTolerance(t *testing.T) {
	tolerance := compare.Tolerance{Warn: 0.1, Fail: 0.2}
	for _, c := range []struct {
		error        float64
		want         compare.Verdict
		logs, errors int
	}{
		{0, compare.Right, 0, 0},
		{0.1, compare.Right, 0, 0},
		{0.15, compare.Marginal, 1, 0},
		{0.2, compare.Marginal, 1, 0},
		{0.21, compare.Wrong, 0, 1},
		{math.Inf(1), compare.Wrong, 0, 1},
		{math.NaN(), compare.Wrong, 0, 1},
	} {
		var r record
		tolerance.Check(&r, compare.Measure{What: "x", Error: c.error})
		if got := tolerance.Judge(c.error); got != c.want || len(r.logs) != c.logs || len(r.errors) != c.errors {
			t.Errorf("error %v: verdict %v, logs %q, errors %q", c.error, got, r.logs, r.errors)
		}
	}
	if compare.Exact().Judge(math.SmallestNonzeroFloat64) != compare.Wrong {
		t.Error("the exact tolerance accepts a difference")
	}
}

// loose accepts every number, so that only what is not a number is wrong.
func loose() compare.Tolerance {
	return compare.Tolerance{Warn: math.MaxFloat64, Fail: math.MaxFloat64}
}
