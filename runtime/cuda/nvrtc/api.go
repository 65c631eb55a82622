package nvrtc

// handle is a program being compiled, nvrtcProgram in nvrtc.h.
type handle uintptr

// api is the compiler: the functions this package calls, each under its C
// prototype in nvrtc.h and tagged with its symbol. The newest of them came with
// NVRTC 11.2. The fields are exported for package reflect's sake.
type api struct {
	// nvrtcResult nvrtcVersion(int *major, int *minor)
	Version func(major, minor *int32) Code `symbol:"nvrtcVersion"`
	// nvrtcResult nvrtcGetNumSupportedArchs(int* numArchs)
	GetNumSupportedArchs func(count *int32) Code `symbol:"nvrtcGetNumSupportedArchs"`
	// nvrtcResult nvrtcGetSupportedArchs(int* supportedArchs)
	GetSupportedArchs func(archs *int32) Code `symbol:"nvrtcGetSupportedArchs"`
	// nvrtcResult nvrtcCreateProgram(nvrtcProgram *prog, const char *src, const char *name, int numHeaders, const char * const *headers, const char * const *includeNames)
	CreateProgram func(program *handle, source, name *byte, count int32, headers, includes **byte) Code `symbol:"nvrtcCreateProgram"`
	// nvrtcResult nvrtcCompileProgram(nvrtcProgram prog, int numOptions, const char * const *options)
	CompileProgram func(program handle, count int32, options **byte) Code `symbol:"nvrtcCompileProgram"`
	// nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram prog, size_t *logSizeRet)
	GetProgramLogSize func(program handle, bytes *uintptr) Code `symbol:"nvrtcGetProgramLogSize"`
	// nvrtcResult nvrtcGetProgramLog(nvrtcProgram prog, char *log)
	GetProgramLog func(program handle, log *byte) Code `symbol:"nvrtcGetProgramLog"`
	// nvrtcResult nvrtcGetPTXSize(nvrtcProgram prog, size_t *ptxSizeRet)
	GetPTXSize func(program handle, bytes *uintptr) Code `symbol:"nvrtcGetPTXSize"`
	// nvrtcResult nvrtcGetPTX(nvrtcProgram prog, char *ptx)
	GetPTX func(program handle, ptx *byte) Code `symbol:"nvrtcGetPTX"`
	// nvrtcResult nvrtcGetCUBINSize(nvrtcProgram prog, size_t *cubinSizeRet)
	GetCUBINSize func(program handle, bytes *uintptr) Code `symbol:"nvrtcGetCUBINSize"`
	// nvrtcResult nvrtcGetCUBIN(nvrtcProgram prog, char *cubin)
	GetCUBIN func(program handle, cubin *byte) Code `symbol:"nvrtcGetCUBIN"`
	// nvrtcResult nvrtcDestroyProgram(nvrtcProgram *prog)
	DestroyProgram func(program *handle) Code `symbol:"nvrtcDestroyProgram"`
}
