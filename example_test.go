package gmmspec_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/gmmspec/gmmspec"
	"gonum.org/v1/gonum/mat"
)

// faithful returns the 272 eruptions of Old Faithful: how long each lasted, and the wait for the next, in minutes.
func faithful() gmmspec.Events {
	events, err := gmmspec.ReadEvents("testdata/data/faithful.csv")
	if err != nil {
		log.Fatal(err)
	}
	return events
}

// trained returns a mixture of two kinds of eruption.
func trained() *gmmspec.Model {
	model, err := gmmspec.New(2, 2)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := model.Train(context.Background(), faithful()); err != nil {
		log.Fatal(err)
	}
	return model
}

// The start is taken from the data at Train.
func ExampleNew() {
	model, err := gmmspec.New(2, 2, gmmspec.WithCovariance(gmmspec.Diag), gmmspec.WithStart(gmmspec.StartEven))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Components(), model.Dimensions(), model.Covariance(), model.Parameters() == nil)
	_, err = gmmspec.New(2, 2, gmmspec.WithDevice("abacus"))
	fmt.Println(err)
	// Output:
	// 2 2 diag true
	// gmmspec: unknown device "abacus": want auto, cuda, cuda:NUMBER, cc or reference
}

// The caller's parameters are copied: training does not overwrite them.
func ExampleWithParameters() {
	means := mat.NewDense(2, 2, []float64{2, 50, 4, 80})
	covariance := mat.NewSymDense(2, []float64{1, 0, 0, 100})
	start, err := gmmspec.NewParameters(gmmspec.Full, []float64{0.5, 0.5}, means, []mat.Symmetric{covariance, covariance})
	if err != nil {
		log.Fatal(err)
	}
	model, err := gmmspec.New(2, 2, gmmspec.WithParameters(start))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := model.Train(context.Background(), faithful()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("start", start.Mean(0))
	fmt.Printf("now   %.2f\n", model.Parameters().Mean(0))
	// Output:
	// start [2 50]
	// now   [2.04 54.48]
}

func ExampleModel_Train() {
	model, err := gmmspec.New(2, 2)
	if err != nil {
		log.Fatal(err)
	}
	result, err := model.Train(context.Background(), faithful())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("log-likelihood %.2f after %d iterations, converged: %v\n", result.LogLikelihood, result.Iterations, result.Converged)
	fmt.Println(len(result.History), "totals, on the", result.Plan.Device)
	// Output:
	// log-likelihood -1130.27 after 9 iterations, converged: true
	// 10 totals, on the reference
}

// A second Train goes on from where the model is; Reset forgets.
func ExampleModel_Reset() {
	model := trained()
	again, err := model.Train(context.Background(), faithful())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("more iterations:", again.Iterations)
	model.Reset()
	fmt.Println("parameters:", model.Parameters())
	// Output:
	// more iterations: 1
	// parameters: <nil>
}

func ExampleModel_Score() {
	logLikelihoods, err := trained().Score(context.Background(), faithful())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d: %.3f …\n", len(logLikelihoods), logLikelihoods[:3])
	// Output:
	// 272: [-4.633 -3.670 -5.793] …
}

func ExampleModel_Means() {
	fmt.Printf("%.2f\n", mat.Formatted(trained().Means()))
	// Output:
	// ⎡ 4.29  79.96⎤
	// ⎣ 2.04  54.47⎦
}

func ExampleModel_Covariances() {
	covariances := trained().Covariances()
	fmt.Printf("%.3f\n", mat.Formatted(covariances[0]))
	// Output:
	// ⎡ 0.171   0.950⎤
	// ⎣ 0.950  36.148⎦
}

func ExampleModel_Weights() {
	fmt.Printf("%.3f\n", trained().Weights())
	// Output:
	// [0.644 0.356]
}

func ExampleModel_Predict() {
	labels, err := trained().Predict(context.Background(), faithful())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(labels[:8])
	// Output:
	// [0 1 0 1 0 1 0 0]
}

func ExampleModel_Decode() {
	labels, logLikelihoods, err := trained().Decode(context.Background(), faithful())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %.3f\n", labels[0], logLikelihoods[0])
	// Output:
	// 0 -4.633
}

// The responsibilities are normalised: each row sums to 1.
func ExampleModel_Eval() {
	logLikelihoods, responsibilities, err := trained().Eval(context.Background(), faithful())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f %.6f\n", logLikelihoods[2], responsibilities.RawRowView(2))
	// Output:
	// -5.793 [0.999993 0.000007]
}

func ExampleModel_WriteTo() {
	var file bytes.Buffer
	if _, err := trained().WriteTo(&file); err != nil {
		log.Fatal(err)
	}
	model, err := gmmspec.Read(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", model.Weights())
	// Output:
	// [0.644 0.356]
}

// What would run, without running it.
func ExampleExplain() {
	plan, err := gmmspec.Explain(64, 19, 1_000_000, gmmspec.WithArch("sm_90"), gmmspec.WithDevice("cuda"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Problem)
	fmt.Println(plan.Variants())
	// Output:
	// M=64 D=19 N=1000000 full float32
	// [accumulate-full-warpgroup-dimension estep-full-shared-dimension moments-full-tile score-full-tile-dimension]
}

func ExampleRender() {
	sources, err := gmmspec.Render(64, 19, gmmspec.WithDevice("cc"), gmmspec.WithVariant("score-full-lanes"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sources[0].Text[:bytes.IndexByte([]byte(sources[0].Text), '\n')])
	// Output:
	// // score-full-lanes: A lane an event: log-likelihoods and labels of a tile of events.
}
