package cuda

import (
	"errors"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// Unpacked brings all events to a device as those come that do not fit it, so many at a time, and returns what it has made of them, by event and by
// dimension. The host waits for nothing that is unpacked before the end.
func Unpacked[T runtime.Real](c *Context, frame runtime.Frame, data mixture.Data, chunk int) (events, columns []T, err error) {
	stream, err := c.NewStream()
	if err != nil {
		return nil, nil, err
	}
	belt := &conveyor[T]{context: c, compute: stream, packing: newPacking[T](frame, data)}
	n := data.Events.Len()
	events, columns = make([]T, n*belt.packing.d), make([]T, n*belt.packing.d)
	var byEvent, byDimension buffer
	defer func() {
		err = errors.Join(err, belt.close(), byEvent.free(c), byDimension.free(c), stream.Close())
	}()
	if err := errors.Join(belt.open(chunk), byEvent.grow(c, len(Bytes(events))), byDimension.grow(c, len(Bytes(columns)))); err != nil {
		return nil, nil, err
	}
	t := belt.start(0, n, chunk)
	for first := 0; first < n && err == nil; first += chunk {
		at := DevicePtr(first * numberBytes[T]())
		err = t.bring(span{events: byEvent.ptr + at*DevicePtr(belt.packing.d), byDimension: byDimension.ptr + at, pitch: n})
		err = errors.Join(err, t.ahead(), t.release())
	}
	err = errors.Join(err, t.end(), stream.Sync())
	return events, columns, errors.Join(err, c.CopyDtoH(Bytes(events), byEvent.ptr), c.CopyDtoH(Bytes(columns), byDimension.ptr))
}

// Share has loaded events come so many at a time, but for the first kept, which stay on the device.
func Share(loaded mixture.Loaded, chunk, kept int) error {
	if r, ok := loaded.(*resident[float32]); ok {
		r.chunk, r.kept = chunk, kept
		return r.free()
	}
	r := loaded.(*resident[float64])
	r.chunk, r.kept = chunk, kept
	return r.free()
}

// Shared returns how many events loaded ones come at a time, and how many stay.
func Shared(loaded mixture.Loaded) (chunk, kept int) {
	r := loaded.(*resident[float64])
	return r.chunk, r.kept
}

// ShareOf is what loaded events come to with so much memory for them, and then with less and less.
func ShareOf(loaded mixture.Loaded, room int) (shares [][2]int) {
	r := loaded.(*resident[float64])
	before := [2]int{r.chunk, r.kept}
	defer func() { r.chunk, r.kept = before[0], before[1] }()
	r.share(room)
	for {
		shares = append(shares, [2]int{r.chunk, r.kept})
		if r.chunk <= leastChunk && r.kept == 0 {
			return shares
		}
		r.fewer()
	}
}
