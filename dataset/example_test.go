package dataset_test

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/gmmspec/gmmspec/dataset"
)

// The species is a word, so the columns before it are selected.
func ExampleRead() {
	columns, err := dataset.ParseSelection("sepal_length,petal_length")
	if err != nil {
		log.Fatal(err)
	}
	table, err := dataset.Read("../testdata/data/iris.csv", dataset.Options{Columns: columns})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(table.Rows, table.Columns, table.Names, table.Float64[:2])
	// Output: 150 2 [sepal_length petal_length] [5.1 1.4]
}

func ExampleReplace() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "scores.npy")
	scores := []float64{-1.5, -2.25, -0.5}
	if err := dataset.Replace(path, func(w io.Writer) error {
		return dataset.WriteNpy(w, scores, len(scores))
	}); err != nil {
		log.Fatal(err)
	}
	table, err := dataset.Read(path, dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(table.Float64)
	// Output: [-1.5 -2.25 -0.5]
}

func ExampleWriteCSV() {
	responsibilities := []float32{0.75, 0.25, 0.1, 0.9}
	if err := dataset.WriteCSV(os.Stdout, []string{"r1", "r2"}, 2, responsibilities); err != nil {
		log.Fatal(err)
	}
	// Output:
	// r1,r2
	// 0.75,0.25
	// 0.1,0.9
}
