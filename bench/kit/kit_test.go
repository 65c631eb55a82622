package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/mixture"
)

// fitVariable makes the test binary print the fit that it holds, in place of gmmspec.
const fitVariable = "GMMSPEC_TEST_FIT"

func TestMain(m *testing.M) {
	if fit := os.Getenv(fitVariable); fit != "" {
		fmt.Println(fit)
		return
	}
	os.Exit(m.Run())
}

// call runs a verb.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestMixture(t *testing.T) {
	texts := map[string]int{}
	for _, name := range []string{"a", "b"} {
		dir := filepath.Join(t.TempDir(), name)
		if status, _, stderr := call(t, "mixture", "-n", "50", "-m", "3", "-d", "2", "-seed", "7", dir); status != 0 {
			t.Fatal(stderr)
		}
		events, err := os.ReadFile(filepath.Join(dir, "events.npy"))
		if err != nil {
			t.Fatal(err)
		}
		start, err := os.ReadFile(filepath.Join(dir, "start.json"))
		if err != nil {
			t.Fatal(err)
		}
		texts[string(events)+string(start)]++
		table, err := dataset.Read(filepath.Join(dir, "events.npy"), dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if table.Rows != 50 || table.Columns != 2 || table.Float32 == nil {
			t.Errorf("%d×%d events, float32: %v; want 50×2 of float32", table.Rows, table.Columns, table.Float32 != nil)
		}
		model, err := mixture.ReadModel(bytes.NewReader(start))
		if err != nil {
			t.Fatal(err)
		}
		if p := model.Parameters; p.M != 3 || p.D != 2 || p.Covariance != mixture.Full {
			t.Errorf("a start of M=%d, D=%d, %s; want M=3, D=2, full", p.M, p.D, p.Covariance)
		}
	}
	if len(texts) != 1 {
		t.Error("the same seed gave other files")
	}
}

func TestAgree(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "fit.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := write(`{"device":"cuda:0","iterations":1,"history":[-30,-20]}`)
	for _, test := range []struct {
		name, other, says string
		status            int
	}{
		{"near", `{"device":"reference","iterations":1,"history":[-30.001,-20.002]}`, "", 0},
		{"far", `{"device":"reference","iterations":1,"history":[-30,-20.2]}`, "differ by 0.02", 1},
		{"not a number", `{"device":"reference","iterations":1,"history":[-30,null]}`, "differ by 2 ", 1},
		{"other iterations", `{"device":"reference","iterations":2,"history":[-30,-20,-19]}`, "1 iterations on cuda:0, 2 on reference", 1},
		{"short history", `{"device":"reference","iterations":1,"history":[-30]}`, "a history of 1 totals", 1},
		{"same device", `{"device":"cuda:0","iterations":1,"history":[-30,-20]}`, "both fits ran on cuda:0", 1},
		{"cut short", `{"device":`, "unexpected end", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, stdout, stderr := call(t, "agree", "-n", "10", "-within", "1e-3", a, write(test.other))
			if status != test.status || !strings.Contains(stderr, test.says) {
				t.Errorf("status %d, %q; want %d, %q", status, stderr, test.status, test.says)
			}
			if status != 0 {
				return
			}
			var got agreement
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatal(err)
			}
			const want, rounding = 2e-4, 1e-12
			if got.Worst < want-rounding || got.Worst > want+rounding || got.Events != 10 || got.Iterations != 1 {
				t.Errorf("%+v; want a worst of %v over 10 events, 1 iteration", got, want)
			}
		})
	}
}

func TestTime(t *testing.T) {
	t.Setenv(fitVariable, `{"device":"cuda:0","iterations":4,"history":[1,2,3,4,5],"seconds":0.008,"compile_seconds":0.5}`)
	for _, cold := range []bool{true, false} {
		status, stdout, stderr := call(t, "time", "-runs", "3", fmt.Sprintf("-cold=%v", cold), "-device", "cuda", os.Args[0])
		if status != 0 {
			t.Fatal(stderr)
		}
		var got timing
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Process) != 3 || got.Median <= 0 || got.Compile != 0.5 || got.Iteration != 2 || got.Cold != cold {
			t.Errorf("%+v; want 3 runs, cold %v, 0.5 s of compiling, 2 ms an iteration", got, cold)
		}
	}
	if status, _, stderr := call(t, "time", "-device", "cc", os.Args[0]); status != 1 || !strings.Contains(stderr, "ran on cuda:0, not cc") {
		t.Errorf("status %d, %q; want a refusal of the wrong device", status, stderr)
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{5, 1, 9, 2, 3}); got != 3 {
		t.Errorf("%v, want 3", got)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"draw"},
		{"mixture", "-n", "1"},
		{"mixture", "-x"},
		{"agree", "-n", "1", "a"},
		{"time", "-device", "cuda"},
	} {
		if status, _, stderr := call(t, args...); status != statusUsage || !strings.Contains(stderr, "usage: kit") {
			t.Errorf("%q: status %d, %q; want 2 and the usage", args, status, stderr)
		}
	}
}
