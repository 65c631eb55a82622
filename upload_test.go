package gmmspec

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/variants"
	"gonum.org/v1/gonum/mat"
)

// lookedAt is a matrix that counts how often it is looked at.
type lookedAt struct {
	mat.Matrix
	looks atomic.Int64
}

func (c *lookedAt) At(i, j int) float64 {
	c.looks.Add(1)
	return c.Matrix.At(i, j)
}

// TestUpload: what comes of uploaded events is what comes of them otherwise, to the bit, for every model that they are given to; and a GPU
// reads them once.
func TestUpload(t *testing.T) {
	const n, m, d = 700, 3, 4
	w := newWorkshop()
	sample := corpus.Random(1, n, m, d, Full)
	for _, device := range []string{DeviceReference, DeviceCC, DeviceCUDA} {
		t.Run("device="+device, func(t *testing.T) {
			if device != DeviceReference {
				require.Have(t, device, available(w, variants.Backend(device)))
			}
			plain, err := sample.Events()
			if err != nil {
				t.Fatal(err)
			}
			numbers := make([]float64, n*d)
			plain.Read(numbers, 0)
			matrix := &lookedAt{Matrix: mat.NewDense(n, d, numbers)}
			events, err := Matrix(matrix)
			if err != nil {
				t.Fatal(err)
			}
			uploaded, err := Upload(events)
			if err != nil {
				t.Fatal(err)
			}
			after := func(events Events) (*Parameters, []float64) {
				model, err := New(m, d, WithDevice(device), WithParameters(sample.Start), WithIterations(3, 3), WithPrecision(PrecisionFloat64))
				if err != nil {
					t.Fatal(err)
				}
				defer closeIt(t, model)
				if _, err := model.Train(t.Context(), events); err != nil {
					t.Fatal(err)
				}
				scores, err := model.Score(t.Context(), events)
				if err != nil {
					t.Fatal(err)
				}
				return model.Parameters(), scores
			}
			want, scores := after(plain)
			for round := range 2 {
				before := matrix.looks.Load()
				got, same := after(uploaded)
				compare.Exact().Check(t, compare.Bits("means", got.Means, want.Means), compare.Bits("covariances", got.Covariances, want.Covariances),
					compare.Bits("scores", same, scores))
				if looks := matrix.looks.Load() - before; device == DeviceCUDA && (round == 0) != (looks > 0) {
					t.Errorf("round %d: %d numbers were read", round, looks)
				}
			}
			if err := errors.Join(uploaded.Close(), uploaded.Close()); err != nil {
				t.Error(err)
			}
			model, err := New(m, d, WithDevice(device), WithParameters(sample.Start))
			if err != nil {
				t.Fatal(err)
			}
			defer closeIt(t, model)
			if _, err := model.Train(t.Context(), uploaded); !errors.Is(err, errUploadClosed) {
				t.Errorf("closed: %v", err)
			}
		})
	}
}

// TestUploadNothing: there must be events, and what is uploaded is not uploaded once more.
func TestUploadNothing(t *testing.T) {
	if _, err := Upload(nil); err == nil {
		t.Error("no events are uploaded")
	}
	events, err := corpus.Random(1, 10, 1, 2, Full).Events()
	if err != nil {
		t.Fatal(err)
	}
	first, err := Upload(events)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Upload(first)
	if err != nil {
		t.Fatal(err)
	}
	if second.uploadedEvents != events {
		t.Errorf("%T is uploaded", second.uploadedEvents)
	}
	var none *Uploaded
	for name, nothing := range map[string]*Uploaded{"nil": none, "made by hand": {}} {
		model := mustNew(t, 1, 2, WithDevice(DeviceReference))
		if _, err := model.Train(t.Context(), nothing); err == nil || !strings.Contains(err.Error(), "no events") {
			t.Errorf("%s: trained on: %v", name, err)
		}
		if _, err := Upload(nothing); err == nil {
			t.Errorf("%s: uploaded", name)
		}
		if err := nothing.Close(); err != nil {
			t.Errorf("%s: closed: %v", name, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Upload(first); !errors.Is(err, mixture.ErrClosed) {
		t.Errorf("what was closed is uploaded: %v", err)
	}
}
