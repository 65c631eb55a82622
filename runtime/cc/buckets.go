package cc

import (
	"math"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

const (
	// bucketEvents is how many events a bucket should have, measured: with fewer, sums about the components' means take no longer.
	bucketEvents = 96
	// strayed is the share of events that another component than their bucket's has become likeliest at before they are sorted anew.
	strayed = 0.01
	// mostShare is the share of components that take part in a pass from which on it is not worth while to know which; moreShare is by
	// how much it may grow before all take part once more, to be seen anew; fewShare is up to which it is worth while to sort events.
	mostShare = 0.8
	moreShare = 0.1
	fewShare  = 0.5
	// mostExtremes bounds the memory of a survey, to 32 MiB of float64.
	mostExtremes = 1 << 22
)

// buckets is events sorted by the component that is likeliest at them, so that sums can be made about its mean, and components that are
// far from a run of events left out.
type buckets[T runtime.Real] struct {
	components int
	order      []uint32 // the events' numbers, bucket by bucket, in each as they come
	parcels    []parcel
	seen       *survey[T] // by the last pass in which all components took part, nil before
}

// parcel is events of one bucket, for one call of a kernel.
type parcel struct{ from, n, component int }

// survey is what a pass in which all components took part has seen of each parcel.
type survey[T runtime.Real] struct {
	parameters *mixture.Parameters
	factors    *mixture.Factors
	stride     int
	extremes   []T     // of each parcel: all components' highest log-densities, and the lowest of its own one's; stride numbers
	labels     []int32 // of the events in the buckets' order, the likeliest component
	share      float64 // of the components that take part in a pass under the same parameters
}

// bucketed sorts events by label, from 0 to m-1.
func bucketed[T runtime.Real](labels []int32, m int) *buckets[T] {
	ends := make([]int, m+1)
	for _, label := range labels {
		ends[label+1]++
	}
	b := &buckets[T]{components: m, order: make([]uint32, len(labels))}
	for c := range m {
		for from := 0; from < ends[c+1]; from += blockEvents {
			b.parcels = append(b.parcels, parcel{ends[c] + from, min(blockEvents, ends[c+1]-from), c})
		}
		ends[c+1] += ends[c]
	}
	for i, label := range labels {
		b.order[ends[label]] = uint32(i)
		ends[label]++
	}
	return b
}

// sorted returns events sorted anew by what the last survey has seen, or the same where few have strayed.
func (b *buckets[T]) sorted() *buckets[T] {
	others := 0
	for _, p := range b.parcels {
		for _, label := range b.seen.labels[p.from:][:p.n] {
			if int(label) != p.component {
				others++
			}
		}
	}
	if float64(others) <= strayed*float64(len(b.order)) {
		return b
	}
	labels := make([]int32, len(b.order))
	for i, number := range b.order {
		labels[number] = b.seen.labels[i]
	}
	return bucketed[T](labels, b.components)
}

// newSurvey returns room for what a pass under p is going to see by a kernel of so many components. Where there are too many for all
// parcels' extremes, it sees labels alone.
func (b *buckets[T]) newSurvey(p *mixture.Parameters, factors *mixture.Factors, components int) *survey[T] {
	s := &survey[T]{parameters: p.Clone(), factors: factors, stride: components + 1, labels: make([]int32, len(b.order)), share: 1}
	if len(b.parcels)*s.stride <= mostExtremes {
		s.extremes = make([]T, len(b.parcels)*s.stride)
	}
	return s
}

// extremesOf returns those of a parcel, nil where there is no room for them.
func (s *survey[T]) extremesOf(parcel int) []T {
	if s.extremes == nil {
		return nil
	}
	return s.extremes[parcel*s.stride:][:s.stride]
}

// crowded reports whether most components have a part in most parcels, or may have.
func (s *survey[T]) crowded() bool { return s.share > mostShare }

// taking lists for each parcel the components that take part in it, its own first, and returns their share of all. Left out are those
// whose responsibilities in it are together less than a rounding error of one event's weight, whatever has become of the parameters
// since the survey: with q = ‖A(x - μ)‖ and A' and μ' those of now,
//
//	q' = ‖A'A⁻¹ A(x - μ) + A'(μ - μ')‖, between (1 - ‖A'A⁻¹ - I‖) q - ‖A'(μ - μ')‖ and (1 + ‖A'A⁻¹ - I‖) q + ‖A'(μ - μ')‖
//
// so that log-densities have bounds, and log p(x) is at least what that of the parcel's own component is.
func (b *buckets[T]) taking(p *mixture.Parameters, factors *mixture.Factors) (active [][]int32, share float64) {
	s := b.seen
	moves := make([]move, p.M)
	for c := range moves {
		moves[c] = moved(s.parameters, s.factors, p, factors, c)
	}
	least := leastPart(len(b.order), p.M)
	active = make([][]int32, len(b.parcels))
	list := make([]int32, 0, p.M)
	total := 0
	for i, parcel := range b.parcels {
		extremes := s.extremesOf(i)
		own := parcel.component
		lowest := moves[own].lowest(s.factors.Constants[own], float64(extremes[s.stride-1]), factors.Constants[own])
		list = append(list[:0], int32(own))
		for c := range p.M {
			if c != own && moves[c].highest(s.factors.Constants[c], float64(extremes[c]), factors.Constants[c])-lowest >= least {
				list = append(list, int32(c))
			}
		}
		active[i] = append([]int32(nil), list...)
		total += len(list)
	}
	return active, float64(total) / float64(len(b.parcels)*p.M)
}

// leastPart is the logarithm of the responsibilities in an event up to which a component has no part in it: those of all components in all
// events are together less than a rounding error of one event's weight.
func leastPart(n, m int) float64 {
	return math.Log(0x1p-53) - math.Log(float64(n)) - math.Log(float64(m))
}

// apart estimates from a mixture of n events whether most components have no part in most others' events. An event of component k is less
// than r = √D + 3 standard deviations from its mean, and so no less than ‖A_m(μ_k - μ_m)‖ - r of those of a component m of a like shape
// from m's.
func apart(p *mixture.Parameters, factors *mixture.Factors, n int) bool {
	radius := math.Sqrt(float64(p.D)) + 3
	far := radius + math.Sqrt(radius*radius-2*leastPart(n, p.M))
	near := 0
	for m := range p.M {
		for k := range p.M {
			if p.Weights[k] > 0 && p.Weights[m] > 0 && deviations(p, factors, m, p.Mean(k)) <= far {
				near++
			}
		}
		if float64(near) > fewShare*float64(p.M*p.M) {
			return false
		}
	}
	return true
}

// deviations returns ‖A_m(x - μ_m)‖.
func deviations(p *mixture.Parameters, factors *mixture.Factors, m int, x []float64) float64 {
	d, mean, squares := p.D, p.Mean(m), 0.0
	if !p.Covariance.Correlated() {
		for j, a := range factors.Inverse[m*d:][:d] {
			y := a * (x[j] - mean[j])
			squares += y * y
		}
		return math.Sqrt(squares)
	}
	row := factors.Inverse[m*d*(d+1)/2:]
	for a := range d {
		y := 0.0
		for b, v := range row[:a+1] {
			y += v * (x[b] - mean[b])
		}
		squares += y * y
		row = row[a+1:]
	}
	return math.Sqrt(squares)
}

// move bounds what has become of a component: ‖A'A⁻¹ - I‖ and ‖A'(μ - μ')‖.
type move struct{ turned, shifted float64 }

// rounding is by how much a kernel's log-densities may be out, relative to them.
const rounding = 1e-4

// highest bounds the highest log-density at events where it was the one given.
func (m move) highest(constantThen, then, constant float64) float64 {
	q := (1-m.turned-rounding)*math.Sqrt(math.Max(0, 2*(constantThen-then))) - m.shifted
	return constant - math.Max(0, q)*math.Max(0, q)/2
}

// lowest bounds the lowest log-density at events where it was the one given.
func (m move) lowest(constantThen, then, constant float64) float64 {
	q := (1+m.turned+rounding)*math.Sqrt(math.Max(0, 2*(constantThen-then))) + m.shifted
	return constant - q*q/2
}

// moved compares component c of two mixtures.
func moved(then *mixture.Parameters, thenFactors *mixture.Factors, now *mixture.Parameters, factors *mixture.Factors, c int) move {
	d := now.D
	difference := make([]float64, d)
	for j := range d {
		difference[j] = then.Mean(c)[j] - now.Mean(c)[j]
	}
	turned, shifted := 0.0, 0.0
	if !now.Covariance.Correlated() {
		was, is := thenFactors.Inverse[c*d:][:d], factors.Inverse[c*d:][:d]
		for j := range d {
			turned = math.Max(turned, math.Abs(is[j]/was[j]-1))
			shifted = math.Hypot(shifted, is[j]*difference[j])
		}
		return move{turned, shifted}
	}
	size := d * (d + 1) / 2
	was, is := thenFactors.Inverse[c*size:][:size], factors.Inverse[c*size:][:size]
	// Row a of A'A⁻¹ =: E solves E A = A', from its last entry on.
	row := make([]float64, d)
	for a := range d {
		copy(row, is[a*(a+1)/2:][:a+1])
		shift := 0.0
		for j, v := range row[:a+1] {
			shift += v * difference[j]
		}
		shifted = math.Hypot(shifted, shift)
		for b := a; b >= 0; b-- {
			e := row[b] / was[b*(b+1)/2+b]
			for k, v := range was[b*(b+1)/2:][:b] {
				row[k] -= e * v
			}
			if a == b {
				e--
			}
			turned += e * e
		}
	}
	return move{math.Sqrt(turned), shifted}
}
