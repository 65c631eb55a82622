package mixture

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
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
//
// A reader refuses fields that it does not know, which could change what the model means; only in training, which cannot,
// are they passed over.
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

// modelJSON is the file's layout.
type modelJSON struct {
	Format      string          `json:"format"`
	Components  int             `json:"components"`
	Dimensions  int             `json:"dimensions"`
	Covariance  Covariance      `json:"covariance_type"`
	Weights     []float64       `json:"weights"`
	Means       [][]float64     `json:"means"`
	Covariances any             `json:"covariances"`
	Training    *TrainingRecord `json:"training,omitempty"`
}

// WriteTo writes the model as one line of JSON. It refuses parameters that are not a mixture, and a training record whose
// log-likelihood is not finite, with a *[ParameterError].
func (f *ModelFile) WriteTo(w io.Writer) (int64, error) {
	p := f.Parameters
	if err := p.Validate(); err != nil {
		return 0, err
	}
	layout := modelJSON{
		Format: ModelFormat, Components: p.M, Dimensions: p.D, Covariance: p.Covariance,
		Weights: p.Weights, Means: split(p.Means, p.D),
	}
	switch p.Covariance {
	case Full:
		layout.Covariances = split(split(p.Covariances, p.D), p.D)
	case Diag, Tied:
		layout.Covariances = split(p.Covariances, p.D)
	case Spherical:
		layout.Covariances = p.Covariances
	}
	if f.Training != nil {
		record := *f.Training
		if l := record.LogLikelihood; math.IsNaN(l) || math.IsInf(l, 0) {
			return 0, &ParameterError{Field: "training.log_likelihood", Index: -1, Reason: fmt.Sprintf("%v is not finite", l)}
		}
		if record.Variants == nil {
			record.Variants = []string{} // and not null
		}
		layout.Training = &record
	}
	text, err := json.Marshal(layout)
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
