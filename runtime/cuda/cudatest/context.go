package cudatest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gmmspec/gmmspec/runtime/cuda"
)

// testDevice checks that the device is described, within what any device with
// CUDA has.
func testDevice(t *bench) {
	d := t.ctx.Device()
	type fields cuda.Device // without its String
	t.Logf("%+v", fields(d))
	if d.Name == "" || d.PCIBusID == "" || d.UUID == (cuda.UUID{}) {
		t.Errorf("name %q, bus %q, UUID %v", d.Name, d.PCIBusID, d.UUID)
	}
	for _, row := range []struct {
		what            string
		value, from, to int
	}{
		{"Major", d.Major, 5, 99},
		{"Minor", d.Minor, 0, 9},
		{"Multiprocessors", d.Multiprocessors, 1, 1 << 10},
		{"WarpSize", d.WarpSize, 32, 32},
		{"MaxThreadsPerBlock", d.MaxThreadsPerBlock, 1024, 1024},
		{"MaxThreadsPerMultiprocessor", d.MaxThreadsPerMultiprocessor, 1024, 4096},
		{"MaxBlocksPerMultiprocessor", d.MaxBlocksPerMultiprocessor, 16, 64},
		{"RegistersPerBlock", d.RegistersPerBlock, 32 << 10, 256 << 10},
		{"RegistersPerMultiprocessor", d.RegistersPerMultiprocessor, 64 << 10, 256 << 10},
		{"SharedBytesPerBlock", d.SharedBytesPerBlock, 48 << 10, 48 << 10},
		{"SharedBytesPerBlockOptin", d.SharedBytesPerBlockOptin, 48 << 10, 1 << 20},
		{"SharedBytesPerMultiprocessor", d.SharedBytesPerMultiprocessor, 64 << 10, 1 << 20},
		{"SharedBytesReserved", d.SharedBytesReserved, 0, 4 << 10},
		{"L2Bytes", d.L2Bytes, 256 << 10, 1 << 30},
		{"ClockKHz", d.ClockKHz, 100_000, 10_000_000},
		{"MemoryKHz", d.MemoryKHz, 100_000, 50_000_000},
		{"MemoryBusBits", d.MemoryBusBits, 32, 1 << 14},
	} {
		if row.value < row.from || row.value > row.to {
			t.Errorf("%s is %d, want %d to %d", row.what, row.value, row.from, row.to)
		}
	}
	free, total, err := t.ctx.MemInfo()
	must(t, err)
	if free == 0 || free > total || total > d.MemoryBytes {
		t.Errorf("%d of %d bytes free, on a device with %d", free, total, d.MemoryBytes)
	}
	if want := fmt.Sprintf("sm_%d%d", d.Major, d.Minor); d.Arch() != want {
		t.Errorf("Arch() = %s, want %s", d.Arch(), want)
	}
}

// testRun checks that calls inside Run are made in place, and that errors and
// panics come out.
func testRun(t *bench) {
	var order []int
	must(t, t.ctx.Run(func() error {
		order = append(order, 1)
		err := t.ctx.Run(func() error {
			order = append(order, 2)
			_, _, err := t.ctx.MemInfo()
			return err
		})
		order = append(order, 3)
		return err
	}))
	if want := []int{1, 2, 3}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	mine := errors.New("mine")
	if err := t.ctx.Run(func() error { return mine }); !errors.Is(err, mine) {
		t.Errorf("error %v, want %v", err, mine)
	}
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, mine) {
				t.Errorf("recovered %v, want %v", err, mine)
			}
		}()
		err := t.ctx.Run(func() error { panic(mine) })
		t.Errorf("a panic was lost, error %v", err)
	}()
	must(t, t.ctx.Sync()) // still serving
}

// testClose checks that everything can be closed twice, and that what was closed
// answers ErrClosed, its context's end included.
func testClose(t *bench) {
	ctx, err := t.ctx.Device().Open()
	must(t, err)
	module, err := ctx.LoadModule(Image())
	must(t, err)
	scale, err := module.Function("scale")
	must(t, err)
	stream, err := ctx.NewStream()
	must(t, err)
	event, err := ctx.NewEvent()
	must(t, err)
	host, err := ctx.AllocHost(1)
	must(t, err)
	ptr, err := ctx.Alloc(4)
	must(t, err)

	one, four := cuda.Dim3{X: 1}, make([]byte, 4)
	uses := []struct {
		name string
		call func() error
	}{
		{"Stream.Sync", stream.Sync},
		{"Stream.Wait", func() error { return stream.Wait(event) }},
		{"Stream.CopyHtoD", func() error { return stream.CopyHtoD(ptr, four) }},
		{"Stream.CopyDtoH", func() error { return stream.CopyDtoH(four, ptr) }},
		{"Stream.CopyDtoD", func() error { return stream.CopyDtoD(ptr, ptr, 4) }},
		{"Stream.MemsetD8", func() error { return stream.MemsetD8(ptr, 0, 4) }},
		{"Stream.MemsetD32", func() error { return stream.MemsetD32(ptr, 0, 1) }},
		{"Event.Record", func() error { return event.Record(nil) }},
		{"Event.Record on a stream", func() error { return event.Record(stream) }},
		{"Event.Sync", event.Sync},
		{"Event.Done", func() error { _, err := event.Done(); return err }},
		{"Elapsed", func() error { _, err := cuda.Elapsed(event, event); return err }},
		{"Module.Function", func() error { _, err := module.Function("scale"); return err }},
		{"Function.Attributes", func() error { _, err := scale.Attributes(); return err }},
		{"Function.SetMaxDynamicShared", func() error { return scale.SetMaxDynamicShared(0) }},
		{"Function.Occupancy", func() error { _, err := scale.Occupancy(32, 0); return err }},
		{"Function.Launch", func() error { return scale.Launch(one, one, 0, nil, ptr, int64(1), float32(1)) }},
	}
	contextUses := append(slices.Clone(uses), []struct {
		name string
		call func() error
	}{
		{"Context.Sync", ctx.Sync},
		{"Context.Run", func() error { return ctx.Run(func() error { t.Error("Run ran after Close"); return nil }) }},
		{"Context.MemInfo", func() error { _, _, err := ctx.MemInfo(); return err }},
		{"Context.Alloc", func() error { _, err := ctx.Alloc(4); return err }},
		{"Context.Free", func() error { return ctx.Free(ptr) }},
		{"Context.CopyHtoD", func() error { return ctx.CopyHtoD(ptr, four) }},
		{"Context.CopyDtoH", func() error { return ctx.CopyDtoH(four, ptr) }},
		{"Context.CopyDtoD", func() error { return ctx.CopyDtoD(ptr, ptr, 4) }},
		{"Context.AllocHost", func() error { _, err := ctx.AllocHost(4); return err }},
		{"Context.NewStream", func() error { _, err := ctx.NewStream(); return err }},
		{"Context.NewEvent", func() error { _, err := ctx.NewEvent(); return err }},
		{"Context.LoadModule", func() error { _, err := ctx.LoadModule(Image()); return err }},
	}...)

	must(t, ctx.Free(ptr))
	for range 2 {
		must(t, host.Free())
		must(t, stream.Close())
		must(t, event.Close())
		must(t, module.Close())
	}
	for _, use := range uses {
		if err := use.call(); !errors.Is(err, cuda.ErrClosed) {
			t.Errorf("%s after Close: error %v, want ErrClosed", use.name, err)
		}
	}
	must(t, ctx.Run(func() error {
		err := ctx.Close()
		if err := ctx.Sync(); !errors.Is(err, cuda.ErrClosed) {
			t.Errorf("Sync after Close within Run: error %v, want ErrClosed", err)
		}
		return err
	}))
	must(t, ctx.Close())
	for _, use := range contextUses {
		if err := use.call(); !errors.Is(err, cuda.ErrClosed) {
			t.Errorf("%s after the context's Close: error %v, want ErrClosed", use.name, err)
		}
	}
	must(t, host.Free())
	must(t, stream.Close())
	must(t, event.Close())
	must(t, module.Close())
}

// testConcurrent runs many launches and copies from several goroutines, each on
// memory and a stream of its own.
func testConcurrent(t *bench) {
	const (
		workers  = 8
		launches = 20
		numbers  = 1000
		threads  = 128
	)
	scale := t.function("scale")
	var group sync.WaitGroup
	for worker := range workers {
		stream, ptr := t.stream(), t.alloc(4*numbers)
		group.Go(func() {
			x := make([]float32, numbers)
			for i := range x {
				x[i] = float32(worker + 1)
			}
			err := stream.CopyHtoD(ptr, cuda.Bytes(x))
			for range launches {
				err = errors.Join(err, scale.Launch(cuda.Dim3{X: (numbers + threads - 1) / threads}, cuda.Dim3{X: threads}, 0, stream,
					ptr, int64(numbers), float32(2)))
			}
			err = errors.Join(err, stream.CopyDtoH(cuda.Bytes(x), ptr), stream.Sync())
			if err != nil {
				t.Error(err)
			}
			want := float32((worker + 1) << launches)
			for i, got := range x {
				if got != want {
					t.Errorf("worker %d: x[%d] = %v, want %v", worker, i, got, want)
					return
				}
			}
		})
	}
	group.Wait()
}
