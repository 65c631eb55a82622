package compare

// Tolerance bounds an error twice: above Warn it is marginal, above Fail it is wrong.
type Tolerance struct{ Warn, Fail float64 }

// Verdict is what a [Tolerance] says of an error.
type Verdict int

// The verdicts.
const (
	Wrong Verdict = iota
	Marginal
	Right
)

// Exact is the tolerance of results that must be equal.
func Exact() Tolerance { return Tolerance{} }

// Judge returns the verdict on an error. NaN is wrong.
func (t Tolerance) Judge(e float64) Verdict {
	switch {
	case e <= t.Warn:
		return Right
	case e <= t.Fail:
		return Marginal
	}
	return Wrong
}

// Reporter is the part of testing.TB that [Tolerance.Check] needs.
type Reporter interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Check logs the measures that are marginal, and reports as errors those that are wrong.
func (t Tolerance) Check(r Reporter, measures ...Measure) {
	r.Helper()
	for _, m := range measures {
		switch t.Judge(m.Error) {
		case Wrong:
			r.Errorf("%v (%.3g of the tolerance %g)", m, m.Error/t.Fail, t.Fail)
		case Marginal:
			r.Logf("MARGINAL: %v (%.3g of the tolerance %g)", m, m.Error/t.Fail, t.Fail)
		case Right:
		}
	}
}
