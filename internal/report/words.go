package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gmmspec/gmmspec/variants"
)

// What of a text that came from outside is shown, in runes: a label must fit a legend, a reason its cell.
const (
	labelRunes  = 40
	nameRunes   = 120
	reasonRunes = 300
)

// clip makes a text from outside one line of at most n runes, that a reader sees as it is.
func clip(text string, n int) string {
	var runes []rune
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		if !unicode.IsPrint(r) {
			r = ' '
		}
		runes = append(runes, r)
	}
	if len(runes) > n {
		runes = append(runes[:n-1], '…')
	}
	return string(runes)
}

// kernel names a variant and its configuration.
func kernel(variant, config string) string {
	return clip(strings.TrimSpace(variant+" "+config), nameRunes)
}

// duration words seconds to two digits: "1.2 ms".
func duration(s float64) string {
	value, unit := scaled(s)
	const whole = 9.95 // what two digits round to 10
	if value >= whole {
		return strconv.FormatFloat(value, 'f', 0, 64) + " " + unit
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + unit
}

// roundDuration words a round number of seconds: "1 ms".
func roundDuration(s float64) string {
	value, unit := scaled(s)
	return strconv.FormatFloat(value, 'g', 3, 64) + " " + unit
}

// scaled returns seconds in the unit in which two digits read best.
func scaled(s float64) (value float64, unit string) {
	const roundsUp = 0.995 // to the next unit, at two digits
	switch {
	case s >= roundsUp:
		return s, "s"
	case s >= roundsUp*1e-3:
		return s * 1e3, "ms"
	case s >= roundsUp*1e-6:
		return s * 1e6, "µs"
	default:
		return s * 1e9, "ns"
	}
}

// entryTime words an entry's time.
func entryTime(e entry) string {
	if e.bound {
		return "≥ " + duration(e.seconds)
	}
	return duration(e.seconds)
}

// ratio words how many times as long something takes, to at least two decimals where it is near 1.
func ratio(v float64) string {
	const plain = 10
	if v >= plain {
		return strconv.FormatFloat(v, 'f', 0, 64) + "×"
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + "×"
}

// percent words a share.
func percent(v float64) string {
	const small = 0.00995 // below it one digit tells more
	if v < small {
		return strconv.FormatFloat(100*v, 'g', 1, 64) + " %"
	}
	return strconv.FormatFloat(100*v, 'f', 0, 64) + " %"
}

// thousands writes a number with a space between its thousands.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	const group = 3
	for i := len(digits) - group; i > 0; i -= group {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// kindWords names a panel: "full, float32, N=1 000 000".
func kindWords(p variants.Problem) string {
	words := familyWords(p)
	if p.N > 0 {
		return words + ", N=" + thousands(p.N)
	}
	return words + ", N not known"
}

// familyWords names what a panel shares with those of other N.
func familyWords(p variants.Problem) string {
	words := string(p.Covariance) + ", " + string(p.Precision)
	for _, f := range []struct {
		set  bool
		name string
	}{{p.Weighted, "weighted"}, {p.Hard, "hard"}, {p.Missing, "missing"}} {
		if f.set {
			words += ", " + f.name
		}
	}
	return words
}

// dates words a range of days.
func dates(first, last time.Time) string {
	if first.IsZero() {
		return "not recorded"
	}
	from, to := first.UTC().Format(time.DateOnly), last.UTC().Format(time.DateOnly)
	if from == to {
		return from
	}
	return from + " to " + to
}

// plural writes a number with a noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", thousands(int64(n)), noun)
}

// coordinate writes a place in a drawing to a tenth of a pixel.
func coordinate(v float64) string {
	const tenth = 10
	return strconv.FormatFloat(math.Round(v*tenth)/tenth, 'f', -1, 64)
}

// strategies writes a number of strategies.
func strategies(n int) string {
	if n == 1 {
		return "1 strategy"
	}
	return strconv.Itoa(n) + " strategies"
}
