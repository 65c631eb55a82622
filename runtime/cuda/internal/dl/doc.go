// Package dl opens shared libraries at run time and binds their functions to
// the fields of a struct.
//
// Libraries are never closed: the CUDA driver and compiler keep threads and
// handlers of their own that must not lose the code under them.
package dl
