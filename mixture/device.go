package mixture

import "context"

// Data is events together with how they are to be used.
type Data struct {
	Events Events
	// Weights holds one non-negative finite weight an event, or is nil for weights of 1: an event of weight w counts as
	// w equal events.
	Weights []float64
	// Hard gives each event wholly to its most likely component (classification EM, of which k-means is a case)
	// instead of sharing it by responsibilities.
	Hard bool
	// Missing lets NaN stand for a missing coordinate, which is integrated out.
	Missing bool
	// Summary is the events' summary where the caller has one; a device makes it itself where it needs it.
	Summary *Summary
}

// Summarized returns d.Summary, or makes it.
func (d Data) Summarized(ctx context.Context) (*Summary, error) {
	if d.Summary != nil {
		return d.Summary, nil
	}
	return Summarize(ctx, d)
}

// Device runs the two operations that touch the events.
//
// A device serves the problem that it was opened for (a number of components and dimensions, a covariance type, weighted
// or not, …) and refuses others with an error. It is safe for concurrent use.
type Device interface {
	// Name is what people see: "reference", "cc", "cuda:0".
	Name() string
	// Load makes events ready to be passed over many times: it views, converts or uploads them as the device needs. They
	// must not change until the Loaded is closed.
	Load(ctx context.Context, data Data) (Loaded, error)
	// Close frees what the device holds. Everything it loaded is closed first.
	Close() error
}

// Loaded is events that a [Device] holds. It is safe for concurrent use, except for Close.
type Loaded interface {
	// Accumulate runs the E-step under p and returns the statistics of all events.
	Accumulate(ctx context.Context, p *Parameters) (*Statistics, error)
	// Score evaluates every event under p and fills in what out asks for.
	Score(ctx context.Context, p *Parameters, out *Scores) error
	// Close lets go of the events.
	Close() error
}

// Updater is a [Loaded] that has an M-step of its own, which must do what [Update] does.
type Updater interface {
	// Update is the M-step: see the function of that name.
	Update(s *Statistics, prior Prior, previous *Parameters) (*Parameters, Report, error)
}

// Iterator is a [Loaded] that can go through several iterations by itself, whose passes and M-steps do what Accumulate and [Update] do.
type Iterator interface {
	// Iterate passes over the events under start, makes an M-step, and so on, until the limits, or something that is not for the device
	// to do, stop it. It returns nil where it is all for the caller to do.
	Iterate(ctx context.Context, start *Parameters, prior Prior, limits Limits) (*Run, error)
}

// Limits says when a device stops to iterate.
type Limits struct {
	// Passes are made at most, at least 1.
	Passes int
	// Tolerance stops it after a pass whose total log-likelihood differs by less from that before, which is Previous before the first; no
	// sooner than after Least passes.
	Tolerance, Previous float64
	Least               int
}

// Run is what [Iterator].Iterate has done.
type Run struct {
	// Totals holds the total log-likelihood of each pass: of the start, and after each M-step but the last.
	Totals []float64
	// Parameters are what the last of those passes was made under, and Statistics what it summed.
	Parameters *Parameters
	Statistics *Statistics
	// Next is what follows Parameters where the pass under it is for the caller to make; then there are no Statistics.
	Next *Parameters
}

// Scores receives what [Loaded].Score computes. Slices that are nil are not asked for; the others have the length given.
type Scores struct {
	// LogLikelihoods takes log p(x_n), length N, in nats.
	LogLikelihoods []float64
	// Labels takes the most likely component of each event, length N; the lowest of equals.
	Labels []int
	// Responsibilities takes p(m | x_n), N×M by row; each row sums to 1.
	Responsibilities []float64
	// Total is set to Σ_n w_n log p(x_n); under hard assignment to Σ_n w_n max_m log(π_m N(x_n | μ_m, Σ_m)).
	Total float64
}

// Check reports slices of the wrong length for n events and m components.
func (s *Scores) Check(n, m int) error {
	if s.LogLikelihoods != nil && len(s.LogLikelihoods) != n {
		return &ShapeError{What: "length of log-likelihoods", Got: len(s.LogLikelihoods), Want: n}
	}
	if s.Labels != nil && len(s.Labels) != n {
		return &ShapeError{What: "length of labels", Got: len(s.Labels), Want: n}
	}
	if s.Responsibilities != nil && len(s.Responsibilities) != n*m {
		return &ShapeError{What: "length of responsibilities", Got: len(s.Responsibilities), Want: n * m}
	}
	return nil
}
