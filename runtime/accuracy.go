package runtime

import (
	"fmt"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
)

// What an iteration may do to covariances is measured by the worst |ΔΣ_ab| / √(Σ_aa Σ_bb), with ΔΣ the difference from what float64
// makes of the same parameters. It is estimated from the parameters before each pass, as the sum of three errors:
//
//   - of the sums: so much for each unit of tightness, [Frame.Tightness], of sums about a centre; less about the means;
//   - of the events, which are rounded in the frame: at √κ standard deviations from its centre by u √κ of one, u = 2⁻²⁴, their
//     squares by twice that. Sums about a centre have it in theirs; events in buckets are rounded about the bucket's centre;
//   - of the log-densities: see [DensityErrors].
const (
	// unit is u, the largest relative error of rounding to float32.
	unit = 0x1p-24
	// rounding is what rounding a number errs by, relatively, in the mean of squares: 0.43 u where leading digits are as Benford says, and
	// as much again, measured of log-densities, since not all errors are independent.
	rounding = 0.8 * unit

	// sumError32 and sumError64 are the errors of sums about a centre for each unit of tightness, at worst, measured of events that are
	// all at the corners of a cube, whose rounding errors add up: of tiles and runs of them in float32 that are then summed in float64,
	// and in float64.
	sumError32 = 2.5e-6
	sumError64 = 3e-15
	// directErrorC and directErrorCUDA are those of sums about the means in float32, at worst, before they move to float64: in C of a tile,
	// of which each lane of a vector sums its share; on a GPU of 256 events in a row, where they are all the same.
	directErrorC    = 8e-7
	directErrorCUDA = 4.8e-6
	// MovedError is that of sums about means beside the spread about the new ones, where those are elsewhere: of events that differ,
	// twice what was measured. FarError is that of events, for each unit of how far they are from the frame's centre, beside the width of
	// their component.
	MovedError = 2e-7
	FarError   = 2 * unit
)

// The promises of an iteration's accuracy where no other was asked for.
const (
	DefaultMaxError = 1e-5  // of auto
	LeastMaxError   = 1e-10 // of float64
	// LeastMaxError32 is the least that float32 keeps of events at the corners of a cube.
	LeastMaxError32 = 5e-6
)

// Allowed is what sums about a centre may put covariances off by.
func (p *Program) Allowed() float64 {
	switch {
	case p.Precision == Float64:
		return LeastMaxError
	case p.MaxError > 0:
		return p.MaxError
	}
	return DefaultMaxError
}

// Keeps reports whether sums about a centre, of components of a tightness, are within what is allowed, with log-densities that err by e
// if that is not nil.
func (p *Program) Keeps(tightness float64, e *DensityErrors) bool {
	left := p.Allowed() - p.sumError()*tightness
	return left >= 0 && (e == nil || e.Within(left))
}

// Unkept is the error that sums about a centre do not keep what was promised.
func (p *Program) Unkept(tightness float64, e *DensityErrors) error {
	return p.unkept(p.sumError()*tightness + e.Covariances())
}

// sumError is the error of sums about a centre for each unit of tightness.
func (p *Program) sumError() float64 {
	if p.Precision == Float64 {
		return sumError64
	}
	return sumError32
}

// directError is the error of sums about the means.
func (p *Program) directError() float64 {
	if slices.ContainsFunc(p.Kernels, func(k Kernel) bool { return k.Threads > 0 }) {
		return directErrorCUDA
	}
	return directErrorC
}

// CheckDirect reports parameters of which sums about the means may be further from float64's than was promised.
func (p *Program) CheckDirect(f Frame, m *mixture.Parameters, factors *mixture.Factors) error {
	if !p.Promised {
		return nil
	}
	e := f.DensityErrors(m, factors)
	left := p.Allowed() - p.directError() - 2*unit*math.Sqrt(f.Tightness(m))
	if left >= 0 && e.Within(left) {
		return nil
	}
	return p.unkept(p.Allowed() - left + e.Covariances())
}

// CheckMoved reports sums about means that may be further from float64's than was promised, since components turn out to be much
// tighter than the mean has moved, or than they are far from the frame's centre.
func (p *Program) CheckMoved(f Frame, s *mixture.Statistics) error {
	if !p.Promised {
		return nil
	}
	d, worst := s.D, 0.0
	of := func(m, j int) int { // the variance that dimension j of component m is part of
		switch s.Covariance {
		case mixture.Tied:
			return j
		case mixture.Spherical:
			return m
		case mixture.Full, mixture.Diag:
		}
		return m*d + j
	}
	gross, net, weight := make([]float64, s.M*d), make([]float64, s.M*d), make([]float64, s.M*d)
	for m, n := range s.Weights {
		for j := range d {
			if v := of(m, j); n > mixture.EmptyWeight {
				first := s.First[m*d+j]
				gross[v] = s.Second[second(s, m, j)]
				net[v] -= first * first / n
				weight[v] += n
			}
		}
	}
	for m, n := range s.Weights {
		for j := range d {
			v := of(m, j)
			if !(n > mixture.EmptyWeight) || gross[v]*f.Scale[j]*f.Scale[j] <= atCentre*weight[v] {
				continue
			}
			left := math.Max(gross[v]+net[v], math.SmallestNonzeroFloat64)
			far := math.Abs(s.Origins[m*d+j]+s.First[m*d+j]/n-f.Shift[j]) / math.Sqrt(left/weight[v])
			worst = math.Max(worst, MovedError*gross[v]/left+FarError*far)
		}
	}
	if worst <= p.Allowed() {
		return nil
	}
	return p.unkept(worst)
}

func (p *Program) unkept(estimate float64) error {
	return &PrecisionError{Component: -1, Reason: fmt.Sprintf(
		"an iteration may put covariances %.1g off, of which %g is allowed", estimate, p.Allowed())}
}

// second is where, of the second moments of statistics, that of dimension j of component m is.
func second(s *mixture.Statistics, m, j int) int {
	switch s.Covariance {
	case mixture.Full:
		return m*s.D*(s.D+1)/2 + j*(j+3)/2
	case mixture.Tied:
		return j * (j + 3) / 2
	case mixture.Diag:
		return m*s.D + j
	case mixture.Spherical:
	}
	return m
}
