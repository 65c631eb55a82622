package corpus

import (
	"fmt"

	"github.com/gmmspec/gmmspec/mixture"
)

// Sample is events for a mixture of M components, and parameters to start from.
type Sample struct {
	N, M, D    int
	Covariance mixture.Covariance
	// X holds the events, N×D by row.
	X []float64
	// Truth is what the events were drawn from, or nil where they were not drawn from a mixture of M components.
	Truth *mixture.Parameters
	// Start is where a fit begins, or nil where it should take its start from the data.
	Start *mixture.Parameters
}

// Events views X.
func (s *Sample) Events() (mixture.Events, error) { return mixture.Float64(s.X, s.N, s.D, 0) }

// Rounded returns the events rounded to float32.
func (s *Sample) Rounded() []float32 {
	rounded := make([]float32, len(s.X))
	for i, v := range s.X {
		rounded[i] = float32(v)
	}
	return rounded
}

// Events32 views the events rounded to float32.
func (s *Sample) Events32() (mixture.Events, error) { return mixture.Float32(s.Rounded(), s.N, s.D, 0) }

// String names the shape, as a path for sub-tests.
func (s *Sample) String() string {
	return fmt.Sprintf("cov=%s/n=%d/m=%d/d=%d", s.Covariance, s.N, s.M, s.D)
}
