package gmmspec

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"github.com/gmmspec/gmmspec/runtime/cc"
	"github.com/gmmspec/gmmspec/variants"
)

// closing is a device that counts how often it was closed.
type closing struct {
	mixture.Device
	closed atomic.Int32
}

func (c *closing) Close() error {
	c.closed.Add(1)
	return nil
}

// TestPoolOpensOnce: of many who ask at once one opens, and the last to leave closes.
func TestPoolOpensOnce(t *testing.T) {
	const users = 16
	pool, device := newPool(), &closing{}
	var opened atomic.Int32
	var group sync.WaitGroup
	slots := make([]*slot, users)
	for i := range users {
		group.Go(func() {
			var err error
			slots[i], err = pool.acquire(context.Background(), "a", func(context.Context) (mixture.Device, error) {
				opened.Add(1)
				return device, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i, s := range slots {
		if device.closed.Load() != 0 {
			t.Fatalf("closed with %d users", users-i)
		}
		if err := pool.release(s); err != nil {
			t.Error(err)
		}
	}
	if opened.Load() != 1 || device.closed.Load() != 1 || len(pool.slots) != 0 {
		t.Errorf("opened %d times, closed %d times, %d left", opened.Load(), device.closed.Load(), len(pool.slots))
	}
}

// TestPoolOpensApart: while one device is being opened, for as long as that takes, others are to be had; and who waits for it
// can be cancelled.
func TestPoolOpensApart(t *testing.T) {
	pool := newPool()
	begun, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := pool.acquire(context.Background(), "slow", func(context.Context) (mixture.Device, error) {
			close(begun)
			<-leave
			return &closing{}, nil
		})
		done <- err
	}()
	<-begun
	open := func(context.Context) (mixture.Device, error) { return &closing{}, nil }
	if _, err := pool.acquire(t.Context(), "quick", open); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pool.acquire(ctx, "slow", open); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v: want context.Canceled", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if users := pool.slots["slow"].users; users != 1 {
		t.Errorf("%d users: want the one who opened it", users)
	}
}

// TestPoolFailure: a failure is everybody's who waited, and the next who asks tries anew; one that comes of cancelling is
// nobody else's.
func TestPoolFailure(t *testing.T) {
	pool := newPool()
	broken := errors.New("broken")
	begun, leave := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	fail := func(ctx context.Context) (mixture.Device, error) {
		close(begun)
		<-leave
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, broken
	}
	good := func(context.Context) (mixture.Device, error) { return &closing{}, nil }
	try := func(ctx context.Context, open func(context.Context) (mixture.Device, error)) chan error {
		result := make(chan error, 1)
		go func() {
			_, err := pool.acquire(ctx, "a", open)
			result <- err
		}()
		return result
	}
	first := try(ctx, fail)
	<-begun
	waiting := try(t.Context(), good)
	for waiters := 0; waiters < 2; { // until it waits
		pool.mu.Lock()
		waiters = pool.slots["a"].users
		pool.mu.Unlock()
	}
	close(leave)
	if err := <-first; !errors.Is(err, broken) {
		t.Errorf("who opened: %v", err)
	}
	if err := <-waiting; !errors.Is(err, broken) {
		t.Errorf("who waited: %v", err)
	}
	if err := <-try(t.Context(), good); err != nil {
		t.Errorf("who came later: %v", err)
	}

	pool = newPool()
	begun, leave = make(chan struct{}), make(chan struct{})
	first = try(ctx, fail)
	<-begun
	waiting = try(t.Context(), good)
	cancel()
	close(leave)
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who was cancelled: %v", err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("who waited for one that was cancelled: %v", err)
	}
}

// TestPoolKeepsCompiledC: a library is loaded for good, so its device is not opened again.
func TestPoolKeepsCompiledC(t *testing.T) {
	pool := newPool()
	for range 3 {
		s, err := pool.acquire(t.Context(), "c", func(context.Context) (mixture.Device, error) {
			if len(pool.slots["c"].key) == 0 || pool.slots["c"].users > 1 {
				t.Error("opened again")
			}
			return cc.New(&runtime.Program{}, cc.Options{})
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := pool.release(s); err != nil {
			t.Error(err)
		}
	}
	if len(pool.slots) != 1 || pool.slots["c"].users != 1 {
		t.Errorf("slots %v: want one, kept", pool.slots)
	}
}

// TestModelsShareDevices: models of one shape have one device, which closing one of them takes from no other, and scoring uses
// what training has opened.
func TestModelsShareDevices(t *testing.T) {
	for _, device := range []string{DeviceReference, DeviceCC} {
		t.Run(device, func(t *testing.T) {
			w := newWorkshop()
			if device == DeviceCC {
				require.Have(t, "cc", available(w, "cc"))
			}
			events, start := small(t)
			var models []*Model
			for range 3 {
				model, err := New(start.M, start.D, WithParameters(start), WithDevice(device), WithPrecision(PrecisionFloat64), withWorkshop(w))
				if err != nil {
					t.Fatal(err)
				}
				mustTrain(t, model, events)
				if _, err := model.Score(t.Context(), events); err != nil {
					t.Fatal(err)
				}
				models = append(models, model)
			}
			if len(w.pool.slots) != 1 {
				t.Errorf("%d devices are open: want one", len(w.pool.slots))
			}
			for i, model := range models {
				if err := model.Close(); err != nil {
					t.Error(err)
				}
				if i+1 < len(models) {
					mustTrain(t, models[i+1], events)
				}
			}
			want := 0
			if device == DeviceCC {
				want = 1
			}
			if len(w.pool.slots) != want {
				t.Errorf("%d devices are open after all models are closed: want %d", len(w.pool.slots), want)
			}
		})
	}
}

// TestComponentsShareDevices: models of numbers of components that have the same kernels have one device, whose self-test is of
// them all.
func TestComponentsShareDevices(t *testing.T) {
	w := newWorkshop()
	require.Have(t, "cc", available(w, "cc"))
	for _, m := range []int{9, 10} {
		events, start := sampled(t, corpus.Random(uint64(m), 300, m, 2, Full))
		mustTrain(t, mustNew(t, m, 2, WithParameters(start), WithDevice(DeviceCC), withWorkshop(w)), events)
		if len(w.pool.slots) != 1 {
			t.Errorf("%d devices are open after %d components: want one", len(w.pool.slots), m)
		}
	}
	for m, want := range map[int][]int{1: {1}, 8: {8}, 9: {10, 9}, 10: {10, 9}} {
		if got := selfTestSizes(variants.Problem{M: m, D: 2, N: 300, Covariance: variants.Full}); !slices.Equal(got, want) {
			t.Errorf("M=%d: tested with %v components: want %v", m, got, want)
		}
	}
	if got := selfTestSizes(variants.Problem{M: 512, D: 64, N: 300, Covariance: variants.Full}); len(got) != 1 || got[0] >= 512 {
		t.Errorf("M=512: tested with %v components: want few, once", got)
	}
}
