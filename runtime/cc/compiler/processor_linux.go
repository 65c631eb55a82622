package compiler

import (
	"fmt"
	"os"
	goruntime "runtime"
)

// ProcessorID returns a description of this machine's processor that is stable from boot to boot and differs between processors
// for which a compiler's "native" may mean different instructions.
func ProcessorID() (string, error) {
	switch goruntime.GOARCH {
	case "amd64", "arm64":
	default:
		return "linux/" + goruntime.GOARCH, nil // Flags asks for no native code here
	}
	cpuinfo, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", fmt.Errorf("compiler: identify the processor: %w", err)
	}
	return describeProcessor(goruntime.GOARCH, string(cpuinfo))
}
