// Package autotune chooses: for a problem, the device with the least estimated time, and for each stage of the work there the
// variant and configuration. The choice is a [Plan], a value that says why. The package times and runs nothing.
package autotune
