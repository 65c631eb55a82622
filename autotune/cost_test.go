package autotune_test

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

var update = flag.Bool("update", false, "fit the model and choose the shipped records anew")

// sweepFile is the project's record of a sweep on an H100.
const sweepFile = "../bench/results/2026-11-26-nvidia-h100-80gb-hbm3-sweep.jsonl.gz"

// sweptSpan is what responsibilities took at once in that sweep, where more would have filled the device.
const sweptSpan = 128 << 20

// sweep reads it.
func sweep(t testing.TB) *autotune.Wisdom {
	t.Helper()
	file, err := os.Open(sweepFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := autotune.ReadWisdom(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// h100 is the device of the sweep.
func h100(t testing.TB) autotune.Device {
	t.Helper()
	target, err := variants.CUDAArch("sm_90")
	if err != nil {
		t.Fatal(err)
	}
	rates, err := variants.TypicalRates("sm_90")
	if err != nil {
		t.Fatal(err)
	}
	return autotune.Device{
		Name: "cuda:0", Target: target, Flops: rates.Float32, UpdateFlops: rates.Float64, Bandwidth: rates.Bandwidth, SpanBytes: sweptSpan,
	}
}

// heldOut reports whether the model is judged by a problem's records, and not fitted to them: about half are.
func heldOut(p variants.Problem) bool {
	h := fnv.New32a()
	fmt.Fprint(h, p.M, p.D, p.N)
	return h.Sum32()>>16%2 == 1 // the low bits are not mixed
}

// TestModel: the model is what is fitted to the other half of the sweep.
func TestModel(t *testing.T) {
	records := slices.DeleteFunc(sweep(t).Records(), func(r autotune.Record) bool { return heldOut(r.Problem) })
	model, err := autotune.Fit(records, h100(t))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("{\n")
	names := slices.Sorted(maps.Keys(model))
	for i, name := range names {
		row, err := json.Marshal(model[name])
		if err != nil {
			t.Fatal(err)
		}
		end := ",\n"
		if i == len(names)-1 {
			end = "\n"
		}
		fmt.Fprintf(&b, "%q: %s%s", name, row, end)
	}
	b.WriteString("}\n")
	compareGolden(t, "model.json", b.String())
}

// compareGolden compares text with a file, or rewrites the file.
func compareGolden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s is not what the records lead to: go test ./autotune -update", path)
	}
}

// TestSpans: responsibilities that leave room for few events at once make an E-step slower, and others do not.
func TestSpans(t *testing.T) {
	estep := func(m int, spanBytes int64) float64 {
		d := h100(t)
		d.SpanBytes = spanBytes
		p := variants.Problem{M: m, D: 39, N: 1e6, Covariance: variants.Diag, Precision: variants.Float32}
		c, ok := plan(t, p, autotune.Need{Responsibilities: true}, d).Choice(variants.EStep)
		if !ok {
			t.Fatal("no E-step")
		}
		return c.Seconds
	}
	for _, test := range []struct {
		m           int
		least, most float64
	}{{32, 1, 1}, {64, 1, 1.2}, {2048, 2, 10}} {
		if ratio := estep(test.m, sweptSpan) / estep(test.m, 0); ratio < test.least || ratio > test.most {
			t.Errorf("M=%d: %.2f times as long in spans: want %g to %g", test.m, ratio, test.least, test.most)
		}
	}
}

// shippedOf is how many of the fastest records of each question come with the module.
const shippedOf = 2

// leftIdle reports whether an E-step was swept in spans that do not fill half the device, as none are made any more.
func leftIdle(t *testing.T, r autotune.Record) bool {
	t.Helper()
	if r.Stage != variants.EStep {
		return false
	}
	v, err := variants.ByName(r.Backend, r.Variant)
	if err != nil {
		t.Fatal(err)
	}
	config, err := v.ParseConfig(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	need := v.Resources(r.Problem, config)
	span := sweptSpan / int64(variants.RoundComponents(r.Problem.M)*r.Problem.Precision.Bytes())
	return span < r.Problem.N && 2*span < int64(need.Slices(math.MaxInt32, h100(t).Target.Units)*need.Tile)
}

// TestShippedRecords: what comes with the module is the fastest records of each question of the sweep.
func TestShippedRecords(t *testing.T) {
	byQuestion := map[autotune.Question][]autotune.Record{}
	for _, r := range sweep(t).Records() {
		if r.Outcome == autotune.OK {
			q := autotune.Ask(r.Problem, r.Stage)
			byQuestion[q] = append(byQuestion[q], r)
		}
	}
	shipped := autotune.NewWisdom()
	for _, of := range byQuestion {
		if slices.ContainsFunc(of, func(r autotune.Record) bool { return leftIdle(t, r) }) {
			continue
		}
		slices.SortStableFunc(of, func(a, b autotune.Record) int { return cmp.Compare(a.Seconds, b.Seconds) })
		for _, r := range of[:min(shippedOf, len(of))] {
			shipped.Add(r)
		}
	}
	var b strings.Builder
	if _, err := shipped.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "shipped/nvidia-h100-80gb-hbm3.jsonl", b.String())
	if *update {
		return
	}
	e := shipped.Records()[0].Environment
	byDimensions := map[int][]autotune.Record{}
	for _, r := range shipped.Records() {
		byDimensions[r.Problem.D] = append(byDimensions[r.Problem.D], r)
	}
	for d, want := range byDimensions {
		if w := autotune.Shipped(e, d); w == nil || !slices.Equal(w.Records(), want) {
			t.Errorf("of %d records for D=%d on %v there are %v", len(want), d, e, w)
		}
	}
	if w := autotune.Shipped(e, 12345); w == nil || w.Len() != 0 {
		t.Errorf("of dimensions that were not swept: %v", w)
	}
}

// TestEstimatedChoices replays the sweep without a GPU, on the problems that the model was not fitted to: of at least 80 % the
// kernels that the model chooses for an iteration take at most 1.25 times as long as those that were measured to be the fastest.
func TestEstimatedChoices(t *testing.T) {
	const within, share = 1.25, 0.8
	w, d := sweep(t), h100(t)
	d.Target.Arch = "sm_75" // kernels for tensor cores came after the sweep
	problems := map[variants.Problem]bool{}
	for _, r := range w.Records() {
		if heldOut(r.Problem) {
			problems[r.Problem] = true
		}
	}
	good, ratios := map[variants.Covariance]int{}, map[variants.Covariance][]float64{}
	for p := range problems {
		measured := func(c autotune.Choice) float64 {
			for _, r := range w.Ask(autotune.Ask(p, c.Stage)) {
				if r.Variant == c.Variant && r.Config == c.Config && r.Timed() {
					return r.Seconds
				}
			}
			return math.Inf(1) // it was not tried
		}
		fastest := func(s variants.Stage) float64 {
			best := math.Inf(1)
			for _, r := range w.Ask(autotune.Ask(p, s)) {
				if r.Timed() {
					best = min(best, r.Seconds)
				}
			}
			return best
		}
		chosen := 0.0
		for _, c := range plan(t, p, autotune.Need{Train: true}, d).Choices {
			if c.Stage != variants.Score && c.Stage != variants.Update && c.Stage != variants.Fit {
				chosen += measured(c)
			}
		}
		best := min(fastest(variants.Accumulate), fastest(variants.EStep)+fastest(variants.Moments))
		ratios[p.Covariance] = append(ratios[p.Covariance], chosen/best)
		if chosen <= within*best {
			good[p.Covariance]++
		}
	}
	for covariance, of := range ratios {
		slices.Sort(of)
		found := float64(good[covariance]) / float64(len(of))
		t.Logf("%s: %.0f %% of %d problems within %v of the fastest; median %.3f, worst %.2f", covariance, 100*found, len(of), within, of[len(of)/2], of[len(of)-1])
		if found < share {
			t.Errorf("%s: %.2f of %d problems within %v: want %v", covariance, found, len(of), within, share)
		}
	}
	if len(ratios) != 2 {
		t.Errorf("%d covariance types", len(ratios))
	}
}
