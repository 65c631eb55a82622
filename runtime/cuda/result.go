package cuda

import "fmt"

// Result is the code every driver function returns, CUresult in cuda.h. It is
// the error under every [Error], so errors.Is(err, ResultOutOfMemory) holds for a
// call that ran out of memory. Names and numbers are those of CUDA 13.0 and are
// known without the library; the driver never gives a number a second meaning.
type Result int32

// The driver's results.
const (
	Success                            Result = 0
	ResultInvalidValue                 Result = 1
	ResultOutOfMemory                  Result = 2
	ResultNotInitialized               Result = 3
	ResultDeinitialized                Result = 4
	ResultProfilerDisabled             Result = 5
	ResultProfilerNotInitialized       Result = 6
	ResultProfilerAlreadyStarted       Result = 7
	ResultProfilerAlreadyStopped       Result = 8
	ResultStubLibrary                  Result = 34
	ResultCallRequiresNewerDriver      Result = 36
	ResultDeviceUnavailable            Result = 46
	ResultNoDevice                     Result = 100
	ResultInvalidDevice                Result = 101
	ResultDeviceNotLicensed            Result = 102
	ResultInvalidImage                 Result = 200
	ResultInvalidContext               Result = 201
	ResultContextAlreadyCurrent        Result = 202
	ResultMapFailed                    Result = 205
	ResultUnmapFailed                  Result = 206
	ResultArrayIsMapped                Result = 207
	ResultAlreadyMapped                Result = 208
	ResultNoBinaryForGPU               Result = 209
	ResultAlreadyAcquired              Result = 210
	ResultNotMapped                    Result = 211
	ResultNotMappedAsArray             Result = 212
	ResultNotMappedAsPointer           Result = 213
	ResultECCUncorrectable             Result = 214
	ResultUnsupportedLimit             Result = 215
	ResultContextAlreadyInUse          Result = 216
	ResultPeerAccessUnsupported        Result = 217
	ResultInvalidPTX                   Result = 218
	ResultInvalidGraphicsContext       Result = 219
	ResultNVLinkUncorrectable          Result = 220
	ResultJITCompilerNotFound          Result = 221
	ResultUnsupportedPTXVersion        Result = 222
	ResultJITCompilationDisabled       Result = 223
	ResultUnsupportedExecAffinity      Result = 224
	ResultUnsupportedDevsideSync       Result = 225
	ResultContained                    Result = 226
	ResultInvalidSource                Result = 300
	ResultFileNotFound                 Result = 301
	ResultSharedObjectSymbolNotFound   Result = 302
	ResultSharedObjectInitFailed       Result = 303
	ResultOperatingSystem              Result = 304
	ResultInvalidHandle                Result = 400
	ResultIllegalState                 Result = 401
	ResultLossyQuery                   Result = 402
	ResultNotFound                     Result = 500
	ResultNotReady                     Result = 600
	ResultIllegalAddress               Result = 700
	ResultLaunchOutOfResources         Result = 701
	ResultLaunchTimeout                Result = 702
	ResultLaunchIncompatibleTexturing  Result = 703
	ResultPeerAccessAlreadyEnabled     Result = 704
	ResultPeerAccessNotEnabled         Result = 705
	ResultPrimaryContextActive         Result = 708
	ResultContextIsDestroyed           Result = 709
	ResultAssert                       Result = 710
	ResultTooManyPeers                 Result = 711
	ResultHostMemoryAlreadyRegistered  Result = 712
	ResultHostMemoryNotRegistered      Result = 713
	ResultHardwareStackError           Result = 714
	ResultIllegalInstruction           Result = 715
	ResultMisalignedAddress            Result = 716
	ResultInvalidAddressSpace          Result = 717
	ResultInvalidPC                    Result = 718
	ResultLaunchFailed                 Result = 719
	ResultCooperativeLaunchTooLarge    Result = 720
	ResultTensorMemoryLeak             Result = 721
	ResultNotPermitted                 Result = 800
	ResultNotSupported                 Result = 801
	ResultSystemNotReady               Result = 802
	ResultSystemDriverMismatch         Result = 803
	ResultCompatNotSupportedOnDevice   Result = 804
	ResultMPSConnectionFailed          Result = 805
	ResultMPSRPCFailure                Result = 806
	ResultMPSServerNotReady            Result = 807
	ResultMPSMaxClientsReached         Result = 808
	ResultMPSMaxConnectionsReached     Result = 809
	ResultMPSClientTerminated          Result = 810
	ResultCDPNotSupported              Result = 811
	ResultCDPVersionMismatch           Result = 812
	ResultStreamCaptureUnsupported     Result = 900
	ResultStreamCaptureInvalidated     Result = 901
	ResultStreamCaptureMerge           Result = 902
	ResultStreamCaptureUnmatched       Result = 903
	ResultStreamCaptureUnjoined        Result = 904
	ResultStreamCaptureIsolation       Result = 905
	ResultStreamCaptureImplicit        Result = 906
	ResultCapturedEvent                Result = 907
	ResultStreamCaptureWrongThread     Result = 908
	ResultTimeout                      Result = 909
	ResultGraphExecUpdateFailure       Result = 910
	ResultExternalDevice               Result = 911
	ResultInvalidClusterSize           Result = 912
	ResultFunctionNotLoaded            Result = 913
	ResultInvalidResourceType          Result = 914
	ResultInvalidResourceConfiguration Result = 915
	ResultKeyRotation                  Result = 916
	ResultUnknown                      Result = 999
)

// ErrOutOfMemory is the result of an allocation that did not fit.
const ErrOutOfMemory = ResultOutOfMemory

// Error returns the name and number, as "CUDA_ERROR_OUT_OF_MEMORY (2)".
func (r Result) Error() string { return fmt.Sprintf("%s (%d)", r.Name(), int32(r)) }

// Sticky reports whether the result says that the context is lost: a kernel
// reached outside its memory, trapped or was stopped, and, as cuda.h puts it, any
// further CUDA work in this process will return the same error.
func (r Result) Sticky() bool {
	switch r {
	case ResultContained, ResultIllegalAddress, ResultLaunchTimeout, ResultAssert,
		ResultHardwareStackError, ResultIllegalInstruction, ResultMisalignedAddress,
		ResultInvalidAddressSpace, ResultInvalidPC, ResultLaunchFailed,
		ResultTensorMemoryLeak, ResultExternalDevice:
		return true
	default:
		return false
	}
}

// Name returns the name in cuda.h, or CUDA_ERROR_UNNAMED for a number that
// CUDA 13.0 does not know.
func (r Result) Name() string {
	switch r {
	case Success:
		return "CUDA_SUCCESS"
	case ResultInvalidValue:
		return "CUDA_ERROR_INVALID_VALUE"
	case ResultOutOfMemory:
		return "CUDA_ERROR_OUT_OF_MEMORY"
	case ResultNotInitialized:
		return "CUDA_ERROR_NOT_INITIALIZED"
	case ResultDeinitialized:
		return "CUDA_ERROR_DEINITIALIZED"
	case ResultProfilerDisabled:
		return "CUDA_ERROR_PROFILER_DISABLED"
	case ResultProfilerNotInitialized:
		return "CUDA_ERROR_PROFILER_NOT_INITIALIZED"
	case ResultProfilerAlreadyStarted:
		return "CUDA_ERROR_PROFILER_ALREADY_STARTED"
	case ResultProfilerAlreadyStopped:
		return "CUDA_ERROR_PROFILER_ALREADY_STOPPED"
	case ResultStubLibrary:
		return "CUDA_ERROR_STUB_LIBRARY"
	case ResultCallRequiresNewerDriver:
		return "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER"
	case ResultDeviceUnavailable:
		return "CUDA_ERROR_DEVICE_UNAVAILABLE"
	case ResultNoDevice:
		return "CUDA_ERROR_NO_DEVICE"
	case ResultInvalidDevice:
		return "CUDA_ERROR_INVALID_DEVICE"
	case ResultDeviceNotLicensed:
		return "CUDA_ERROR_DEVICE_NOT_LICENSED"
	case ResultInvalidImage:
		return "CUDA_ERROR_INVALID_IMAGE"
	case ResultInvalidContext:
		return "CUDA_ERROR_INVALID_CONTEXT"
	case ResultContextAlreadyCurrent:
		return "CUDA_ERROR_CONTEXT_ALREADY_CURRENT"
	case ResultMapFailed:
		return "CUDA_ERROR_MAP_FAILED"
	case ResultUnmapFailed:
		return "CUDA_ERROR_UNMAP_FAILED"
	case ResultArrayIsMapped:
		return "CUDA_ERROR_ARRAY_IS_MAPPED"
	case ResultAlreadyMapped:
		return "CUDA_ERROR_ALREADY_MAPPED"
	case ResultNoBinaryForGPU:
		return "CUDA_ERROR_NO_BINARY_FOR_GPU"
	case ResultAlreadyAcquired:
		return "CUDA_ERROR_ALREADY_ACQUIRED"
	case ResultNotMapped:
		return "CUDA_ERROR_NOT_MAPPED"
	case ResultNotMappedAsArray:
		return "CUDA_ERROR_NOT_MAPPED_AS_ARRAY"
	case ResultNotMappedAsPointer:
		return "CUDA_ERROR_NOT_MAPPED_AS_POINTER"
	case ResultECCUncorrectable:
		return "CUDA_ERROR_ECC_UNCORRECTABLE"
	case ResultUnsupportedLimit:
		return "CUDA_ERROR_UNSUPPORTED_LIMIT"
	case ResultContextAlreadyInUse:
		return "CUDA_ERROR_CONTEXT_ALREADY_IN_USE"
	case ResultPeerAccessUnsupported:
		return "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED"
	case ResultInvalidPTX:
		return "CUDA_ERROR_INVALID_PTX"
	case ResultInvalidGraphicsContext:
		return "CUDA_ERROR_INVALID_GRAPHICS_CONTEXT"
	case ResultNVLinkUncorrectable:
		return "CUDA_ERROR_NVLINK_UNCORRECTABLE"
	case ResultJITCompilerNotFound:
		return "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"
	case ResultUnsupportedPTXVersion:
		return "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"
	case ResultJITCompilationDisabled:
		return "CUDA_ERROR_JIT_COMPILATION_DISABLED"
	case ResultUnsupportedExecAffinity:
		return "CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY"
	case ResultUnsupportedDevsideSync:
		return "CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC"
	case ResultContained:
		return "CUDA_ERROR_CONTAINED"
	case ResultInvalidSource:
		return "CUDA_ERROR_INVALID_SOURCE"
	case ResultFileNotFound:
		return "CUDA_ERROR_FILE_NOT_FOUND"
	case ResultSharedObjectSymbolNotFound:
		return "CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND"
	case ResultSharedObjectInitFailed:
		return "CUDA_ERROR_SHARED_OBJECT_INIT_FAILED"
	case ResultOperatingSystem:
		return "CUDA_ERROR_OPERATING_SYSTEM"
	case ResultInvalidHandle:
		return "CUDA_ERROR_INVALID_HANDLE"
	case ResultIllegalState:
		return "CUDA_ERROR_ILLEGAL_STATE"
	case ResultLossyQuery:
		return "CUDA_ERROR_LOSSY_QUERY"
	case ResultNotFound:
		return "CUDA_ERROR_NOT_FOUND"
	case ResultNotReady:
		return "CUDA_ERROR_NOT_READY"
	case ResultIllegalAddress:
		return "CUDA_ERROR_ILLEGAL_ADDRESS"
	case ResultLaunchOutOfResources:
		return "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"
	case ResultLaunchTimeout:
		return "CUDA_ERROR_LAUNCH_TIMEOUT"
	case ResultLaunchIncompatibleTexturing:
		return "CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING"
	case ResultPeerAccessAlreadyEnabled:
		return "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED"
	case ResultPeerAccessNotEnabled:
		return "CUDA_ERROR_PEER_ACCESS_NOT_ENABLED"
	case ResultPrimaryContextActive:
		return "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE"
	case ResultContextIsDestroyed:
		return "CUDA_ERROR_CONTEXT_IS_DESTROYED"
	case ResultAssert:
		return "CUDA_ERROR_ASSERT"
	case ResultTooManyPeers:
		return "CUDA_ERROR_TOO_MANY_PEERS"
	case ResultHostMemoryAlreadyRegistered:
		return "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"
	case ResultHostMemoryNotRegistered:
		return "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"
	case ResultHardwareStackError:
		return "CUDA_ERROR_HARDWARE_STACK_ERROR"
	case ResultIllegalInstruction:
		return "CUDA_ERROR_ILLEGAL_INSTRUCTION"
	case ResultMisalignedAddress:
		return "CUDA_ERROR_MISALIGNED_ADDRESS"
	case ResultInvalidAddressSpace:
		return "CUDA_ERROR_INVALID_ADDRESS_SPACE"
	case ResultInvalidPC:
		return "CUDA_ERROR_INVALID_PC"
	case ResultLaunchFailed:
		return "CUDA_ERROR_LAUNCH_FAILED"
	case ResultCooperativeLaunchTooLarge:
		return "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE"
	case ResultTensorMemoryLeak:
		return "CUDA_ERROR_TENSOR_MEMORY_LEAK"
	case ResultNotPermitted:
		return "CUDA_ERROR_NOT_PERMITTED"
	case ResultNotSupported:
		return "CUDA_ERROR_NOT_SUPPORTED"
	case ResultSystemNotReady:
		return "CUDA_ERROR_SYSTEM_NOT_READY"
	case ResultSystemDriverMismatch:
		return "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"
	case ResultCompatNotSupportedOnDevice:
		return "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"
	case ResultMPSConnectionFailed:
		return "CUDA_ERROR_MPS_CONNECTION_FAILED"
	case ResultMPSRPCFailure:
		return "CUDA_ERROR_MPS_RPC_FAILURE"
	case ResultMPSServerNotReady:
		return "CUDA_ERROR_MPS_SERVER_NOT_READY"
	case ResultMPSMaxClientsReached:
		return "CUDA_ERROR_MPS_MAX_CLIENTS_REACHED"
	case ResultMPSMaxConnectionsReached:
		return "CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED"
	case ResultMPSClientTerminated:
		return "CUDA_ERROR_MPS_CLIENT_TERMINATED"
	case ResultCDPNotSupported:
		return "CUDA_ERROR_CDP_NOT_SUPPORTED"
	case ResultCDPVersionMismatch:
		return "CUDA_ERROR_CDP_VERSION_MISMATCH"
	case ResultStreamCaptureUnsupported:
		return "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
	case ResultStreamCaptureInvalidated:
		return "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"
	case ResultStreamCaptureMerge:
		return "CUDA_ERROR_STREAM_CAPTURE_MERGE"
	case ResultStreamCaptureUnmatched:
		return "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED"
	case ResultStreamCaptureUnjoined:
		return "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"
	case ResultStreamCaptureIsolation:
		return "CUDA_ERROR_STREAM_CAPTURE_ISOLATION"
	case ResultStreamCaptureImplicit:
		return "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT"
	case ResultCapturedEvent:
		return "CUDA_ERROR_CAPTURED_EVENT"
	case ResultStreamCaptureWrongThread:
		return "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD"
	case ResultTimeout:
		return "CUDA_ERROR_TIMEOUT"
	case ResultGraphExecUpdateFailure:
		return "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE"
	case ResultExternalDevice:
		return "CUDA_ERROR_EXTERNAL_DEVICE"
	case ResultInvalidClusterSize:
		return "CUDA_ERROR_INVALID_CLUSTER_SIZE"
	case ResultFunctionNotLoaded:
		return "CUDA_ERROR_FUNCTION_NOT_LOADED"
	case ResultInvalidResourceType:
		return "CUDA_ERROR_INVALID_RESOURCE_TYPE"
	case ResultInvalidResourceConfiguration:
		return "CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION"
	case ResultKeyRotation:
		return "CUDA_ERROR_KEY_ROTATION"
	case ResultUnknown:
		return "CUDA_ERROR_UNKNOWN"
	default:
		return "CUDA_ERROR_UNNAMED"
	}
}
