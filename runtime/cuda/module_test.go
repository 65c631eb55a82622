package cuda

import (
	"strings"
	"testing"
)

func TestLoadAdviceNamesTheDriverAndTheWayOut(t *testing.T) {
	c := &Context{driver: &Driver{version: Version{12, 4}}, device: Device{Major: 9}}
	for result, words := range map[Result][]string{
		ResultUnsupportedPTXVersion: {"CUDA 12.4", "update the driver", "sm_90", "NVRTC 12.4 or older"},
		ResultNoBinaryForGPU:        {"CUDA 12.4", "no code for sm_90"},
		ResultInvalidPTX:            {"CUDA 12.4", "does not compile for sm_90"},
		ResultInvalidImage:          {"CUDA 12.4", "no cubin, fatbin or PTX"},
		ResultJITCompilerNotFound:   {"CUDA 12.4", "compile to a cubin for sm_90"},
		ResultOutOfMemory:           {"CUDA 12.4"},
	} {
		for _, word := range words {
			if advice := c.loadAdvice(result); !strings.Contains(advice, word) {
				t.Errorf("%v: %q does not say %q", result, advice, word)
			}
		}
	}
}
