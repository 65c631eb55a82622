package runtimetest

import (
	"math"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
)

// spaced returns the job's events with the stride given, and NaN between them.
func spaced[T float32 | float64](j *job, stride int) []T {
	x := make([]T, j.n*stride)
	for i := range x {
		x[i] = T(math.NaN())
		if column := i % stride; column < j.d {
			x[i] = T(j.x[i/stride*j.d+column])
		}
	}
	return x
}

// widened returns x in float64.
func widened[T float32 | float64](x []T) []float64 {
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return wide
}

// testInputsUnchanged: what is handed in is read, never written.
func testInputsUnchanged(b *bench) {
	const gap = 1
	j := b.job(middling)
	stride := j.d + gap
	x32, x64 := spaced[float32](j, stride), spaced[float64](j, stride)
	before32, before64 := widened(x32), widened(x64)
	weights := append([]float64(nil), j.weights...)
	parameters := j.parameters.Clone()
	events32, err := mixture.Float32(x32, j.n, j.d, stride)
	if err != nil {
		b.Fatal(err)
	}
	events64, err := mixture.Float64(x64, j.n, j.d, stride)
	if err != nil {
		b.Fatal(err)
	}
	for _, events := range []mixture.Events{events32, events64} {
		loaded := b.load(b.device, b.using(events, j.weights))
		b.accumulate(loaded, j.parameters)
		b.score(loaded, j.n, j.parameters)
		if err := loaded.Close(); err != nil {
			b.Fatal(err)
		}
	}
	compare.Exact().Check(b,
		compare.Bits("float32 events", widened(x32), before32),
		compare.Bits("float64 events", widened(x64), before64),
		compare.Bits("event weights", j.weights, weights),
		compare.Bits("weights", j.parameters.Weights, parameters.Weights),
		compare.Bits("means", j.parameters.Means, parameters.Means),
		compare.Bits("covariances", j.parameters.Covariances, parameters.Covariances),
	)
}
