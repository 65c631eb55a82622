package gmmspec

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/reference"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime/cuda"
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

// lending is a device that lends events as a GPU does, and counts what is open. What it has lent knows how much was done with it.
type lending struct {
	mixture.Device
	full         error // why nothing can be done with what is lent
	loads, lent  atomic.Int64
	before, kept atomic.Int64 // what the last pass found done before it, and how often something was to be forgotten
}

// lentEvents are the reference's.
type lentEvents struct {
	mixture.Loaded
	device *lending
	owner  bool
	done   int64
}

func (l *lending) Load(ctx context.Context, data mixture.Data) (mixture.Loaded, error) {
	l.loads.Add(1)
	loaded, err := l.Device.Load(ctx, data)
	return &lentEvents{Loaded: loaded, device: l, owner: true}, err
}

func (l *lending) Borrow(loaded mixture.Loaded) (mixture.Loaded, error) {
	of := loaded.(*lentEvents)
	if of.device != l {
		return nil, errors.New("another's")
	}
	l.lent.Add(1)
	return &lentEvents{Loaded: of.Loaded, device: l}, nil
}

func (l *lending) Lends(mixture.Loaded) bool { return true }

func (e *lentEvents) Accumulate(ctx context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	e.device.before.Store(e.done)
	e.done++
	if e.device.full != nil && !e.owner {
		return nil, e.device.full
	}
	return e.Loaded.Accumulate(ctx, p)
}

func (e *lentEvents) Forget() error {
	e.done = 0
	e.device.kept.Add(1)
	return nil
}

func (e *lentEvents) Close() error {
	if !e.owner {
		e.device.lent.Add(-1)
		return nil
	}
	return e.Loaded.Close()
}

// slotOf returns the slot of a lending device.
func slotOf(t *testing.T, p *pool, key string) (*slot, *lending) {
	t.Helper()
	device := &lending{Device: reference.New()}
	s, err := p.acquire(t.Context(), key, func(context.Context) (mixture.Device, error) { return device, nil })
	if err != nil {
		t.Fatal(err)
	}
	return s, device
}

// TestUploadedIsForgotten: who works on uploaded events has what passes learn for itself, and begins with nothing of it; of all that was
// given back, one is kept for the next, and in the end nothing.
func TestUploadedIsForgotten(t *testing.T) {
	sample := corpus.Random(1, 100, 2, 3, Full)
	plain, err := sample.Events()
	if err != nil {
		t.Fatal(err)
	}
	u, err := Upload(plain)
	if err != nil {
		t.Fatal(err)
	}
	p := newPool()
	s, device := slotOf(t, p, "one")
	work := func() (back func(bool) error) {
		events, back, err := u.on(t.Context(), p, s, mixture.Data{Events: u})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := events.Accumulate(t.Context(), sample.Start); err != nil {
			t.Fatal(err)
		}
		if before := device.before.Load(); before != 0 {
			t.Errorf("%d passes were made before", before)
		}
		return back
	}
	give := func(back func(bool) error, again bool) {
		if err := back(again); err != nil {
			t.Error(err)
		}
	}
	give(work(), true)
	give(work(), true)
	first, second := work(), work() // at once
	if lent := device.lent.Load(); lent != 2 {
		t.Errorf("lent %d times, want one for each", lent)
	}
	give(first, true)
	give(second, true)
	if lent := device.lent.Load(); lent != 1 {
		t.Errorf("lent %d times, want one that is kept", lent)
	}
	give(work(), false) // which has failed
	if lent, loads := device.lent.Load(), device.loads.Load(); lent != 0 || loads != 1 {
		t.Errorf("lent %d times, loaded %d times: want none and once", lent, loads)
	}
	last := work()
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	give(last, true)
	if lent := device.lent.Load(); lent != 0 || s.users != 1 {
		t.Errorf("closed: lent %d times, %d users of the device", lent, s.users)
	}
	if _, _, err := u.on(t.Context(), p, s, mixture.Data{Events: u}); !errors.Is(err, errUploadClosed) {
		t.Errorf("closed: error %v", err)
	}
}

// TestUploadedIsBusy: who waits for events that somebody else reads can be cancelled, and who does not need them does not wait.
func TestUploadedIsBusy(t *testing.T) {
	plain, err := corpus.Random(1, 100, 2, 3, Full).Events()
	if err != nil {
		t.Fatal(err)
	}
	u, err := Upload(plain)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, u)
	p := newPool()
	s, _ := slotOf(t, p, "one")
	done, err := u.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := u.on(ctx, p, s, mixture.Data{Events: u}); !errors.Is(err, context.Canceled) {
		t.Errorf("on a device: error %v, want that of the context", err)
	}
	if _, err := summarize(ctx, mixture.Data{Events: u}); !errors.Is(err, context.Canceled) {
		t.Errorf("the summary: error %v, want that of the context", err)
	}
	if u.isClosed() {
		t.Error("they are closed")
	}
	done()
	if _, err := summarize(t.Context(), mixture.Data{Events: u}); err != nil {
		t.Error(err)
	}
}

// TestUploadedLeavesTooLittle: where the events leave too little of the device's memory for the work on them, they are brought in parts, and
// that is said.
func TestUploadedLeavesTooLittle(t *testing.T) {
	sample := corpus.Random(1, 100, 2, 3, Full)
	plain, err := sample.Events()
	if err != nil {
		t.Fatal(err)
	}
	u, err := Upload(plain)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, u)
	model := mustNew(t, 2, 3, WithDevice(DeviceReference), WithParameters(sample.Start), WithIterations(2, 2), withWorkshop(newWorkshop()))
	full := &lending{Device: reference.New(), full: &cuda.Error{Call: "cuMemAlloc", Result: cuda.ErrOutOfMemory}}
	j := job{components: 2, data: mixture.Data{Events: u}, need: autotune.Need{Train: true, Passes: 3}}
	c := chooser{settings: model.settings, need: j.need}
	plan, err := c.plan(problemOf(j.data, model.settings, 2))
	if err != nil {
		t.Fatal(err)
	}
	slot, err := model.settings.workshop.pool.acquire(t.Context(), signature(plan), func(context.Context) (mixture.Device, error) { return full, nil })
	if err != nil {
		t.Fatal(err)
	}
	model.devices.kept[slot.key] = &opened{plan, slot}
	result, err := model.Train(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "too little memory") || result.Iterations != 2 || full.loads.Load() != 2 {
		t.Errorf("warnings %q, %d iterations, loaded %d times", result.Warnings, result.Iterations, full.loads.Load())
	}
}

// TestUploadedAlike: what a fit makes of uploaded events does not depend on what was done with them before: components that are tight have
// events sorted, which a fit keeps to itself.
func TestUploadedAlike(t *testing.T) {
	const n, m, d, apart = 6000, 40, 8, 60 // more components than are fitted in one launch
	w := newWorkshop()
	random := rand.New(rand.NewPCG(1, 2))
	one, other := mixture.NewParameters(Full, m, d), mixture.NewParameters(Full, m, d)
	numbers := make([]float64, n*d)
	for i := range one.Means {
		one.Means[i] = apart * random.NormFloat64()
		other.Means[i] = one.Means[i] + apart/3*random.NormFloat64()
	}
	for i := range numbers {
		numbers[i] = one.Means[i/d%m*d+i%d] + random.NormFloat64()
	}
	for c := range m {
		one.Weights[c], other.Weights[c] = 1.0/m, 1.0/m
		for j := range d {
			one.Covariances[(c*d+j)*d+j], other.Covariances[(c*d+j)*d+j] = 2, apart*apart
		}
	}
	for _, device := range []string{DeviceReference, DeviceCC, DeviceCUDA} {
		t.Run("device="+device, func(t *testing.T) {
			if device != DeviceReference {
				require.Have(t, device, available(w, variants.Backend(device)))
			}
			u, err := Upload(viewed(t, numbers, n, d))
			if err != nil {
				t.Fatal(err)
			}
			defer closeIt(t, u)
			fit := func(start *Parameters, events Events) *Parameters {
				model := mustNew(t, m, d, WithDevice(device), WithParameters(start), WithIterations(4, 4), WithTolerance(0), WithPrecision(PrecisionFast))
				if _, err := model.Train(t.Context(), events); err != nil {
					t.Fatal(err)
				}
				return model.Parameters()
			}
			want := fit(one, u)
			for range 2 {
				fit(other, u)
				got := fit(one, u)
				compare.Exact().Check(t, compare.Bits("means", got.Means, want.Means), compare.Bits("covariances", got.Covariances, want.Covariances))
			}
		})
	}
}

// TestUploadedUnread: where uploaded events cannot be read, as after the context's end, that is an error for who scores them.
func TestUploadedUnread(t *testing.T) {
	const n, m, d = 200, 2, 3
	for _, device := range []string{DeviceReference, DeviceCC} {
		t.Run("device="+device, func(t *testing.T) {
			w := newWorkshop()
			if device != DeviceReference {
				require.Have(t, device, available(w, variants.Backend(device)))
			}
			events, err := corpus.Random(1, n, m, d, Full).Events()
			if err != nil {
				t.Fatal(err)
			}
			model, err := New(m, d, WithDevice(device), WithIterations(1, 1))
			if err != nil {
				t.Fatal(err)
			}
			defer closeIt(t, model)
			uploaded, err := Upload(events)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := model.Train(t.Context(), uploaded); err != nil {
				t.Fatal(err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if _, err := model.Score(ended, uploaded); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want that the context has ended", err)
			}
			if err := uploaded.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
