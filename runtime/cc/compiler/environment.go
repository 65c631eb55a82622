package compiler

// The variables that name the macOS software development kit and developer tools in use.
const (
	sdkRoot      = "SDKROOT"
	developerDir = "DEVELOPER_DIR"
)

// environment returns the variables that a compiler runs with: those it needs to find its own parts, plain messages, and dir
// for temporary files, so that a compiler that is killed leaves none elsewhere. Variables such as CPATH that
// silently change what is compiled are left out, because Identity could not tell.
func environment(env func(string) string, dir string) []string {
	vars := []string{"LC_ALL=C", "TMPDIR=" + dir, "TMP=" + dir, "TEMP=" + dir}
	for _, name := range []string{
		"PATH",            // the assembler and linker of some installations
		"HOME",            // the state of wrappers such as ccache and zig
		"LD_LIBRARY_PATH", // the compiler's own libraries, under environment modules
		sdkRoot, developerDir,
	} {
		if value := env(name); value != "" {
			vars = append(vars, name+"="+value)
		}
	}
	return vars
}
