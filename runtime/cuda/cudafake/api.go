package cudafake

import (
	"encoding/binary"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/internal/thread"
)

// paramInfoSince is the CUDA version from which the driver tells a kernel's
// parameters.
func paramInfoSince() cuda.Version { return cuda.Version{Major: 12, Minor: 4} }

// API returns the table of functions behind which the imitation stands.
func (f *Driver) API() *cuda.API {
	api := &cuda.API{
		Init: func(uint32) cuda.Result {
			return f.call("cuInit", func() cuda.Result {
				if f.config.NoDevices {
					return cuda.ResultNoDevice
				}
				f.initialized = true
				return cuda.Success
			})
		},
		DriverGetVersion: func(version *int32) cuda.Result {
			return f.call("cuDriverGetVersion", func() cuda.Result {
				*version = int32(1000*f.config.Version.Major + 10*f.config.Version.Minor)
				return cuda.Success
			})
		},
		DeviceGetCount: func(count *int32) cuda.Result {
			return f.call("cuDeviceGetCount", func() cuda.Result {
				*count = int32(len(f.devices))
				return cuda.Success
			})
		},
		DeviceGet: func(handle *cuda.CUdevice, ordinal int32) cuda.Result {
			return f.on("cuDeviceGet", cuda.CUdevice(ordinal), func(*device) cuda.Result {
				*handle = cuda.CUdevice(ordinal)
				return cuda.Success
			})
		},
		DeviceGetName: func(name *byte, length int32, handle cuda.CUdevice) cuda.Result {
			return f.on("cuDeviceGetName", handle, func(d *device) cuda.Result {
				cText(name, length, d.Name)
				return cuda.Success
			})
		},
		DeviceGetUUID: func(uuid *cuda.UUID, handle cuda.CUdevice) cuda.Result {
			return f.on("cuDeviceGetUuid", handle, func(d *device) cuda.Result {
				*uuid = d.UUID
				return cuda.Success
			})
		},
		DeviceTotalMem: func(bytes *uintptr, handle cuda.CUdevice) cuda.Result {
			return f.on("cuDeviceTotalMem", handle, func(d *device) cuda.Result {
				*bytes = uintptr(d.MemoryBytes)
				return cuda.Success
			})
		},
		DeviceGetPCIBusID: func(id *byte, length int32, handle cuda.CUdevice) cuda.Result {
			return f.on("cuDeviceGetPCIBusId", handle, func(d *device) cuda.Result {
				cText(id, length, d.PCIBusID)
				return cuda.Success
			})
		},
		DeviceGetAttribute: func(value *int32, attribute cuda.CUdeviceAttribute, handle cuda.CUdevice) cuda.Result {
			return f.on("cuDeviceGetAttribute", handle, func(d *device) cuda.Result {
				n, known := d.attribute(attribute)
				if !known {
					return cuda.ResultInvalidValue
				}
				*value = int32(n)
				return cuda.Success
			})
		},
		DevicePrimaryCtxRetain: func(context *cuda.CUcontext, handle cuda.CUdevice) cuda.Result {
			return f.on("cuDevicePrimaryCtxRetain", handle, func(d *device) cuda.Result {
				if d.retained == 0 {
					d.context = cuda.CUcontext(f.handle())
				}
				d.retained++
				*context = d.context
				return cuda.Success
			})
		},
		DevicePrimaryCtxRelease: func(handle cuda.CUdevice) cuda.Result {
			return f.on("cuDevicePrimaryCtxRelease", handle, func(d *device) cuda.Result {
				if d.retained == 0 {
					return cuda.ResultInvalidContext
				}
				if d.retained--; d.retained == 0 {
					f.leaks = append(f.leaks, d.remaining(int(handle))...)
					d.reset()
				}
				return cuda.Success
			})
		},
		CtxSetCurrent: func(context cuda.CUcontext) cuda.Result {
			return f.call("cuCtxSetCurrent", func() cuda.Result { return f.setCurrent(context) })
		},
		CtxSynchronize: func() cuda.Result {
			return f.in("cuCtxSynchronize", func(d *device) cuda.Result { return d.drain() })
		},
	}
	f.addMemory(api)
	f.addStreams(api)
	f.addModules(api)
	return api
}

// addMemory fills in the functions for memory.
func (f *Driver) addMemory(api *cuda.API) {
	api.MemGetInfo = func(free, total *uintptr) cuda.Result {
		return f.in("cuMemGetInfo", func(d *device) cuda.Result {
			*free, *total = uintptr(d.MemoryBytes-d.used), uintptr(d.MemoryBytes)
			return cuda.Success
		})
	}
	api.MemAlloc = func(ptr *cuda.DevicePtr, bytes uintptr) cuda.Result {
		return f.in("cuMemAlloc", func(d *device) cuda.Result { return d.alloc(ptr, bytes) })
	}
	api.MemFree = func(ptr cuda.DevicePtr) cuda.Result {
		return f.in("cuMemFree", func(d *device) cuda.Result { return d.free(ptr) })
	}
	api.MemHostAlloc = func(ptr *unsafe.Pointer, bytes uintptr, _ uint32) cuda.Result {
		return f.in("cuMemHostAlloc", func(d *device) cuda.Result { return d.allocHost(ptr, bytes) })
	}
	api.MemFreeHost = func(ptr unsafe.Pointer) cuda.Result {
		return f.in("cuMemFreeHost", func(d *device) cuda.Result { return d.freeHost(ptr) })
	}
	// The synchronous copies wait for the default stream alone.
	api.MemcpyHtoD = func(dst cuda.DevicePtr, src unsafe.Pointer, bytes uintptr) cuda.Result {
		return f.in("cuMemcpyHtoD", func(d *device) cuda.Result {
			if result := d.copyIn(dst, src, bytes, 0); result != cuda.Success {
				return result
			}
			return d.synchronize(0)
		})
	}
	api.MemcpyDtoH = func(dst unsafe.Pointer, src cuda.DevicePtr, bytes uintptr) cuda.Result {
		return f.in("cuMemcpyDtoH", func(d *device) cuda.Result {
			if result := d.copyOut(dst, src, bytes, 0); result != cuda.Success {
				return result
			}
			return d.synchronize(0)
		})
	}
	api.MemcpyDtoD = func(dst, src cuda.DevicePtr, bytes uintptr) cuda.Result {
		return f.in("cuMemcpyDtoD", func(d *device) cuda.Result { return d.copyWithin(dst, src, bytes, 0) })
	}
	api.MemcpyHtoDAsync = func(dst cuda.DevicePtr, src unsafe.Pointer, bytes uintptr, stream cuda.CUstream) cuda.Result {
		return f.in("cuMemcpyHtoDAsync", func(d *device) cuda.Result {
			result := d.copyIn(dst, src, bytes, stream)
			if result != cuda.Success || !f.eager || !d.isPinned(src) {
				return result
			}
			return d.synchronize(stream)
		})
	}
	api.MemcpyDtoHAsync = func(dst unsafe.Pointer, src cuda.DevicePtr, bytes uintptr, stream cuda.CUstream) cuda.Result {
		return f.in("cuMemcpyDtoHAsync", func(d *device) cuda.Result { return d.copyOut(dst, src, bytes, stream) })
	}
	api.MemcpyDtoDAsync = func(dst, src cuda.DevicePtr, bytes uintptr, stream cuda.CUstream) cuda.Result {
		return f.in("cuMemcpyDtoDAsync", func(d *device) cuda.Result { return d.copyWithin(dst, src, bytes, stream) })
	}
	api.MemsetD8Async = func(dst cuda.DevicePtr, value uint8, count uintptr, stream cuda.CUstream) cuda.Result {
		return f.in("cuMemsetD8Async", func(d *device) cuda.Result { return d.set(dst, []byte{value}, count, stream) })
	}
	api.MemsetD32Async = func(dst cuda.DevicePtr, value uint32, count uintptr, stream cuda.CUstream) cuda.Result {
		return f.in("cuMemsetD32Async", func(d *device) cuda.Result {
			return d.set(dst, binary.LittleEndian.AppendUint32(nil, value), count, stream)
		})
	}
}

// addStreams fills in the functions for streams and events.
func (f *Driver) addStreams(api *cuda.API) {
	api.StreamCreate = func(handle *cuda.CUstream, _ uint32) cuda.Result {
		return f.in("cuStreamCreate", func(d *device) cuda.Result {
			*handle = cuda.CUstream(f.handle())
			d.streams[*handle] = &stream{device: d}
			return cuda.Success
		})
	}
	api.StreamSynchronize = func(handle cuda.CUstream) cuda.Result {
		return f.in("cuStreamSynchronize", func(d *device) cuda.Result { return d.synchronize(handle) })
	}
	api.StreamWaitEvent = func(handle cuda.CUstream, event cuda.CUevent, _ uint32) cuda.Result {
		return f.in("cuStreamWaitEvent", func(d *device) cuda.Result { return d.wait(handle, event) })
	}
	api.StreamDestroy = func(handle cuda.CUstream) cuda.Result {
		return f.in("cuStreamDestroy", func(d *device) cuda.Result {
			if handle == 0 {
				return cuda.ResultInvalidHandle
			}
			result := d.synchronize(handle) // its work is still done
			delete(d.streams, handle)
			return result
		})
	}
	api.EventCreate = func(handle *cuda.CUevent, _ uint32) cuda.Result {
		return f.in("cuEventCreate", func(d *device) cuda.Result {
			*handle = cuda.CUevent(f.handle())
			d.events[*handle] = new(event)
			return cuda.Success
		})
	}
	api.EventRecord = func(handle cuda.CUevent, stream cuda.CUstream) cuda.Result {
		return f.in("cuEventRecord", func(d *device) cuda.Result { return d.record(handle, stream) })
	}
	api.EventQuery = func(handle cuda.CUevent) cuda.Result {
		return f.in("cuEventQuery", func(d *device) cuda.Result { return d.query(handle) })
	}
	api.EventSynchronize = func(handle cuda.CUevent) cuda.Result {
		return f.in("cuEventSynchronize", func(d *device) cuda.Result { return d.await(handle) })
	}
	api.EventElapsedTime = func(milliseconds *float32, start, end cuda.CUevent) cuda.Result {
		return f.in("cuEventElapsedTime", func(d *device) cuda.Result { return d.elapsed(milliseconds, start, end) })
	}
	api.EventDestroy = func(handle cuda.CUevent) cuda.Result {
		return f.in("cuEventDestroy", func(d *device) cuda.Result {
			if d.events[handle] == nil {
				return cuda.ResultInvalidHandle
			}
			delete(d.events, handle)
			return cuda.Success
		})
	}
}

// addModules fills in the functions for modules and kernels.
func (f *Driver) addModules(api *cuda.API) {
	api.ModuleLoadDataEx = func(module *cuda.CUmodule, image *byte, count uint32, keys *cuda.CUjitOption, values *uintptr) cuda.Result {
		return f.in("cuModuleLoadDataEx", func(d *device) cuda.Result { return f.load(d, module, image, count, keys, values) })
	}
	api.ModuleGetFunction = func(function *cuda.CUfunction, module cuda.CUmodule, name string) cuda.Result {
		return f.in("cuModuleGetFunction", func(d *device) cuda.Result { return f.find(d, function, module, name) })
	}
	api.ModuleGetGlobal = func(ptr *cuda.DevicePtr, bytes *uintptr, module cuda.CUmodule, name string) cuda.Result {
		return f.in("cuModuleGetGlobal", func(d *device) cuda.Result { return d.global(ptr, bytes, module, name) })
	}
	api.ModuleUnload = func(module cuda.CUmodule) cuda.Result {
		return f.in("cuModuleUnload", func(d *device) cuda.Result { return d.unload(module) })
	}
	api.FuncGetAttribute = func(value *int32, attribute cuda.CUfunctionAttribute, function cuda.CUfunction) cuda.Result {
		return f.in("cuFuncGetAttribute", func(d *device) cuda.Result { return d.functionAttribute(value, attribute, function) })
	}
	api.FuncSetAttribute = func(function cuda.CUfunction, attribute cuda.CUfunctionAttribute, value int32) cuda.Result {
		return f.in("cuFuncSetAttribute", func(d *device) cuda.Result { return d.setFunctionAttribute(function, attribute, value) })
	}
	if since := paramInfoSince(); f.config.Version.Major > since.Major ||
		f.config.Version.Major == since.Major && f.config.Version.Minor >= since.Minor {
		api.FuncGetParamInfo = func(function cuda.CUfunction, index uintptr, offset, size *uintptr) cuda.Result {
			return f.in("cuFuncGetParamInfo", func(d *device) cuda.Result { return d.paramInfo(function, index, offset, size) })
		}
	}
	api.OccupancyMaxActiveBlocks = func(blocks *int32, function cuda.CUfunction, blockSize int32, sharedBytes uintptr) cuda.Result {
		return f.in("cuOccupancyMaxActiveBlocksPerMultiprocessor", func(d *device) cuda.Result {
			return d.occupancy(blocks, function, blockSize, sharedBytes)
		})
	}
	api.LaunchKernel = func(function cuda.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes uint32, stream cuda.CUstream, params, _ *unsafe.Pointer) cuda.Result {
		return f.in("cuLaunchKernel", func(d *device) cuda.Result {
			grid := cuda.Dim3{X: int(gridX), Y: int(gridY), Z: int(gridZ)}
			block := cuda.Dim3{X: int(blockX), Y: int(blockY), Z: int(blockZ)}
			return f.launch(d, function, grid, block, int(sharedBytes), stream, params)
		})
	}
	api.LaunchCooperativeKernel = func(function cuda.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes uint32, stream cuda.CUstream, params *unsafe.Pointer) cuda.Result {
		return f.in("cuLaunchCooperativeKernel", func(d *device) cuda.Result {
			grid := cuda.Dim3{X: int(gridX), Y: int(gridY), Z: int(gridZ)}
			block := cuda.Dim3{X: int(blockX), Y: int(blockY), Z: int(blockZ)}
			if result := d.holds(function, grid, block, int(sharedBytes)); result != cuda.Success {
				return result
			}
			return f.launch(d, function, grid, block, int(sharedBytes), stream, params)
		})
	}
}

// setCurrent makes a context current on the calling thread, or none for 0.
func (f *Driver) setCurrent(context cuda.CUcontext) cuda.Result {
	id := thread.ID()
	if context == 0 {
		delete(f.current, id)
		return cuda.Success
	}
	for _, d := range f.devices {
		if d.context == context {
			f.current[id] = context
			return cuda.Success
		}
	}
	return cuda.ResultInvalidContext
}
