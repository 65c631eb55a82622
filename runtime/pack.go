package runtime

import (
	"fmt"
	"math"

	"github.com/gmmspec/gmmspec/mixture"
)

// largestFloat32 bounds the numbers of a record in float32: their squares, and sums of products of a tile's events with
// them, stay finite.
const largestFloat32 = 1e18

// PrecisionError reports a model, or weights of events, that float32 cannot hold next to the events.
type PrecisionError struct {
	Component int // -1 where the events alone are at fault
	Reason    string
}

// Error says what float32 cannot hold, and the way out.
func (e *PrecisionError) Error() string { return "runtime: " + e.What() + ": use precision float64" }

// What says what float32 cannot hold.
func (e *PrecisionError) What() string {
	if e.Component < 0 {
		return e.Reason
	}
	return fmt.Sprintf("component %d: %s", e.Component, e.Reason)
}

// PackedModel is a model in the layouts that a program's kernels know.
type PackedModel[T Real] struct {
	// Records holds, by layout of factors, for each component compiled for, Record numbers in the frame: 0, the mean, the
	// constant, the factor. Components past the model's have constant -Inf.
	Records map[string][]T
	// Factors are what the records were made from.
	Factors *mixture.Factors
	// Origins are the means as the kernel has them, rounded, in the events' own coordinates: M×D.
	Origins []float64
}

// Pack lays out a model for the program's kernels. With A = L⁻¹ and u = T(x - c), A(x - μ) = (A T⁻¹)(u - T(μ - c)). Where kernels sum
// about the means alone, what they promise is looked at: see [Program.CheckDirect].
func Pack[T Real](p *Program, f Frame, m *mixture.Parameters) (*PackedModel[T], error) {
	factors, err := m.Factor()
	if err != nil {
		return nil, err
	}
	if !p.centred() {
		if err := p.CheckDirect(f, m, factors); err != nil {
			return nil, err
		}
	}
	packed := &PackedModel[T]{Factors: factors, Records: map[string][]T{}, Origins: make([]float64, m.M*p.Dimensions)}
	for _, layout := range p.factors() {
		records := make([]T, p.Components*p.Record(layout))
		for c := range p.Components {
			if err := packRecord(p, f, m, factors, c, layout, records[c*p.Record(layout):][:p.Record(layout)], packed.Origins); err != nil {
				return nil, err
			}
		}
		packed.Records[layout] = records
	}
	return packed, nil
}

// packRecord fills in component c's record, and its origin.
func packRecord[T Real](p *Program, f Frame, m *mixture.Parameters, factors *mixture.Factors, c int, layout string, record []T, origins []float64) error {
	d, size := p.Dimensions, p.triangle()
	if c >= m.M {
		record[d+1] = T(math.Inf(-1))
		return nil
	}
	limit := math.Inf(1)
	if p.Precision == Float32 {
		limit = largestFloat32
	}
	for j, mean := range m.Mean(c) {
		v := (mean - f.Shift[j]) * f.Scale[j]
		if math.Abs(v) > limit {
			return &PrecisionError{Component: c, Reason: "its mean is too far from the events"}
		}
		record[1+j] = T(v)
		origins[c*d+j] = f.Shift[j] + float64(record[1+j])/f.Scale[j]
	}
	record[d+1] = T(factors.Constants[c])
	var err error
	p.eachTriangle(func(k, a, b int) {
		v := factors.Inverse[c*size+k] / f.Scale[b]
		if math.Abs(v) > limit {
			err = &PrecisionError{Component: c, Reason: "its covariance is too small beside the events' spread"}
		}
		if layout == Square {
			k = b*d + a
		}
		record[d+2+k] = T(v)
	})
	return err
}

// eachTriangle calls visit with the position k of each entry (a, b) of a factor, or of second moments.
func (p *Program) eachTriangle(visit func(k, a, b int)) {
	k := 0
	for a := range p.Dimensions {
		first := 0
		if !p.Covariance.Correlated() {
			first = a
		}
		for b := first; b <= a; b++ {
			visit(k, a, b)
			k++
		}
	}
}

// Unpack turns a kernel's sums into statistics of m components about the origins. The numbers of events and their weight are
// the caller's to set.
func Unpack(p *Program, f Frame, m int, origins, sums []float64) *mixture.Statistics {
	d, size := p.Dimensions, p.triangle()
	s := mixture.NewStatistics(p.Covariance, m, d, origins)
	for c := range m {
		cells := sums[c*p.Cells():][:p.Cells()]
		s.Weights[c] = cells[0]
		for j := range d {
			s.First[c*d+j] = cells[1+j] / f.Scale[j]
		}
		p.eachTriangle(func(k, a, b int) {
			v := cells[1+d+k] / f.Scale[a] / f.Scale[b]
			switch p.Covariance {
			case mixture.Full, mixture.Diag:
				s.Second[c*size+k] = v
			case mixture.Tied:
				s.Second[k] += v
			case mixture.Spherical:
				s.Second[c] += v
			}
		})
	}
	s.LogLikelihood = sums[p.Sums()-1]
	return s
}

// PackCovariances sets second to p's covariances, of full or diag, in the frame, as second moments lie.
func PackCovariances(program *Program, f Frame, p *mixture.Parameters, second []float64) {
	d, size := p.D, program.triangle()
	for c := range p.M {
		to := second[c*size:][:size]
		if p.Covariance != mixture.Full {
			for a, v := range p.Covariances[c*d:][:d] {
				to[a] = v * f.Scale[a] * f.Scale[a]
			}
			continue
		}
		for a := range d {
			for b, v := range p.Covariances[(c*d+a)*d:][:a+1] {
				to[b] = v * f.Scale[a] * f.Scale[b]
			}
			to = to[a+1:]
		}
	}
}

// UnpackCovariances sets p's covariances, of full or diag, to those that a kernel has left in the frame, as second moments lie.
func UnpackCovariances(program *Program, f Frame, second []float64, p *mixture.Parameters) {
	d, size := p.D, program.triangle()
	for c := range p.M {
		from := second[c*size:][:size]
		if p.Covariance == mixture.Diag {
			for a, v := range from {
				p.Covariances[c*d+a] = v / f.Scale[a] / f.Scale[a]
			}
			continue
		}
		matrix := p.Covariances[c*d*d:][:d*d]
		for a := range d {
			for b, v := range from[:a+1] {
				v = v / f.Scale[a] / f.Scale[b]
				matrix[a*d+b], matrix[b*d+a] = v, v
			}
			from = from[a+1:]
		}
	}
}
