package cuda

import (
	"errors"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Update runs the update kernel where the program has one.
func (r *resident[T]) Update(s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters) (*mixture.Parameters, mixture.Report, error) {
	k, ok := r.engine.kernels[runtime.Update]
	if !ok {
		p, report := mixture.Update(s, prior, previous)
		return p, report, nil
	}
	if err := r.engine.program.CheckParameters(previous); err != nil {
		return nil, mixture.Report{}, err
	}
	if err := r.enter(); err != nil {
		return nil, mixture.Report{}, err
	}
	defer r.end()
	p := mixture.NewParameters(s.Covariance, s.M, s.D)
	status := make([]int32, s.M)
	call := deviceCall{context: r.engine.context}
	err := call.in(s.Weights, s.First, s.Second, s.Origins, prior.Ridge, runtime.UpdateLimits(s.D))
	call.args = append(call.args, int64(s.M))
	_, scratchErr := call.add(8 * s.Covariance.SecondLen(s.M, s.D))
	err = errors.Join(err, scratchErr,
		call.out(Bytes(p.Means)), call.out(Bytes(p.Covariances)), call.out(Bytes(status)))
	if err == nil {
		err = r.engine.launch(k, 1, call.args...)
	}
	if err == nil {
		err = r.engine.stream.Sync()
	}
	if err = errors.Join(err, call.finish(err == nil)); err != nil {
		return nil, mixture.Report{}, err
	}
	p, report := runtime.FinishUpdate(p, s, prior, previous, status)
	return p, report, nil
}

// deviceCall is the arguments of one launch that lives by itself: each is memory of its own on the device.
type deviceCall struct {
	context *Context
	args    []any
	outputs []output
	buffers []*buffer
}

// output is device memory to be copied back.
type output struct {
	dst []byte
	src *buffer
}

func (c *deviceCall) add(bytes int) (*buffer, error) {
	b := &buffer{}
	c.buffers = append(c.buffers, b)
	err := b.grow(c.context, bytes)
	c.args = append(c.args, b.ptr)
	return b, err
}

// in adds inputs, and copies them.
func (c *deviceCall) in(inputs ...[]float64) error {
	for _, input := range inputs {
		b, err := c.add(len(Bytes(input)))
		if err == nil {
			err = c.context.CopyHtoD(b.ptr, Bytes(input))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// out adds an output, to be copied to dst by finish.
func (c *deviceCall) out(dst []byte) error {
	b, err := c.add(len(dst))
	c.outputs = append(c.outputs, output{dst, b})
	return err
}

// finish copies the outputs where they are wanted, and frees everything.
func (c *deviceCall) finish(wanted bool) error {
	var all []error
	for _, o := range c.outputs {
		if wanted {
			all = append(all, c.context.CopyDtoH(o.dst, o.src.ptr))
		}
	}
	for _, b := range c.buffers {
		all = append(all, b.free(c.context))
	}
	return errors.Join(all...)
}
