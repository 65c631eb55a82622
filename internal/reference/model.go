package reference

import (
	"fmt"
	"math"

	"github.com/gmmspec/gmmspec/mixture"
)

// farthest bounds (x-μ)ᵀ Σ⁻¹ (x-μ), so that an event infinitely far from every component still has a finite
// log-likelihood, and so have sums of many.
const farthest = 1e300

// model is parameters made ready to be evaluated. It does not change.
type model struct {
	*mixture.Parameters
	logWeights []float64   // M, log π_m; -Inf for a weight of 0
	correlated *correlated // for full and tied
	diagonal   *diagonal   // for diag and spherical
}

// newModel checks p and factors its covariances.
func newModel(p *mixture.Parameters) (*model, error) {
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"number of weights", len(p.Weights), p.M},
		{"number of means", len(p.Means), p.M * p.D},
		{"number of covariances", len(p.Covariances), p.Covariance.Len(p.M, p.D)},
	} {
		if f.got != f.want || f.want == 0 {
			return nil, &mixture.ShapeError{What: f.what, Got: f.got, Want: f.want}
		}
	}
	model := &model{Parameters: p, logWeights: make([]float64, p.M)}
	if err := model.takeWeights(); err != nil {
		return nil, err
	}
	for i, v := range p.Means {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, &mixture.ParameterError{Field: "means", Index: i / p.D, Reason: fmt.Sprintf("%v is not finite", v)}
		}
	}
	var err error
	if p.Covariance.Correlated() {
		model.correlated, err = newCorrelated(p)
	} else {
		model.diagonal, err = newDiagonal(p)
	}
	return model, err
}

func (m *model) takeWeights() error {
	sum := 0.0
	for i, w := range m.Weights {
		if !(w >= 0 && w <= math.MaxFloat64) {
			return &mixture.ParameterError{Field: "weights", Index: i, Reason: fmt.Sprintf("%v: want a finite number of at least 0", w)}
		}
		sum += w
		m.logWeights[i] = math.Log(w)
	}
	if !(sum > 0) {
		return &mixture.ParameterError{Field: "weights", Index: -1, Reason: "all are 0"}
	}
	return nil
}

// evaluator looks at one event at a time: observe it, then ask. Each worker has its own.
type evaluator interface {
	// observe makes x, of which NaN coordinates are missing, the event that the other methods speak of.
	observe(x []float64)
	// logDensity returns log N(x | μ_m, Σ_m) of the coordinates that are present.
	logDensity(m int) float64
	// deviation sets dst to E[x | its present coordinates, m] - μ_m.
	deviation(dst []float64, m int)
	// addConditional adds w·Cov[x | its present coordinates, m] to component m's second moments.
	addConditional(second []float64, m int, w float64)
}

// evaluator returns a new evaluator. Unless missing is set, it takes every coordinate to be present.
func (m *model) evaluator(missing bool) evaluator {
	switch {
	case m.diagonal != nil:
		return &diagonalEvaluator{diagonal: m.diagonal}
	case missing:
		return newConditionalEvaluator(m.correlated)
	}
	return &correlatedEvaluator{correlated: m.correlated, y: make([]float64, m.D)}
}

// logits sets out[m] to log(π_m N(x | μ_m, Σ_m)) of the event that e observes.
func (m *model) logits(out []float64, e evaluator) {
	for i, w := range m.logWeights {
		if math.IsInf(w, -1) {
			out[i] = w
			continue
		}
		out[i] = w + e.logDensity(i)
	}
}

// logDensity returns log N of a point at the squared distance given, in d dimensions.
func logDensity(squaredDistance, logDet float64, d int) float64 {
	if !(squaredDistance <= farthest) {
		squaredDistance = farthest
	}
	return -0.5 * (squaredDistance + logDet + float64(d)*math.Log(2*math.Pi))
}

// softmax replaces logits by responsibilities exp(l_m) / Σ exp(l), and returns the logarithm of that sum, the largest logit
// and the first component that has it.
func softmax(logits []float64) (logSum, largest float64, label int) {
	largest = math.Inf(-1)
	for m, l := range logits {
		if l > largest {
			largest, label = l, m
		}
	}
	sum := 0.0
	for m, l := range logits {
		logits[m] = math.Exp(l - largest)
		sum += logits[m]
	}
	for m := range logits {
		logits[m] /= sum
	}
	return largest + math.Log(sum), largest, label
}
