package cudafake

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// H100 describes a device with the limits of an NVIDIA H100 SXM with 80 GB.
func H100() cuda.Device {
	const (
		kib = 1 << 10
		mib = 1 << 20
	)
	return cuda.Device{
		Name: "NVIDIA H100 80GB HBM3", PCIBusID: "0000:1B:00.0",
		UUID:  cuda.UUID{0x48, 0x31, 0x30, 0x30},
		Major: 9, Minor: 0,
		Multiprocessors: 132, WarpSize: 32,
		MaxThreadsPerBlock: 1024, MaxThreadsPerMultiprocessor: 2048, MaxBlocksPerMultiprocessor: 32,
		RegistersPerBlock: 64 * kib, RegistersPerMultiprocessor: 64 * kib,
		SharedBytesPerBlock: 48 * kib, SharedBytesPerBlockOptin: 227 * kib,
		SharedBytesPerMultiprocessor: 228 * kib, SharedBytesReserved: 1 * kib,
		L2Bytes: 50 * mib, MemoryBytes: 81079 * mib,
		ClockKHz: 1980000, MemoryKHz: 2619000, MemoryBusBits: 5120, Cooperative: true,
	}
}

// device is one device and its primary context.
type device struct {
	cuda.Device
	context  cuda.CUcontext // 0 while nothing retains it
	retained int
	lost     cuda.Result // the sticky result that ended the context, or Success

	allocations map[cuda.DevicePtr]*allocation
	next        cuda.DevicePtr // the address of the next allocation
	used        uint64
	pinned      map[unsafe.Pointer][]byte
	streams     map[cuda.CUstream]*stream // 0 is the default stream
	events      map[cuda.CUevent]*event
	modules     map[cuda.CUmodule]module
	functions   map[cuda.CUfunction]*function
	clock       time.Duration
}

// newDevice returns a device without a context.
func newDevice(description cuda.Device) *device {
	d := &device{Device: description}
	d.reset()
	return d
}

// reset ends everything that lives in the context.
func (d *device) reset() {
	d.context, d.lost = 0, cuda.Success
	d.allocations, d.next, d.used = map[cuda.DevicePtr]*allocation{}, firstAddress, 0
	d.pinned = map[unsafe.Pointer][]byte{}
	d.streams = map[cuda.CUstream]*stream{0: {device: d}}
	d.events = map[cuda.CUevent]*event{}
	d.modules = map[cuda.CUmodule]module{}
	d.functions = map[cuda.CUfunction]*function{}
}

// remaining lists what lives in the context.
func (d *device) remaining(ordinal int) []string {
	variables := 0
	for _, m := range d.modules {
		variables += len(m)
	}
	var list []string
	for _, row := range []struct {
		count int
		what  string
	}{
		{len(d.allocations) - variables, fmt.Sprintf("allocations (%d bytes)", d.used)},
		{len(d.pinned), "page-locked allocations"},
		{len(d.streams) - 1, "streams"},
		{len(d.events), "events"},
		{len(d.modules), "modules"},
	} {
		if row.count > 0 {
			list = append(list, fmt.Sprintf("device %d: %d %s", ordinal, row.count, row.what))
		}
	}
	return list
}

// attribute returns one of the attributes that cuda.Device shows.
func (d *device) attribute(a cuda.CUdeviceAttribute) (value int, known bool) {
	switch a {
	case cuda.DeviceComputeCapabilityMajor:
		return d.Major, true
	case cuda.DeviceComputeCapabilityMinor:
		return d.Minor, true
	case cuda.DeviceMultiprocessorCount:
		return d.Multiprocessors, true
	case cuda.DeviceWarpSize:
		return d.WarpSize, true
	case cuda.DeviceMaxThreadsPerBlock:
		return d.MaxThreadsPerBlock, true
	case cuda.DeviceMaxThreadsPerMultiprocessor:
		return d.MaxThreadsPerMultiprocessor, true
	case cuda.DeviceMaxBlocksPerMultiprocessor:
		return d.MaxBlocksPerMultiprocessor, true
	case cuda.DeviceMaxRegistersPerBlock:
		return d.RegistersPerBlock, true
	case cuda.DeviceMaxRegistersPerMultiprocessor:
		return d.RegistersPerMultiprocessor, true
	case cuda.DeviceMaxSharedPerBlock:
		return d.SharedBytesPerBlock, true
	case cuda.DeviceMaxSharedPerBlockOptin:
		return d.SharedBytesPerBlockOptin, true
	case cuda.DeviceMaxSharedPerMultiprocessor:
		return d.SharedBytesPerMultiprocessor, true
	case cuda.DeviceReservedSharedPerBlock:
		return d.SharedBytesReserved, true
	case cuda.DeviceL2CacheSize:
		return d.L2Bytes, true
	case cuda.DeviceClockRate:
		return d.ClockKHz, true
	case cuda.DeviceMemoryClockRate:
		return d.MemoryKHz, true
	case cuda.DeviceGlobalMemoryBusWidth:
		return d.MemoryBusBits, true
	case cuda.DeviceCooperativeLaunch:
		if d.Cooperative {
			return 1, true
		}
		return 0, true
	default:
		return 0, false
	}
}
