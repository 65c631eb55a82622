package autotune

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/gmmspec/gmmspec/variants"
)

// Outcome says what became of a candidate that was tried.
type Outcome string

// The outcomes.
const (
	// OK is a candidate that was judged and timed.
	OK Outcome = "ok"
	// Bound is one that was so far behind that it was stopped after a sample: Seconds is what the sample took.
	Bound Outcome = "bound"
	// NotCompiled is one that its compiler refused.
	NotCompiled Outcome = "not compiled"
	// Wrong is one whose results are not the reference's.
	Wrong Outcome = "wrong"
	// Crashed is one that ended its process, or the device's context.
	Crashed Outcome = "crashed"
	// Hung is one that had not answered in time.
	Hung Outcome = "hung"
)

// Outcomes lists the outcomes.
func Outcomes() []Outcome { return []Outcome{OK, Bound, NotCompiled, Wrong, Crashed, Hung} }

// Environment is what a time was measured with.
type Environment struct {
	Backend  variants.Backend `json:"backend"`
	Device   string           `json:"device"`           // the model: "NVIDIA H100 80GB HBM3", or the processor's name
	Arch     string           `json:"arch"`             // compiled for: "sm_90", "native"
	Driver   string           `json:"driver,omitempty"` // of the GPU
	Compiler string           `json:"compiler"`         // with its version
}

// Model is the part of an environment that decides which of two candidates is faster, more or less: records of the same model
// rank candidates, and those of the same environment are trusted.
func (e Environment) Model() Environment {
	return Environment{Backend: e.Backend, Device: e.Device, Arch: e.Arch}
}

// Record is one candidate's trial: a time, or why there is none.
type Record struct {
	Environment
	// Problem is what was timed: N is the number of events of the pass, Covariance one that has kernels, full or diag.
	Problem variants.Problem `json:"problem"`
	Stage   variants.Stage   `json:"stage"`
	Variant string           `json:"variant"`
	Config  string           `json:"config,omitempty"`
	// Source is a digest of the text that was compiled. A record is of that kernel and no other.
	Source  string  `json:"source"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // what else there is to say of an outcome other than OK
	// Seconds is the median over Repeats passes, Low and High are the quartiles. All are 0 where there is no time.
	Seconds float64 `json:"seconds,omitempty"`
	Low     float64 `json:"low,omitempty"`
	High    float64 `json:"high,omitempty"`
	Repeats int     `json:"repeats,omitempty"`
	// Error is the largest difference from the reference, as package compare measures them.
	Error float64   `json:"error,omitempty"`
	Date  time.Time `json:"date,omitzero"`
}

// Timed reports whether the record holds a time of a kernel that is right.
func (r Record) Timed() bool { return r.Outcome == OK || r.Outcome == Bound }

// EventsBucket returns the power of two nearest to n in ratio, so that what is known of a number of events serves its neighbours; 0 for 0.
func EventsBucket(n int64) int64 {
	if n < 1 {
		return 0
	}
	const mostBits = 62 // of a power of two in 64 signed bits
	low := bits.Len64(uint64(n)) - 1
	if power := float64(int64(1) << low); float64(n)*float64(n) > 2*power*power {
		low++
	}
	return 1 << min(low, mostBits)
}

// Key is what a record is filed under: trials of the same key replace each other.
type Key struct {
	Environment
	Question
	Variant, Config string
}

// Question is what wisdom is asked: which candidate is fastest at a stage of a problem. M is as compiled, N a bucket.
type Question struct {
	Problem variants.Problem
	Stage   variants.Stage
}

// Ask returns the question of a stage of a problem: kernels are shared by neighbours in M and N, by tied and full, and by
// spherical and diag.
func Ask(p variants.Problem, s variants.Stage) Question {
	p.M, p.N, p.Covariance = variants.RoundComponents(p.M), EventsBucket(p.N), p.Covariance.Kernel()
	return Question{Problem: p, Stage: s}
}

// Key returns what the record is filed under.
func (r Record) Key() Key {
	return Key{Environment: r.Environment, Question: Ask(r.Problem, r.Stage), Variant: r.Variant, Config: r.Config}
}

// String gives the record in a line.
func (r Record) String() string {
	text := fmt.Sprintf("%s, %s: %s: %s", r.Device, r.Problem, label(r.Variant, r.Config), r.Outcome)
	if r.Timed() {
		text += " " + seconds(r.Seconds)
	}
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	return text
}
