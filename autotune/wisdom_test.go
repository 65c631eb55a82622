package autotune_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
	"github.com/google/go-cmp/cmp"
)

// here is where the tests' times were taken.
func here() autotune.Environment {
	return autotune.Environment{Backend: variants.CC, Device: "a processor", Arch: "native", Compiler: "a compiler 1"}
}

// record is a time of a candidate for the problem of the tests.
func record(variant, config string, seconds float64) autotune.Record {
	name, err := variants.ParseName(variant)
	if err != nil {
		panic(err)
	}
	return autotune.Record{
		Environment: here(), Problem: problem(), Stage: name.Stage, Variant: variant, Config: config, Source: "d1gest",
		Outcome: autotune.OK, Seconds: seconds, Low: seconds * 0.9, High: seconds * 1.1, Repeats: 7, Error: 1e-12,
		Date: time.Date(2026, 11, 26, 1, 2, 3, 0, time.UTC),
	}
}

func records() []autotune.Record {
	wrong := record("moments-full-lanes", "tile=64", 1)
	wrong = autotune.Record{
		Environment: wrong.Environment, Problem: wrong.Problem, Stage: wrong.Stage, Variant: wrong.Variant, Config: wrong.Config,
		Source: wrong.Source, Outcome: autotune.Wrong, Reason: "it is 7, and \"not\" 8", Error: 0.5,
	}
	elsewhere := record("estep-full-lanes", "tile=64", 2e-3)
	elsewhere.Compiler = "a compiler 2"
	return []autotune.Record{record("estep-full-lanes", "tile=64", 1e-3), elsewhere, record("estep-full-lanes", "tile=128", 3e-3), wrong}
}

// TestWisdomText: what is written is read back, and once more the same.
func TestWisdomText(t *testing.T) {
	w := autotune.NewWisdom(records()...)
	var text bytes.Buffer
	if _, err := w.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	whole := text.String()
	if !strings.HasPrefix(whole, `{"format":"gmmspec-wisdom/1"}`+"\n") || strings.Count(whole, "\n") != 1+len(records()) {
		t.Errorf("the text is\n%s", whole)
	}
	read, err := autotune.ReadWisdom(&text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.Records(), read.Records()); diff != "" {
		t.Errorf("read (-written +read):\n%s", diff)
	}
}

// TestWisdomReplaces: a later trial takes the place of an earlier one of the same candidate, number of events or components
// about the same, and environment.
func TestWisdomReplaces(t *testing.T) {
	w := autotune.NewWisdom(records()...)
	later := record("estep-full-lanes", "tile=64", 5e-3)
	later.Problem.N += later.Problem.N / 10
	w.Add(later)
	if w.Len() != len(records()) {
		t.Errorf("%d records: want %d", w.Len(), len(records()))
	}
	got := w.Ask(autotune.Ask(problem(), variants.EStep))
	if len(got) != 3 || !slices.ContainsFunc(got, func(r autotune.Record) bool { return r.Seconds == 5e-3 }) {
		t.Errorf("the E-step's records are %v", got)
	}
	if n := w.Forget(func(r autotune.Record) bool { return r.Config == "tile=64" }); n != 3 || w.Len() != 1 {
		t.Errorf("%d forgotten, %d left", n, w.Len())
	}
}

// TestReadWisdomRefuses: one bad line, and nothing is taken; the error names it.
func TestReadWisdomRefuses(t *testing.T) {
	var text bytes.Buffer
	if _, err := autotune.NewWisdom(records()...).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	good := text.String()
	lines := strings.SplitAfter(good, "\n")
	replaced := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, test := range map[string]struct{ text, says string }{
		"empty":               {"", "empty"},
		"another format":      {replaced("wisdom/1", "wisdom/2"), `line 1: format "gmmspec-wisdom/2"`},
		"no head":             {strings.Join(lines[1:], ""), "line 1"},
		"cut short":           {good[:len(good)-9], "line 5"},
		"an unknown field":    {replaced(`"stage"`, `"stages"`), "line 2"},
		"a negative time":     {replaced(`"seconds":0.001`, `"seconds":-0.001`), "line 3: 7 times"},
		"a huge number":       {replaced(`"seconds":0.001`, `"seconds":1e999`), "line 3"},
		"low over median":     {replaced(`"low":0.0009`, `"low":0.0019`), "line 3: 7 times"},
		"no repeats":          {replaced(`"repeats":7`, `"repeats":0`), "line 2"},
		"another outcome":     {replaced(`"outcome":"ok"`, `"outcome":"fine"`), `line 2: unknown outcome "fine"`},
		"another stage":       {replaced(`"stage":"estep"`, `"stage":"moments"`), "line 2"},
		"a configuration":     {replaced(`tile=64"`, `tile=64\u001b[31m"`), `configuration "tile=64\x1b[31m"`},
		"no such name":        {replaced("estep-full-lanes", "estep-full"), "line 2"},
		"a precision":         {replaced("float64", "float16"), "line 2"},
		"no events":           {replaced(`"events":100000`, `"events":0`), "line 2"},
		"tied":                {replaced(`"covariance_type":"full"`, `"covariance_type":"tied"`), "line 2"},
		"no device":           {replaced(`"device":"a processor"`, `"device":""`), "line 2"},
		"twice":               {good + lines[1], "line 6: a second record"},
		"two on a line":       {replaced("}\n{", "}{"), "line 1"},
		"rubbish behind":      {replaced("}\n", "}}]\n"), "line 1: more than one value"},
		"rubbish in the next": {strings.Replace(good, "\n{\"backend\"", "\n{}{\"backend\"", 1), "line 2: more than one value"},
		"a field twice":       {replaced(`"outcome":"ok"`, `"outcome":"wrong","outcome":"ok"`), `line 2: field "outcome" comes twice`},
		"a size twice":        {replaced(`"dimensions":19`, `"dimensions":19,"dimensions":20`), `line 2: field "dimensions" comes twice`},
		"in capitals":         {replaced(`"outcome":"ok"`, `"OUTCOME":"ok"`), `line 2: unknown field "OUTCOME"`},
		"a long s":            {replaced(`"seconds"`, `"ſeconds"`), `unknown field "ſeconds"`},
		"null":                {replaced(`"error":1e-12`, `"error":null`), `line 2: field "error"`},
		"a list":              {replaced(`"error":1e-12`, `"error":[1]`), `line 2: field "error"`},
		"no object":           {replaced(lines[1], "7\n"), "line 2: want an object"},
		"NaN":                 {replaced(`"error":1e-12`, `"error":NaN`), "line 2: invalid character 'N'"},
		"not UTF-8":           {replaced("a processor", "a \xff"), "line 2: not UTF-8"},
		"a negative N":        {replaced(`"events":100000`, `"events":-1`), "line 2"},
		"a huge M":            {replaced(`"components":16`, `"components":1048577`), "line 2: 1048577 components"},
		"no repeats at all":   {replaced(`,"repeats":7`, ``), "line 2: 0 times"},
		"a wrong with time": {
			strings.Replace(good, `"outcome":"wrong"`, `"outcome":"wrong","seconds":1`, 1), "with a time",
		},
		"a line too long": {lines[0] + `{"` + strings.Repeat("x", 70_000) + "\n", "line 2: longer than"},
	} {
		w, err := autotune.ReadWisdom(strings.NewReader(test.text))
		if w != nil || err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, error %v: want one that says %q", name, w, err, test.says)
		}
	}
}

func FuzzReadWisdom(f *testing.F) {
	var text bytes.Buffer
	if _, err := autotune.NewWisdom(records()...).WriteTo(&text); err != nil {
		f.Fatal(err)
	}
	good := text.String()
	f.Add(good)
	f.Add(`{"format":"gmmspec-wisdom/1"}`)
	f.Add("{}\n{}")
	f.Add(good[:len(good)-9])
	f.Add(strings.Replace(good, "}\n", "}}\n", 1))
	f.Add(strings.Replace(good, `"outcome":"ok"`, `"outcome":"ok","outcome":"ok"`, 1))
	f.Add(strings.Replace(good, `"seconds"`, `"ſeconds"`, 1))
	f.Add(strings.Replace(good, "a processor", strings.Repeat("<", 12_000), 1))
	f.Fuzz(func(t *testing.T, text string) {
		w, err := autotune.ReadWisdom(strings.NewReader(text))
		if err != nil {
			if w != nil {
				t.Fatal("wisdom with an error")
			}
			return
		}
		var again bytes.Buffer
		if _, err := w.WriteTo(&again); err != nil {
			if again.Len() != 0 {
				t.Errorf("a part was written: %v", err)
			}
			return // a text that is longer in our words than in theirs
		}
		read, err := autotune.ReadWisdom(&again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(w.Records(), read.Records()); diff != "" {
			t.Errorf("read (-written +read):\n%s", diff)
		}
	})
}

// TestWisdomKeepsReadable: a reason as long as a compiler's log, or in characters that JSON writes as six, is cut, and a record
// that could not be read is an error that leaves the file as it is.
func TestWisdomKeepsReadable(t *testing.T) {
	store := autotune.Store{Path: filepath.Join(t.TempDir(), "wisdom.jsonl")}
	add := func(r autotune.Record) error {
		return store.Update(func(w *autotune.Wisdom) error { w.Add(r); return nil })
	}
	for _, reason := range []string{strings.Repeat("x", 200_000), strings.Repeat("<", 200_000), "x" + strings.Repeat("µ", 100_000), strings.Repeat("\xff", 9000)} {
		r := records()[3]
		r.Reason = reason
		if err := add(r); err != nil {
			t.Errorf("%.3q…: %v", reason, err)
		}
		w, err := store.Load()
		if err != nil {
			t.Fatalf("%.3q…: what was kept cannot be read: %v", reason, err)
		}
		got := w.Records()[0].Reason
		if w.Len() != 1 || len(got) < 1000 || !strings.HasPrefix(strings.ToValidUTF8(reason, "\ufffd"), got[:3]) || strings.HasSuffix(reason, "µ") && strings.Trim(got, "xµ") != "" {
			t.Errorf("%.3q…: %d records, a reason of %d bytes that ends in %q", reason, w.Len(), len(got), got[len(got)-3:])
		}
	}
	before, err := os.ReadFile(store.Path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*autotune.Record){
		"no time":     func(r *autotune.Record) { r.Seconds, r.Low = 0, 0 },
		"NaN":         func(r *autotune.Record) { r.Error = math.NaN() },
		"no source":   func(r *autotune.Record) { r.Source = "" },
		"too long":    func(r *autotune.Record) { r.Device = strings.Repeat("x", 70_000) },
		"far, far on": func(r *autotune.Record) { r.Date = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		r := records()[0]
		spoil(&r)
		if err := add(r); err == nil || !strings.Contains(err.Error(), "estep-full-lanes tile=64") {
			t.Errorf("%s: error %v: want one that names the candidate", name, err)
		}
	}
	if after, err := os.ReadFile(store.Path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed, %v", err)
	}
	if left, err := filepath.Glob(store.Path + ".tmp*"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestWisdomZero: the zero value can be asked and added to.
func TestWisdomZero(t *testing.T) {
	var w autotune.Wisdom
	if _, ok := w.Get(record("estep-full-lanes", "tile=64", 1).Key()); ok || w.Len() != 0 || len(w.Records()) != 0 {
		t.Error("it holds something")
	}
	w.Add(record("estep-full-lanes", "tile=64", 1))
	if w.Len() != 1 {
		t.Errorf("%d records: want 1", w.Len())
	}
}

// TestEventsBucket: neighbours in ratio share a bucket, which is a power of two.
func TestEventsBucket(t *testing.T) {
	for n, want := range map[int64]int64{
		0: 0, -1: 0, 1: 1, 2: 2, 3: 4, 5: 4, 6: 8, 1000: 1024, 10_000: 8192, 100_000: 131072, 1_000_000: 1 << 20, math.MaxInt64: 1 << 62,
	} {
		if got := autotune.EventsBucket(n); got != want {
			t.Errorf("%d is in %d: want %d", n, got, want)
		}
	}
}

// TestStore: what one process learns the next knows, several at a time lose nothing, and a damaged file stays as it is.
func TestStore(t *testing.T) {
	store := autotune.Store{Path: filepath.Join(t.TempDir(), "new", "wisdom.jsonl")}
	if w, err := store.Load(); err != nil || w.Len() != 0 {
		t.Fatalf("no file: %v, %v", w, err)
	}
	var wait sync.WaitGroup
	const writers = 8
	for i := range writers {
		wait.Go(func() {
			r := record("estep-full-lanes", fmt.Sprintf("tile=%d", 1+i), 1e-3)
			if err := store.Update(func(w *autotune.Wisdom) error { w.Add(r); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if w, err := store.Load(); err != nil || w.Len() != writers {
		t.Errorf("%d records of %d, %v", w.Len(), writers, err)
	}
	for path, want := range map[string]os.FileMode{store.Path: 0o600, filepath.Dir(store.Path): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v: want %v", path, info.Mode(), err, want)
		}
	}
	reason := errors.New("no")
	if err := store.Update(func(*autotune.Wisdom) error { return reason }); !errors.Is(err, reason) {
		t.Errorf("error %v", err)
	}

	const damaged = "{\"format\":\"gmmspec-wisdom/1\"}\nrubbish\n"
	if err := os.WriteFile(store.Path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	err := store.Update(func(*autotune.Wisdom) error { return nil })
	if err == nil || !strings.Contains(err.Error(), store.Path) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a damaged file: error %v", err)
	}
	if text, err := os.ReadFile(store.Path); err != nil || string(text) != damaged {
		t.Errorf("the damaged file was changed: %q, %v", text, err)
	}
	left, err := filepath.Glob(store.Path + ".tmp*")
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	elsewhere := autotune.Store{Path: t.TempDir()} // a directory is no file
	if w, err := elsewhere.Load(); w != nil || err == nil || !strings.Contains(err.Error(), elsewhere.Path) {
		t.Errorf("a directory: %v, error %v", w, err)
	}
}

// TestShipped: the wisdom that comes with the module can be read.
func TestShipped(t *testing.T) {
	if w := autotune.Shipped(here(), 19); w != nil {
		t.Errorf("%d records of a processor that there is not", w.Len())
	}
}
