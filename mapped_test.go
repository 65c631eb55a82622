//go:build darwin || linux

package gmmspec

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/internal/corpus"
)

// mappedFile writes so many events that their file is mapped, and returns it and a start.
func mappedFile(t *testing.T) (path string, start *Parameters) {
	t.Helper()
	const n, d, coarse, prime = 500_000, 9, 1000, 7919
	x := make([]float64, n*d)
	for i := range x {
		x[i] = float64(i*prime%coarse)/coarse + float64(i/d%2)
	}
	path = filepath.Join(t.TempDir(), "events.npy")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(dataset.WriteNpy(file, x, n, d), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path, corpus.Random(1, 10, 2, d, Full).Start
}

// TestChangesOfAMappedFile: whatever becomes of a file while events in it are fitted or scored, between passes or within one, it is an
// error, and nothing else.
func TestChangesOfAMappedFile(t *testing.T) {
	onAll(t, func(t *testing.T, on tried) {
		for name, change := range map[string]struct {
			make func(path string) error
			want error
		}{
			"cut to nothing": {func(path string) error { return os.Truncate(path, 0) }, dataset.ErrCutShort},
			"written to": {func(path string) error {
				file, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				_, err = file.WriteAt(bytes.Repeat([]byte{0xFF}, 1<<20), 1<<20) // NaN
				return errors.Join(err, file.Close())
			}, dataset.ErrChanged},
		} {
			t.Run(name, func(t *testing.T) {
				path, start := mappedFile(t)
				events, err := ReadEvents(path)
				if err != nil {
					t.Fatal(err)
				}
				changed := make(chan error, 1)
				model := on.model(t, start.M, start.D, WithParameters(start), WithTolerance(0), WithIterations(0, 100), WithProgress(func(p Progress) {
					switch p.Iteration {
					case 1:
						go func() { // while the next pass is under way, or the one after it
							time.Sleep(time.Millisecond)
							changed <- change.make(path)
						}()
					case 99:
						t.Error("the fit goes on")
					}
				}))
				if _, err := model.Train(t.Context(), events); !errors.Is(err, change.want) {
					t.Errorf("Train: %v, want %v", err, change.want)
				}
				if err := <-changed; err != nil {
					t.Fatal(err)
				}
				mustEqual(t, "parameters", numbersOf(model.Parameters()), numbersOf(start))
				if _, err := model.Score(t.Context(), events); !errors.Is(err, dataset.ErrCutShort) && !errors.Is(err, dataset.ErrChanged) {
					t.Errorf("Score: %v", err)
				}
			})
		}
	})
}
