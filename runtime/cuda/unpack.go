package cuda

import (
	"strings"
	"unsafe"

	"github.com/gmmspec/gmmspec/runtime"
)

// unpackText is a kernel that takes events as rows of numbers, as they lie in the host's memory or already in the frame, and leaves them in the
// frame in the layouts that kernels read: by event, by dimension, or both. It belongs to no program: the text is the driver's to compile, for any
// device, since events must come to one before anything is known of them.
//
//   - Computes: u = (x − shift) · scale in float64, rounded once: the very bits of [runtime.Read].
//   - Inputs: n rows of d numbers x without a gap; shift and scale, d numbers each.
//   - Outputs: events, n × d, unless it is null; columns, d × pitch, unless it is null.
//   - Work: a thread an event. What a warp reads at a time lies in as many lines as it has threads, which all are used up from the first-level
//     cache before long; what it writes by dimension lies side by side. At 64 MiB it is a twentieth of the copy before it.
//   - Order of summation: nothing is summed. It answers to [runtime.Read].
const unpackText = `
.visible .entry unpack_IN_OUT(
	.param .u64 rows,
	.param .s64 n,
	.param .s64 d,
	.param .u64 shift,
	.param .u64 scale,
	.param .u64 events,
	.param .u64 columns,
	.param .s64 pitch
)
{
	.reg .pred %outside, %more, %by_event, %by_dimension;
	.reg .b32 %block, %threads, %thread;
	.reg .b64 %event, %count, %dims, %left, %at, %from, %by, %row, %column, %step;
	.reg .IN %x;
	.reg .f64 %wide, %c, %t;
	.reg .OUT %u;

	mov.u32 %block, %ctaid.x;
	mov.u32 %threads, %ntid.x;
	mov.u32 %thread, %tid.x;
	cvt.u64.u32 %event, %thread;
	mad.wide.u32 %event, %block, %threads, %event;
	ld.param.s64 %count, [n];
	setp.ge.s64 %outside, %event, %count;
	@%outside ret;

	ld.param.s64 %dims, [d];
	mul.lo.s64 %left, %event, %dims;
	ld.param.u64 %at, [rows];
	cvta.to.global.u64 %at, %at;
	mad.lo.s64 %at, %left, IN_BYTES, %at;
	ld.param.u64 %from, [shift];
	cvta.to.global.u64 %from, %from;
	ld.param.u64 %by, [scale];
	cvta.to.global.u64 %by, %by;
	ld.param.u64 %row, [events];
	setp.ne.u64 %by_event, %row, 0;
	cvta.to.global.u64 %row, %row;
	mad.lo.s64 %row, %left, OUT_BYTES, %row;
	ld.param.u64 %column, [columns];
	setp.ne.u64 %by_dimension, %column, 0;
	cvta.to.global.u64 %column, %column;
	mad.lo.s64 %column, %event, OUT_BYTES, %column;
	ld.param.s64 %step, [pitch];
	mul.lo.s64 %step, %step, OUT_BYTES;
	mov.s64 %left, %dims;

next:
	ld.global.IN %x, [%at];
	ld.global.f64 %c, [%from];
	ld.global.f64 %t, [%by];
	WIDEN %wide, %x;
	sub.rn.f64 %wide, %wide, %c;
	mul.rn.f64 %wide, %wide, %t;
	NARROW %u, %wide;
	@%by_event st.global.OUT [%row], %u;
	@%by_dimension st.global.OUT [%column], %u;
	add.s64 %at, %at, IN_BYTES;
	add.s64 %from, %from, 8;
	add.s64 %by, %by, 8;
	add.s64 %row, %row, OUT_BYTES;
	add.s64 %column, %column, %step;
	sub.s64 %left, %left, 1;
	setp.gt.s64 %more, %left, 0;
	@%more bra next;
	ret;
}
`

// threadsOfUnpack is the block of the kernel.
const threadsOfUnpack = 256

// unpackKernel returns the kernel's text from one type of number to another, and its name.
func unpackKernel[E, T runtime.Real]() (text []byte, entry string) {
	const header = ".version 6.4\n.target sm_50\n.address_size 64\n"
	in, widen := "f32", "cvt.f64.f32"
	if numberBytes[E]() > 4 {
		in, widen = "f64", "mov.f64"
	}
	out, narrow := "f32", "cvt.rn.f32.f64"
	if numberBytes[T]() > 4 {
		out, narrow = "f64", "mov.f64"
	}
	bytes := map[string]string{"f32": "4", "f64": "8"}
	body := strings.NewReplacer("IN_BYTES", bytes[in], "OUT_BYTES", bytes[out], "IN", in, "OUT", out, "WIDEN", widen, "NARROW", narrow).Replace(unpackText)
	return []byte(header + body), "unpack_" + in + "_" + out
}

// numberBytes is the size of a number of the host's or of a kernel's.
func numberBytes[T runtime.Real]() int {
	var number T
	return int(unsafe.Sizeof(number))
}
