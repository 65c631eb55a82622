package cuda

import "unsafe"

// CUdevice is a device's handle.
type CUdevice int32

// CUdeviceAttribute is a CUdevice_attribute.
type CUdeviceAttribute int32

// CUcontext is a struct CUctx_st *.
type CUcontext uintptr

// CUmodule is a struct CUmod_st *.
type CUmodule uintptr

// CUjitOption is a CUjit_option.
type CUjitOption int32

// CUfunction is a struct CUfunc_st *.
type CUfunction uintptr

// CUfunctionAttribute is a CUfunction_attribute.
type CUfunctionAttribute int32

// CUstream is a struct CUstream_st *, 0 for the legacy default stream.
type CUstream uintptr

// CUevent is a struct CUevent_st *.
type CUevent uintptr

// API is the driver: the functions this package calls, each under its C
// prototype in cuda.h and tagged with the symbols it is bound to, best first.
// The symbols are the versioned ones that cuda.h's macros stand for. Fields
// tagged optional are nil where the driver is too old to have them.
//
// [Open] fills it from libcuda, package cudafake from an imitation in memory. No
// function takes or returns a float or a struct by value, which keeps it inside
// what calling C without a compiler does reliably.
type API struct {
	// CUresult cuInit(unsigned int Flags)
	Init func(flags uint32) Result `symbol:"cuInit"`
	// CUresult cuDriverGetVersion(int *driverVersion)
	DriverGetVersion func(version *int32) Result `symbol:"cuDriverGetVersion"`

	// CUresult cuDeviceGetCount(int *count)
	DeviceGetCount func(count *int32) Result `symbol:"cuDeviceGetCount"`
	// CUresult cuDeviceGet(CUdevice *device, int ordinal)
	DeviceGet func(device *CUdevice, ordinal int32) Result `symbol:"cuDeviceGet"`
	// CUresult cuDeviceGetName(char *name, int len, CUdevice dev)
	DeviceGetName func(name *byte, length int32, device CUdevice) Result `symbol:"cuDeviceGetName"`
	// CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
	DeviceGetUUID func(uuid *UUID, device CUdevice) Result `symbol:"cuDeviceGetUuid_v2,cuDeviceGetUuid"`
	// CUresult cuDeviceTotalMem(size_t *bytes, CUdevice dev)
	DeviceTotalMem func(bytes *uintptr, device CUdevice) Result `symbol:"cuDeviceTotalMem_v2"`
	// CUresult cuDeviceGetPCIBusId(char *pciBusId, int len, CUdevice dev)
	DeviceGetPCIBusID func(id *byte, length int32, device CUdevice) Result `symbol:"cuDeviceGetPCIBusId"`
	// CUresult cuDeviceGetAttribute(int *pi, CUdevice_attribute attrib, CUdevice dev)
	DeviceGetAttribute func(value *int32, attribute CUdeviceAttribute, device CUdevice) Result `symbol:"cuDeviceGetAttribute"`

	// CUresult cuDevicePrimaryCtxRetain(CUcontext *pctx, CUdevice dev)
	DevicePrimaryCtxRetain func(context *CUcontext, device CUdevice) Result `symbol:"cuDevicePrimaryCtxRetain"`
	// CUresult cuDevicePrimaryCtxRelease(CUdevice dev)
	DevicePrimaryCtxRelease func(device CUdevice) Result `symbol:"cuDevicePrimaryCtxRelease_v2,cuDevicePrimaryCtxRelease"`
	// CUresult cuCtxSetCurrent(CUcontext ctx)
	CtxSetCurrent func(context CUcontext) Result `symbol:"cuCtxSetCurrent"`
	// CUresult cuCtxSynchronize(void)
	CtxSynchronize func() Result `symbol:"cuCtxSynchronize"`

	// CUresult cuMemGetInfo(size_t *free, size_t *total)
	MemGetInfo func(free, total *uintptr) Result `symbol:"cuMemGetInfo_v2"`
	// CUresult cuMemAlloc(CUdeviceptr *dptr, size_t bytesize)
	MemAlloc func(ptr *DevicePtr, bytes uintptr) Result `symbol:"cuMemAlloc_v2"`
	// CUresult cuMemFree(CUdeviceptr dptr)
	MemFree func(ptr DevicePtr) Result `symbol:"cuMemFree_v2"`
	// CUresult cuMemHostAlloc(void **pp, size_t bytesize, unsigned int Flags)
	MemHostAlloc func(ptr *unsafe.Pointer, bytes uintptr, flags uint32) Result `symbol:"cuMemHostAlloc"`
	// CUresult cuMemFreeHost(void *p)
	MemFreeHost func(ptr unsafe.Pointer) Result `symbol:"cuMemFreeHost"`

	// CUresult cuMemcpyHtoD(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount)
	MemcpyHtoD func(dst DevicePtr, src unsafe.Pointer, bytes uintptr) Result `symbol:"cuMemcpyHtoD_v2"`
	// CUresult cuMemcpyDtoH(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount)
	MemcpyDtoH func(dst unsafe.Pointer, src DevicePtr, bytes uintptr) Result `symbol:"cuMemcpyDtoH_v2"`
	// CUresult cuMemcpyDtoD(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount)
	MemcpyDtoD func(dst, src DevicePtr, bytes uintptr) Result `symbol:"cuMemcpyDtoD_v2"`
	// CUresult cuMemcpyHtoDAsync(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount, CUstream hStream)
	MemcpyHtoDAsync func(dst DevicePtr, src unsafe.Pointer, bytes uintptr, stream CUstream) Result `symbol:"cuMemcpyHtoDAsync_v2"`
	// CUresult cuMemcpyDtoHAsync(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream)
	MemcpyDtoHAsync func(dst unsafe.Pointer, src DevicePtr, bytes uintptr, stream CUstream) Result `symbol:"cuMemcpyDtoHAsync_v2"`
	// CUresult cuMemcpyDtoDAsync(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream)
	MemcpyDtoDAsync func(dst, src DevicePtr, bytes uintptr, stream CUstream) Result `symbol:"cuMemcpyDtoDAsync_v2"`
	// CUresult cuMemsetD8Async(CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream)
	MemsetD8Async func(dst DevicePtr, value uint8, count uintptr, stream CUstream) Result `symbol:"cuMemsetD8Async"`
	// CUresult cuMemsetD32Async(CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream)
	MemsetD32Async func(dst DevicePtr, value uint32, count uintptr, stream CUstream) Result `symbol:"cuMemsetD32Async"`

	// CUresult cuStreamCreate(CUstream *phStream, unsigned int Flags)
	StreamCreate func(stream *CUstream, flags uint32) Result `symbol:"cuStreamCreate"`
	// CUresult cuStreamSynchronize(CUstream hStream)
	StreamSynchronize func(stream CUstream) Result `symbol:"cuStreamSynchronize"`
	// CUresult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, unsigned int Flags)
	StreamWaitEvent func(stream CUstream, event CUevent, flags uint32) Result `symbol:"cuStreamWaitEvent"`
	// CUresult cuStreamDestroy(CUstream hStream)
	StreamDestroy func(stream CUstream) Result `symbol:"cuStreamDestroy_v2"`

	// CUresult cuEventCreate(CUevent *phEvent, unsigned int Flags)
	EventCreate func(event *CUevent, flags uint32) Result `symbol:"cuEventCreate"`
	// CUresult cuEventRecord(CUevent hEvent, CUstream hStream)
	EventRecord func(event CUevent, stream CUstream) Result `symbol:"cuEventRecord"`
	// CUresult cuEventQuery(CUevent hEvent)
	EventQuery func(event CUevent) Result `symbol:"cuEventQuery"`
	// CUresult cuEventSynchronize(CUevent hEvent)
	EventSynchronize func(event CUevent) Result `symbol:"cuEventSynchronize"`
	// CUresult cuEventElapsedTime(float *pMilliseconds, CUevent hStart, CUevent hEnd)
	EventElapsedTime func(milliseconds *float32, start, end CUevent) Result `symbol:"cuEventElapsedTime_v2,cuEventElapsedTime"`
	// CUresult cuEventDestroy(CUevent hEvent)
	EventDestroy func(event CUevent) Result `symbol:"cuEventDestroy_v2"`

	// CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int numOptions, CUjit_option *options, void **optionValues)
	ModuleLoadDataEx func(module *CUmodule, image *byte, options uint32, keys *CUjitOption, values *uintptr) Result `symbol:"cuModuleLoadDataEx"`
	// CUresult cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name)
	ModuleGetFunction func(function *CUfunction, module CUmodule, name string) Result `symbol:"cuModuleGetFunction"`
	// CUresult cuModuleGetGlobal(CUdeviceptr *dptr, size_t *bytes, CUmodule hmod, const char *name)
	ModuleGetGlobal func(ptr *DevicePtr, bytes *uintptr, module CUmodule, name string) Result `symbol:"cuModuleGetGlobal_v2"`
	// CUresult cuModuleUnload(CUmodule hmod)
	ModuleUnload func(module CUmodule) Result `symbol:"cuModuleUnload"`

	// CUresult cuFuncGetAttribute(int *pi, CUfunction_attribute attrib, CUfunction hfunc)
	FuncGetAttribute func(value *int32, attribute CUfunctionAttribute, function CUfunction) Result `symbol:"cuFuncGetAttribute"`
	// CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value)
	FuncSetAttribute func(function CUfunction, attribute CUfunctionAttribute, value int32) Result `symbol:"cuFuncSetAttribute"`
	// CUresult cuFuncGetParamInfo(CUfunction func, size_t paramIndex, size_t *paramOffset, size_t *paramSize), since CUDA 12.4
	FuncGetParamInfo func(function CUfunction, index uintptr, offset, size *uintptr) Result `symbol:"cuFuncGetParamInfo" optional:"true"`
	// CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *numBlocks, CUfunction func, int blockSize, size_t dynamicSMemSize)
	OccupancyMaxActiveBlocks func(blocks *int32, function CUfunction, blockSize int32, sharedBytes uintptr) Result `symbol:"cuOccupancyMaxActiveBlocksPerMultiprocessor"`
	// CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams, void **extra)
	LaunchKernel func(function CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes uint32, stream CUstream, params, extra *unsafe.Pointer) Result `symbol:"cuLaunchKernel"`
	// CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams)
	LaunchCooperativeKernel func(function CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes uint32, stream CUstream, params *unsafe.Pointer) Result `symbol:"cuLaunchCooperativeKernel"`
}
