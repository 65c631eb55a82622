// Package mixture holds the mathematics of Gaussian mixture models that does not touch the events: parameters, sufficient
// statistics, the M-step, starting points and the EM loop.
//
// A mixture of M components over D dimensions has the density
//
//	p(x) = Σ_m π_m N(x | μ_m, Σ_m)
//	N(x | μ, Σ) = (2π)^(-D/2) |Σ|^(-1/2) exp(-½ (x-μ)ᵀ Σ⁻¹ (x-μ))
//
// Everything that touches the N events is one of the two operations of a [Device]: Accumulate, whose result is
// [Statistics], and Score. Statistics are small, held in float64, and add: the statistics of two sets of events are the
// statistics of their union. [Update] is the M-step on statistics alone, and [Train] the loop around both, as in Bishop,
// Pattern Recognition and Machine Learning, §9.2.2.
package mixture
