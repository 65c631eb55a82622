package mixture

import "math"

const (
	// relativeRidge is the default ridge as a share of each dimension's variance; the original's dynamic range of
	// covariances (COVARIANCE_DYNAMIC_RANGE) is its inverse.
	relativeRidge = 1e-6
	// magnitudeRidge keeps the standard deviation that the ridge allows above float32's spacing at the largest |x_d|.
	magnitudeRidge = 1e-7
	// absoluteRidge keeps the ridge of a dimension that is 0 everywhere positive.
	absoluteRidge = 1e-12
)

// The limits of the M-step, for devices that have one of their own.
const (
	// EmptyWeight is the N_m below which a component is empty: its mean would be a quotient of rounding errors.
	EmptyWeight = 1e-10
	// FloorGrowth is how much more floor each attempt adds to a covariance that is still not positive definite, and
	// FloorAttempts how often: 1e-6·1e2^6 of the data's variance is far past any rounding.
	FloorGrowth   = 100
	FloorAttempts = 6
)

// Prior is what the M-step adds to the statistics.
type Prior struct {
	// Ridge is added to the diagonal of every covariance, one value a dimension.
	Ridge []float64
	// Floor is the ridge that is added besides, in growing multiples, to a covariance that would not be positive
	// definite, one positive value a dimension.
	Floor []float64
}

// RelativePrior returns the default prior for data: dimension d's ridge is 1e-6 of its variance, at least (1e-7·max|x_d|)²,
// at least 1e-12.
func RelativePrior(s *Summary) Prior {
	ridge := make([]float64, s.D)
	for j := range ridge {
		spacing := magnitudeRidge * s.MaxAbs(j)
		ridge[j] = math.Max(relativeRidge*s.Variance[j], math.Max(spacing*spacing, absoluteRidge))
	}
	return Prior{Ridge: ridge, Floor: ridge}
}

// AbsolutePrior returns a prior that adds the same ridge ≥ 0 to every dimension, as scikit-learn's reg_covar, with the
// default's floor.
func AbsolutePrior(s *Summary, ridge float64) Prior {
	p := RelativePrior(s)
	p.Ridge = make([]float64, s.D)
	for j := range p.Ridge {
		p.Ridge[j] = ridge
	}
	return p
}

// Report is what an M-step had to mend.
type Report struct {
	// Empty lists the components that no event belongs to: they keep their mean, take the floor for covariance and 0 for
	// weight.
	Empty []int
	// Floored lists the components whose covariance was not positive definite before the floor was added.
	Floored []int
}

// Update is the M-step. With N_m, First and Second about the origins o_m,
//
//	π_m = N_m / Σ N_m
//	μ_m = o_m + First_m / N_m
//	Σ_m = Second_m / N_m - (μ_m - o_m)(μ_m - o_m)ᵀ + diag(Ridge)
//
// so covariances are about the new means (Bishop, eqs. 9.24 to 9.26; scikit-learn). Tied averages the Σ_m by N_m, spherical
// averages each Σ_m's diagonal. The previous parameters serve components that became empty. s is not changed.
func Update(s *Statistics, prior Prior, previous *Parameters) (*Parameters, Report) {
	p := NewParameters(s.Covariance, s.M, s.D)
	var report Report
	total := 0.0
	for _, n := range s.Weights {
		total += n
	}
	d := s.D
	for m := range s.M {
		n := s.Weights[m]
		mean := p.Mean(m)
		if !(n > EmptyWeight) {
			report.Empty = append(report.Empty, m)
			copy(mean, previous.Mean(m))
			continue
		}
		p.Weights[m] = n / total
		for j := range d {
			mean[j] = s.Origins[m*d+j] + s.First[m*d+j]/n
		}
	}
	switch s.Covariance {
	case Full:
		for m := range s.M {
			fullCovariance(p.square(m), s, m)
		}
	case Tied:
		tiedCovariance(p.square(0), s, total)
	case Diag:
		for m := range s.M {
			diagonal(p.Covariances[m*d:][:d], s, m)
		}
	case Spherical:
		variances := make([]float64, d)
		for m := range s.M {
			p.Covariances[m] = sphericalVariance(s, m, variances)
		}
	}
	p.addDiagonal(prior.Ridge, func(int) bool { return true })
	empty := make(map[int]bool, len(report.Empty))
	for _, m := range report.Empty {
		empty[m] = true
	}
	report.Floored = p.floor(prior.Floor, empty)
	return p, report
}

// fullCovariance sets sigma to component m's scatter about its mean over N_m, or to 0 where it is empty.
func fullCovariance(sigma []float64, s *Statistics, m int) {
	d, n := s.D, s.Weights[m]
	if !(n > EmptyWeight) {
		return
	}
	first, second := s.First[m*d:][:d], s.Second[m*d*(d+1)/2:]
	k := 0
	for a := range d {
		for b := range a + 1 {
			v := second[k]/n - (first[a]/n)*(first[b]/n)
			if a == b {
				v = math.Max(v, 0)
			}
			sigma[a*d+b], sigma[b*d+a] = v, v
			k++
		}
	}
}

func tiedCovariance(sigma []float64, s *Statistics, total float64) {
	d := s.D
	k := 0
	for a := range d {
		for b := range a + 1 {
			v := s.Second[k]
			for m, n := range s.Weights {
				if n > EmptyWeight {
					v -= s.First[m*d+a] * (s.First[m*d+b] / n)
				}
			}
			v /= total
			if a == b {
				v = math.Max(v, 0)
			}
			sigma[a*d+b], sigma[b*d+a] = v, v
			k++
		}
	}
}

func diagonal(variances []float64, s *Statistics, m int) {
	d, n := s.D, s.Weights[m]
	if !(n > EmptyWeight) {
		return
	}
	for j := range variances {
		mean := s.First[m*d+j] / n
		variances[j] = math.Max(s.Second[m*d+j]/n-mean*mean, 0)
	}
}

func sphericalVariance(s *Statistics, m int, scratch []float64) float64 {
	d, n := s.D, s.Weights[m]
	if !(n > EmptyWeight) {
		return 0
	}
	trace := s.Second[m] / n
	for j := range scratch {
		mean := s.First[m*d+j] / n
		trace -= mean * mean
	}
	return math.Max(trace, 0) / float64(d)
}

// addDiagonal adds ridge to the diagonal of the covariances of the components that want it; spherical takes the average.
func (p *Parameters) addDiagonal(ridge []float64, want func(m int) bool) {
	d := p.D
	average := 0.0
	for _, v := range ridge {
		average += v / float64(d)
	}
	for m := range p.M {
		if !want(m) {
			continue
		}
		switch p.Covariance {
		case Full, Tied:
			s := p.square(m)
			for j, v := range ridge {
				s[j*d+j] += v
			}
			if p.Covariance == Tied {
				return
			}
		case Diag:
			for j, v := range ridge {
				p.Covariances[m*d+j] += v
			}
		case Spherical:
			p.Covariances[m] += average
		}
	}
}

// floor adds growing multiples of ridge to the covariances that are not positive definite, and returns the components that
// needed it, empty ones apart.
func (p *Parameters) floor(ridge []float64, empty map[int]bool) (floored []int) {
	for m := range p.M {
		scale, attempts := 1.0, 0
		for !p.positiveDefinite(m) && attempts < FloorAttempts {
			more := make([]float64, p.D)
			for j, v := range ridge {
				more[j] = scale * v
			}
			p.addDiagonal(more, func(i int) bool { return i == m || p.Covariance == Tied })
			scale *= FloorGrowth
			attempts++
		}
		if attempts > 0 && !empty[m] {
			floored = append(floored, m)
		}
		if p.Covariance == Tied {
			break
		}
	}
	return floored
}

func (p *Parameters) positiveDefinite(m int) bool {
	one := &Parameters{Covariance: p.Covariance, M: 1, D: p.D, Weights: []float64{1}, Means: p.Mean(m)}
	switch size := p.Covariance.Len(1, p.D); p.Covariance {
	case Tied:
		one.Covariances = p.Covariances
	default:
		one.Covariances = p.Covariances[m*size:][:size]
	}
	_, err := one.Factor()
	return err == nil
}
