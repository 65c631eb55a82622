// Package runtimetest is the conformance suite that every [mixture.Device] passes: its results are those of the reference
// within tolerances derived from its precision, whatever the number, layout and type of the events, and it keeps the
// promises of the interface about inputs, outputs, errors, cancelling and closing.
//
// A device's package calls [Run] with a function that opens the device for a [Problem]. Nothing is skipped: a problem that
// the device does not serve must be listed in [Options].Refuses, and the suite then checks that it is refused.
package runtimetest
