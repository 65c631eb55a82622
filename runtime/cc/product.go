package cc

import (
	"context"
	"math"
	"slices"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Accumulate sums statistics: about one centre, where components are not too tight for it; of events sorted into buckets, about a centre
// of each, where they are, or where most have no part in most buckets; or else about each component's mean.
func (l *loaded[T]) Accumulate(ctx context.Context, p *mixture.Parameters) (*mixture.Statistics, error) {
	packed, err := l.begin(ctx, p)
	if err != nil {
		return nil, err
	}
	defer l.device.mu.RUnlock()
	if l.device.centred != nil && !(l.direct.Load() && l.hasDirect()) {
		if s, err := l.aboutCentres(ctx, packed, p); s != nil || err != nil {
			return s, err
		}
	}
	visit, err := l.accumulator(packed)
	if err != nil {
		return nil, err
	}
	program := l.device.program
	if l.device.centred != nil { // otherwise they have been looked at
		if err := program.CheckDirect(l.frame, p, packed.Factors); err != nil {
			return nil, err
		}
	}
	sums, err := l.pass(ctx, program.Sums(), visit)
	if err != nil {
		return nil, err
	}
	s := l.statistics(p.M, packed.Origins, sums)
	return s, program.CheckMoved(l.frame, s)
}

// statistics unpacks sums about origins.
func (l *loaded[T]) statistics(m int, origins, sums []float64) *mixture.Statistics {
	s := runtime.Unpack(l.device.program, l.frame, m, origins, sums)
	s.Events, s.EventWeight = int64(l.data.Events.Len()), l.weight
	return s
}

// aboutCentres sums by the kernel whose sums are about a centre that all components share. It returns nothing where components are too
// tight for that.
func (l *loaded[T]) aboutCentres(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters) (*mixture.Statistics, error) {
	l.sorting.Lock()
	defer l.sorting.Unlock()
	if l.buckets != nil && l.buckets.components != p.M {
		l.buckets = nil // of another mixture
	}
	program, tightness := l.device.program, l.frame.Tightness(p)
	var aboutOne, aboutEach *runtime.DensityErrors // that count
	if program.Promised {
		aboutOne, aboutEach = l.frame.DensityErrors(p, packed.Factors), runtime.DensityErrorsInBuckets(p, packed.Factors)
	}
	if l.buckets != nil {
		tightness *= 2 // so that what has been too tight once is not tried by turns
	}
	tight, sortable := !program.Keeps(tightness, aboutOne), l.sortable(p.M) && l.resting == 0
	l.resting = max(0, l.resting-1)
	if !sortable && tight && l.hasDirect() {
		return nil, nil
	}
	if !sortable || !tight && !apart(p, packed.Factors, l.data.Events.Len()) {
		if s, err := l.product(ctx, packed, p, nil, aboutOne); s != nil || err != nil || !sortable {
			return s, err
		} // they have just become too tight
	}
	return l.aboutMany(ctx, packed, p, aboutEach)
}

// aboutMany sums in buckets, of events that are sorted anew where components are too tight for the buckets that there are. It returns
// nothing where that is of no use.
func (l *loaded[T]) aboutMany(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters, e *runtime.DensityErrors) (*mixture.Statistics, error) {
	if !l.device.program.Keeps(1, e) && l.hasDirect() {
		return nil, nil
	}
	for fresh := false; ; fresh = true {
		if fresh || l.buckets == nil {
			labels, err := l.labels(ctx, packed)
			if err != nil {
				return nil, err
			}
			l.buckets, fresh = bucketed[T](labels, p.M), true
		}
		s, err := l.inBuckets(ctx, packed, p, e)
		if err != nil {
			return nil, err
		}
		if s != nil {
			l.rest = 0
			return s, nil
		}
		if fresh { // components within components: no centre serves all events of a bucket, for now
			l.buckets, l.rest = nil, runtime.Later(l.rest)
			l.resting = l.rest
			return nil, nil
		}
	}
}

// sortable reports whether events can be sorted into buckets of m components: kernels can read them in any order, and there are enough.
func (l *loaded[T]) sortable(m int) bool {
	n := l.data.Events.Len()
	if _, scores := l.device.kernels[runtime.Score]; !scores || n < bucketEvents*m || uint64(n) > 1<<32 {
		return false
	}
	switch l.data.Events.(type) {
	case *mixture.Rows[float32], *mixture.Rows[float64]:
		return true
	}
	return false
}

// labels returns the likeliest component of each event.
func (l *loaded[T]) labels(ctx context.Context, packed *runtime.PackedModel[T]) ([]int32, error) {
	score := l.device.kernels[runtime.Score]
	labels := make([]int32, l.data.Events.Len())
	_, err := l.pass(ctx, 1, func(w *worker[T], b block[T], total []float64) {
		l.poison(w)
		l.run(&score, w, b, packed, Ptr[T](nil), Ptr(labels[b.from:]), Ptr(total))
	})
	return labels, err
}

// inBuckets sums, bucket by bucket, about the mean of each bucket's component. Components that have no part in a bucket are left out.
// It returns nothing where components are too tight for that.
func (l *loaded[T]) inBuckets(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters, e *runtime.DensityErrors) (*mixture.Statistics, error) {
	factors := packed.Factors
	pass := &bucketPass[T]{buckets: l.buckets}
	seen := l.buckets.seen
	look := seen == nil
	switch {
	case seen == nil:
	case seen.crowded():
		l.waited++
		look = l.waited >= l.patience
	default:
		var share float64
		if pass.active, share = l.buckets.taking(p, factors); share > seen.share+moreShare {
			pass.active, look = nil, true
		}
	}
	if look {
		pass.survey = l.buckets.newSurvey(p, factors, l.device.program.Components)
		if l.poisoned.Load() {
			fill(pass.survey.extremes, T(math.NaN()))
			fill(pass.survey.labels, -1)
		}
	}
	s, err := l.product(ctx, packed, p, pass, e)
	if err != nil || pass.survey == nil {
		return s, err
	}
	l.buckets.seen = pass.survey
	if pass.survey.extremes != nil {
		_, pass.survey.share = l.buckets.taking(p, factors)
	}
	if l.waited = 0; pass.survey.crowded() {
		l.patience = runtime.Later(l.patience)
	} else {
		l.patience = 0
	}
	l.buckets = l.buckets.sorted()
	return s, nil
}

// bucketPass is a pass over events in buckets.
type bucketPass[T runtime.Real] struct {
	*buckets[T]
	active [][]int32  // the components that take part in each parcel, nil for all
	survey *survey[T] // to be filled in where all do, or nil
}

// product sums by the kernel whose sums are about centres: events as they come, about the frame's centre, or those in buckets. It
// returns nothing where components are too tight for that, and there is another way.
func (l *loaded[T]) product(ctx context.Context, packed *runtime.PackedModel[T], p *mixture.Parameters, pass *bucketPass[T], e *runtime.DensityErrors) (*mixture.Statistics, error) {
	var sums []float64
	var err error
	if pass == nil {
		sums, err = l.pass(ctx, l.productSums(), l.producer(packed, p))
	} else {
		sums, err = l.sum(ctx, len(pass.parcels), l.productSums(), l.bucketer(packed, p, pass))
	}
	program := l.device.program
	if err != nil {
		return nil, err
	}
	if tightness := program.TightnessOf(l.frame, p.M, sums); !program.Keeps(tightness, e) {
		switch {
		case l.hasDirect():
			return nil, nil
		case program.Promised:
			return nil, program.Unkept(tightness, e)
		}
	}
	return l.statistics(p.M, p.Means, sums), nil
}

// bucketer returns what to do with each parcel.
func (l *loaded[T]) bucketer(packed *runtime.PackedModel[T], p *mixture.Parameters, pass *bucketPass[T]) func(*worker[T], int, []float64) {
	means, all := l.productMeans(p)
	return func(w *worker[T], i int, sums []float64) {
		parcel := pass.parcels[i]
		order := pass.order[parcel.from:][:parcel.n]
		b := l.takeOrdered(w, order)
		copy(w.frame, p.Mean(parcel.component))
		copy(w.frame[p.D:], l.frame.Scale)
		b.frame = w.frame
		l.poison(w)
		var extremes []T
		var labels []int32
		if pass.survey != nil {
			extremes, labels = pass.survey.extremesOf(i), pass.survey.labels[parcel.from:][:parcel.n]
		}
		if pass.active != nil {
			w.active = append(w.active[:0], pass.active[i]...)
		} else { // all, the parcel's own component first
			w.active = append(append(append(w.active[:0], int32(parcel.component)), all[:parcel.component]...), all[parcel.component+1:]...)
		}
		l.run(l.device.centred, w, b, packed, Ptr(b.order), Ptr(means), Ptr(w.active), Int(len(w.active)), Ptr(labels), Ptr(extremes), Ptr(sums))
	}
}

// producer returns what to do with each block of events in the order in which they come.
func (l *loaded[T]) producer(packed *runtime.PackedModel[T], p *mixture.Parameters) func(*worker[T], block[T], []float64) {
	means, all := l.productMeans(p)
	return func(w *worker[T], b block[T], sums []float64) {
		l.poison(w)
		l.run(l.device.centred, w, b, packed, Ptr[uint32](nil), Ptr(means), Ptr(all), Int(len(all)), Ptr[int32](nil), Ptr[T](nil), Ptr(sums))
	}
}

// productSums is how many sums the kernel makes: those of every kernel, and what second moments are made of.
func (l *loaded[T]) productSums() int {
	return l.device.program.Sums() + l.device.program.Components*l.device.program.Dimensions
}

// productMeans returns the means of all components compiled for, and the numbers of those that there are.
func (l *loaded[T]) productMeans(p *mixture.Parameters) (means []float64, all []int32) {
	all = make([]int32, p.M)
	for c := range all {
		all[c] = int32(c)
	}
	return append(slices.Clone(p.Means), make([]float64, (l.device.program.Components-p.M)*p.D)...), all
}
