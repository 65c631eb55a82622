// Package thread tells operating system threads apart.
//
// A CUDA context is current on one thread. While a goroutine is locked to its
// thread (runtime.LockOSThread) no other goroutine runs there, so equal
// identifiers mean the same goroutine.
package thread
