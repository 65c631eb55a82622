package mixture

import "context"

// Job is one of many mixtures that are fitted at once: what [Train] is given of one.
type Job struct {
	Data Data
	// Loaded is the data as the device, or another like it, has loaded them, where one has.
	Loaded  Loaded
	Start   *Parameters
	Prior   Prior
	Options TrainOptions
}

// Batched is how far a [Batcher] has come with a job.
type Batched struct {
	// Fit is what [Train] would have returned after as many iterations, or nil where nothing was done.
	Fit *Fit
	// Whole is set where that was all of it; otherwise it is for the caller to go on from there.
	Whole bool
}

// Batcher is a [Device] that can fit many mixtures at once.
type Batcher interface {
	Device
	// TrainBatch does for each job what [Train] does for one, as far as that is for the device to do. It returns nil where none of it is.
	TrainBatch(ctx context.Context, jobs []Job) ([]Batched, error)
	// LoadBatch does for each of many sets of events what [Device.Load] does for one, at less expense. They can be closed in any order. It
	// returns nil where that is not for the device to do.
	LoadBatch(ctx context.Context, data []Data) ([]Loaded, error)
}

// Reached returns how far a job has come whose passes, of the start and after each iteration, had these totals, the last of them under p.
// Stopped is set where the device has let go of it before its end.
func (j *Job) Reached(p *Parameters, totals []float64, weight float64, stopped bool) Batched {
	if len(totals) == 0 {
		return Batched{}
	}
	fit := &Fit{Parameters: p, History: make([]float64, 0, len(totals))}
	fit.record(totals[0], 0, j.Options)
	for _, total := range totals[1:] {
		fit.step(total, weight, j.Options)
	}
	whole := !stopped && (fit.Converged || fit.Iterations == j.Options.MaxIterations)
	if whole {
		fit.warnMended(Report{}, j.Prior)
		fit.warnUnconverged(j.Options)
	}
	return Batched{fit, whole}
}
