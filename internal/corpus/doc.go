// Package corpus holds the events that devices are tried on: random mixtures of which the truth is known, and the
// adversarial corpus, a table of cases each of which has made some implementation fail. Everything follows from a seed.
package corpus
