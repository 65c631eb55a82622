package cudatest

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// testBadImage loads what is no image, and PTX with an error.
func testBadImage(t *bench) {
	_, err := t.ctx.LoadModule([]byte(notAnImage))
	var failed *cuda.Error
	if !errors.As(err, &failed) || failed.Call != "cuModuleLoadDataEx" || !strings.Contains(failed.Detail, "the driver serves CUDA") {
		t.Errorf("no image: error %v, want the call and the driver's version", err)
	}
	_, err = t.ctx.LoadModule([]byte(brokenPTX))
	if !errors.Is(err, cuda.ResultInvalidPTX) {
		t.Errorf("broken PTX: error %v, want CUDA_ERROR_INVALID_PTX", err)
	}
	if err != nil && !strings.Contains(err.Error(), "bogus") {
		t.Errorf("broken PTX: error %v, want the assembler's log", err)
	}
	if _, err := t.module.Function("absent"); !errors.Is(err, cuda.ResultNotFound) || !strings.Contains(err.Error(), `"absent"`) {
		t.Errorf("absent kernel: error %v, want CUDA_ERROR_NOT_FOUND and its name", err)
	}
}

// testGlobal writes a variable of a module, and asks for one that is not there.
func testGlobal(t *bench) {
	ptr, bytes, err := t.module.Global("table")
	must(t, err)
	if bytes != tableBytes {
		t.Fatalf("%d bytes: want %d", bytes, tableBytes)
	}
	want, got := pattern(bytes, 1), make([]byte, bytes)
	must(t, t.ctx.CopyHtoD(ptr, want))
	must(t, t.ctx.CopyDtoH(got, ptr))
	if !slices.Equal(got, want) {
		t.Errorf("read %v: want %v", got, want)
	}
	if _, _, err := t.module.Global("absent"); !errors.Is(err, cuda.ResultNotFound) || !strings.Contains(err.Error(), `"absent"`) {
		t.Errorf("a variable that is not there: %v", err)
	}
}

// testModuleClose unloads one of two modules of the same image.
func testModuleClose(t *bench) {
	second, err := t.ctx.LoadModule(Image())
	must(t, err)
	gone, err := second.Function("scale")
	must(t, err)
	must(t, second.Close())
	if _, err := gone.Attributes(); !errors.Is(err, cuda.ErrClosed) {
		t.Errorf("a function of a closed module: error %v, want ErrClosed", err)
	}
	ptr := t.alloc(4)
	must(t, t.function("scale").Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, nil, ptr, int64(0), float32(0)))
	must(t, t.ctx.Sync())
}

// testAttributes asks about a kernel with static shared memory.
func testAttributes(t *bench) {
	f := t.function("shared")
	if f.Name() != "shared" {
		t.Errorf("Name() = %q", f.Name())
	}
	a, err := f.Attributes()
	must(t, err)
	d := t.ctx.Device()
	if a.Registers < 1 || a.Registers > 255 || a.SharedBytes != sharedStaticBytes || a.LocalBytes != 0 ||
		a.MaxThreadsPerBlock != d.MaxThreadsPerBlock || a.PTXVersion != 50 || a.BinaryVersion < 50 ||
		a.MaxDynamicSharedBytes != d.SharedBytesPerBlock-sharedStaticBytes {
		t.Errorf("attributes %+v on a device %+v", a, d)
	}
	most := d.SharedBytesPerBlockOptin - sharedStaticBytes
	must(t, f.SetMaxDynamicShared(most))
	a, err = f.Attributes()
	must(t, err)
	if a.MaxDynamicSharedBytes != most {
		t.Errorf("%d bytes of dynamic shared memory allowed, want %d", a.MaxDynamicSharedBytes, most)
	}
	if err := f.SetMaxDynamicShared(most + 1); !errors.Is(err, cuda.ResultInvalidValue) {
		t.Errorf("one byte too many: error %v, want CUDA_ERROR_INVALID_VALUE", err)
	}
}

// testOccupancy counts blocks limited by threads and by shared memory.
func testOccupancy(t *bench) {
	f, d := t.function("shared"), t.ctx.Device()
	n, err := f.Occupancy(d.MaxThreadsPerBlock, 0)
	must(t, err)
	if want := d.MaxThreadsPerMultiprocessor / d.MaxThreadsPerBlock; n != want {
		t.Errorf("%d blocks of %d threads, want %d", n, d.MaxThreadsPerBlock, want)
	}
	must(t, f.SetMaxDynamicShared(d.SharedBytesPerBlockOptin-sharedStaticBytes))
	n, err = f.Occupancy(d.WarpSize, d.SharedBytesPerBlockOptin-sharedStaticBytes)
	must(t, err)
	if n != d.SharedBytesPerMultiprocessor/d.SharedBytesPerBlockOptin {
		t.Errorf("%d blocks that take all shared memory, want %d", n, d.SharedBytesPerMultiprocessor/d.SharedBytesPerBlockOptin)
	}
	if _, err := f.Occupancy(0, 0); !errors.Is(err, cuda.ResultInvalidValue) {
		t.Errorf("blocks of no threads: error %v, want CUDA_ERROR_INVALID_VALUE", err)
	}
}

// testArguments passes every type, at its extremes.
func testArguments(t *bench) {
	f, ptr := t.function("arguments"), t.alloc(6*8)
	for _, test := range []struct {
		a int32
		b uint32
		c int64
		d uint64
		e float32
		f float64
	}{
		{1, 2, 3, 4, 5, 6},
		{-1, math.MaxUint32, -1, math.MaxUint64, -0.5, -0.25},
		{math.MinInt32, 1 << 31, math.MinInt64, 1 << 63, math.SmallestNonzeroFloat32, math.MaxFloat64},
		{math.MaxInt32, 0, math.MaxInt64, 0, float32(math.Inf(1)), math.Inf(-1)},
		{0x01020304, 0x05060708, 0x1112131415161718, 0x2122232425262728, math.Pi, math.E},
	} {
		must(t, f.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, nil, ptr, test.a, test.b, test.c, test.d, test.e, test.f))
		got := make([]uint64, 6)
		must(t, t.ctx.CopyDtoH(cuda.Bytes(got), ptr))
		want := []uint64{
			uint64(int64(test.a)), uint64(test.b), uint64(test.c), test.d,
			uint64(math.Float32bits(test.e)), math.Float64bits(test.f),
		}
		if !slices.Equal(got, want) {
			t.Errorf("the kernel saw %#x, want %#x", got, want)
		}
	}
}

// testPlaces checks that each axis of the grid and of the block arrives as itself.
func testPlaces(t *bench) {
	f := t.function("places")
	for _, test := range []struct{ grid, block cuda.Dim3 }{
		{cuda.Dim3{X: 2, Y: 3, Z: 4}, cuda.Dim3{X: 5, Y: 6, Z: 7}},
		{cuda.Dim3{X: 4, Y: 1, Z: 2}, cuda.Dim3{X: 1, Y: 8, Z: 3}},
		{cuda.Dim3{X: 3}, cuda.Dim3{X: 16}},
		{cuda.Dim3{X: 1, Y: 2}, cuda.Dim3{X: 2, Z: 3}},
	} {
		sizes := []int{
			test.block.X, max(1, test.block.Y), max(1, test.block.Z),
			test.grid.X, max(1, test.grid.Y), max(1, test.grid.Z),
		}
		want := []uint32{0}
		for axis, size := range sizes {
			var next []uint32
			for i := range uint32(size) {
				for _, place := range want {
					next = append(next, place|i<<(4*axis))
				}
			}
			want = next
		}
		got := make([]uint32, len(want))
		ptr := t.alloc(4 * len(want))
		must(t, t.ctx.CopyHtoD(ptr, cuda.Bytes(got)))
		must(t, f.Launch(test.grid, test.block, 0, nil, ptr))
		must(t, t.ctx.CopyDtoH(cuda.Bytes(got), ptr))
		if !slices.Equal(got, want) {
			t.Errorf("grid %v, block %v: places %x, want %x", test.grid, test.block, got, want)
		}
	}
}

// testShared launches with as much dynamic shared memory as there is without
// asking, and with all there is.
func testShared(t *bench) {
	f, ptr, d := t.function("shared"), t.alloc(8), t.ctx.Device()
	launch := func(bytes int, value uint32) error {
		return f.Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, bytes, nil, ptr, value)
	}
	check := func(bytes int, value uint32) {
		t.Helper()
		must(t, launch(bytes, value))
		got := make([]uint32, 2)
		must(t, t.ctx.CopyDtoH(cuda.Bytes(got), ptr))
		if want := []uint32{uint32(bytes), value}; !slices.Equal(got, want) {
			t.Errorf("bytes and value %v, want %v", got, want)
		}
	}
	small, all := d.SharedBytesPerBlock-sharedStaticBytes, d.SharedBytesPerBlockOptin-sharedStaticBytes
	check(4, 11)
	check(small, 22)
	if all > small {
		if err := launch(all, 0); !errors.Is(err, cuda.ResultInvalidValue) {
			t.Errorf("%d bytes without asking: error %v, want CUDA_ERROR_INVALID_VALUE", all, err)
		}
	}
	must(t, f.SetMaxDynamicShared(all))
	check(all, 33)
}

// testLaunchRefused checks that a launch that cannot be right is not made.
func testLaunchRefused(t *bench) {
	scale, ptr, d := t.function("scale"), t.alloc(4), t.ctx.Device()
	must(t, t.ctx.CopyHtoD(ptr, cuda.Bytes([]float32{1})))
	one := cuda.Dim3{X: 1}
	other, err := d.Open()
	must(t, err)
	defer closed(t, other)
	foreign, err := other.NewStream()
	must(t, err)
	defer closed(t, foreign)
	n, by := int64(1), float32(2)
	for _, test := range []struct {
		name        string
		grid, block cuda.Dim3
		sharedBytes int
		stream      *cuda.Stream
		args        []any
		want        error
		says        string
	}{
		{"too few arguments", one, one, 0, nil, []any{ptr, n}, cuda.ErrArgument, "2 arguments, it takes 3"},
		{"too many arguments", one, one, 0, nil, []any{ptr, n, by, by}, cuda.ErrArgument, "4 arguments, it takes 3"},
		{"a narrow argument", one, one, 0, nil, []any{ptr, int32(1), by}, cuda.ErrArgument, "argument 1 is a int32 of 4 bytes, it takes 8"},
		{"a wide argument", one, one, 0, nil, []any{ptr, n, float64(2)}, cuda.ErrArgument, "argument 2 is a float64 of 8 bytes, it takes 4"},
		{"an int", one, one, 0, nil, []any{ptr, 1, by}, cuda.ErrArgument, "argument 1 is a int, not"},
		{"nil", one, one, 0, nil, []any{nil, n, by}, cuda.ErrArgument, "argument 0 is a <nil>, not"},
		{"a host address", one, one, 0, nil, []any{&n, n, by}, cuda.ErrArgument, "argument 0 is a *int64, not"},
		{"no blocks", cuda.Dim3{}, one, 0, nil, []any{ptr, n, by}, cuda.ErrArgument, "grid 0×1×1, block 1×1×1, 0 bytes of shared memory"},
		{"negative threads", one, cuda.Dim3{X: 1, Y: -1}, 0, nil, []any{ptr, n, by}, cuda.ErrArgument, "block 1×-1×1"},
		{"a huge grid", cuda.Dim3{X: 1 << 31}, one, 0, nil, []any{ptr, n, by}, cuda.ErrArgument, "grid 2147483648×1×1"},
		{"negative shared memory", one, one, -1, nil, []any{ptr, n, by}, cuda.ErrArgument, "-1 bytes of shared memory"},
		{"another context's stream", one, one, 0, foreign, []any{ptr, n, by}, cuda.ErrArgument, "the stream belongs to"},
		{"too many threads", one, cuda.Dim3{X: 2 * d.MaxThreadsPerBlock}, 0, nil, []any{ptr, n, by}, cuda.ResultInvalidValue, `kernel "scale"`},
	} {
		err := scale.Launch(test.grid, test.block, test.sharedBytes, test.stream, test.args...)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		} else if !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error %v, want it to say %q", test.name, err, test.says)
		}
	}
	got := make([]float32, 1)
	must(t, t.ctx.CopyDtoH(cuda.Bytes(got), ptr))
	if got[0] != 1 {
		t.Errorf("a refused launch ran: %v", got[0])
	}
}

// testCooperative launches as many blocks as the device holds at once, and one more.
func testCooperative(t *bench) {
	f, d, ptr := t.function("scale"), t.ctx.Device(), t.alloc(4)
	one, args := cuda.Dim3{X: d.WarpSize}, []any{ptr, int64(1), float32(3)}
	must(t, t.ctx.CopyHtoD(ptr, cuda.Bytes([]float32{2})))
	if !d.Cooperative {
		if err := f.LaunchCooperative(cuda.Dim3{X: 1}, one, 0, nil, args...); !errors.Is(err, cuda.ResultNotSupported) {
			t.Errorf("on a device that is not cooperative: error %v, want CUDA_ERROR_NOT_SUPPORTED", err)
		}
		return
	}
	held, err := f.Occupancy(d.WarpSize, 0)
	must(t, err)
	most := held * d.Multiprocessors
	must(t, f.LaunchCooperative(cuda.Dim3{X: most}, one, 0, nil, args...))
	got := make([]float32, 1)
	must(t, t.ctx.CopyDtoH(cuda.Bytes(got), ptr))
	if got[0] != 6 {
		t.Errorf("2 times 3 is %v", got[0])
	}
	err = f.LaunchCooperative(cuda.Dim3{X: most + 1}, one, 0, nil, args...)
	if failed, ok := errors.AsType[*cuda.Error](err); !ok || failed.Call != "cuLaunchCooperativeKernel" || failed.Result != cuda.ResultCooperativeLaunchTooLarge {
		t.Errorf("%d blocks: error %v, want CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", most+1, err)
	}
	if err := f.LaunchCooperative(cuda.Dim3{X: 1}, one, 0, nil, ptr); !errors.Is(err, cuda.ErrArgument) {
		t.Errorf("too few arguments: error %v, want ErrArgument", err)
	}
}

// testStray checks that after a kernel's stray write every call says so.
func testStray(t *bench) {
	must(t, t.function("stray").Launch(cuda.Dim3{X: 1}, cuda.Dim3{X: 1}, 0, nil))
	err := t.ctx.Sync()
	if !errors.Is(err, cuda.ResultIllegalAddress) {
		t.Fatalf("error %v, want CUDA_ERROR_ILLEGAL_ADDRESS", err)
	}
	var result cuda.Result
	if !errors.As(err, &result) || !result.Sticky() {
		t.Errorf("%v is not sticky", err)
	}
	if _, err := t.ctx.Alloc(4); !errors.Is(err, cuda.ResultIllegalAddress) {
		t.Errorf("a later call: error %v, want CUDA_ERROR_ILLEGAL_ADDRESS", err)
	}
}
