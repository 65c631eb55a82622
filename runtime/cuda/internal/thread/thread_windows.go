package thread

import "golang.org/x/sys/windows"

// ID returns the system's number of the calling thread.
func ID() uint64 { return uint64(windows.GetCurrentThreadId()) }
