package mixture_test

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
)

// TestErrorTexts spells out what people read.
func TestErrorTexts(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&mixture.ParameterError{Field: "weights", Index: -1, Reason: "sum to 2"}, "mixture: weights: sum to 2"},
		{&mixture.ParameterError{Field: "means", Index: 0, Reason: "NaN"}, "mixture: means: component 0: NaN"},
		{
			&mixture.EventError{Event: 3, Dimension: 1, Value: math.Inf(-1)},
			"mixture: event 3, dimension 1 is -Inf: events must be finite and at most 1e+150 in magnitude",
		},
		{&mixture.ShapeError{What: "length of labels", Got: 1, Want: 2}, "mixture: length of labels: got 1, want 2"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
