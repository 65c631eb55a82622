package runtime_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/gmmspec/gmmspec/internal/corpus"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
	"gonum.org/v1/gonum/stat/distmv"
)

// densities is a mixture whose log-densities have errors.
type densities struct {
	p       *mixture.Parameters
	factors *mixture.Factors
	errors  []float64
}

// densitiesOf returns one of components as the corpus has them, that many times further from each other, with errors of about that size.
func densitiesOf(t testing.TB, c mixture.Covariance, m, d int, further, size float64) densities {
	t.Helper()
	const spread = 1.5 // of the logarithms of errors
	p := corpus.Random(1, 1, m, d, c).Truth
	for i := range p.Means {
		p.Means[i] *= further
	}
	factors, err := p.Factor()
	if err != nil {
		t.Fatal(err)
	}
	random, errors := rand.New(rand.NewPCG(1, 2)), make([]float64, m)
	for i := range errors {
		errors[i] = size * math.Exp(spread*random.NormFloat64())
	}
	return densities{p, factors, errors}
}

func (d densities) estimate() *runtime.DensityErrors {
	return runtime.NewDensityErrors(d.p, d.factors, d.errors)
}

// plain is the estimate as its formula has it, of overlaps from gonum, and how much is left out of it.
func (d densities) plain(t *testing.T) (covariances, negligible float64) {
	t.Helper()
	normals := make([]*distmv.Normal, d.p.M)
	for m := range normals {
		var ok bool
		if normals[m], ok = distmv.NewNormal(d.p.Mean(m), d.p.Matrix(m), nil); !ok {
			t.Fatal("not positive definite")
		}
	}
	byError := make([]int, d.p.M)
	for m := range byError {
		byError[m] = m
	}
	slices.SortFunc(byError, func(a, b int) int { return cmp.Compare(d.errors[b], d.errors[a]) })
	worst := 0.0
	for m, weight := range d.p.Weights {
		squares, left := 0.0, 1.0
		for _, k := range byError {
			if k == m || weight == 0 {
				continue
			}
			overlap := math.Exp(-distmv.Bhattacharyya{}.DistNormal(normals[m], normals[k]))
			h := min(left, math.Sqrt(d.p.Weights[k]/weight)*overlap/2)
			left -= h
			squares += h * (d.errors[m]*d.errors[m] + d.errors[k]*d.errors[k])
		}
		worst = max(worst, squares)
	}
	return math.Sqrt(2 * worst), math.Sqrt2 * 1e-7
}

// TestDensityErrors: what is said without looking at all pairs, or at all coordinates, is what the formula says of them, or a little more.
func TestDensityErrors(t *testing.T) {
	const slack, rounding = 1.25, 1e-9
	for _, c := range mixture.Covariances() {
		for _, shape := range []struct{ m, d int }{{1, 3}, {2, 1}, {7, 5}, {20, 4}, {12, 35}, {90, 2}} {
			for _, further := range []float64{0, 0.3, 1, 3} {
				for _, size := range []float64{1e-8, 1e-5, 1e-3} {
					d := densitiesOf(t, c, shape.m, shape.d, further, size)
					if shape.m > 2 {
						d.p.Weights[0], d.errors[0] = 0, 1 // which matters to nobody
					}
					want, negligible := d.plain(t)
					name := fmt.Sprintf("%s, M=%d, D=%d, %g times further, errors of %g", c, shape.m, shape.d, further, size)
					e := d.estimate()
					for _, share := range []float64{0.01, 2, 0.5, 0.9999, 1.0001} {
						most := share * math.Hypot(want, negligible)
						if got := e.Within(most); got && most < want*(1-rounding) || !got && share > 1 {
							t.Errorf("%s: within %g: %v, of %g", name, most, got, want)
						}
					}
					for _, e := range []*runtime.DensityErrors{e, d.estimate()} {
						if got := e.Covariances(); !(got >= want*(1-rounding) && got <= slack*math.Hypot(want, negligible)*(1+rounding)) {
							t.Errorf("%s: covariances are %g off: want %g", name, got, want)
						}
					}
				}
			}
		}
	}
}

// TestDensityErrorsSideBySide: how many processors there are changes no bit.
func TestDensityErrorsSideBySide(t *testing.T) {
	d := densitiesOf(t, mixture.Full, 60, 7, 0.5, 1e-5)
	var estimates []float64
	for _, processors := range []int{1, 3} {
		before := goruntime.GOMAXPROCS(processors)
		estimates = append(estimates, d.estimate().Covariances())
		goruntime.GOMAXPROCS(before)
	}
	if estimates[0] != estimates[1] {
		t.Errorf("%v", estimates)
	}
}

// TestDensityErrorsAreNoNumbers: what is not known is not within anything.
func TestDensityErrorsAreNoNumbers(t *testing.T) {
	for _, c := range mixture.Covariances() {
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			d := densitiesOf(t, c, 5, 3, 100, 1e-9)
			d.errors[3] = v
			if e := d.estimate(); e.Within(math.MaxFloat64) || e.Covariances() <= math.MaxFloat64 {
				t.Errorf("%s: with an error of %v covariances are %v off", c, v, e.Covariances())
			}
		}
	}
}

// BenchmarkWithin is what it takes to tell whether covariances are accurate enough, and by how much they are off where they are.
func BenchmarkWithin(b *testing.B) {
	const most, size = 1e-5, 1e-5
	for _, shape := range []struct {
		c    mixture.Covariance
		m, d int
	}{{mixture.Full, 128, 64}, {mixture.Full, 64, 39}, {mixture.Diag, 2048, 39}, {mixture.Diag, 1024, 128}} {
		for _, further := range []float64{0.1, 1, 3} {
			b.Run(fmt.Sprintf("%s/M=%d/D=%d/further=%g", shape.c, shape.m, shape.d, further), func(b *testing.B) {
				d := densitiesOf(b, shape.c, shape.m, shape.d, further, size)
				for b.Loop() {
					if e := d.estimate(); e.Within(most) {
						e.Covariances()
					}
				}
			})
		}
	}
}
