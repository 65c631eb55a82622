package autotune

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"sync"

	"github.com/gmmspec/gmmspec/variants"
)

// terms are what the time of a CUDA kernel's pass is made of, in seconds of a device that does each of them at its peak. A
// candidate's time is their sum, each times a coefficient of its own: see [Fit].
type terms [16]float64

// Latencies that the terms are in units of.
const (
	launchSeconds = 3e-6 // a launch and the addition of what it leaves
	stepSeconds   = 1e-6 // a block's turn with one tile
)

// termsOf counts a candidate's terms, span by span: few events of many components, which do not fill the device, take as long as some that
// do.
func termsOf(p variants.Problem, c variants.Candidate, d Device) terms {
	n := max(1, p.N)
	p.N = min(n, d.span(p, c))
	sum := termsOfSpan(p, c, d)
	for i := range sum {
		sum[i] *= float64(n / p.N)
	}
	if p.N = n % p.N; p.N > 0 {
		for i, t := range termsOfSpan(p, c, d) {
			sum[i] += t
		}
	}
	return sum
}

// span is how many events a candidate passes over at once.
func (d Device) span(p variants.Problem, c variants.Candidate) int64 {
	if d.SpanBytes == 0 || c.Variant.Stage != variants.EStep && c.Variant.Stage != variants.Moments {
		return math.MaxInt64
	}
	return max(1, d.SpanBytes/int64(variants.RoundComponents(p.M)*p.Precision.Bytes()))
}

// termsOfSpan counts the terms of a span: the operations, at the peak and with the multiprocessors that have no block idle; the
// traffic with memory, and with caches if every sum or every component read its events anew; the exponentials; the rows of sums
// that slices leave; the chain of tiles that a block takes one after another, through which nothing hurries, by what a
// block does in each; and what some problems add: events in local memory, records that leave the constant cache, traffic that
// leaves the second-level cache.
func termsOfSpan(p variants.Problem, c variants.Candidate, d Device) terms {
	r, work := c.Variant.Resources(p, c.Config), c.Variant.Work(p, c.Config)
	slices := float64(r.Slices(p.N, d.Target.Units))
	blocks := float64(max(1, r.Blocks)) * slices
	threads, units := float64(max(1, r.Threads)), float64(max(1, d.Target.Units))

	const (
		threadsOfUnit = 2048 // that can be resident, half of which keep it busy
		blocksOfUnit  = 32
		reserved      = 1 << 10 // bytes of shared memory for each block
		number        = 4       // bytes of a number
		sum           = 8       // bytes of a sum
		constantCache = 8 << 10
		secondCache   = 50 << 20
	)
	resident := math.Max(1, math.Min(math.Min(threadsOfUnit/threads, blocksOfUnit), math.Min(
		float64(d.Target.SharedPerBlock+reserved)/float64(r.SharedBytes+r.StaticBytes+reserved), float64(2*max(1, r.MinBlocks())))))
	waves := math.Ceil(blocks / (units * math.Floor(resident)))
	busy := math.Min(1, blocks*threads/(units*threadsOfUnit/2))
	n, m, dims := float64(p.N), float64(variants.RoundComponents(p.M)), float64(p.D)
	cells := float64(p.Covariance.CellCount(p.D))
	chain := math.Ceil(n/float64(max(1, r.Tile))/slices) * waves * stepSeconds
	compute := work.Flops / d.Flops
	factors := n * m * (float64(p.Covariance.Triangle(p.D)) + dims) * number / d.Bandwidth
	only := func(when bool, seconds float64) float64 {
		if when {
			return seconds
		}
		return 0
	}
	return terms{
		launchSeconds,
		compute,
		compute / busy,
		work.Bytes / d.Bandwidth,
		n * m * cells * number / d.Bandwidth,
		n * m * dims * number / d.Bandwidth,
		n * m * variants.ExpFlops / d.Flops,
		slices * m * cells * sum / d.Bandwidth,
		chain, chain * dims / 10, chain * cells / 100, chain * m / 10, chain * m * cells / 1000,
		only(p.D > variants.UnrollLimit, factors),
		only(m*(float64(p.Covariance.Triangle(p.D))+dims)*number > constantCache, factors),
		only(work.Bytes > secondCache, work.Bytes/d.Bandwidth),
	}
}

// Model is the coefficients of candidates' terms, by "variant configuration".
type Model map[string]terms

// seconds returns what the model expects of a pass, or false for a candidate that it does not know.
func (m Model) seconds(p variants.Problem, c variants.Candidate, d Device) (float64, bool) {
	coefficients, ok := m[label(c.Variant.Name(), c.Config.String())]
	if !ok {
		return 0, false
	}
	total := 0.0
	for i, t := range termsOf(p, c, d) {
		total += coefficients[i] * t
	}
	return total, total > 0
}

// Fit returns the model that comes nearest to records of one device: for each candidate the coefficients of at least 0 with the
// least sum of squared relative errors (by coordinate descent), to three digits.
func Fit(records []Record, d Device) (Model, error) {
	rows := map[string][]terms{} // each over its time, so that the fitted sum is to be 1
	for _, r := range records {
		if !r.Timed() {
			continue
		}
		v, err := variants.ByName(r.Backend, r.Variant)
		if err != nil {
			return nil, err
		}
		config, err := v.ParseConfig(r.Config)
		if err != nil {
			return nil, err
		}
		row := termsOf(r.Problem, variants.Candidate{Variant: v, Config: config}, d)
		for i := range row {
			row[i] /= r.Seconds
		}
		name := label(r.Variant, r.Config)
		rows[name] = append(rows[name], row)
	}
	model := Model{}
	for name, of := range rows {
		model[name] = nonNegative(of)
	}
	return model, nil
}

// nonNegative returns x ≥ 0 with the least Σ (1 - ⟨row, x⟩)², and a little more for large coefficients: as much as one row that
// has a term's root mean square, and nothing else, adds where it is to be 0. There are few records for many terms that go
// together.
func nonNegative(rows []terms) (x terms) {
	const sweeps = 20000
	var gram [len(x)][len(x)]float64
	var rest terms // Σ row (1 - ⟨row, x⟩)
	for _, row := range rows {
		for i, a := range row {
			rest[i] += a
			for j, b := range row {
				gram[i][j] += a * b
			}
		}
	}
	for i := range x {
		gram[i][i] *= 1 + 1/float64(len(rows))
	}
	for range sweeps {
		for i := range x {
			if gram[i][i] == 0 {
				continue
			}
			step := math.Max(rest[i]/gram[i][i], -x[i])
			x[i] += step
			for j := range rest {
				rest[j] -= step * gram[i][j]
			}
		}
	}
	for i, v := range x {
		x[i] = threeDigits(v)
	}
	return x
}

// threeDigits rounds, so that no machine's last bit shows in the file of the model.
func threeDigits(v float64) float64 {
	if v < 1e-6 {
		return 0
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(v)))
	return math.Round(v*scale) / scale
}

// modelFile is the model of the project's own records.
//
//go:embed model.json
var modelFile embed.FS

// cudaModel reads it, once.
//
//nolint:gochecknoglobals // what is embedded does not change
var cudaModel = sync.OnceValue(func() Model {
	text, err := modelFile.ReadFile("model.json")
	var model Model
	if err == nil {
		err = json.Unmarshal(text, &model)
	}
	if err != nil {
		panic(fmt.Errorf("autotune: model.json: %w", err)) // a test reads it too
	}
	return model
})
