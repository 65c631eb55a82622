package cuda

import (
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Update runs the update kernel where the program has one. All that it reads lies in one piece of memory, and so does all
// that it writes, so that a call is two copies and a launch.
func (r *resident[T]) Update(s *mixture.Statistics, prior mixture.Prior, previous *mixture.Parameters) (*mixture.Parameters, mixture.Report, error) {
	k, ok := r.engine.kernels[runtime.Update]
	if !ok {
		return mixture.Update(s, prior, previous)
	}
	if err := r.engine.program.CheckUpdate(s, prior, previous); err != nil {
		return nil, mixture.Report{}, err
	}
	if err := r.enter(); err != nil {
		return nil, mixture.Report{}, err
	}
	defer r.end()
	p := mixture.NewParameters(s.Covariance, s.M, s.D)
	status := make([]int32, s.M)
	if err := r.within(func() error { return r.launchUpdate(k, s, prior, p, status) }); err != nil {
		return nil, mixture.Report{}, err
	}
	return runtime.FinishUpdate(p, s, prior, previous, status, r.poisoned)
}

// launchUpdate has the kernel fill in p's means and covariances, and status.
func (r *resident[T]) launchUpdate(k engineKernel, s *mixture.Statistics, prior mixture.Prior, p *mixture.Parameters, status []int32) error {
	inputs := [][]float64{s.Weights, s.First, s.Second, s.Origins, prior.Ridge, runtime.UpdateLimits(s.D)}
	in := slices.Concat(inputs...)
	out := make([]byte, len(Bytes(p.Means))+len(Bytes(p.Covariances))+len(Bytes(status)))
	work := len(Bytes(s.Second))
	if err := r.room(&r.update, len(Bytes(in))+work+len(out)); err != nil {
		return err
	}

	next := r.update.ptr
	place := func(bytes int) DevicePtr {
		at := next
		next += DevicePtr(bytes)
		return at
	}
	var args []any
	for _, input := range inputs {
		args = append(args, place(len(Bytes(input))))
	}
	args = append(args, int64(s.M), place(work))
	results := next
	for _, bytes := range []int{len(Bytes(p.Means)), len(Bytes(p.Covariances)), len(Bytes(status))} {
		args = append(args, place(bytes))
	}
	err := r.engine.context.Run(func() error {
		if err := r.engine.stream.CopyHtoD(r.update.ptr, Bytes(in)); err != nil {
			return err
		}
		if err := r.engine.launch(k.launches[0], 1, args...); err != nil {
			return err
		}
		return r.fetch(out, results)
	})
	rest := out[copy(Bytes(p.Means), out):]
	rest = rest[copy(Bytes(p.Covariances), rest):]
	copy(Bytes(status), rest)
	return err
}
