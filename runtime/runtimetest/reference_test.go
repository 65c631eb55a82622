package runtimetest_test

import (
	"os"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/runtimetest"
)

// smallShape bounds M·D of what gonum's distributions judge in reasonable time. The reference has no tiles, so larger shapes
// show nothing new.
const smallShape = 21

// TestReference runs the suite on the reference, judged by gonum's distributions instead of by itself. Where the environment
// names a fault, it is a faulty reference's turn: see TestSuiteFindsFaults.
func TestReference(t *testing.T) {
	problems := slices.DeleteFunc(runtimetest.Problems(runtime.Float64), func(p runtimetest.Problem) bool {
		return p.M*p.D > smallShape
	})
	options := runtimetest.Options{Problems: problems, Judge: brute{}}
	open := openReference
	if name := os.Getenv(faultVariable); name != "" {
		open = openFaulty(name)
		options.Problems = []runtimetest.Problem{{
			M: 2, D: 2, Covariance: mixture.Full, Precision: runtime.Float64, Weighted: true,
		}}
		options.Judge = nil
	}
	runtimetest.Run(t, open, options)
}

// TestRefusals: what is listed must be refused, and nothing is opened for it.
func TestRefusals(t *testing.T) {
	open := func(_ *testing.T, p runtimetest.Problem) (mixture.Device, error) {
		if p.Missing {
			return nil, runtimetest.ErrRefused
		}
		return reference.New(), nil
	}
	plain := runtimetest.Problem{M: 1, D: 1, Covariance: mixture.Diag, Precision: runtime.Float64}
	missing := plain
	missing.Missing = true
	runtimetest.Run(t, open, runtimetest.Options{
		Problems: []runtimetest.Problem{plain, missing},
		Refuses: []runtimetest.Refusal{{
			Reason: "this device knows no missing values",
			Of:     func(p runtimetest.Problem) bool { return p.Missing },
		}},
	})
}

// TestReferenceFixtures: mixture.Train on the reference is scikit-learn's fit.
func TestReferenceFixtures(t *testing.T) {
	runtimetest.RunFixtures(t, openReference, runtime.Float64, runtimetest.Options{})
}

func openReference(*testing.T, runtimetest.Problem) (mixture.Device, error) {
	return reference.New(), nil
}

// TestReferenceCorpus: the reference ends every adversarial case in a finite fit.
func TestReferenceCorpus(t *testing.T) {
	runtimetest.RunCorpus(t, openReference, runtime.Float64, runtimetest.Options{})
}
