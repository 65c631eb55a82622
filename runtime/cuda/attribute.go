package cuda

// The CUdevice_attribute values that Device reports.
const (
	DeviceMaxThreadsPerBlock            CUdeviceAttribute = 1
	DeviceMaxSharedPerBlock             CUdeviceAttribute = 8
	DeviceWarpSize                      CUdeviceAttribute = 10
	DeviceMaxRegistersPerBlock          CUdeviceAttribute = 12
	DeviceClockRate                     CUdeviceAttribute = 13
	DeviceMultiprocessorCount           CUdeviceAttribute = 16
	DeviceMemoryClockRate               CUdeviceAttribute = 36
	DeviceGlobalMemoryBusWidth          CUdeviceAttribute = 37
	DeviceL2CacheSize                   CUdeviceAttribute = 38
	DeviceMaxThreadsPerMultiprocessor   CUdeviceAttribute = 39
	DeviceComputeCapabilityMajor        CUdeviceAttribute = 75
	DeviceComputeCapabilityMinor        CUdeviceAttribute = 76
	DeviceMaxSharedPerMultiprocessor    CUdeviceAttribute = 81
	DeviceMaxRegistersPerMultiprocessor CUdeviceAttribute = 82
	DeviceCooperativeLaunch             CUdeviceAttribute = 95
	DeviceMaxSharedPerBlockOptin        CUdeviceAttribute = 97
	DeviceMaxBlocksPerMultiprocessor    CUdeviceAttribute = 106
	DeviceReservedSharedPerBlock        CUdeviceAttribute = 111
)

// The CUfunction_attribute values that FunctionAttributes reports or sets.
const (
	FunctionMaxThreadsPerBlock    CUfunctionAttribute = 0
	FunctionSharedBytes           CUfunctionAttribute = 1
	FunctionConstBytes            CUfunctionAttribute = 2
	FunctionLocalBytes            CUfunctionAttribute = 3
	FunctionRegisters             CUfunctionAttribute = 4
	FunctionPTXVersion            CUfunctionAttribute = 5
	FunctionBinaryVersion         CUfunctionAttribute = 6
	FunctionMaxDynamicSharedBytes CUfunctionAttribute = 8
)

// The CUjit_option values that LoadModule passes.
const (
	JITInfoLogBuffer       CUjitOption = 3
	JITInfoLogBufferBytes  CUjitOption = 4
	JITErrorLogBuffer      CUjitOption = 5
	JITErrorLogBufferBytes CUjitOption = 6
)

// Flags of single calls.
const (
	streamNonBlocking = 0x1 // CU_STREAM_NON_BLOCKING
	eventDefault      = 0x0 // CU_EVENT_DEFAULT: with timing, spinning waits
	memHostPortable   = 0x1 // CU_MEMHOSTALLOC_PORTABLE: pinned for every device
)
