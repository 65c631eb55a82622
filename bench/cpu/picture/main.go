// Picture draws what bench/cpu/run has measured: the time of an iteration of each system on each row.
//
//	picture RECORD.json PICTURE.png
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gmmspec/gmmspec/dataset"
)

// Exit statuses, as gmmspec's own.
const (
	statusFailed = 1
	statusUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run draws a record into a file and returns the exit status.
func run(args []string, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "usage: picture RECORD.json PICTURE.png")
		return statusUsage
	}
	if err := picture(args[0], args[1]); err != nil {
		fmt.Fprintln(stderr, "picture:", err)
		return statusFailed
	}
	return 0
}

func picture(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	r, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return dataset.Replace(to, func(w io.Writer) error { return r.draw(w) })
}

// record is what bench/cpu/peers.py writes, as far as it is drawn.
type record struct {
	Rows []row `json:"rows"`
}

// row is the seconds of an iteration of each system on one problem.
type row struct {
	N           int     `json:"n"`
	M           int     `json:"m"`
	D           int     `json:"d"`
	Covariance  string  `json:"covariance"`
	Apart       bool    `json:"apart"` // components lie 8 standard deviations apart
	ScikitLearn float64 `json:"scikit_learn"`
	Numpy       float64 `json:"numpy"`
	Armadillo   float64 `json:"armadillo"` // 0 where it was not to be had
	Float32     float64 `json:"float32"`
	Float64     float64 `json:"float64"`
}

// parse reads a record that has something to draw.
func parse(text []byte) (*record, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	if len(r.Rows) == 0 {
		return nil, errors.New("no rows")
	}
	for i, one := range r.Rows {
		for _, s := range systems() {
			if t := s.seconds(one); !(t > 0) && !(s.optional && t == 0) {
				return nil, fmt.Errorf("row %d: %s takes %v s: want a positive number", i, s.name, t)
			}
		}
	}
	return &r, nil
}

// name says which problem it is.
func (r row) name() string {
	name := fmt.Sprintf("%d × %d, M=%d, %s", r.N, r.D, r.M, r.Covariance)
	if r.Apart {
		name += ", 8σ apart"
	}
	return name
}
