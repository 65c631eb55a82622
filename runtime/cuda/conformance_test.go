package cuda_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/cudatest"
)

// driver opens the machine's own driver.
func driver(t *testing.T) *cuda.Driver {
	t.Helper()
	d, err := cuda.Open()
	require.Have(t, "cuda", err)
	return d
}

func TestConformance(t *testing.T) { cudatest.Run(t, driver(t)) }

// strayVariable tells a process that it is the one whose kernel is to stray.
const strayVariable = "GMMSPEC_TEST_STRAY"

func TestStray(t *testing.T) {
	d := driver(t)
	if os.Getenv(strayVariable) != "" {
		cudatest.RunStray(t, d)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestStray$", "-test.v")
	child.Env = append(os.Environ(), strayVariable+"=1")
	if output, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
