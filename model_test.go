package gmmspec

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// TestModelFile: a model that was written and read is the same to the bit, for every covariance type, and says how it came
// about.
func TestModelFile(t *testing.T) {
	for _, c := range []Covariance{Full, Diag, Tied, Spherical} {
		t.Run(string(c), func(t *testing.T) {
			events, _ := small(t)
			model := mustNew(t, 2, 2, WithCovariance(c), WithIterations(0, 4))
			if _, err := model.WriteTo(new(bytes.Buffer)); !errors.Is(err, ErrUntrained) {
				t.Errorf("an untrained model is written: %v", err)
			}
			result := mustTrain(t, model, events)
			var file bytes.Buffer
			if n, err := model.WriteTo(&file); err != nil || n != int64(file.Len()) {
				t.Fatalf("%d of %d bytes, %v", n, file.Len(), err)
			}
			path := filepath.Join(t.TempDir(), "model.json")
			writeFile(t, path, []byte("an older file"))
			if err := mustNew(t, 2, 2).Save(path); !errors.Is(err, ErrUntrained) || !bytes.Equal(contents(t, path), []byte("an older file")) {
				t.Errorf("an untrained model is saved: %v", err)
			}
			if err := model.Save(path); err != nil || !bytes.Equal(contents(t, path), file.Bytes()) {
				t.Fatalf("what is saved is not what is written: %v", err)
			}
			loaded, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			mustEqual(t, "parameters", numbersOf(loaded.Parameters()), numbersOf(model.Parameters()))
			if loaded.Covariance() != c || loaded.Components() != 2 || loaded.Dimensions() != 2 {
				t.Errorf("%s, M=%d, D=%d", loaded.Covariance(), loaded.Components(), loaded.Dimensions())
			}
			if loaded.record.Iterations != result.Iterations || loaded.record.LogLikelihood != result.LogLikelihood ||
				loaded.record.Device != result.Plan.Device || loaded.record.Events != int64(events.Len()) {
				t.Errorf("training record %+v", loaded.record)
			}
			var again bytes.Buffer
			if _, err := loaded.WriteTo(&again); err != nil || !bytes.Equal(again.Bytes(), file.Bytes()) {
				t.Errorf("written again:\n%s\nwant\n%s\n%v", &again, &file, err)
			}
			loaded.Reset()
			mustEqual(t, "parameters after Reset", numbersOf(loaded.Parameters()), numbersOf(model.Parameters()))
		})
	}
}

// contents reads a file.
func contents(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLoadRefuses(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "bad.json")
	writeFile(t, path, []byte("{}"))
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no model: error %v: want it to name the file", err)
	}
	var file bytes.Buffer
	if _, err := (&mixture.ModelFile{Parameters: proper(Diag)}).WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]Option{
		"other parameters":   WithParameters(proper(Diag)),
		"another covariance": WithCovariance(Full),
		"a bad option":       WithTolerance(-1),
	} {
		if model, err := Read(bytes.NewReader(file.Bytes()), option); model != nil || err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	model, err := Read(bytes.NewReader(file.Bytes()), WithTolerance(0.5), WithCovariance(Diag))
	if err != nil || model.settings.tolerance != 0.5 {
		t.Errorf("%v", err)
	}
}

// TestMatrices: what a model shows in gonum's types is its parameters.
func TestMatrices(t *testing.T) {
	for _, c := range []Covariance{Full, Diag, Tied, Spherical} {
		p := proper(c)
		model := mustNew(t, 2, 3, WithParameters(p))
		if !slices.Equal(model.Weights(), p.Weights) || !slices.Equal(model.Means().RawMatrix().Data, p.Means) {
			t.Errorf("%s: weights %v, means %v", c, model.Weights(), model.Means())
		}
		for m, s := range model.Covariances() {
			if _, diagonal := s.(*mat.DiagDense); diagonal == c.Correlated() {
				t.Errorf("%s: a %T", c, s)
			}
			if !mat.Equal(s, p.Matrix(m)) {
				t.Errorf("%s: covariance %d is %v", c, m, s)
			}
		}
	}
}

// TestConcurrent scores, reads and trains one model from many goroutines.
func TestConcurrent(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		const goroutines, times = 8, 5
		events, start := small(t)
		model := on.model(t, start.M, start.D, WithParameters(start), WithIterations(0, 2))
		var group sync.WaitGroup
		for g := range goroutines {
			group.Go(func() {
				for range times {
					var err error
					switch g % 4 {
					case 0:
						_, err = model.Train(context.Background(), events)
					case 1:
						_, err = model.Score(context.Background(), events)
					case 2:
						_, _, err = model.Eval(context.Background(), events)
					case 3:
						model.Reset()
						if len(model.Weights()) != start.M || len(model.Covariances()) != start.M {
							t.Error("a model without parameters")
						}
						_, err = model.WriteTo(new(bytes.Buffer))
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	})
}

// TestClose: a model that is closed, even while it works, works on.
func TestClose(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		events, start := small(t)
		model := on.model(t, start.M, start.D, WithParameters(start), WithIterations(0, 3))
		on.train(t, model, events)
		want, err := model.Score(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 10 {
					got, err := model.Score(context.Background(), events)
					if err != nil {
						t.Error(err)
						return
					}
					mustEqual(t, "scores", got, want)
				}
			})
			group.Go(func() {
				for range 10 {
					if err := model.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	})
}
