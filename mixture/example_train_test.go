package mixture_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/gmmspec/gmmspec/mixture"
)

// line is loaded events of one dimension, in the plainest way: [mixture.Train] asks no more of a device.
type line []float64

// Accumulate sums each event's responsibilities.
func (l line) Accumulate(_ context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	s := mixture.NewStatistics(p.Covariance, p.M, p.D, p.Means)
	for _, x := range l {
		densities, sum := l.densities(p, x)
		for m, v := range densities {
			r, delta := v/sum, x-p.Means[m]
			s.Weights[m] += r
			s.First[m] += r * delta
			s.Second[m] += r * delta * delta
		}
		s.LogLikelihood += math.Log(sum)
		s.Events++
		s.EventWeight++
	}
	return s, nil
}

// Score sums the events' log-likelihoods.
func (l line) Score(_ context.Context, p *mixture.Parameters, out *mixture.Scores) error {
	out.Total = 0
	for _, x := range l {
		_, sum := l.densities(p, x)
		out.Total += math.Log(sum)
	}
	return nil
}

// Close has nothing to let go of.
func (l line) Close() error { return nil }

// densities returns π_m N(x | μ_m, σ_m²) and their sum.
func (line) densities(p *mixture.Parameters, x float64) (densities []float64, sum float64) {
	for m, variance := range p.Covariances {
		delta := x - p.Means[m]
		v := p.Weights[m] * math.Exp(-delta*delta/(2*variance)) / math.Sqrt(2*math.Pi*variance)
		densities, sum = append(densities, v), sum+v
	}
	return densities, sum
}

// EM on events loaded by a device of one's own: two components find the two groups.
func ExampleTrain() {
	events := line{0.9, 1, 1.1, 4.8, 5, 5.2}
	start := &mixture.Parameters{
		Covariance: mixture.Diag, M: 2, D: 1,
		Weights: []float64{0.5, 0.5}, Means: []float64{2, 3}, Covariances: []float64{1, 1},
	}
	prior := mixture.Prior{Ridge: []float64{1e-6}, Floor: []float64{1e-6}}
	options := mixture.TrainOptions{Tolerance: mixture.DefaultTolerance, MaxIterations: mixture.DefaultMaxIterations}
	fit, err := mixture.Train(context.Background(), events, start, prior, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("converged:", fit.Converged)
	fmt.Printf("weights %.2f, means %.2f, variances %.4f\n", fit.Parameters.Weights, fit.Parameters.Means, fit.Parameters.Covariances)
	fmt.Println("the log-likelihood rose:", fit.LogLikelihood > fit.History[0])
	// Output:
	// converged: true
	// weights [0.50 0.50], means [1.00 5.00], variances [0.0067 0.0267]
	// the log-likelihood rose: true
}
