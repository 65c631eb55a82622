package variants

import (
	"fmt"
	"math"
	"strings"
)

// Covariance says which covariance entries a kernel computes with. The names are those of mixture.Covariance.
type Covariance string

// The covariance types.
const (
	Full      Covariance = "full"
	Diag      Covariance = "diag"
	Tied      Covariance = "tied"
	Spherical Covariance = "spherical"
)

// Kernel returns the covariance type whose kernels serve c: a tied covariance is a full one that all components share, a
// spherical one a diagonal of equal entries. Their statistics are summed from those kernels'.
func (c Covariance) Kernel() Covariance {
	switch c {
	case Tied:
		return Full
	case Spherical:
		return Diag
	default:
		return c
	}
}

// Precision is the floating-point type that a kernel works in. Sums leave every kernel in float64.
type Precision string

// The precisions.
const (
	Float32 Precision = "float32"
	Float64 Precision = "float64"
)

// Bytes returns the size of one number.
func (p Precision) Bytes() int {
	if p == Float32 {
		return 4
	}
	return 8
}

// Problem is what is asked for.
type Problem struct {
	M          int        `json:"components"`
	D          int        `json:"dimensions"`
	N          int64      `json:"events,omitempty"` // 0 where unknown; never compiled in
	Covariance Covariance `json:"covariance_type"`
	Precision  Precision  `json:"precision"`
	Weighted   bool       `json:"weighted,omitempty"` // events have weights
	Hard       bool       `json:"hard,omitempty"`     // events belong wholly to their most likely component
	Missing    bool       `json:"missing,omitempty"`  // coordinates may be missing
}

// Validate reports sizes and names that no variant could serve.
func (p Problem) Validate() error {
	switch {
	case p.M < 1:
		return fmt.Errorf("variants: %d components: want at least 1", p.M)
	case p.D < 1:
		return fmt.Errorf("variants: %d dimensions: want at least 1", p.D)
	case p.N < 0:
		return fmt.Errorf("variants: %d events: want at least 0", p.N)
	case p.Covariance != Full && p.Covariance != Diag && p.Covariance != Tied && p.Covariance != Spherical:
		return fmt.Errorf("variants: unknown covariance type %q: want full, diag, tied or spherical", p.Covariance)
	case p.Precision != Float32 && p.Precision != Float64:
		return fmt.Errorf("variants: unknown precision %q: want float32 or float64", p.Precision)
	}
	return nil
}

// String gives the problem in words: "M=64 D=19 N=1000000 full float32 weighted".
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "M=%d D=%d", p.M, p.D)
	if p.N > 0 {
		fmt.Fprintf(&b, " N=%d", p.N)
	}
	fmt.Fprintf(&b, " %s %s", p.Covariance, p.Precision)
	for _, f := range []struct {
		set  bool
		name string
	}{{p.Weighted, "weighted"}, {p.Hard, "hard"}, {p.Missing, "missing"}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	return b.String()
}

// significantBits is how many leading bits [RoundComponents] keeps: at most a quarter of the work is padding.
const significantBits = 3

// RoundComponents returns the number of components a kernel is compiled for: m rounded up to three significant bits, so that
// neighbours share a binary. The components past m have weight 0.
func RoundComponents(m int) int {
	step := 1
	for (m-1)>>significantBits >= step { // m > step·2^significantBits, without overflow
		step <<= 1
	}
	if m > math.MaxInt-step {
		return m
	}
	return (m + step - 1) / step * step
}

// Cell is a pair of homogeneous coordinates a ≥ b of ũ = (1, x_1 … x_D): statistics are sums of r ũ_a ũ_b, so (0,0) is N_m,
// (a,0) a first moment and (a,b) a second one.
type Cell struct{ A, B int }

// Cells lists the cells whose sums the statistics of covariance type c need, in the order in which kernels write them: (0,0);
// then (a,0); then the second moments by row, of which diag and spherical need only (a,a).
func (c Covariance) Cells(d int) []Cell {
	cells := make([]Cell, 1, c.CellCount(d))
	for a := 1; a <= d; a++ {
		cells = append(cells, Cell{a, 0})
	}
	for a := 1; a <= d; a++ {
		first := 1
		if c.Kernel() == Diag {
			first = a
		}
		for b := first; b <= a; b++ {
			cells = append(cells, Cell{a, b})
		}
	}
	return cells
}

// CellCount returns the number of cells.
func (c Covariance) CellCount(d int) int { return 1 + d + c.Triangle(d) }

// Triangle returns how many second moments one component has: D(D+1)/2 for full and tied, D for diag and spherical.
func (c Covariance) Triangle(d int) int {
	if c.Kernel() == Diag {
		return d
	}
	return d * (d + 1) / 2
}
