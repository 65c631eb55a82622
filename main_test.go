package gmmspec

import (
	"fmt"
	"os"
	"testing"

	"github.com/gmmspec/gmmspec/cache"
)

// TestMain keeps what tests compile in one cache: that of the environment, or one for this run alone. As the child of a test
// the binary plays a C compiler, a tuner's worker, or one of many processes on one cache.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == fakeArgument {
		os.Exit(playCompiler(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == workerArgument {
		os.Exit(playWorker(os.Args[2], os.Args[3]))
	}
	if len(os.Args) > 1 && os.Args[1] == sharingArgument {
		os.Exit(status(shareCache(os.Args[2], os.Stdout)))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	if os.Getenv(cache.DirEnv) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "gmmspec-test-")
	if err == nil {
		err = os.Setenv(cache.DirEnv, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	return m.Run()
}
