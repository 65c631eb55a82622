package mixture

import (
	"errors"
	"math"
)

// The limits of the M-step, for devices that have one of their own; see also [MendedPivot] and [MaxMagnitude].
const (
	// EmptyWeight is the N_m up to which a component is empty: its mean would be a quotient of rounding errors.
	EmptyWeight = 1e-10
	// SpreadRounding is the share of a second moment up to which the variance that is left of it, after the mean's square
	// is taken off, is the rounding of sums of some 1e5 events and not spread: equal events have no variance.
	SpreadRounding = 1e-13
)

const (
	// floorGrowth is how much more floor each attempt adds to a covariance that is still not positive definite, and
	// floorAttempts how often: 1e-6·(1e2)⁵ of the data's variance, the last, is far past any rounding.
	floorGrowth   = 100
	floorAttempts = 6
)

// Report is what an M-step had to mend.
type Report struct {
	// Empty lists the components that no event belongs to: they keep their mean, with weight 0 and the ridge for
	// covariance (and the floor besides, where the ridge has a 0).
	Empty []int
	// Floored lists the components whose covariance was not positive definite before the floor was added, empty ones
	// apart; for tied it is 0 where the covariance that all share was not.
	Floored []int
}

// Update is the M-step. With N_m, First and Second about the origins o_m,
//
//	π_m = N_m / Σ N_m
//	μ_m = o_m + First_m / N_m
//	Σ_m = Second_m / N_m - (μ_m - o_m)(μ_m - o_m)ᵀ + diag(Ridge)
//
// so covariances are about the new means (Bishop, eqs. 9.24 to 9.26; scikit-learn). Tied averages the Σ_m by N_m, spherical
// averages each Σ_m's diagonal. The previous parameters serve components that became empty; where all are, they keep their
// weights too.
//
// Statistics, a prior and previous parameters whose sizes do not agree are refused, and so is a prior with numbers that are none
// of one. Whatever else s holds, the result is a mixture: a component whose weight or mean is not finite counts as empty, and a covariance
// that even the floor leaves indefinite loses its off-diagonal entries, and is reported as floored. s is not changed.
func Update(s *Statistics, prior Prior, previous *Parameters) (*Parameters, Report, error) {
	if err := checkUpdate(s, prior, previous); err != nil {
		return nil, Report{}, err
	}
	u := &mStep{s: s, p: NewParameters(s.Covariance, s.M, s.D), held: make([]bool, s.M)}
	var report Report
	report.Empty = u.means(previous)
	if len(report.Empty) < s.M {
		u.covariances()
	}
	for m := range u.p.matrices() {
		u.p.addDiagonal(m, prior.Ridge, 1)
	}
	report.Floored = u.floor(prior.Floor)
	return u.p, report, nil
}

// checkUpdate reports what an M-step cannot start from.
func checkUpdate(s *Statistics, prior Prior, previous *Parameters) error {
	if err := s.validateSizes(); err != nil {
		return err
	}
	if err := prior.validate(s.D); err != nil {
		return err
	}
	if previous == nil {
		return errors.New("mixture: there are no previous parameters")
	}
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"components of the previous parameters", previous.M, s.M},
		{"dimensions of the previous parameters", previous.D, s.D},
		{"number of previous weights", len(previous.Weights), s.M},
		{"number of previous means", len(previous.Means), s.M * s.D},
	} {
		if f.got != f.want {
			return &ShapeError{What: f.what, Got: f.got, Want: f.want}
		}
	}
	return nil
}

// mStep is an M-step under way.
type mStep struct {
	s     *Statistics
	p     *Parameters // what is being made
	held  []bool      // M: events belong to the component
	total float64     // Σ N_m of those
}

// means sets the weights and means, and returns the components that are empty.
func (u *mStep) means(previous *Parameters) (empty []int) {
	most := math.MaxFloat64 / float64(u.s.M) // so that the total is finite
	for m, n := range u.s.Weights {
		if u.held[m] = n > EmptyWeight && n <= most && u.mean(m); u.held[m] {
			u.total += n
			continue
		}
		empty = append(empty, m)
		copy(u.p.Mean(m), previous.Mean(m))
	}
	for m, held := range u.held {
		if held {
			u.p.Weights[m] = u.s.Weights[m] / u.total
		}
	}
	if len(empty) == u.s.M {
		copy(u.p.Weights, previous.Weights)
	}
	return empty
}

// mean sets component m's mean, and reports whether it is one that events can have.
func (u *mStep) mean(m int) bool {
	mean := u.p.Mean(m)
	for j := range mean {
		i := m*u.s.D + j
		mean[j] = u.s.Origins[i] + u.s.First[i]/u.s.Weights[m]
		if !(math.Abs(mean[j]) <= MaxMagnitude) {
			return false
		}
	}
	return true
}

// covariances sets the covariances, without the ridge, to the scatter about the new means over the weight; to 0 where a
// component is empty.
func (u *mStep) covariances() {
	s, d := u.s, u.s.D
	size := s.Covariance.SecondLen(1, d)
	for m := range u.p.matrices() {
		from, to, n := m, m+1, s.Weights[m]
		if s.Covariance == Tied {
			from, to, n = 0, s.M, u.total
		} else if !u.held[m] {
			continue
		}
		second := s.Second[m*size:][:size]
		switch s.Covariance {
		case Full, Tied:
			u.matrix(u.p.square(m), second, from, to, n)
		case Diag:
			for j, v := range second {
				u.p.Covariances[m*d+j] = spread(u.scatter(v, j, j, from, to), v) / n
			}
		case Spherical:
			trace := second[0]
			for j := range d {
				trace = u.scatter(trace, j, j, from, to)
			}
			u.p.Covariances[m] = spread(trace, second[0]) / (n * float64(d))
		}
	}
}

// matrix sets sigma to the scatter over n of the components from, …, to-1, of which second is the packed triangle.
func (u *mStep) matrix(sigma, second []float64, from, to int, n float64) {
	d, k := u.s.D, 0
	for a := range d {
		for b := range a + 1 {
			v := u.scatter(second[k], a, b, from, to)
			if a == b {
				v = spread(v, second[k])
			}
			sigma[a*d+b], sigma[b*d+a] = v/n, v/n
			k++
		}
	}
}

// scatter moves entry (a, b) of a second moment of the components from, …, to-1 from their origins to their means.
func (u *mStep) scatter(second float64, a, b, from, to int) float64 {
	for m := from; m < to; m++ {
		if u.held[m] {
			first := u.s.First[m*u.s.D:]
			second -= first[a] * (first[b] / u.s.Weights[m])
		}
	}
	return second
}

// spread returns the scatter of what had the second moment given, or 0 where it is no more than rounding.
func spread(scatter, second float64) float64 {
	if scatter > SpreadRounding*second {
		return scatter
	}
	return 0
}

// floor adds growing multiples of ridge to the covariances that are not positive definite, and returns the components that
// needed it, empty ones apart.
func (u *mStep) floor(ridge []float64) (floored []int) {
	p := u.p
	work := make([]float64, p.Covariance.Len(1, p.D))
	for m := range p.matrices() {
		if p.positiveDefinite(m, work) {
			continue
		}
		if u.held[m] || p.Covariance == Tied && u.total > 0 {
			floored = append(floored, m)
		}
		scale := 1.0
		for range floorAttempts {
			p.addDiagonal(m, ridge, scale)
			scale *= floorGrowth
			if p.positiveDefinite(m, work) {
				break
			}
		}
		if !p.positiveDefinite(m, work) {
			p.keepDiagonal(m, ridge)
		}
	}
	return floored
}

// addDiagonal adds scale·ridge to the diagonal of covariance m; spherical takes the average.
func (p *Parameters) addDiagonal(m int, ridge []float64, scale float64) {
	d := p.D
	for j, v := range ridge {
		switch p.Covariance {
		case Full, Tied:
			p.square(m)[j*d+j] += scale * v
		case Diag:
			p.Covariances[m*d+j] += scale * v
		case Spherical:
			p.Covariances[m] += scale * v / float64(d)
		}
	}
}

// keepDiagonal sets the off-diagonal entries of covariance m to 0, and variances that are none to the ridge.
func (p *Parameters) keepDiagonal(m int, ridge []float64) {
	diagonal := NewParameters(p.Covariance, 1, p.D)
	diagonal.addDiagonal(0, ridge, 1)
	size := len(diagonal.Covariances)
	sigma := p.Covariances[m*size:][:size]
	for i, v := range sigma {
		off := p.Covariance.Correlated() && i%(p.D+1) != 0
		if off || !positive(v) {
			sigma[i] = diagonal.Covariances[i]
		}
	}
}

// positiveDefinite reports whether covariance m is, out of doubt; work has room for one.
func (p *Parameters) positiveDefinite(m int, work []float64) bool {
	if p.Covariance.Correlated() {
		copy(work, p.square(m))
		return cholesky(work, p.D, MendedPivot)
	}
	for _, v := range p.Covariances[m*len(work):][:len(work)] {
		if !positive(v) {
			return false
		}
	}
	return true
}
