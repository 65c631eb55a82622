package cc

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/mixture"
)

// TestBucketed: every event is in one parcel of its label, in the order in which events come, and no parcel is empty or too large.
func TestBucketed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 100, 3 * blockEvents} {
		labels := make([]int32, n)
		for i := range labels {
			labels[i] = int32(random.IntN(5)) & 5 // 0, 1, 4: two buckets are empty
		}
		b := bucketed[float64](labels, 6)
		next := 0
		for _, p := range b.parcels {
			if p.from != next || p.n < 1 || p.n > blockEvents {
				t.Fatalf("parcel %+v after %d events", p, next)
			}
			next += p.n
			events := b.order[p.from:][:p.n]
			for _, number := range events {
				if int(labels[number]) != p.component {
					t.Fatalf("event %d of component %d is in the bucket of %d", number, labels[number], p.component)
				}
			}
			if !slices.IsSorted(events) {
				t.Fatal("events do not follow in the order in which they come")
			}
		}
		sorted := slices.Sorted(slices.Values(b.order))
		if next != n || len(slices.Compact(sorted)) != n || int(sorted[n-1]) != n-1 {
			t.Errorf("%d events in parcels of %d", next, n)
		}
		b.seen = &survey[float64]{labels: make([]int32, n)}
		for i, number := range b.order {
			b.seen.labels[i] = labels[number]
		}
		if b.sorted() != b {
			t.Error("sorted anew though no event has strayed")
		}
		labels[0] = 5
		b.seen.labels[slices.Index(b.order, 0)] = 5
		again, all := b.sorted(), bucketed[float64](labels, 6)
		if 1 > strayed*float64(n) != (again != b) {
			t.Errorf("one event of %d has strayed: sorted anew: %v", n, again != b)
		}
		if again != b && !slices.Equal(again.order, all.order) {
			t.Error("not sorted by what was seen")
		}
	}
}

// randomMixture returns a mixture whose components are so far apart.
func randomMixture(random *rand.Rand, c mixture.Covariance, m, d int, apart float64) *mixture.Parameters {
	p := mixture.NewParameters(c, m, d)
	for i := range p.Weights {
		p.Weights[i] = 1 / float64(m)
	}
	for i := range p.Means {
		p.Means[i] = apart * random.NormFloat64()
	}
	for i := range p.M {
		for a := range d {
			if c == mixture.Diag {
				p.Covariances[i*d+a] = 0.5 + random.Float64()
				continue
			}
			for b := range d {
				p.Covariances[(i*d+a)*d+b] = 0.3
			}
			p.Covariances[(i*d+a)*d+a] = 0.8 + random.Float64()
		}
	}
	return p
}

// logDensities returns log(π_m N(x | μ_m, Σ_m)) of each component.
func logDensities(p *mixture.Parameters, factors *mixture.Factors, x []float64) []float64 {
	l, k := make([]float64, p.M), 0
	for m := range l {
		l[m] = factors.Constants[m]
		for a := range p.D {
			y := 0.0
			for b := range a + 1 {
				if p.Covariance == mixture.Diag && b < a {
					continue
				}
				y += factors.Inverse[k] * (x[b] - p.Mean(m)[b])
				k++
			}
			l[m] -= y * y / 2
		}
	}
	return l
}

// TestTaking: whatever becomes of a mixture, a component that is left out of a parcel has no part in any of its events, and where
// components are apart and stay where they are, most are left out.
func TestTaking(t *testing.T) {
	const n, m, d = 2000, 6, 3
	left := 0
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		covariance := []mixture.Covariance{mixture.Full, mixture.Diag}[seed%2]
		then := randomMixture(random, covariance, m, d, []float64{2, 10, 30}[seed/2%3])
		now := then.Clone()
		drift := []float64{0, 1e-3, 0.1}[seed/6%3]
		for i := range now.Means {
			now.Means[i] += drift * random.NormFloat64()
		}
		for i := range now.Covariances {
			now.Covariances[i] *= 1 + drift/2
		}
		now.Weights[0] *= 1 - drift
		factorsThen, err := then.Factor()
		if err != nil {
			t.Fatal(err)
		}
		factors, err := now.Factor()
		if err != nil {
			t.Fatal(err)
		}
		x, labels := make([]float64, n*d), make([]int32, n)
		for i := range n {
			c := i % m
			for j := range d {
				x[i*d+j] = then.Mean(c)[j] + random.NormFloat64()
			}
			l := logDensities(then, factorsThen, x[i*d:][:d])
			labels[i] = int32(slices.Index(l, slices.Max(l)))
		}
		b := bucketed[float64](labels, m)
		b.seen = b.newSurvey(then, factorsThen, m)
		for i, parcel := range b.parcels {
			extremes := b.seen.extremesOf(i)
			for c := range extremes {
				extremes[c] = math.Inf(-1)
			}
			extremes[m] = math.Inf(1)
			for _, number := range b.order[parcel.from:][:parcel.n] {
				l := logDensities(then, factorsThen, x[int(number)*d:][:d])
				for c, v := range l {
					extremes[c] = math.Max(extremes[c], v)
				}
				extremes[m] = math.Min(extremes[m], l[parcel.component])
			}
		}
		active, share := b.taking(now, factors)
		taking := 0
		for i, parcel := range b.parcels {
			taking += len(active[i])
			if active[i][0] != int32(parcel.component) {
				t.Fatalf("the first component of a parcel of %d is %d", parcel.component, active[i][0])
			}
			for _, number := range b.order[parcel.from:][:parcel.n] {
				l := logDensities(now, factors, x[int(number)*d:][:d])
				highest := slices.Max(l)
				for c, v := range l {
					if !slices.Contains(active[i], int32(c)) && math.Exp(v-highest) > 0x1p-53/n {
						t.Fatalf("seed %d: component %d of responsibility %g is left out", seed, c, math.Exp(v-highest))
					}
				}
			}
		}
		if want := float64(taking) / float64(len(b.parcels)*m); math.Abs(share-want) > 1e-12 {
			t.Errorf("share %v: want %v", share, want)
		}
		if share < 0.5 {
			left++
		}
	}
	if left < 20 {
		t.Errorf("components were left out of %d mixtures of 60", left)
	}
}
