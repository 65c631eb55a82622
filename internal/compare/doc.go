// Package compare defines how far two results are apart, once for the whole module: no other package compares floats.
//
// Each measure is a [Measure], the largest of many errors together with where it is. Errors are relative to a natural scale
// of the problem, such as a component's standard deviation, never to the number itself, which may be 0 by chance. A result
// that is not a number is an infinite or NaN error, and fails under every [Tolerance].
package compare
