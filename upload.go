package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Uploaded is events that stay on the devices that they come to, so that the next Train or Score does not bring them there again. [Upload]
// makes one. It can be given wherever [Events] can, to several models and at once, and must be closed.
type Uploaded struct {
	uploadedEvents

	reading chan struct{} // full while somebody reads all events: others wait for what comes of it, as long as they like

	mu        sync.Mutex // for moments
	closed    bool
	summaries map[bool]*mixture.Summary // by whether values may be missing
	held      []*heldEvents
}

// uploadedEvents is the events, under a name that nobody can put others in by.
type uploadedEvents = Events

// heldEvents is events on one device, which is kept open for them. Work is done on what is borrowed from them.
type heldEvents struct {
	pool   *pool
	slot   *slot
	loaded mixture.Loaded
	idle   *borrowed // by who was done last, or nil
}

// borrowed is events that a device has borrowed for one fit or score at a time: what passes need besides, and learn, is its own.
type borrowed struct {
	slot   *slot
	loaded mixture.Loaded
}

// close gives back what was borrowed, if anything was, and the device.
func (b *borrowed) close(p *pool) error {
	if b == nil {
		return nil
	}
	return errors.Join(b.loaded.Close(), p.release(b.slot))
}

// lender is a device that can work on events that another has loaded.
type lender interface {
	mixture.Device
	Borrow(loaded mixture.Loaded) (mixture.Loaded, error)
	Lends(loaded mixture.Loaded) bool
}

// errUploadClosed is what is given for events that were let go.
var errUploadClosed = fmt.Errorf("gmmspec: the uploaded events were closed: %w", mixture.ErrClosed)

// Upload returns events that stay on a device from their first use there until Close: which one that is, the models decide that they are given
// to. Those of a [TrainBatch] come together. Models whose kernels read the same numbers in the same layout share them. They must not change meanwhile. Where events are used with
// weights of their own, they are brought for that use alone.
//
// With the events stays the code of the device that has loaded them, and what the last fit or score has used of the device besides, where
// that is not much, until Close. What comes of them does not depend on what was done with them before, or is at the same time.
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
	return &Uploaded{uploadedEvents: events, reading: make(chan struct{}, 1), summaries: map[bool]*mixture.Summary{}}, nil
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
	for _, h := range u.held {
		all = append(all, h.idle.close(h.pool), h.loaded.Close(), h.pool.release(h.slot))
	}
	u.held = nil
	return errors.Join(all...)
}

// read waits until nobody else reads the events, and returns what lets others.
func (u *Uploaded) read(ctx context.Context) (done func(), err error) {
	select {
	case u.reading <- struct{}{}:
		return func() { <-u.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// on returns the events on a device of the pool, which they stay on, for one fit or score, and what gives them back, unless they are not
// to be used again.
func (u *Uploaded) on(ctx context.Context, p *pool, s *slot, data mixture.Data) (loaded mixture.Loaded, back func(again bool) error, err error) {
	data.Events = u.uploadedEvents
	device, lends := s.device.(lender)
	if !lends { // which has the events where they are
		if u.isClosed() {
			return nil, nil, errUploadClosed
		}
		if loaded, err = s.device.Load(ctx, data); err != nil {
			return nil, nil, err
		}
		return loaded, func(bool) error { return loaded.Close() }, nil
	}
	if loaded, back, err = u.borrow(p, s, device); loaded != nil || err != nil {
		return loaded, back, err
	}
	done, err := u.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	if loaded, back, err = u.borrow(p, s, device); loaded != nil || err != nil { // somebody else has brought them meanwhile
		return loaded, back, err
	}
	if loaded, err = device.Load(ctx, data); err != nil {
		return nil, nil, err
	}
	if probe, err := device.Borrow(loaded); err != nil { // there is not room for all of them, so that none stay
		return loaded, func(bool) error { return loaded.Close() }, nil
	} else if err := probe.Close(); err != nil {
		return nil, nil, errors.Join(err, loaded.Close())
	}
	if _, err := u.take(p, s, loaded); err != nil {
		return nil, nil, err
	}
	return u.borrow(p, s, device)
}

// borrow returns events that are on a device already, and what gives them back, or nothing where they are not.
func (u *Uploaded) borrow(p *pool, s *slot, device lender) (loaded mixture.Loaded, back func(again bool) error, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, nil, errUploadClosed
	}
	for _, h := range u.held {
		if b := h.idle; b != nil && b.slot == s {
			h.idle = nil
			return b.loaded, func(again bool) error { return u.giveBack(h, b, again) }, nil
		}
	}
	for _, h := range u.held {
		loaded, err := device.Borrow(h.loaded)
		if err != nil {
			continue
		}
		p.keep(s)
		b := &borrowed{s, loaded}
		return loaded, func(again bool) error { return u.giveBack(h, b, again) }, nil
	}
	return nil, nil, nil
}

// giveBack keeps what was borrowed for who does the like next, in place of what somebody else has given back before.
func (u *Uploaded) giveBack(h *heldEvents, b *borrowed, again bool) error {
	var err error
	if again {
		err = b.loaded.(runtime.Forgetter).Forget()
	}
	drop := b
	u.mu.Lock()
	if again && err == nil && !u.closed {
		drop, h.idle = h.idle, b
	}
	u.mu.Unlock()
	return errors.Join(err, drop.close(h.pool))
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
			for _, rest := range brought[k+1:] { // which nobody holds yet
				err = errors.Join(err, rest.Close())
			}
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
	l, ok := device.(lender)
	if !ok {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, h := range u.held {
		if l.Lends(h.loaded) {
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
		return nil, errors.Join(errUploadClosed, loaded.Close())
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
	if s, err := u.summary(data.Missing); s != nil || err != nil {
		return s, err
	}
	done, err := u.read(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if s, err := u.summary(data.Missing); s != nil || err != nil { // somebody else has made it meanwhile
		return s, err
	}
	data.Events = u.uploadedEvents
	s, err := mixture.Summarize(ctx, data)
	if err == nil {
		u.mu.Lock()
		u.summaries[data.Missing] = s
		u.mu.Unlock()
	}
	return s, err
}

// summary returns the summary that is remembered, or nil.
func (u *Uploaded) summary(missing bool) (*mixture.Summary, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, errUploadClosed
	}
	return u.summaries[missing], nil
}
