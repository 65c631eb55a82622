package cuda

import (
	"bytes"
	"fmt"
)

// UUID names one device, the same in every process and after every restart.
type UUID [16]byte

// String returns the form nvidia-smi prints, GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.
func (u UUID) String() string {
	return fmt.Sprintf("GPU-%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// Device is one device, described. It is plain data but for the driver it
// belongs to.
type Device struct {
	Ordinal  int    // its place in the driver's list
	Name     string // "NVIDIA H100 80GB HBM3"
	UUID     UUID
	PCIBusID string // "0000:1B:00.0"

	Major, Minor int // compute capability: 9, 0 for sm_90

	Multiprocessors             int
	WarpSize                    int // threads
	MaxThreadsPerBlock          int
	MaxThreadsPerMultiprocessor int
	MaxBlocksPerMultiprocessor  int

	RegistersPerBlock          int // of 32 bits
	RegistersPerMultiprocessor int // of 32 bits

	SharedBytesPerBlock          int // without asking
	SharedBytesPerBlockOptin     int // after Function.SetMaxDynamicShared, static bytes included
	SharedBytesPerMultiprocessor int
	SharedBytesReserved          int // that the driver takes from each block

	L2Bytes       int
	MemoryBytes   uint64
	ClockKHz      int // of the multiprocessors, at most
	MemoryKHz     int // of the memory, at most
	MemoryBusBits int

	Cooperative bool // it takes launches whose blocks wait for each other: see Function.LaunchCooperative

	driver *Driver
	handle CUdevice
}

// Arch returns the architecture's name for a compiler, "sm_90".
func (d Device) Arch() string { return fmt.Sprintf("sm_%d%d", d.Major, d.Minor) }

// String returns the name and place, "NVIDIA H100 80GB HBM3 (0000:1B:00.0)".
func (d Device) String() string { return fmt.Sprintf("%s (%s)", d.Name, d.PCIBusID) }

// Devices describes every device the driver shows, in its order. There may be
// none; CUDA_VISIBLE_DEVICES chooses among them. It makes no context.
func (d *Driver) Devices() ([]Device, error) {
	var count int32
	if err := check("cuDeviceGetCount", d.api.DeviceGetCount(&count)); err != nil {
		return nil, err
	}
	devices := make([]Device, count)
	for i := range devices {
		if err := d.describe(&devices[i], i); err != nil {
			return nil, fmt.Errorf("cuda: device %d: %w", i, err)
		}
	}
	return devices, nil
}

// describe fills in one device.
func (d *Driver) describe(device *Device, ordinal int) error {
	device.driver, device.Ordinal = d, ordinal
	if err := check("cuDeviceGet", d.api.DeviceGet(&device.handle, int32(ordinal))); err != nil {
		return err
	}
	const (
		nameBytes = 256 // the longest name the runtime's cudaDeviceProp has room for
		busBytes  = 32  // "0000:1B:00.0", with room for a wide domain
	)
	name, bus := make([]byte, nameBytes), make([]byte, busBytes)
	if err := check("cuDeviceGetName", d.api.DeviceGetName(&name[0], nameBytes, device.handle)); err != nil {
		return err
	}
	if err := check("cuDeviceGetPCIBusId", d.api.DeviceGetPCIBusID(&bus[0], busBytes, device.handle)); err != nil {
		return err
	}
	device.Name, device.PCIBusID = text(name), text(bus)
	if err := check("cuDeviceGetUuid", d.api.DeviceGetUUID(&device.UUID, device.handle)); err != nil {
		return err
	}
	var total uintptr
	if err := check("cuDeviceTotalMem", d.api.DeviceTotalMem(&total, device.handle)); err != nil {
		return err
	}
	device.MemoryBytes = uint64(total)
	var cooperative int
	for _, row := range []struct {
		field     *int
		attribute CUdeviceAttribute
	}{
		{&device.Major, DeviceComputeCapabilityMajor},
		{&device.Minor, DeviceComputeCapabilityMinor},
		{&device.Multiprocessors, DeviceMultiprocessorCount},
		{&device.WarpSize, DeviceWarpSize},
		{&device.MaxThreadsPerBlock, DeviceMaxThreadsPerBlock},
		{&device.MaxThreadsPerMultiprocessor, DeviceMaxThreadsPerMultiprocessor},
		{&device.MaxBlocksPerMultiprocessor, DeviceMaxBlocksPerMultiprocessor},
		{&device.RegistersPerBlock, DeviceMaxRegistersPerBlock},
		{&device.RegistersPerMultiprocessor, DeviceMaxRegistersPerMultiprocessor},
		{&device.SharedBytesPerBlock, DeviceMaxSharedPerBlock},
		{&device.SharedBytesPerBlockOptin, DeviceMaxSharedPerBlockOptin},
		{&device.SharedBytesPerMultiprocessor, DeviceMaxSharedPerMultiprocessor},
		{&device.SharedBytesReserved, DeviceReservedSharedPerBlock},
		{&device.L2Bytes, DeviceL2CacheSize},
		{&device.ClockKHz, DeviceClockRate},
		{&device.MemoryKHz, DeviceMemoryClockRate},
		{&device.MemoryBusBits, DeviceGlobalMemoryBusWidth},
		{&cooperative, DeviceCooperativeLaunch},
	} {
		var value int32
		if err := check("cuDeviceGetAttribute", d.api.DeviceGetAttribute(&value, row.attribute, device.handle)); err != nil {
			return fmt.Errorf("attribute %d: %w", row.attribute, err)
		}
		*row.field = int(value)
	}
	device.Cooperative = cooperative != 0
	return nil
}

// text returns the bytes before the first NUL.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}
