package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
)

// makeMixture writes events of a random mixture of overlapping components with full covariances, and a start near the truth.
// The events are exact in float32, so that every precision fits the same ones.
func makeMixture(args []string) error {
	flags := newFlags("mixture")
	n := flags.Int("n", 0, "number of events")
	m := flags.Int("m", 0, "number of components")
	d := flags.Int("d", 0, "number of dimensions")
	seed := flags.Uint64("seed", 1, "seed of everything random")
	if err := flags.Parse(args); err != nil {
		return errors.Join(errUsage, err)
	}
	if flags.NArg() != 1 || *n < 1 || *m < 1 || *d < 1 {
		return fmt.Errorf("%w: mixture needs -n, -m, -d and a directory", errUsage)
	}
	dir := flags.Arg(0)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	sample := corpus.Random(*seed, *n, *m, *d, mixture.Full)
	return errors.Join(
		writeFile(filepath.Join(dir, "events.npy"), func(w *bufio.Writer) error {
			return dataset.WriteNpy(w, sample.Rounded(), *n, *d)
		}),
		writeFile(filepath.Join(dir, "start.json"), func(w *bufio.Writer) error {
			_, err := (&mixture.ModelFile{Parameters: sample.Start}).WriteTo(w)
			return err
		}),
	)
}

// writeFile creates a file of what write writes.
func writeFile(path string, write func(w *bufio.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	return errors.Join(write(w), w.Flush(), file.Close())
}
