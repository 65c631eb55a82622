package gmmspec

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
)

// Uploaded is events that stay on the devices that they come to, so that the next Train or Score does not bring them there again. [Upload]
// makes one. It can be given wherever [Events] can, to several models and at once, and must be closed.
type Uploaded struct {
	Events

	mu        sync.Mutex
	closed    bool
	summaries map[bool]*mixture.Summary // by whether values may be missing
	held      []*heldEvents
}

// heldEvents is events on one device, which is kept open for them.
type heldEvents struct {
	pool     *pool
	slot     *slot
	loaded   mixture.Loaded
	borrowed bool // from what another device has loaded, which is closed later
}

// errUploadClosed is what is given for events that were let go.
var errUploadClosed = errors.New("gmmspec: the uploaded events were closed")

// Upload returns events that stay on a device from their first use there until Close: which one that is, the models decide that they are given
// to. Models whose kernels read the same numbers in the same layout share them. They must not change meanwhile. Where events are used with
// weights of their own, they are brought for that use alone.
func Upload(events Events) (*Uploaded, error) {
	if events == nil || events.Len() == 0 {
		return nil, errors.New("gmmspec: no events")
	}
	if u, ok := events.(*Uploaded); ok {
		events = u.Events
	}
	return &Uploaded{Events: events, summaries: map[bool]*mixture.Summary{}}, nil
}

// Close lets go of the events wherever they are. Work on them must be done.
func (u *Uploaded) Close() error {
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
		data.Events = u.Events
		if h.loaded, err = s.device.Load(ctx, data); err != nil {
			return nil, err
		}
	}
	p.keep(s)
	u.held = append(u.held, h)
	return h.loaded, nil
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
	data.Events = u.Events
	s, err := mixture.Summarize(ctx, data)
	if err == nil {
		u.summaries[data.Missing] = s
	}
	return s, err
}
