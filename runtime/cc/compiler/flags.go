package compiler

// Flags returns the compiler's options for a Go architecture, in a fixed order.
//
// They let the compiler contract a*b+c and forget about errno and floating-point traps, none of which
// a kernel can observe. They leave out -ffast-math: kernels rely on NaN, infinities and a fixed order
// of summation, and GCC before version 13 links code into a -ffast-math object that switches off subnormal numbers
// in every thread that opens it.
//
// On amd64 and arm64 the code is for the processor at hand and no other; see ProcessorID.
func Flags(goarch string) []string {
	flags := []string{
		"-std=gnu11",
		"-O2", // vectors are written out, and -O3 takes half as long again to find little else
		"-fno-math-errno",
		"-fno-trapping-math",
		"-ffp-contract=fast",
		"-fPIC",
		"-shared",
		"-fvisibility=hidden",
	}
	switch goarch {
	case "amd64":
		flags = append(flags, "-march=native")
	case "arm64":
		flags = append(flags, "-mcpu=native") // -march=native is not known to every arm64 compiler; this sets both
	}
	return flags
}

// libraries returns what a kernel may be linked with; linkers want it after the source.
func libraries() []string {
	return []string{"-lm"}
}
