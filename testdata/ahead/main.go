// A program that was specialised ahead of time, by hand: it carries compiled kernels and how they are launched, and imports
// neither templates nor a compiler. TestAhead puts the objects beside it, builds it as a user's module, and runs it.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"log"
	"os"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cc"
)

//go:embed accumulate_full_product.so
var accumulate []byte

//go:embed accumulate_full_lanes.so
var direct []byte

//go:embed score_full_lanes.so
var score []byte

// program is what a plan for 2 components over 2 dimensions decided.
func program() *runtime.Program {
	return &runtime.Program{
		Components: 2, Dimensions: 2, Covariance: mixture.Full, Precision: runtime.Float64,
		Kernels: []runtime.Kernel{
			{
				Variant: "accumulate-full-product", Stage: runtime.Accumulate, Entry: "accumulate_full_product",
				Binary: accumulate, Events: runtime.ByEvent, Factor: runtime.Packed, Centred: true, Tile: 64, ScratchBytes: 335152,
			},
			{
				Variant: "accumulate-full-lanes", Stage: runtime.Accumulate, Entry: "accumulate_full_lanes",
				Binary: direct, Events: runtime.ByEvent, Factor: runtime.Packed, Tile: 64, ScratchBytes: 8736,
			},
			{
				Variant: "score-full-lanes", Stage: runtime.Score, Entry: "score_full_lanes",
				Binary: score, Events: runtime.ByEvent, Factor: runtime.Packed, Tile: 64, ScratchBytes: 2592,
			},
		},
	}
}

// output is what TestAhead reads.
type output struct {
	Program *runtime.Program // without the objects
	History []float64
	Model   *mixture.Parameters
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx := context.Background()
	device, err := cc.New(program(), cc.Options{})
	if err != nil {
		return err
	}
	defer device.Close()
	events, err := mixture.Float64([]float64{0, 0, 1, 0.5, 0.5, 1, 5, 5, 6, 5.5, 5.5, 6.5}, 6, 2, 0)
	if err != nil {
		return err
	}
	data := mixture.Data{Events: events}
	summary, err := mixture.Summarize(ctx, data)
	if err != nil {
		return err
	}
	prior := mixture.RelativePrior(summary)
	start := mixture.StartEven.First(data, summary, mixture.Full, 2, 0, prior)
	loaded, err := device.Load(ctx, data)
	if err != nil {
		return err
	}
	defer loaded.Close()
	fit, err := mixture.Train(ctx, loaded, start, prior, mixture.TrainOptions{MaxIterations: 3})
	if err != nil {
		return err
	}
	plain := program()
	for i := range plain.Kernels {
		plain.Kernels[i].Binary = nil
	}
	return json.NewEncoder(os.Stdout).Encode(output{plain, fit.History, fit.Parameters})
}
