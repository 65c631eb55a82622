package cuda_test

import (
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudatest"
)

// BenchmarkLaunch times the host's part of a launch of three arguments, which
// changes its goroutine each time, or once for all within Run.
func BenchmarkLaunch(b *testing.B) {
	driver, err := cuda.Open()
	require.Have(b, "cuda", err)
	devices, err := driver.Devices()
	if err != nil {
		b.Fatal(err)
	}
	ctx, err := devices[0].Open()
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := ctx.Close(); err != nil {
			b.Error(err)
		}
	}()
	module, err := ctx.LoadModule(cudatest.Image())
	if err != nil {
		b.Fatal(err)
	}
	scale, err := module.Function("scale")
	if err != nil {
		b.Fatal(err)
	}
	launches := func(b *testing.B) error {
		b.Helper()
		for b.Loop() {
			if err := scale.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 32}, 0, nil, cuda.DevicePtr(0), int64(0), float32(0)); err != nil {
				return err
			}
		}
		return ctx.Sync()
	}
	b.Run("hop=each", func(b *testing.B) {
		if err := launches(b); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("hop=once", func(b *testing.B) {
		if err := ctx.Run(func() error { return launches(b) }); err != nil {
			b.Fatal(err)
		}
	})
}
