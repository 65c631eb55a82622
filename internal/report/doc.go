// Package report shows what a sweep of trials found: as a page, as pictures and as numbers.
//
// The strategies that do the same work at the same problem, each in its best configuration, are a [Contest]. A stage is one;
// so is [Training], in which a fused strategy does the whole pass, and a strategy for the moments does it together with the
// fastest E-step. Only a time that a record calls ok can win. One that is a bound is longer than any that is ok, and how much
// longer is not known, so a ratio to it is a least value.
//
// The same records give the same bytes, in whatever order they come. Records may come from anywhere: what cannot be used is
// set aside, counted and named, and nothing in a record ends in a panic or as markup.
package report
