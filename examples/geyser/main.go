// Geyser fits two components to the eruptions of Old Faithful, given as a CSV file, and tells short ones from long ones.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: geyser FILE.csv")
	}
	table, err := dataset.Read(os.Args[1], dataset.Options{})
	check(err)
	events, err := gmmspec.Float64(table.Float64, table.Rows, table.Columns)
	check(err)
	model, err := gmmspec.New(2, table.Columns)
	check(err)
	result, err := model.Train(context.Background(), events)
	check(err)
	labels, err := model.Predict(context.Background(), events)
	check(err)
	fmt.Printf("log-likelihood %.3f after %d iterations\n", result.LogLikelihood, result.Iterations)
	for m, weight := range model.Weights() {
		fmt.Printf("%.0f%% last about %.1f minutes\n", 100*weight, model.Means().At(m, 0))
	}
	fmt.Println("the first eruption is of kind", labels[0])
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
