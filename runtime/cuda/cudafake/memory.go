package cudafake

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

const (
	firstAddress cuda.DevicePtr = 0x7f0000000000 // where a real driver's addresses lie
	alignment                   = 256            // of every allocation, as the driver promises
	guard                       = 1 << 20        // bytes between allocations, which belong to none
	poison                      = 0xFF           // in every byte never written: NaN as a float
	page                        = 4096           // alignment of page-locked memory
)

// ErrAccess is a kernel's access outside the memory it may use. It ends the
// context with an illegal address.
var ErrAccess = errors.New("cudafake: access outside any allocation")

// allocation is a piece of device memory.
type allocation struct {
	bytes []byte
}

// alloc reserves device memory and poisons it.
func (d *device) alloc(ptr *cuda.DevicePtr, bytes uintptr) cuda.Result {
	if bytes == 0 {
		return cuda.ResultInvalidValue
	}
	if uint64(bytes) > d.MemoryBytes-d.used {
		return cuda.ErrOutOfMemory
	}
	*ptr = d.place(bytes)
	d.used += uint64(bytes)
	return cuda.Success
}

// place gives poisoned memory an address.
func (d *device) place(bytes uintptr) cuda.DevicePtr {
	ptr := d.next
	d.allocations[ptr] = &allocation{bytes: poisoned(bytes)}
	d.next += (cuda.DevicePtr(bytes) + guard + alignment - 1) / alignment * alignment
	return ptr
}

// free gives device memory back, after all work that may use it.
func (d *device) free(ptr cuda.DevicePtr) cuda.Result {
	a, ok := d.allocations[ptr]
	if !ok {
		return cuda.ResultInvalidValue
	}
	if result := d.drain(); result != cuda.Success {
		return result
	}
	d.used -= uint64(len(a.bytes))
	delete(d.allocations, ptr)
	return cuda.Success
}

// at returns n bytes of device memory, which must all lie in one allocation.
func (d *device) at(ptr cuda.DevicePtr, n uint64) ([]byte, error) {
	for base, a := range d.allocations {
		size := uint64(len(a.bytes))
		if ptr >= base && uint64(ptr-base) <= size && n <= size-uint64(ptr-base) {
			return a.bytes[ptr-base:][:n], nil
		}
	}
	return nil, fmt.Errorf("%w: %d bytes at %#x", ErrAccess, n, uint64(ptr))
}

// allocHost reserves page-locked memory and poisons it.
func (d *device) allocHost(ptr *unsafe.Pointer, bytes uintptr) cuda.Result {
	if bytes == 0 {
		return cuda.ResultInvalidValue
	}
	room := poisoned(bytes + page)
	skip := (page - uintptr(unsafe.Pointer(&room[0]))%page) % page
	memory := room[skip:][:bytes:bytes]
	*ptr = unsafe.Pointer(&memory[0])
	d.pinned[*ptr] = memory
	return cuda.Success
}

// freeHost gives page-locked memory back, after all work that may use it.
func (d *device) freeHost(ptr unsafe.Pointer) cuda.Result {
	if _, ok := d.pinned[ptr]; !ok {
		return cuda.ResultInvalidValue
	}
	if result := d.drain(); result != cuda.Success {
		return result
	}
	delete(d.pinned, ptr)
	return cuda.Success
}

// isPinned reports whether host memory is page-locked.
func (d *device) isPinned(ptr unsafe.Pointer) bool {
	for _, memory := range d.pinned {
		first := uintptr(unsafe.Pointer(&memory[0]))
		if uintptr(ptr) >= first && uintptr(ptr) < first+uintptr(len(memory)) {
			return true
		}
	}
	return false
}

// poisoned returns memory aligned for every type of number.
func poisoned(bytes uintptr) []byte {
	const word = 8
	words := make([]uint64, (bytes+word-1)/word)
	memory := cuda.Bytes(words)[:bytes]
	for i := range memory {
		memory[i] = poison
	}
	return memory
}
