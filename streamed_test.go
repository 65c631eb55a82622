package gmmspec

import (
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/variants"
)

// crowded is a GPU, most of whose memory can be taken by somebody else.
type crowded struct {
	context *cuda.Context
	ballast cuda.DevicePtr
}

// newCrowded opens the first GPU.
func newCrowded(tb testing.TB) *crowded {
	tb.Helper()
	must := musts(tb)
	driver, err := cuda.Open()
	must(err)
	devices, err := driver.Devices()
	must(err)
	c, err := devices[0].Open()
	must(err)
	crowded := &crowded{context: c}
	tb.Cleanup(func() { must(errors.Join(crowded.relieve(), c.Close())) })
	return crowded
}

// musts returns what ends a test for an error.
func musts(tb testing.TB) func(err error) {
	tb.Helper()
	return func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// crowd leaves so many bytes of the GPU's memory.
func (c *crowded) crowd(left uint64) error {
	free, _, err := c.context.MemInfo()
	if err != nil || free <= left {
		return err
	}
	c.ballast, err = c.context.Alloc(int(free - left))
	return err
}

// relieve gives back what was taken.
func (c *crowded) relieve() error {
	ballast := c.ballast
	c.ballast = 0
	return c.context.Free(ballast)
}

// link measures the bytes that page-locked memory is copied to the GPU by in a second, in the best of a few copies.
func (c *crowded) link() (float64, error) {
	const bytes, repeats = 256 << 20, 8
	memory, err := c.context.AllocHost(bytes)
	if err != nil {
		return 0, err
	}
	ptr, err := c.context.Alloc(bytes)
	if err != nil {
		return 0, errors.Join(err, memory.Free())
	}
	best := math.Inf(1)
	for range repeats {
		began := time.Now()
		err = errors.Join(err, c.context.CopyHtoD(ptr, memory.Bytes()))
		best = min(best, time.Since(began).Seconds())
	}
	return bytes / best, errors.Join(err, c.context.Free(ptr), memory.Free())
}

// streamedProblem is what is streamed here.
func streamedProblem(n int64) variants.Problem {
	return variants.Problem{M: 64, D: 19, N: n, Covariance: variants.Full}
}

// openStreamed opens the GPU for a problem, and makes parameters for it.
func openStreamed(tb testing.TB, p variants.Problem) (mixture.Device, *mixture.Parameters) {
	tb.Helper()
	must := musts(tb)
	w := newWorkshop()
	require.Have(tb, "cuda", available(w, variants.CUDA))
	s, err := newSettings(p.M, p.D, []Option{withWorkshop(w), WithDevice(DeviceCUDA), WithPrecision(PrecisionFloat32)})
	must(err)
	c := chooser{settings: s, need: autotune.Need{Train: true, Responsibilities: true, Passes: 1}}
	plan, err := c.inspected(p)
	must(err)
	device, err := openPlan(tb.Context(), s, plan)
	must(err)
	tb.Cleanup(func() { must(device.Close()) })
	_, start, err := selfTestProblem(p)
	must(err)
	return device, start
}

// streams reports how many of the events come to the device in every pass.
func streams(loaded mixture.Loaded) int { return loaded.(interface{ Streamed() int }).Streamed() }

// TestStreamed: events that do not fit the GPU come to what they come to where they do, and to the same bits in every pass.
func TestStreamed(t *testing.T) {
	const n, left = 4_000_000, 512 << 20
	p := streamedProblem(n)
	device, start := openStreamed(t, p)
	must := musts(t)
	gpu := newCrowded(t)
	data, err := trialData(t.Context(), p)
	must(err)
	type outcome struct {
		matrix, direct *mixture.Statistics
		scores         *mixture.Scores
	}
	pass := func(loaded mixture.Loaded) (o outcome) {
		o.matrix, err = loaded.Accumulate(t.Context(), start)
		must(err)
		loaded.(runtime.Directer).Direct()
		o.direct, err = loaded.Accumulate(t.Context(), start)
		must(err)
		o.scores = &mixture.Scores{LogLikelihoods: make([]float64, n), Labels: make([]int, n)}
		must(loaded.Score(t.Context(), start, o.scores))
		return o
	}
	var all []outcome
	for _, crowded := range []bool{false, true, true} {
		if crowded {
			must(gpu.crowd(left))
		}
		loaded, err := device.Load(t.Context(), data)
		must(err)
		if streams(loaded) > 0 != crowded {
			t.Fatalf("crowded %v: %d events are streamed", crowded, streams(loaded))
		}
		all = append(all, pass(loaded))
		must(errors.Join(loaded.Close(), gpu.relieve()))
	}
	// Sums are made in other parts, each within what is promised.
	tolerance := compare.Tolerance{Warn: 1e-6, Fail: 2e-5}
	tolerance.Check(t, compare.Statistics(all[1].matrix, all[0].matrix, start)...)
	tolerance.Check(t, compare.Statistics(all[1].direct, all[0].direct, start)...)
	exact := compare.Exact()
	exact.Check(t, compare.Bits("log-likelihoods", all[1].scores.LogLikelihoods, all[0].scores.LogLikelihoods))
	exact.Check(t, compare.Statistics(all[2].matrix, all[1].matrix, start)...)
	exact.Check(t, compare.Statistics(all[2].direct, all[1].direct, start)...)
	if !slices.Equal(all[1].scores.Labels, all[0].scores.Labels) {
		t.Error("labels differ")
	}
}

// BenchmarkStreamed times passes over 10⁷ events of 19 numbers on a GPU that has no memory for them, beside the copying of page-locked memory and a
// pass over the same events where they all are on the GPU: "share" is of the time that the slower of the two would take alone.
func BenchmarkStreamed(b *testing.B) {
	const n, left = 10_000_000, 640 << 20
	p := streamedProblem(n)
	device, start := openStreamed(b, p)
	must := musts(b)
	gpu := newCrowded(b)
	narrow, err := trialData(b.Context(), p)
	must(err)
	numbers, _ := narrow.Events.(*mixture.Rows[float32]).Slice()
	sources := map[string]func() (Events, error){
		"float32": func() (Events, error) { return narrow.Events, nil },
		"float64": func() (Events, error) {
			wide := make([]float64, len(numbers))
			for i, x := range numbers {
				wide[i] = float64(x)
			}
			return Float64(wide, n, p.D)
		},
		"mapped": func() (Events, error) {
			path := filepath.Join(b.TempDir(), "events.npy")
			if err := dataset.Replace(path, func(w io.Writer) error { return dataset.WriteNpy(w, numbers, n, p.D) }); err != nil {
				return nil, err
			}
			return ReadEvents(path)
		},
	}
	scores := &mixture.Scores{LogLikelihoods: make([]float64, n), Labels: make([]int, n)}
	works := map[string]func(loaded mixture.Loaded) error{
		"matrix": func(loaded mixture.Loaded) error {
			_, err := loaded.Accumulate(b.Context(), start)
			return err
		},
		"total":  func(loaded mixture.Loaded) error { return loaded.Score(b.Context(), start, &mixture.Scores{}) },
		"scores": func(loaded mixture.Loaded) error { return loaded.Score(b.Context(), start, scores) },
	}
	works["direct"] = func(loaded mixture.Loaded) error {
		loaded.(runtime.Directer).Direct()
		return works["matrix"](loaded)
	}
	for _, source := range []string{"float32", "float64", "mapped"} {
		events, err := sources[source]()
		must(err)
		data := mixture.Data{Events: events, Summary: narrow.Summary}
		for _, work := range []string{"matrix", "direct", "total", "scores"} {
			b.Run("events="+source+"/work="+work, func(b *testing.B) {
				link, err := gpu.link()
				must(err)
				resident := timeOn(b, device, data, works[work])
				must(gpu.crowd(left))
				defer func() { must(gpu.relieve()) }()
				loaded, err := device.Load(b.Context(), data)
				must(err)
				defer func() { must(loaded.Close()) }()
				streamed := streams(loaded)
				if streamed == 0 {
					b.Fatal("nothing is streamed")
				}
				must(works[work](loaded))
				b.ResetTimer()
				for range b.N {
					must(works[work](loaded))
				}
				pass := b.Elapsed().Seconds() / float64(b.N)
				const narrowBytes, giga = 4, 1e9
				bytes := float64(streamed * p.D * narrowBytes) // on the way to the GPU
				b.ReportMetric(bytes/pass/giga, "GB/s")
				b.ReportMetric(link/giga, "link-GB/s")
				b.ReportMetric(resident*1e3, "resident-ms")
				b.ReportMetric(float64(streamed)/n, "streamed")
				b.ReportMetric(max(bytes/link, resident)/pass, "share")
			})
		}
	}
}

// timeOn returns the seconds that work takes on events that all are on the device, the least of a few.
func timeOn(b *testing.B, device mixture.Device, data mixture.Data, work func(loaded mixture.Loaded) error) float64 {
	b.Helper()
	must := musts(b)
	loaded, err := device.Load(b.Context(), data)
	must(err)
	defer func() { must(loaded.Close()) }()
	if streams(loaded) > 0 {
		b.Fatal("the GPU has too little memory to be compared with")
	}
	best := math.Inf(1)
	const repeats = 5
	for range repeats {
		began := time.Now()
		must(work(loaded))
		best = min(best, time.Since(began).Seconds())
	}
	return best
}
