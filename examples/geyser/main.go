// Geyser fits two components to the eruptions of Old Faithful: how long each lasted, and the wait for the next, in minutes.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/gmmspec/gmmspec"
)

func main() {
	events, err := gmmspec.ReadEvents("testdata/data/faithful.csv")
	check(err)
	model, err := gmmspec.New(2, events.Dims())
	check(err)
	result, err := model.Train(context.Background(), events)
	check(err)
	fmt.Printf("log-likelihood %.3f after %d iterations\n", result.LogLikelihood, result.Iterations)
	fmt.Printf("weights %.2f, means %.1f\n", model.Weights(), model.Means().RawMatrix().Data)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
