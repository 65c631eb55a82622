// Package variants is the vocabulary of specialisation and the tables of everything that can be specialised. It is pure
// data: it renders, compiles and runs nothing.
//
// A [Variant] is one way to do one [Stage] of a mixture's work on one kind of device: a row of [All]. A row says which
// [Problem] it serves on which [Target] and why not, which [Tunable] choices it has, what it needs and what it costs, and
// which template holds its text. A row, a problem, a target and a [Config] decide a kernel entirely.
//
// A variant's name is stage-covariance-strategy, such as accumulate-full-tile, and parses back into its parts.
//
// # Adding a variant
//
//  1. Write its template under templates/cuda or templates/c, with the header block that every kernel has.
//  2. Add its row to cuda.go or cc.go.
//  3. Run go test ./specializer -update and read the rendered kernel in the diff.
//  4. Run go test ./...: the differential grid finds the row by itself.
//  5. Run the GPU suite, and commit its record, if the row is for cuda.
package variants
