package gmmspec

import (
	"context"
	"errors"
	"sync"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime/cc"
)

// pool is the devices that the models of a process have open, each once whatever the number of models: loading compiled C
// takes memory that is never given back, and a kernel need prove itself only once.
type pool struct {
	mu    sync.Mutex
	slots map[string]*slot
}

// slot is one device, or its opening under way.
type slot struct {
	key     string
	settled chan struct{} // closed when it is open, or could not be opened
	device  mixture.Device
	err     error
	retry   bool // it was not opened because whoever tried was cancelled
	users   int  // models that keep it, and work under way
}

func newPool() *pool { return &pool{slots: map[string]*slot{}} }

// acquire returns the device of a key for one more user, who must release it. The first to ask opens it, and others of the
// same key wait for that; devices of other keys are not held up. A failure is everybody's who waited, and is not kept.
func (p *pool) acquire(ctx context.Context, key string, open func(context.Context) (mixture.Device, error)) (*slot, error) {
	for {
		s, first := p.join(key)
		if first {
			p.settle(ctx, s, open)
			return s, s.err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), p.release(s))
		case <-s.settled:
		}
		if !s.retry {
			return s, s.err
		}
	}
}

// join adds a user to the slot of a key, which is new if there is none.
func (p *pool) join(key string) (s *slot, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, found := p.slots[key]
	if !found {
		s = &slot{key: key, settled: make(chan struct{})}
		p.slots[key] = s
	}
	s.users++
	return s, !found
}

// settle opens the device of a new slot. Compiled C stays: closing it frees nothing.
func (p *pool) settle(ctx context.Context, s *slot, open func(context.Context) (mixture.Device, error)) {
	defer close(s.settled)
	s.device, s.err = open(ctx)
	s.retry = s.err != nil && ctx.Err() != nil
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, lasting := s.device.(*cc.Device); lasting {
		s.users++
	}
	if s.err != nil {
		delete(p.slots, s.key)
	}
}

// keep adds a user to a slot that has one.
func (p *pool) keep(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users++
}

// release takes a user from a slot whose device is open. The last one closes it.
func (p *pool) release(s *slot) error {
	if !p.leave(s) {
		return nil
	}
	return s.device.Close()
}

// leave reports whether the user who leaves was the last.
func (p *pool) leave(s *slot) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users--
	if s.users > 0 || p.slots[s.key] != s {
		return false
	}
	delete(p.slots, s.key)
	return true
}
