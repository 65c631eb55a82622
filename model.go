package gmmspec

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/gmmspec/gmmspec/dataset"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// ErrUntrained is returned by what needs parameters of a model that has none yet.
var ErrUntrained = errors.New("gmmspec: the model has no parameters yet: train it, or give it some")

// Model is a Gaussian mixture of M components over D dimensions, and the code specialised for it. [New], [Load] and [Read] make
// one. It is safe for concurrent use; one Train at a time runs.
type Model struct {
	m, d     int
	settings *settings
	number   int64 // of all models of the process: several are held in this order

	training chan struct{} // full while a Train or Reset runs

	mu         sync.RWMutex
	parameters *Parameters
	record     *mixture.TrainingRecord

	devices *devices
}

// New returns a model of m components over d dimensions. Without [WithParameters] it takes its first parameters from the data
// of the first Train.
func New(m, d int, options ...Option) (*Model, error) {
	s, err := newSettings(m, d, options)
	if err != nil {
		return nil, err
	}
	if s.arch != "" {
		return nil, fmt.Errorf("gmmspec: a model runs on the devices that are here: WithArch is for Explain, Render and Compile")
	}
	return &Model{
		m: m, d: d, settings: s, number: s.workshop.models.Add(1), training: make(chan struct{}, 1), parameters: s.initial, devices: newDevices(s),
	}, nil
}

// Load reads a model file, which [Model.Save] writes. The file decides the parameters and the covariance type, and options that say
// otherwise are refused.
func Load(path string, options ...Option) (*Model, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gmmspec: %w", err)
	}
	defer file.Close()
	model, err := Read(file, options...)
	if err != nil {
		return nil, fmt.Errorf("gmmspec: %s: %w", path, err)
	}
	return model, nil
}

// Read reads a model as [Load] does, from r.
func Read(r io.Reader, options ...Option) (*Model, error) {
	if r == nil {
		return nil, errors.New("gmmspec: there is no reader")
	}
	file, err := mixture.ReadModel(r)
	if err != nil {
		return nil, err
	}
	if applied(options).seeded {
		return nil, errors.New("gmmspec: a model that is read has its parameters: leave WithParameters out")
	}
	p := file.Parameters
	model, err := New(p.M, p.D, append([]Option{WithParameters(p)}, options...)...)
	if err != nil {
		return nil, err
	}
	model.record = file.Training
	return model, nil
}

// WriteTo writes the model file: one JSON object of the format mixture.ModelFormat, whose numbers round-trip exactly.
func (m *Model) WriteTo(w io.Writer) (int64, error) {
	if m.current() == nil {
		return 0, ErrUntrained
	}
	if w == nil {
		return 0, errors.New("gmmspec: there is no writer")
	}
	m.mu.RLock()
	file := mixture.ModelFile{Parameters: m.parameters, Training: m.record} // neither of which is changed, only replaced
	m.mu.RUnlock()
	return file.WriteTo(w)
}

// Save writes the model file at path in one step, as [dataset.Replace] does: an older file is lost to nothing but a whole new one.
func (m *Model) Save(path string) error {
	err := dataset.Replace(path, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("gmmspec: %w", err)
	}
	return nil
}

// Components returns M.
func (m *Model) Components() int {
	if m == nil {
		return 0
	}
	return m.m
}

// Dimensions returns D.
func (m *Model) Dimensions() int {
	if m == nil {
		return 0
	}
	return m.d
}

// Covariance returns the covariance type.
func (m *Model) Covariance() Covariance {
	if m == nil || m.settings == nil {
		return ""
	}
	return m.settings.covariance
}

// Parameters returns a copy of the model's parameters, or nil where it has none yet.
func (m *Model) Parameters() *Parameters {
	p := m.current()
	if p == nil {
		return nil
	}
	return p.Clone()
}

// Weights returns the M weights π_m, or nil where the model has none yet.
func (m *Model) Weights() []float64 {
	p := m.Parameters()
	if p == nil {
		return nil
	}
	return p.Weights
}

// Means returns the means as the rows of an M×D matrix, or nil where the model has none yet.
func (m *Model) Means() *mat.Dense {
	p := m.Parameters()
	if p == nil {
		return nil
	}
	return mat.NewDense(p.M, p.D, p.Means)
}

// Covariances returns the M covariances, D×D each, or nil where the model has none yet: *mat.SymDense for full and tied,
// *mat.DiagDense for diag and spherical.
func (m *Model) Covariances() []mat.Symmetric {
	p := m.current()
	if p == nil {
		return nil
	}
	matrices := make([]mat.Symmetric, p.M)
	for i := range matrices {
		matrices[i] = p.Matrix(i)
	}
	return matrices
}

// Reset forgets what was trained: the model has its initial parameters again, or none. It waits for a Train under way.
func (m *Model) Reset() {
	if m == nil || m.settings == nil {
		return
	}
	m.training <- struct{}{}
	defer func() { <-m.training }()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parameters, m.record = m.settings.initial, nil
}

// Close frees what the model, and no other, holds on devices once work under way is done; a model that is used again takes it
// anew. It is safe to let a model go without it; the device memory of its code is then kept until the process ends.
func (m *Model) Close() error {
	if m == nil || m.devices == nil {
		return nil
	}
	return m.devices.close()
}

// current returns the parameters, which nobody changes.
func (m *Model) current() *Parameters {
	if m == nil {
		return nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.parameters
}
