package mixture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ModelFormat is the first field of a model file, its format and version.
const ModelFormat = "gmmspec-model/1"

// ModelFile is a model as it is kept: one JSON object whose numbers round-trip exactly.
//
//	{"format":"gmmspec-model/1","components":M,"dimensions":D,"covariance_type":"full",
//	 "weights":[M],"means":[[D]…M],"covariances":…,"training":{…}}
//
// The covariances are, for full, M matrices of D rows of D; for diag, M rows of D; for tied, D rows of D; for spherical, M
// numbers. Training is optional and says how the model came about.
type ModelFile struct {
	Parameters *Parameters
	Training   *TrainingRecord
}

// TrainingRecord is how a model came about.
type TrainingRecord struct {
	LogLikelihood float64  `json:"log_likelihood"`
	Iterations    int      `json:"iterations"`
	Converged     bool     `json:"converged"`
	Events        int64    `json:"events"`
	Device        string   `json:"device"`
	Variants      []string `json:"variants"`
}

// modelJSON is the file's layout. Pointers tell a missing field from an empty one.
type modelJSON struct {
	Format      *string          `json:"format"`
	Components  *int             `json:"components"`
	Dimensions  *int             `json:"dimensions"`
	Covariance  *string          `json:"covariance_type"`
	Weights     *[]float64       `json:"weights"`
	Means       *[][]float64     `json:"means"`
	Covariances *json.RawMessage `json:"covariances"`
	Training    *TrainingRecord  `json:"training,omitempty"`
}

// WriteTo writes the model as one line of JSON.
func (f *ModelFile) WriteTo(w io.Writer) (int64, error) {
	p := f.Parameters
	if err := p.Validate(); err != nil {
		return 0, err
	}
	var covariances any
	switch p.Covariance {
	case Full:
		covariances = split(split(p.Covariances, p.D), p.D)
	case Spherical:
		covariances = p.Covariances
	default:
		covariances = split(p.Covariances, p.D)
	}
	raw, err := json.Marshal(covariances)
	if err != nil {
		return 0, fmt.Errorf("mixture: model file: %w", err)
	}
	format, kind, means, message := ModelFormat, string(p.Covariance), split(p.Means, p.D), json.RawMessage(raw)
	text, err := json.Marshal(modelJSON{
		Format: &format, Components: &p.M, Dimensions: &p.D, Covariance: &kind,
		Weights: &p.Weights, Means: &means, Covariances: &message, Training: f.Training,
	})
	if err != nil {
		return 0, fmt.Errorf("mixture: model file: %w", err)
	}
	n, err := w.Write(append(text, '\n'))
	return int64(n), err
}

// split cuts values into rows of the given length.
func split[T any](values []T, length int) [][]T {
	rows := make([][]T, 0, len(values)/length)
	for len(values) > 0 {
		rows = append(rows, values[:length])
		values = values[length:]
	}
	return rows
}

// ReadModel reads a model file and validates what it says: see [Parameters.Validate]. Errors name the field.
func ReadModel(r io.Reader) (*ModelFile, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var file modelJSON
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("mixture: model file: %w", jsonReason(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("mixture: model file: something follows the model")
	}
	if file.Format == nil {
		return nil, missing("format")
	}
	if *file.Format != ModelFormat {
		return nil, fmt.Errorf("mixture: model file: format is %q: want %q", *file.Format, ModelFormat)
	}
	switch {
	case file.Components == nil:
		return nil, missing("components")
	case file.Dimensions == nil:
		return nil, missing("dimensions")
	case file.Covariance == nil:
		return nil, missing("covariance_type")
	case file.Weights == nil:
		return nil, missing("weights")
	case file.Means == nil:
		return nil, missing("means")
	case file.Covariances == nil:
		return nil, missing("covariances")
	}
	p := &Parameters{Covariance: Covariance(*file.Covariance), M: *file.Components, D: *file.Dimensions, Weights: *file.Weights}
	var err error
	if p.Means, err = join("means", *file.Means, p.M, p.D); err != nil {
		return nil, err
	}
	if p.Covariances, err = readCovariances(*file.Covariances, p); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return &ModelFile{Parameters: p, Training: file.Training}, nil
}

func missing(field string) error {
	return &ParameterError{Field: field, Index: -1, Reason: "missing from the model file"}
}

func jsonReason(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("empty")
	}
	return err
}

func readCovariances(raw json.RawMessage, p *Parameters) ([]float64, error) {
	decode := func(into any) error {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		if err := decoder.Decode(into); err != nil {
			return &ParameterError{Field: "covariances", Index: -1, Reason: fmt.Sprintf("not the shape that %s has: %v", p.Covariance, err)}
		}
		return nil
	}
	switch p.Covariance {
	case Full:
		var cube [][][]float64
		if err := decode(&cube); err != nil {
			return nil, err
		}
		if len(cube) != p.M {
			return nil, &ParameterError{Field: "covariances", Index: -1, Reason: fmt.Sprintf("%d matrices: want %d", len(cube), p.M)}
		}
		var flat []float64
		for m, matrix := range cube {
			part, err := join("covariances", matrix, p.D, p.D)
			if err != nil {
				return nil, fmt.Errorf("%w of matrix %d", err, m)
			}
			flat = append(flat, part...)
		}
		return flat, nil
	case Diag, Tied:
		var rows [][]float64
		if err := decode(&rows); err != nil {
			return nil, err
		}
		count := p.M
		if p.Covariance == Tied {
			count = p.D
		}
		return join("covariances", rows, count, p.D)
	case Spherical:
		var flat []float64
		return flat, decode(&flat)
	}
	_, err := ParseCovariance(string(p.Covariance))
	return nil, err
}

// join is the inverse of split, for count rows.
func join(field string, rows [][]float64, count, length int) ([]float64, error) {
	if len(rows) != count {
		return nil, &ParameterError{Field: field, Index: -1, Reason: fmt.Sprintf("%d rows: want %d", len(rows), count)}
	}
	var flat []float64
	for i, row := range rows {
		if len(row) != length {
			return nil, &ParameterError{Field: field, Index: i, Reason: fmt.Sprintf("%d numbers in a row: want %d", len(row), length)}
		}
		flat = append(flat, row...)
	}
	return flat, nil
}
