package mixture_test

import (
	"errors"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
)

func TestScoresCheck(t *testing.T) {
	const n, m = 3, 2
	for _, test := range []struct {
		name      string
		scores    mixture.Scores
		what      string
		got, want int
	}{
		{name: "nothing asked for"},
		{name: "all asked for", scores: mixture.Scores{
			LogLikelihoods: make([]float64, n), Labels: make([]int, n), Responsibilities: make([]float64, n*m),
		}},
		{"log-likelihoods", mixture.Scores{LogLikelihoods: []float64{}}, "length of log-likelihoods", 0, 3},
		{"labels", mixture.Scores{Labels: make([]int, 4)}, "length of labels", 4, 3},
		{"responsibilities", mixture.Scores{Responsibilities: make([]float64, n)}, "length of responsibilities", 3, 6},
	} {
		err := test.scores.Check(n, m)
		var e *mixture.ShapeError
		switch {
		case test.what == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.what != "" && !(errors.As(err, &e) && *e == mixture.ShapeError{What: test.what, Got: test.got, Want: test.want}):
			t.Errorf("%s: error %v", test.name, err)
		}
	}
}

// TestSummarized: a summary that the caller has is taken, however wrong; where there is none it is made.
func TestSummarized(t *testing.T) {
	data := mixture.Data{Events: float64s(t, []float64{1, 3}, 1)}
	s, err := data.Summarized(t.Context())
	if err != nil || s.Mean[0] != 2 {
		t.Errorf("got %+v, %v", s, err)
	}
	data.Summary = &mixture.Summary{N: 7}
	if s, err = data.Summarized(t.Context()); err != nil || s != data.Summary {
		t.Errorf("got %+v, %v, want the one given", s, err)
	}
}
