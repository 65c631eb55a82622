//go:build darwin || freebsd || netbsd

package thread

import "github.com/ebitengine/purego"

// ID returns the address of the calling thread's pthread, or 0 where the C
// library has none.
func ID() uint64 {
	self, err := purego.Dlsym(purego.RTLD_DEFAULT, "pthread_self")
	if err != nil {
		return 0
	}
	id, _, _ := purego.SyscallN(self)
	return uint64(id)
}
