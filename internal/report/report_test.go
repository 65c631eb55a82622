package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// htmlOf writes a page, and holds it to what every page is: well-formed, and in need of nothing else.
func htmlOf(t testing.TB, records []autotune.Record) string {
	t.Helper()
	var b bytes.Buffer
	if err := writeHTML(&b, records, testCeilings(), testRows); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String())
	return b.String()
}

func checkPage(t testing.TB, text string) {
	t.Helper()
	ids := map[string]bool{}
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		element, _ := token.(xml.StartElement)
		if slices.Contains([]string{"script", "link", "img", "iframe", "object", "image", "use", "a"}, element.Name.Local) && !local(element) {
			t.Errorf("the page has an element %s", element.Name.Local)
		}
		for _, a := range element.Attr {
			if a.Name.Local == "id" {
				if ids[a.Value] {
					t.Errorf("two elements have the id %q", a.Value)
				}
				ids[a.Value] = true
			}
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" || a.Name.Local == "src" {
				t.Errorf("%s has an attribute %s", element.Name.Local, a.Name.Local)
			}
		}
	}
	for _, word := range []string{"ZgotmplZ", "NaN", "+Inf", "url(", "@import", "%!"} {
		if strings.Contains(text, word) {
			t.Errorf("the page contains %q", word)
		}
	}
}

// local reports whether an element is a link into the page.
func local(e xml.StartElement) bool {
	return e.Name.Local == "a" && len(e.Attr) == 1 && strings.HasPrefix(e.Attr[0].Value, "#")
}

// goldenRecords is a small sweep with one of everything that a page shows in a way of its own.
func goldenRecords() []autotune.Record {
	records := smallGrid().synthetic()
	records = slices.DeleteFunc(records, func(r autotune.Record) bool { return r.Problem.M == 64 && r.Problem.D == 19 })
	gone := records[0]
	gone.Stage, gone.Variant, gone.Config, gone.Seconds = variants.Accumulate, "accumulate-full-<b>gone</b>", "", 2e-6
	wrong := records[1]
	wrong.Stage, wrong.Variant, wrong.Outcome, wrong.Seconds = variants.Score, "score-full-event", autotune.Wrong, 0
	wrong.Date = wrong.Date.AddDate(0, 0, 20) // the latest trial of its candidate counts
	wrong.Reason = "statistics' weights: error 0.1 > 1e-4 & <script>alert(1)</script>"
	stale := records[0]
	stale.Date = stale.Date.AddDate(-1, 0, 0)
	odd := records[0]
	odd.Stage = "dream"
	elsewhere := records[0]
	elsewhere.Environment = autotune.Environment{Backend: variants.CC, Device: "Test CPU", Arch: "native", Compiler: "gcc 12"}
	elsewhere.Date = time.Time{}
	return append(records, gone, wrong, stale, odd, elsewhere)
}

// TestGolden shows a whole page, small enough to be read.
func TestGolden(t *testing.T) {
	text, path := htmlOf(t, goldenRecords()), filepath.Join("testdata", "report.html")
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
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s is not what is written (-want +got):\n%s", path, diff)
	}
}

// TestGoldenSays holds what the page of the golden file must not lose.
func TestGoldenSays(t *testing.T) {
	text := htmlOf(t, goldenRecords())
	for _, want := range []string{
		"prefers-color-scheme:dark",
		"fused &lt;b&gt;gone&lt;/b&gt; (unknown here)",
		"&amp; &lt;script&gt;alert(1)&lt;/script&gt;",
		"ptxas: too much shared data",
		"replaced by a later trial of the same candidate",
		"of a stage that is unknown here",
		"Without a winner: M=64 at D=19.",
		"M=64 D=19: not tried",
		"NVRTC 13.0.48", "580.1", "2026-03-02 to 2026-03-22", "not recorded",
		"; next ", "≥ ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestOrder: the order in which records come changes nothing.
func TestOrder(t *testing.T) {
	records := goldenRecords()
	want, picture := htmlOf(t, records), picturesOf(t, records)
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		if diff := cmp.Diff(want, htmlOf(t, records)); diff != "" {
			t.Fatalf("another order (seed %d) gives another page (-want +got):\n%s", seed, diff)
		}
		for name, data := range picturesOf(t, records) {
			if !bytes.Equal(data, picture[name]) {
				t.Errorf("another order (seed %d) gives another %s", seed, name)
			}
		}
	}
}

func TestNoRecords(t *testing.T) {
	const want = "report: there are no records"
	if _, err := Summarize(nil, nil); err == nil || err.Error() != want {
		t.Errorf("Summarize: %v: want %q", err, want)
	}
	if err := WriteHTML(io.Discard, nil, nil); err == nil || err.Error() != want {
		t.Errorf("WriteHTML: %v: want %q", err, want)
	}
	if _, err := WritePNGs(t.TempDir(), nil, nil); err == nil || err.Error() != want {
		t.Errorf("WritePNGs: %v: want %q", err, want)
	}
}

func TestOneRecord(t *testing.T) {
	records := smallGrid().synthetic()
	i := slices.IndexFunc(records, func(r autotune.Record) bool { return r.Stage == variants.Accumulate && r.Outcome == autotune.OK })
	text := htmlOf(t, records[i:i+1])
	for _, want := range []string{"1 of 1", "no other has a time", "1 record, 1 environment"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if got := len(picturesOf(t, records[i:i+1])); got != 3 {
		t.Errorf("%d pictures: want 3", got)
	}
}

func TestOnlyFailures(t *testing.T) {
	records := smallGrid().synthetic()
	for i := range records {
		records[i].Outcome, records[i].Seconds, records[i].Reason = autotune.Hung, 0, "no answer in 10 s"
	}
	text := htmlOf(t, records)
	for _, want := range []string{"No strategy has a time.", "no answer in 10 s", "0 of 9", "has a time"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	names, err := writePNGs(t.TempDir(), records, testCeilings(), testRows)
	if err == nil || len(names) > 0 {
		t.Errorf("pictures of nothing: %v, %v: want an error", names, err)
	}
}

// TestNoCeiling: without a ceiling the page and the pictures are there, less the shares.
func TestNoCeiling(t *testing.T) {
	var b bytes.Buffer
	if err := writeHTML(&b, goldenRecords(), nil, testRows); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String())
	if strings.Contains(b.String(), "reaches") {
		t.Error("the page states a share of a ceiling that nobody knows")
	}
	names, err := writePNGs(t.TempDir(), goldenRecords(), nil, testRows)
	if want := []string{WinnersPNG, TimePNG}; err != nil || !slices.Equal(names, want) {
		t.Errorf("pictures %v, %v: want %v", names, err, want)
	}
}

// TestFailingWriter: what the writer says comes back.
func TestFailingWriter(t *testing.T) {
	reader, writer := io.Pipe()
	reason := errors.New("full")
	if err := reader.CloseWithError(reason); err != nil {
		t.Fatal(err)
	}
	if err := writeHTML(writer, goldenRecords(), testCeilings(), testRows); !errors.Is(err, reason) {
		t.Errorf("%v: want %v", err, reason)
	}
	if _, err := writePNGs(filepath.Join(t.TempDir(), "none"), goldenRecords(), testCeilings(), testRows); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: want %v", err, os.ErrNotExist)
	}
}

// TestRealRows shows records of the real table: every row is known, and its formulas are asked.
func TestRealRows(t *testing.T) {
	target, err := variants.CUDAArch("sm_90")
	if err != nil {
		t.Fatal(err)
	}
	var records []autotune.Record
	for _, v := range variants.All() {
		p := variants.Problem{M: 16, D: 19, N: 1000, Covariance: v.Covariance, Precision: variants.Float32}
		on := target
		if v.Backend == variants.CC {
			on = variants.Native(64, 2)
		}
		candidates, _ := variants.Candidates(v.Stage, p, on)
		for _, c := range candidates {
			e := testEnvironment()
			e.Backend = v.Backend
			records = append(records, autotune.Record{
				Environment: e, Problem: p, Stage: v.Stage, Variant: c.Variant.Name(), Config: c.Config.String(), Outcome: autotune.OK, Seconds: 1e-3,
			})
		}
	}
	ceilings := testCeilings()
	for e, c := range ceilings {
		e.Backend = variants.CC
		ceilings[e] = c
		break
	}
	var b bytes.Buffer
	if err := WriteHTML(&b, records, ceilings); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String())
	if strings.Contains(b.String(), "unknown here") {
		t.Error("a row of the table is not known")
	}
	summaries, err := Summarize(records, ceilings)
	if err != nil {
		t.Fatal(err)
	}
	if len(summaries) != 2 {
		t.Fatalf("%d environments: want 2", len(summaries))
	}
	for _, s := range summaries {
		for _, c := range s.Contests {
			if c.Ceiling.Number != c.Won || c.Won == 0 {
				t.Errorf("%s %s: %d winners, of which %d have a ceiling", s.Environment.Backend, c.Contest, c.Won, c.Ceiling.Number)
			}
		}
	}
}

// hostile is records that no tuner writes.
func hostile() []autotune.Record {
	good := smallGrid().synthetic()[0]
	with := func(change func(*autotune.Record)) autotune.Record {
		r := good
		change(&r)
		return r
	}
	return []autotune.Record{
		{},
		with(func(r *autotune.Record) { r.Problem.M = math.MaxInt }),
		with(func(r *autotune.Record) { r.Problem.D = math.MaxInt }),
		with(func(r *autotune.Record) { r.Problem.M = -1 }),
		with(func(r *autotune.Record) { r.Problem.N = math.MaxInt64 }),
		with(func(r *autotune.Record) { r.Problem.N = -1 }),
		with(func(r *autotune.Record) { r.Problem.M, r.Problem.D = largestSize, largestSize }),
		with(func(r *autotune.Record) { r.Problem.Precision = "float16" }),
		with(func(r *autotune.Record) { r.Problem.Covariance = variants.Tied }),
		with(func(r *autotune.Record) { r.Seconds = math.NaN() }),
		with(func(r *autotune.Record) { r.Seconds = math.Inf(1) }),
		with(func(r *autotune.Record) { r.Seconds = 0 }),
		with(func(r *autotune.Record) { r.Seconds = -1 }),
		with(func(r *autotune.Record) { r.Seconds, r.Problem.D = longestPass, 3 }),
		with(func(r *autotune.Record) { r.Seconds, r.Problem.D = shortestPass, 4 }),
		with(func(r *autotune.Record) { r.Outcome = "</table>" }),
		with(func(r *autotune.Record) { r.Variant = "" }),
		with(func(r *autotune.Record) { r.Variant = "moments-full-cell" }), // of another stage
		with(func(r *autotune.Record) { r.Variant = strings.Repeat("ä", 1_000_000) }),
		with(func(r *autotune.Record) { r.Variant = "a\x00b\xff\n\u202e</title>" }),
		with(func(r *autotune.Record) {
			r.Stage, r.Variant, r.Config = variants.Accumulate, "accumulate-full-tile", "tile=0"
		}),
		with(func(r *autotune.Record) { r.Config = "\"><script>" }),
		with(func(r *autotune.Record) { r.Device = "</h2><script>alert(1)</script>" }),
		with(func(r *autotune.Record) { r.Date = time.Unix(math.MaxInt64, 0) }),
		with(func(r *autotune.Record) { r.Date = time.Unix(math.MinInt64, 0) }),
		with(func(r *autotune.Record) {
			r.Outcome, r.Reason = autotune.Crashed, "\x1b[31m]]>&{{.}}"+strings.Repeat("x", 10_000)
		}),
	}
}

// TestHostile: nothing in a record is a panic or markup, alone, together and next to good ones.
func TestHostile(t *testing.T) {
	var all []autotune.Record
	for i, r := range hostile() {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			htmlOf(t, []autotune.Record{r})
			_, _ = writePNGs(t.TempDir(), []autotune.Record{r}, testCeilings(), testRows) // an error is no panic
		})
		all = append(all, r)
	}
	text := htmlOf(t, append(all, goldenRecords()...))
	if strings.Contains(text, "<script") || strings.Contains(text, "\u202e") || strings.Contains(text, "\x1b") {
		t.Error("a record's text reached the page as it was")
	}
	picturesOf(t, append(all, goldenRecords()...))
}

// TestMany: however many sizes, kinds, strategies and environments records name, the page stays one that a browser opens.
func TestMany(t *testing.T) {
	good := smallGrid().synthetic()[0]
	var records []autotune.Record
	const many = 600
	for i := range many {
		sizes, kind, strategy, environment := good, good, good, good
		sizes.Problem.M, sizes.Problem.D = i+1, many-i
		kind.Problem.N = int64(i + 1)
		strategy.Variant = fmt.Sprintf("estep-full-s%d", i)
		strategy.Seconds = 1e-3 + 1e-6*float64(i)
		environment.Driver = fmt.Sprint(i)
		records = append(records, sizes, kind, strategy, environment)
	}
	const most = 20 << 20
	if text := htmlOf(t, records); len(text) > most {
		t.Errorf("the page has %d bytes: want at most %d", len(text), most)
	}
	picturesOf(t, records)
}

// TestSweep: the page of a whole sweep, less what was not reached, is one that is opened and sent without a thought.
func TestSweep(t *testing.T) {
	records := wholeGrid().synthetic()
	records = slices.DeleteFunc(records, func(r autotune.Record) bool {
		return r.Problem.N == 1_000_000 && r.Problem.M == 512 && r.Problem.D > 32
	})
	const most = 4 << 20
	if text := htmlOf(t, records); len(text) > most {
		t.Errorf("the page has %d bytes: want at most %d", len(text), most)
	}
	pictures := picturesOf(t, records)
	for _, name := range []string{WinnersPNG, TimePNG, CeilingPNG} {
		if len(pictures[name]) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	benches, err := gather(records, testCeilings(), testRows)
	if err != nil {
		t.Fatal(err)
	}
	training := benches[0].summary().Contests[0]
	if training.Contest != Training || training.Points != 840 || training.Won != 828 || len(training.Wins) < 4 {
		t.Errorf("training: %s", training)
	}
}

// picturesOf draws the pictures, and returns their bytes by name.
func picturesOf(t testing.TB, records []autotune.Record) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	names, err := writePNGs(dir, records, testCeilings(), testRows)
	if err != nil && len(names) > 0 {
		t.Fatal(err)
	}
	pictures := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pictures[name] = data
	}
	return pictures
}

// TestPictures: all three, of the promised width, with the hues of the winners on white.
func TestPictures(t *testing.T) {
	pictures := picturesOf(t, goldenRecords())
	if len(pictures) != 3 {
		t.Fatalf("%d pictures: want 3", len(pictures))
	}
	for name, data := range pictures {
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		size := picture.Bounds().Size()
		if size.X != pictureWidth || size.Y < mapHeight || size.Y > pictureWidth {
			t.Errorf("%s is %v", name, size)
		}
		hues := map[color.Color]int{}
		for y := range size.Y {
			for x := range size.X {
				hues[color.RGBAModel.Convert(picture.At(x, y))]++
			}
		}
		if share := float64(hues[parseHue("#ffffff")]) / float64(size.X*size.Y); share < 0.1 {
			t.Errorf("%s is white at %.0f %% of its pixels", name, 100*share)
		}
		want := map[string]string{WinnersPNG: hueOf(0).fill, TimePNG: hueOf(0).dark, CeilingPNG: steps()[0].fill}[name]
		const cell = 100 // pixels, of a small legend's entry
		if hues[parseHue(want)] < cell {
			t.Errorf("%s has %d pixels of %s", name, hues[parseHue(want)], want)
		}
	}
}

// byHand is two problems whose numbers can be followed.
func byHand() []autotune.Record {
	record := func(d int, s variants.Stage, strategy string, o autotune.Outcome, seconds float64) autotune.Record {
		return autotune.Record{
			Environment: testEnvironment(), Problem: variants.Problem{M: 16, D: d, N: 1000, Covariance: variants.Full, Precision: variants.Float32},
			Stage: s, Variant: string(s) + "-full-" + strategy, Outcome: o, Seconds: seconds,
		}
	}
	tile := record(2, variants.Moments, "blocks", autotune.OK, 4)
	tile.Config = "tile=32"
	better := tile
	better.Config, better.Seconds = "tile=64", 3
	return []autotune.Record{
		record(2, variants.EStep, "event", autotune.OK, 1),
		record(2, variants.EStep, "warp", autotune.OK, 2),
		record(2, variants.Moments, "cell", autotune.Bound, 40),
		tile, better, // 3: the best configuration counts
		record(2, variants.Accumulate, "warp", autotune.OK, 2),
		record(4, variants.EStep, "event", autotune.OK, 1),
		record(4, variants.Moments, "cell", autotune.OK, 9),
		record(4, variants.Moments, "shared", autotune.OK, 4),
		record(4, variants.Accumulate, "warp", autotune.NotCompiled, 0),
		record(8, variants.Moments, "cell", autotune.Bound, 1), // no winner: a bound is not a time
	}
}

// TestSummary holds the numbers of byHand.
//
//	training  D=2: fused warp 2, split blocks 1+3, split cell at least 1+40; D=4: split shared 1+4, split cell 1+9
//	moments   D=2: blocks 3, cell at least 40; D=4: shared 4, cell 9
func TestSummary(t *testing.T) {
	benches, err := gather(byHand(), nil, testRows)
	if err != nil {
		t.Fatal(err)
	}
	got := map[Contest]ContestSummary{}
	for _, c := range benches[0].summary().Contests {
		got[c.Contest] = c
	}
	spread := func(atLeast int, low, high float64) Distribution {
		part := (high - low) / 4
		return Distribution{Number: 2, AtLeast: atLeast, Min: low, Low: low + part, Median: low + 2*part, High: low + 3*part, Max: high}
	}
	want := map[Contest]ContestSummary{
		Training: {
			Contest: Training, Points: 3, Won: 2, Wins: []Win{{"fused warp", 1}, {"split shared", 1}},
			OverOriginal: spread(1, 2, 20.5), OverWorst: spread(1, 2, 20.5),
		},
		"moments": {
			Contest: "moments", Points: 3, Won: 2, Wins: []Win{{"blocks", 1}, {"shared", 1}},
			OverOriginal: spread(1, 2.25, 40.0/3), OverWorst: spread(1, 2.25, 40.0/3),
		},
		"estep": {
			Contest: "estep", Points: 3, Won: 2, Wins: []Win{{"event", 2}},
			OverWorst: Distribution{Number: 1, Min: 2, Low: 2, Median: 2, High: 2, Max: 2},
		},
		"accumulate": {Contest: "accumulate", Points: 3, Won: 1, Wins: []Win{{"warp", 1}}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Errorf("the summary is another (-want +got):\n%s", diff)
	}
	if text := benches[0].summary().String(); !strings.Contains(text, "training: won at 2 of 3 problems (fused warp 1, split shared 1); over the original's default at least 11×") {
		t.Errorf("in words:\n%s", text)
	}
}

// TestHalfTuned: where time ran out before the moments were tried, the fused stage has not won a training, for all its time.
func TestHalfTuned(t *testing.T) {
	records := byHand()[:6] // D=2
	for _, r := range []autotune.Record{records[0], records[5]} {
		r.Problem.D = 16
		records = append(records, r)
	}
	benches, err := gather(records, nil, testRows)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range benches[0].summary().Contests {
		if want := map[Contest]int{Training: 1, "moments": 1, "estep": 2, "accumulate": 2}[c.Contest]; c.Won != want {
			t.Errorf("%s: won at %d: want %d", c.Contest, c.Won, want)
		}
	}
}

// TestShare: computing at a quarter of the peak, and moving at half the bandwidth.
func TestShare(t *testing.T) {
	c := Ceiling{Float32: 100, Float64: 10, Bandwidth: 1000}
	p := variants.Problem{M: 1, D: 1, Covariance: variants.Full, Precision: variants.Float32}
	for _, f := range []struct {
		name  string
		stage variants.Stage
		work  variants.Work
		want  floor
	}{
		{"compute", variants.Score, variants.Work{Flops: 200, Bytes: 1000}, floor{2, compute}},
		{"memory", variants.Score, variants.Work{Flops: 200, Bytes: 3000}, floor{3, memory}},
		{"an M-step is in float64", variants.Update, variants.Work{Flops: 200, Bytes: 3000}, floor{20, compute}},
		{"nonsense", variants.Score, variants.Work{Flops: math.NaN(), Bytes: 1}, floor{}},
	} {
		if got := c.of(p, f.stage, f.work); got != f.want {
			t.Errorf("%s: %v: want %v", f.name, got, f.want)
		}
	}
	if got := (floor{2, compute}).plus(floor{3, memory}); got != (floor{5, memory}) {
		t.Errorf("one after the other: %v", got)
	}
	if got := (floor{2, compute}).plus(floor{}); got != (floor{}) {
		t.Errorf("one that is not known: %v", got)
	}
	if got := (entry{seconds: 8, floor: floor{2, compute}}).share(); got != 0.25 {
		t.Errorf("share %v: want 0.25", got)
	}
}

func TestWords(t *testing.T) {
	for _, f := range []struct{ got, want string }{
		{duration(1.234e-3), "1.2 ms"},
		{duration(0.9996e-3), "1.0 ms"},
		{duration(9.97e-6), "10 µs"},
		{duration(5e-9), "5.0 ns"},
		{duration(1234), "1234 s"},
		{roundDuration(0.002), "2 ms"},
		{ratio(1.049), "1.05×"},
		{ratio(12.3), "12×"},
		{percent(0.004), "0.4 %"},
		{percent(0.34), "34 %"},
		{percent(1.07), "107 %"},
		{thousands(1234567), "1\u202f234\u202f567"},
		{thousands(12), "12"},
		{clip("a\nb", 9), "a b"},
		{clip("abcdef", 4), "abc…"},
		{kindWords(variants.Problem{Covariance: variants.Diag, Precision: variants.Float64, Weighted: true}), "diag, float64, weighted, N not known"},
		{plural(1, "trial"), "1 trial"},
		{plural(2, "trial"), "2 trials"},
	} {
		if f.got != f.want {
			t.Errorf("%q: want %q", f.got, f.want)
		}
	}
}

// TestApart: letters stay in their order, apart, and inside.
func TestApart(t *testing.T) {
	for _, f := range []struct{ at, want []float64 }{
		{[]float64{1, 2, 50}, []float64{1, 11, 50}},
		{[]float64{95, 99, 100}, []float64{80, 90, 100}},
		{[]float64{-5, 0}, []float64{0, 10}},
	} {
		if got := apart(f.at, 10, 0, 100); !slices.Equal(got, f.want) {
			t.Errorf("%v: %v: want %v", f.at, got, f.want)
		}
	}
}

// TestHues: every hue is another, of the form that pictures and pages read.
func TestHues(t *testing.T) {
	form, seen := regexp.MustCompile(`^#[0-9a-f]{6}$`), map[string]bool{}
	all := append(hues(), otherHue())
	for _, h := range all {
		for _, text := range []string{h.fill, h.dark} {
			if !form.MatchString(text) || seen[text] {
				t.Errorf("hue %q", text)
			}
			seen[text] = true
		}
	}
	if len(hues()) != len(letters) || len(dashes()) != len(letters)+1 {
		t.Errorf("%d hues and %d dashes for %d letters", len(hues()), len(dashes()), len(letters))
	}
	const readable = 4.5 // WCAG 2.2, 1.4.3, for text
	const visible = 3    // 1.4.11, for lines
	for _, h := range all {
		if c := contrast("#111111", h.fill); c < readable {
			t.Errorf("text on %s has a contrast of %.1f", h.fill, c)
		}
		if c := contrast("#ffffff", h.dark); c < visible {
			t.Errorf("a line of %s on white has a contrast of %.1f", h.dark, c)
		}
		if c := contrast("#16181b", h.fill); c < visible {
			t.Errorf("a line of %s on the dark ground has a contrast of %.1f", h.fill, c)
		}
	}
	for _, s := range steps() {
		ink := "#111111"
		if s.white {
			ink = "#ffffff"
		}
		if c := contrast(ink, s.fill); c < readable {
			t.Errorf("text on %s has a contrast of %.1f", s.fill, c)
		}
	}
}

// contrast is WCAG's contrast ratio of two colours.
func contrast(a, b string) float64 {
	luminance := func(text string) float64 {
		r, g, b, _ := parseHue(text).RGBA()
		sum := 0.0
		for _, channel := range []struct {
			value  uint32
			weight float64
		}{{r, 0.2126}, {g, 0.7152}, {b, 0.0722}} {
			v := float64(channel.value) / math.MaxUint16
			if v <= 0.03928 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			sum += v * channel.weight
		}
		return sum
	}
	low, high := luminance(a), luminance(b)
	if low > high {
		low, high = high, low
	}
	return (high + 0.05) / (low + 0.05)
}
