package sklearn

import (
	"embed"
	"encoding/json"
	"fmt"

	"github.com/gmmspec/gmmspec/mixture"
)

//go:embed testdata/*.json
var files embed.FS

// Fixture is events, with fits of one number of components and every covariance type.
type Fixture struct {
	Name    string // of the file
	N, M, D int
	X       []float64 // N×D
	Fits    []Fit
}

// Fit is one fit.
type Fit struct {
	Start *mixture.Parameters
	// Ridge is what every M-step adds to the diagonal of covariances: reg_covar.
	Ridge float64
	// After holds the fit after several numbers of iterations, ascending.
	After []State
}

// State is a fit after some iterations.
type State struct {
	Iterations int
	Parameters *mixture.Parameters
	// LogLikelihoods holds log p(x_n) under Parameters, length N.
	LogLikelihoods []float64
	// LowerBound is the mean log-likelihood an event that scikit-learn reports: of the parameters before the last
	// M-step.
	LowerBound float64
}

// Load returns all fixtures.
func Load() ([]Fixture, error) {
	const folder = "testdata"
	entries, err := files.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("sklearn: %w", err)
	}
	var fixtures []Fixture
	for _, entry := range entries {
		data, err := files.ReadFile(folder + "/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("sklearn: %w", err)
		}
		fixture, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("sklearn: %s: %w", entry.Name(), err)
		}
		fixture.Name = entry.Name()
		fixtures = append(fixtures, *fixture)
	}
	return fixtures, nil
}

// Events views the events.
func (f *Fixture) Events() (mixture.Events, error) { return mixture.Float64(f.X, f.N, f.D, 0) }

// parameters is a mixture as a file holds it: arrays row by row.
type parameters struct {
	Weights     []float64 `json:"weights"`
	Means       []float64 `json:"means"`
	Covariances []float64 `json:"covariances"`
}

// of returns p as a mixture.
func (p *parameters) of(c mixture.Covariance, m, d int) (*mixture.Parameters, error) {
	q := &mixture.Parameters{
		Covariance: c, M: m, D: d, Weights: p.Weights, Means: p.Means, Covariances: p.Covariances,
	}
	return q, q.Validate()
}

// parse reads one file.
func parse(data []byte) (*Fixture, error) {
	var file struct {
		N    int       `json:"n"`
		M    int       `json:"m"`
		D    int       `json:"d"`
		X    []float64 `json:"x"`
		Fits []struct {
			Covariance mixture.Covariance `json:"covariance_type"`
			Ridge      float64            `json:"reg_covar"`
			Start      parameters         `json:"start"`
			After      []struct {
				parameters
				Iterations     int       `json:"iterations"`
				LogLikelihoods []float64 `json:"log_likelihoods"`
				LowerBound     float64   `json:"lower_bound"`
			} `json:"after"`
		} `json:"fits"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	fixture := &Fixture{N: file.N, M: file.M, D: file.D, X: file.X}
	if len(fixture.X) != fixture.N*fixture.D {
		return nil, &mixture.ShapeError{What: "numbers in x", Got: len(fixture.X), Want: fixture.N * fixture.D}
	}
	for _, f := range file.Fits {
		start, err := f.Start.of(f.Covariance, file.M, file.D)
		if err != nil {
			return nil, err
		}
		fit := Fit{Start: start, Ridge: f.Ridge}
		for _, a := range f.After {
			p, err := a.of(f.Covariance, file.M, file.D)
			if err != nil {
				return nil, err
			}
			if len(a.LogLikelihoods) != file.N {
				return nil, &mixture.ShapeError{What: "log-likelihoods", Got: len(a.LogLikelihoods), Want: file.N}
			}
			fit.After = append(fit.After, State{
				Iterations: a.Iterations, Parameters: p, LogLikelihoods: a.LogLikelihoods, LowerBound: a.LowerBound,
			})
		}
		fixture.Fits = append(fixture.Fits, fit)
	}
	return fixture, nil
}
