package thread

import "syscall"

// ID returns the kernel's number of the calling thread.
func ID() uint64 { return uint64(syscall.Gettid()) }
