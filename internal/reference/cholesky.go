package reference

import "math"

// triangleLen returns the number of entries of a triangle of order d, its diagonal included.
func triangleLen(d int) int { return d * (d + 1) / 2 }

// cholesky factors the symmetric matrix of order d whose entry (a, b), a ≥ b, is at(a, b), as L Lᵀ with L lower triangular.
// It sets the first d(d+1)/2 of l to L column by column, each from the diagonal down, with the reciprocal 1/L_aa in place of L_aa, and returns
// log |L Lᵀ|. It reports false where the matrix is not positive definite.
func cholesky(l []float64, d int, at func(a, b int) float64) (logDet float64, ok bool) {
	k := 0
	for b := range d {
		for a := b; a < d; a++ {
			l[k] = at(a, b)
			k++
		}
	}
	for column := l[:k]; len(column) > 0; {
		if !(column[0] > 0 && column[0] <= math.MaxFloat64) {
			return 0, false
		}
		root := math.Sqrt(column[0])
		logDet += 2 * math.Log(root)
		column[0] = 1 / root
		below, rest := column[1:d], column[d:]
		for i := range below {
			below[i] /= root
		}
		for i, v := range below {
			for j, u := range below[i:] {
				rest[j] -= v * u
			}
			rest = rest[len(below)-i:]
		}
		column = column[d:]
		d--
	}
	return logDet, true
}

// solve replaces y by L⁻¹y, for L as [cholesky] leaves it.
func solve(l, y []float64) {
	for len(y) > 0 {
		v := y[0] * l[0]
		y[0] = v
		column := l[1:len(y)]
		l, y = l[len(y):], y[1:]
		for i, c := range column {
			y[i] -= c * v
		}
	}
}

// squaredLength returns ‖y‖².
func squaredLength(y []float64) float64 {
	sum := 0.0
	for _, v := range y {
		sum += v * v
	}
	return sum
}
