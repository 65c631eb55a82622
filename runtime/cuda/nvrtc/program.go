package nvrtc

// Program is what to compile.
type Program struct {
	Name    string   // appears in messages, "estep.cu"
	Source  string   // CUDA C++, all of it: nothing is included from elsewhere
	Arch    string   // the real architecture, "sm_90", "sm_90a"
	Options []string // further options, after the ones every program gets
}

// Options returns all the options a program is compiled with, in order. They, the
// source and the compiler's version decide what comes out.
func (c *Compiler) Options(p Program) []string {
	options := []string{
		"--gpu-architecture=" + p.Arch, // a real one: machine code, and the PTX on the way
		"--std=c++17",                  // not the compiler's default, which changes
		"--ptxas-options=-v",           // report registers and spills in the log
	}
	if c.caches() {
		options = append(options, "--no-cache")
	}
	if c.splits() {
		options = append(options, "--split-compile=4")
	}
	return append(options, p.Options...)
}

// caches reports whether the compiler keeps a cache of its own, on a hit of which
// it reports nothing of registers and spills. NVRTC does from 12.9 on.
func (c *Compiler) caches() bool {
	return c.major > 12 || c.major == 12 && c.minor >= 9
}

// splits reports whether the compiler can optimise functions side by side. How many at once is part of what comes out: the same
// number everywhere, and not that of the processors.
func (c *Compiler) splits() bool { return c.major >= 13 }
