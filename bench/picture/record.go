package main

import (
	"encoding/json"
	"errors"
	"fmt"
)

// drawing is what is drawn of records.
type drawing struct {
	machine  string    // the words for what it was measured on
	problems []problem // drawn as bars
	series   []problem // drawn as lines
}

// problem is what was timed with one N, M and D.
type problem struct {
	row
	figures []figure
}

// figure is the time of one system.
type figure struct {
	system
	seconds float64
	counts  bool // the error was found to be within the tolerance
}

// record is what bench/cpu/peers.py and bench/peers/peers.py write, as far as it is drawn. A GPU's has a ceiling.
type record struct {
	Device  string  `json:"device"`
	Ceiling float64 `json:"ceiling"` // useful operations a second
	Within  float64 `json:"within"`  // the errors that count
	Rows    []row   `json:"rows"`
}

// row is the seconds of an iteration of each system on one problem.
type row struct {
	N          int    `json:"n"`
	M          int    `json:"m"`
	D          int    `json:"d"`
	Covariance string `json:"covariance"`
	Apart      bool   `json:"apart"` // components lie 8 standard deviations apart

	// On a processor.
	ScikitLearn float64 `json:"scikit_learn"`
	Numpy       float64 `json:"numpy"`
	Armadillo   float64 `json:"armadillo"` // 0 where it was not to be had
	Float32     float64 `json:"float32"`
	Float64     float64 `json:"float64"`

	// On a GPU.
	Series     string   `json:"series"` // what grows from row to row: "n", "m", "d", or "" for none
	Operations float64  `json:"operations"`
	Seconds    float64  `json:"seconds"`
	Error      *float64 `json:"error"` // nil where it was not checked
	Peers      map[string]struct {
		Seconds float64  `json:"seconds"`
		Error   *float64 `json:"error"`
		Failed  string   `json:"failed"` // why there is no time
	} `json:"peers"`
}

// parse reads a record that has something to draw.
func parse(text []byte) (*drawing, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	if len(r.Rows) == 0 {
		return nil, errors.New("no rows")
	}
	d := &drawing{machine: "the processor"}
	if r.Ceiling > 0 {
		d.machine = r.Device
	}
	for i, one := range r.Rows {
		p := problem{row: one, figures: one.onProcessor()}
		if r.Ceiling > 0 {
			p.figures = r.onGPU(one)
		}
		for _, f := range p.figures {
			if !(f.seconds > 0) {
				return nil, fmt.Errorf("row %d: %s takes %v s: want a positive number", i, f.name, f.seconds)
			}
		}
		switch one.Series {
		case "":
			d.problems = append(d.problems, p)
		case "n", "m", "d":
			d.series = append(d.series, p)
		default:
			return nil, fmt.Errorf("row %d: a series along %q: want n, m or d", i, one.Series)
		}
	}
	return d, nil
}

// onProcessor lists the times as they stand below each other. All count, since the script fails otherwise.
func (r row) onProcessor() []figure {
	all := []figure{{scikitLearn(), r.ScikitLearn, true}}
	if r.Armadillo != 0 {
		all = append(all, figure{armadillo(), r.Armadillo, true})
	}
	return append(all, figure{numpy(), r.Numpy, true}, figure{inFloat64(), r.Float64, true}, figure{inFloat32(), r.Float32, true})
}

// onGPU lists the times of the peers that have one, of gmmspec, and of the useful operations at the ceiling's rate.
func (r *record) onGPU(one row) []figure {
	within := func(e *float64) bool { return e != nil && *e <= r.Within }
	var all []figure
	for _, p := range peers() {
		if found, ok := one.Peers[p.key]; ok && found.Failed == "" {
			all = append(all, figure{p.system, found.Seconds, within(found.Error)})
		}
	}
	return append(all, figure{gmmspec(), one.Seconds, within(one.Error)}, figure{ceiling(), one.Operations / r.Ceiling, true})
}

// size returns what grows in a series.
func (r row) size() int {
	switch r.Series {
	case "n":
		return r.N
	case "m":
		return r.M
	default:
		return r.D
	}
}

// name says which problem it is.
func (r row) name() string {
	name := fmt.Sprintf("%d × %d, M=%d, %s", r.N, r.D, r.M, r.Covariance)
	if r.Apart {
		name += ", 8σ apart"
	}
	return name
}
