package mixture_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"math"
	"os"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// The three events of two coordinates lie in rows of three: the last column is something else.
func ExampleFloat32() {
	table := []float32{
		1, 2, 100,
		3, 4, 200,
		5, 6, 300,
	}
	events, err := mixture.Float32(table, 3, 2, 3)
	if err != nil {
		log.Fatal(err)
	}
	last := make([]float64, 2)
	events.Read(last, 2)
	fmt.Println(events.Len(), "events of", events.Dims(), "- the last is", last)
	// Output: 3 events of 2 - the last is [5 6]
}

func ExampleMatrix() {
	m := mat.NewDense(2, 3, []float64{
		1, 2, 3,
		4, 5, 6,
	})
	events, err := mixture.Matrix(m.T())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(events.Len(), "events of", events.Dims())
	// Output: 3 events of 2
}

func ExampleSummarize() {
	events, err := mixture.Float64([]float64{1, 2, 9}, 3, 1, 0)
	if err != nil {
		log.Fatal(err)
	}
	s, err := mixture.Summarize(context.Background(), mixture.Data{Events: events, Weights: []float64{2, 1, 1}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("mean", s.Mean[0], "variance", s.Variance[0], "from", s.Low[0], "to", s.High[0])
	// Output: mean 3.25 variance 11.1875 from 1 to 9
}

// The original's rule takes the mean and then events at even distances; each component starts with a share of the variance.
func ExampleStart_First() {
	events, err := mixture.Float64([]float64{0, 1, 2, 3, 4, 5, 6, 7, 8}, 9, 1, 0)
	if err != nil {
		log.Fatal(err)
	}
	data := mixture.Data{Events: events}
	s, err := mixture.Summarize(context.Background(), data)
	if err != nil {
		log.Fatal(err)
	}
	p := mixture.StartEven.First(data, s, mixture.Diag, 3, 0, mixture.RelativePrior(s))
	fmt.Println("means", p.Means, "variances", p.Covariances)
	// Output: means [4 3 6] variances [2.5 2.5 2.5]
}

// Statistics of two parts of the events, about different origins, add to those of all events: here 1 and 3, and 8.
func ExampleStatistics_Add() {
	here := mixture.NewStatistics(mixture.Diag, 1, 1, []float64{2})
	here.Weights[0], here.First[0], here.Second[0] = 2, -1+1, 1+1
	there := mixture.NewStatistics(mixture.Diag, 1, 1, []float64{5})
	there.Weights[0], there.First[0], there.Second[0] = 1, 3, 9
	if err := here.Add(there); err != nil {
		log.Fatal(err)
	}
	fmt.Println("N", here.Weights[0], "first", here.First[0], "second", here.Second[0])
	// Output: N 3 first 6 second 38
}

// The same events: their mean is 4, and the covariance is about that.
func ExampleUpdate() {
	s := mixture.NewStatistics(mixture.Diag, 1, 1, []float64{2})
	s.Weights[0], s.First[0], s.Second[0] = 3, 6, 39
	prior := mixture.Prior{Ridge: []float64{0.5}, Floor: []float64{1e-6}}
	p, report, err := mixture.Update(s, prior, mixture.NewParameters(mixture.Diag, 1, 1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("mean", p.Means[0], "variance", p.Covariances[0], "mended", len(report.Empty)+len(report.Floored))
	// Output: mean 4 variance 9.5 mended 0
}

// A density by hand: log π + log N(x | μ, Σ) = c - ½ ‖A (x - μ)‖².
func ExampleParameters_Factor() {
	p := &mixture.Parameters{
		Covariance: mixture.Full, M: 1, D: 2,
		Weights: []float64{1}, Means: []float64{1, 1}, Covariances: []float64{4, 2, 2, 10},
	}
	f, err := p.Factor()
	if err != nil {
		log.Fatal(err)
	}
	x, a := []float64{3, 2}, f.Inverse // A by rows: (a[0]), (a[1] a[2])
	y0 := a[0] * (x[0] - 1)
	y1 := a[1]*(x[0]-1) + a[2]*(x[1]-1)
	fmt.Printf("%.4f\n", math.Exp(f.Constants[0]-0.5*(y0*y0+y1*y1)))
	// Output: 0.0161
}

func ExampleParameters_Validate() {
	p := &mixture.Parameters{
		Covariance: mixture.Full, M: 1, D: 2,
		Weights: []float64{1}, Means: []float64{0, 0}, Covariances: []float64{1, 2, 2, 1},
	}
	fmt.Println(p.Validate())
	// Output: mixture: covariances: component 0: not positive definite
}

func ExampleModelFile_WriteTo() {
	f := &mixture.ModelFile{Parameters: &mixture.Parameters{
		Covariance: mixture.Spherical, M: 2, D: 2,
		Weights: []float64{0.25, 0.75}, Means: []float64{0, 0, 1, -1}, Covariances: []float64{0.1, 2},
	}}
	if _, err := f.WriteTo(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output: {"format":"gmmspec-model/1","components":2,"dimensions":2,"covariance_type":"spherical","weights":[0.25,0.75],"means":[[0,0],[1,-1]],"covariances":[0.1,2]}
}

func ExampleReadModel() {
	text := `{"format": "gmmspec-model/1", "components": 2, "dimensions": 1, "covariance_type": "diag",
		"weights": [0.5, 0.5], "means": [[-1], [null]], "covariances": [[1], [4]]}`
	_, err := mixture.ReadModel(bytes.NewBufferString(text))
	fmt.Println(err)
	// Output: mixture: means: component 1: entry [0]: null: want a number
}
