package cudatest

import (
	"bytes"
	"errors"
	"strings"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// testCopy copies to, within and from the device, in odd sizes and at odd places.
func testCopy(t *bench) {
	const size = 1<<16 + 13
	source, target := t.alloc(size), t.alloc(size)
	if source%256 != 0 || target%256 != 0 {
		t.Errorf("addresses %#x and %#x are not multiples of 256", source, target)
	}
	want, got := pattern(size, 0), make([]byte, size)
	must(t, t.ctx.CopyHtoD(source, want))
	must(t, t.ctx.CopyDtoD(target, source, size))
	must(t, t.ctx.CopyDtoH(got, target))
	if !bytes.Equal(got, want) {
		t.Error("what came back is not what went in")
	}
	// A part of it, into the middle.
	copy(want[7:], pattern(1001, 0x55))
	must(t, t.ctx.CopyHtoD(target+7, want[7:][:1001]))
	must(t, t.ctx.CopyDtoH(got[3:], target+3))
	if !bytes.Equal(got, want) {
		t.Error("a copy into the middle changed something else, or not that")
	}
	// Nothing at all.
	must(t, t.ctx.CopyHtoD(0, nil))
	must(t, t.ctx.CopyDtoH(nil, 0))
	must(t, t.ctx.CopyDtoD(0, 0, 0))
}

// testMemoryRefused checks the errors of calls for memory.
func testMemoryRefused(t *bench) {
	stream, ptr := t.stream(), t.alloc(16)
	freed, err := t.ctx.Alloc(16)
	must(t, err)
	must(t, t.ctx.Free(freed))
	must(t, t.ctx.Free(0))
	for _, test := range []struct {
		name string
		call func() error
		want error
	}{
		{"Alloc(0)", func() error { _, err := t.ctx.Alloc(0); return err }, cuda.ErrArgument},
		{"Alloc(-1)", func() error { _, err := t.ctx.Alloc(-1); return err }, cuda.ErrArgument},
		{"AllocHost(0)", func() error { _, err := t.ctx.AllocHost(0); return err }, cuda.ErrArgument},
		{"AllocHost(-1)", func() error { _, err := t.ctx.AllocHost(-1); return err }, cuda.ErrArgument},
		{"CopyDtoD of -1", func() error { return t.ctx.CopyDtoD(ptr, ptr, -1) }, cuda.ErrArgument},
		{"Stream.CopyDtoD of -1", func() error { return stream.CopyDtoD(ptr, ptr, -1) }, cuda.ErrArgument},
		{"MemsetD8 of -1", func() error { return stream.MemsetD8(ptr, 0, -1) }, cuda.ErrArgument},
		{"MemsetD32 of -1", func() error { return stream.MemsetD32(ptr, 0, -1) }, cuda.ErrArgument},
		{"MemsetD32 at an odd address", func() error { return stream.MemsetD32(ptr+1, 0, 1) }, cuda.ResultInvalidValue},
		{"Free twice", func() error { return t.ctx.Free(freed) }, cuda.ResultInvalidValue},
	} {
		if err := test.call(); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
}

// testOutOfMemory asks for more than the device has, and goes on.
func testOutOfMemory(t *bench) {
	_, total, err := t.ctx.MemInfo()
	must(t, err)
	ptr, err := t.ctx.Alloc(int(total) + 1)
	if !errors.Is(err, cuda.ErrOutOfMemory) || ptr != 0 {
		t.Fatalf("address %#x and error %v, want ErrOutOfMemory", ptr, err)
	}
	var failed *cuda.Error
	if !errors.As(err, &failed) || failed.Call != "cuMemAlloc" || !strings.Contains(failed.Detail, "bytes asked") || !strings.Contains(failed.Detail, "free") {
		t.Errorf("error %v, want the call, what was asked and what is free", err)
	}
	must(t, t.ctx.CopyHtoD(t.alloc(1), []byte{1}))
}

// testHostMemory copies to and from page-locked memory, while the host goes on.
func testHostMemory(t *bench) {
	const count = 5000
	source, target := t.host(4*count+3), t.host(4*count)
	if n := len(source.Bytes()); n != 4*count+3 {
		t.Fatalf("%d bytes, want %d", n, 4*count+3)
	}
	x := cuda.View[float32](source)
	if len(x) != count {
		t.Fatalf("a view of %d numbers, want %d", len(x), count)
	}
	for i := range x {
		x[i] = float32(i)
	}
	stream, ptr := t.stream(), t.alloc(4*count)
	must(t, stream.CopyHtoD(ptr, source.Bytes()[:4*count]))
	must(t, t.function("scale").Launch(cuda.Dim3{X: 5}, cuda.Dim3{X: 1000}, 0, stream, ptr, int64(count), float32(3)))
	must(t, stream.CopyDtoH(target.Bytes(), ptr))
	must(t, stream.Sync())
	for i, got := range cuda.View[float32](target) {
		if got != float32(3*i) {
			t.Fatalf("y[%d] = %v, want %v", i, got, 3*i)
		}
	}
}

// testSet fills parts of memory with bytes and words.
func testSet(t *bench) {
	const size = 64
	stream, ptr := t.stream(), t.alloc(size)
	must(t, stream.MemsetD8(ptr, 0x11, size))
	must(t, stream.MemsetD8(ptr+1, 0xAB, 5))
	must(t, stream.MemsetD32(ptr+8, 0x04030201, 3))
	must(t, stream.MemsetD8(ptr, 0xFF, 0))
	must(t, stream.MemsetD32(ptr, 0xFF, 0))
	got := make([]byte, size)
	must(t, stream.CopyDtoH(got, ptr))
	must(t, stream.Sync())
	want := bytes.Repeat([]byte{0x11}, size)
	copy(want[1:], bytes.Repeat([]byte{0xAB}, 5))
	copy(want[8:], bytes.Repeat([]byte{1, 2, 3, 4}, 3))
	if !bytes.Equal(got, want) {
		t.Errorf("memory\n% x, want\n% x", got, want)
	}
}
