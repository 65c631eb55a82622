package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
)

// Uploaded is events that stay on the devices that they come to, so that the next Train or Score does not bring them there again. [Upload]
// makes one. It can be given wherever [Events] can, to several models and at once, and must be closed.
type Uploaded struct {
	uploadedEvents

	mu        sync.Mutex
	closed    bool
	summaries map[bool]*mixture.Summary // by whether values may be missing
	held      []*heldEvents
}

// uploadedEvents is the events, under a name that nobody can put others in by.
type uploadedEvents = Events

// heldEvents is events on one device, which is kept open for them.
type heldEvents struct {
	pool     *pool
	slot     *slot
	loaded   mixture.Loaded
	borrowed bool // from what another device has loaded, which is closed later
}

// errUploadClosed is what is given for events that were let go.
var errUploadClosed = fmt.Errorf("gmmspec: the uploaded events were closed: %w", mixture.ErrClosed)

// Upload returns events that stay on a device from their first use there until Close: which one that is, the models decide that they are given
// to. Those of a [TrainBatch] come together. Models whose kernels read the same numbers in the same layout share them. They must not change meanwhile. Where events are used with
// weights of their own, they are brought for that use alone.
//
// With the events stays what their devices made for plans that used them, code and memory, until Close. How events are best sorted is
// remembered too, so that a fit after another, or beside it, may sum them in other parts than it would by itself: within the promised
// accuracy, but not bit for bit.
func Upload(events Events) (*Uploaded, error) {
	if none(events) {
		return nil, errors.New("gmmspec: no events")
	}
	if u, ok := events.(*Uploaded); ok {
		if u.isClosed() {
			return nil, errUploadClosed
		}
		events = u.uploadedEvents
	}
	return &Uploaded{uploadedEvents: events, summaries: map[bool]*mixture.Summary{}}, nil
}

// none reports whether there are no events.
func none(events Events) bool {
	if u, ok := events.(*Uploaded); ok && (u == nil || u.uploadedEvents == nil) {
		return true
	}
	return events == nil || events.Len() == 0
}

func (u *Uploaded) isClosed() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.closed
}

// Close lets go of the events wherever they are. Work on them must be done.
func (u *Uploaded) Close() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	var all []error
	for _, borrowed := range []bool{true, false} {
		for _, h := range u.held {
			if h.borrowed == borrowed {
				all = append(all, h.loaded.Close(), h.pool.release(h.slot))
			}
		}
	}
	u.held = nil
	return errors.Join(all...)
}

// on returns the events on a device of the pool, which they stay on.
func (u *Uploaded) on(ctx context.Context, p *pool, s *slot, data mixture.Data) (mixture.Loaded, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, errUploadClosed
	}
	if i := slices.IndexFunc(u.held, func(h *heldEvents) bool { return h.slot == s }); i >= 0 {
		return u.held[i].loaded, nil
	}
	h := &heldEvents{pool: p, slot: s}
	if device, ok := s.device.(interface {
		Borrow(loaded mixture.Loaded) (mixture.Loaded, error)
	}); ok {
		for _, owner := range u.held {
			if owner.borrowed {
				continue
			}
			if loaded, err := device.Borrow(owner.loaded); err == nil {
				h.loaded, h.borrowed = loaded, true
				break
			}
		}
	}
	if h.loaded == nil {
		var err error
		data.Events = u.uploadedEvents
		if h.loaded, err = s.device.Load(ctx, data); err != nil {
			return nil, err
		}
	}
	p.keep(s)
	u.held = append(u.held, h)
	return h.loaded, nil
}

// onTogether returns sets of events on a device of the pool, on which those stay that are uploaded ones; what is not there yet comes there
// together. Nil stands for others, and for what the device has not.
func onTogether(ctx context.Context, p *pool, s *slot, data []mixture.Data) ([]mixture.Loaded, error) {
	loaded := make([]mixture.Loaded, len(data))
	device, ok := s.device.(mixture.Batcher)
	if !ok {
		return loaded, nil
	}
	var missing []mixture.Data
	var owners []*Uploaded
	numbers := map[*Uploaded]int{}
	for i := range data {
		u, ok := data[i].Events.(*Uploaded)
		if !ok || data[i].Weights != nil {
			continue
		}
		if loaded[i] = u.whereLent(s.device); loaded[i] != nil {
			continue
		}
		if _, twice := numbers[u]; !twice {
			numbers[u] = len(owners)
			of := data[i]
			of.Events = u.uploadedEvents
			missing, owners = append(missing, of), append(owners, u)
		}
	}
	if len(missing) == 0 {
		return loaded, nil
	}
	brought, err := device.LoadBatch(ctx, missing)
	if err != nil || brought == nil {
		return loaded, err
	}
	for k, u := range owners {
		if brought[k], err = u.take(p, s, brought[k]); err != nil {
			return loaded, err
		}
	}
	for i := range data {
		if u, ok := data[i].Events.(*Uploaded); ok && loaded[i] == nil {
			if k, missed := numbers[u]; missed {
				loaded[i] = brought[k]
			}
		}
	}
	return loaded, nil
}

// whereLent returns the events where a device can read them as they are, or nil.
func (u *Uploaded) whereLent(device mixture.Device) mixture.Loaded {
	lender, ok := device.(interface {
		Lends(loaded mixture.Loaded) bool
	})
	if !ok {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, h := range u.held {
		if !h.borrowed && lender.Lends(h.loaded) {
			return h.loaded
		}
	}
	return nil
}

// take holds the events that a device of the pool has loaded, unless somebody else has loaded them there before, whose they are then.
func (u *Uploaded) take(p *pool, s *slot, loaded mixture.Loaded) (mixture.Loaded, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, loaded.Close()
	}
	if i := slices.IndexFunc(u.held, func(h *heldEvents) bool { return h.slot == s }); i >= 0 {
		return u.held[i].loaded, loaded.Close()
	}
	p.keep(s)
	u.held = append(u.held, &heldEvents{pool: p, slot: s, loaded: loaded})
	return loaded, nil
}

// summarize returns the summary of data, which uploaded events remember.
func summarize(ctx context.Context, data mixture.Data) (*mixture.Summary, error) {
	u, ok := data.Events.(*Uploaded)
	if !ok || data.Weights != nil {
		return mixture.Summarize(ctx, data)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, errUploadClosed
	}
	if s := u.summaries[data.Missing]; s != nil {
		return s, nil
	}
	data.Events = u.uploadedEvents
	s, err := mixture.Summarize(ctx, data)
	if err == nil {
		u.summaries[data.Missing] = s
	}
	return s, err
}
