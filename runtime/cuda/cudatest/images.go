package cudatest

import (
	"bytes"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// Images that no driver takes.
const (
	notAnImage = "this is neither machine code nor PTX"
	brokenPTX  = ".version 6.4\n.target sm_50\n.address_size 64\n.visible .entry broken()\n{\n\tbogus.u32;\n\tret;\n}\n"
)

// CheckImage judges the suite's images as a real driver does, for
// cudafake.Config.CheckImage.
func CheckImage(image []byte) (log string, result cuda.Result) {
	switch {
	case !bytes.Contains(image, []byte(".version")):
		return "", cuda.ResultInvalidImage
	case bytes.Contains(image, []byte("bogus")):
		return "ptxas application ptx input, line 6; error   : Not a name of any known instruction: 'bogus'", cuda.ResultInvalidPTX
	default:
		return "", cuda.Success
	}
}
