package compiler

import (
	"fmt"
	"runtime"
	"syscall"
)

// ProcessorID returns a description of this machine's processor that is stable from boot to boot and differs between processors
// for which a compiler's "native" may mean different instructions.
func ProcessorID() (string, error) {
	brand, err := syscall.Sysctl("machdep.cpu.brand_string")
	if err != nil {
		return "", fmt.Errorf("compiler: identify the processor: %w", err)
	}
	family, err := syscall.SysctlUint32("hw.cpufamily")
	if err != nil {
		return "", fmt.Errorf("compiler: identify the processor: %w", err)
	}
	return fmt.Sprintf("darwin/%s, %s, family %#x", runtime.GOARCH, brand, family), nil
}
