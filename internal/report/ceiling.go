package report

import (
	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// Ceiling is what a device can do at most. A rate that is not positive is not known.
type Ceiling struct {
	Float32   float64 `json:"float32"`   // floating-point operations per second
	Float64   float64 `json:"float64"`   // the same
	Bandwidth float64 `json:"bandwidth"` // bytes per second to and from memory
}

// Ceilings holds the ceiling of each model of device, under [autotune.Environment.Model].
type Ceilings map[autotune.Environment]Ceiling

// limit is what bounds a kernel.
type limit string

const (
	unknownLimit limit = ""
	compute      limit = "compute"
	memory       limit = "memory"
)

// floor is the least time in which a device could do a kernel's work, 0 where that is not known.
type floor struct {
	seconds float64
	limit   limit
}

// of returns the floor of a pass: what takes longer, computing or moving. An M-step computes in float64.
func (c Ceiling) of(p variants.Problem, s variants.Stage, w variants.Work) floor {
	peak := c.Float64
	if p.Precision == variants.Float32 && s != variants.Update {
		peak = c.Float32
	}
	if !(peak > 0 && c.Bandwidth > 0 && w.Flops >= 0 && w.Bytes >= 0) {
		return floor{}
	}
	computing, moving := w.Flops/peak, w.Bytes/c.Bandwidth
	if moving > computing {
		return floor{moving, memory}
	}
	return floor{computing, compute}
}

// plus returns the floor of two kernels, one after the other. What bounds the longer one is named.
func (f floor) plus(g floor) floor {
	if f.seconds == 0 || g.seconds == 0 {
		return floor{}
	}
	sum := floor{f.seconds + g.seconds, f.limit}
	if g.seconds > f.seconds {
		sum.limit = g.limit
	}
	return sum
}
