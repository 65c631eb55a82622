package cc

import (
	goruntime "runtime"
	"unsafe"
)

// MaxArgs is the largest number of arguments of a call. Wider argument lists belong in a struct.
const MaxArgs = 15

// StackLimit is how many bytes of stack a C function, and all it calls, may use.
//
// A call runs on the stack of a thread, whatever CGO_ENABLED was: threads have RLIMIT_STACK bytes with
// glibc (8 MiB by default; 2 MiB where the limit is lifted), the main thread's size on macOS (8 MiB), and 128 KiB
// with musl, of which Go needs a few KiB. The limit keeps to half of the least of these.
const StackLimit = 64 << 10

// An Arg is an argument of a C function, made by Ptr or Int.
type Arg struct {
	pointer unsafe.Pointer
	word    uintptr
}

// An Element is a type of number that Go and C lay out alike.
type Element interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Ptr passes the address of s[0], or NULL for a nil slice. The slice must be as long as the C function takes it to be.
func Ptr[E Element](s []E) Arg {
	return Arg{pointer: unsafe.Pointer(unsafe.SliceData(s))}
}

// Int passes n as an int64_t.
func Int(n int) Arg {
	return Arg{word: uintptr(n)}
}

// A Func is a C function of a Library. It may be called from many goroutines at once if the function's own
// arguments allow it.
type Func struct {
	address uintptr
}

// Call calls the function and returns its result, which means nothing if the function is declared void. Slices stay
// where they are and alive until it returns. A call takes a fraction of a microsecond longer than the function.
//
// Nothing checks that the arguments are the ones that the function is declared with. Call panics for a Func that
// does not come from Library.Func, and for more than MaxArgs arguments.
func (f Func) Call(args ...Arg) int64 {
	if f.address == 0 {
		panic(panicNoFunction)
	}
	if len(args) > MaxArgs {
		panic(panicManyArguments)
	}
	var words [MaxArgs]uintptr
	var pinned goruntime.Pinner
	for i, a := range args {
		words[i] = a.word
		if a.pointer != nil {
			pinned.Pin(a.pointer)
			words[i] = uintptr(a.pointer)
		}
	}
	result := invoke(f.address, words[:len(args)])
	pinned.Unpin()
	return result
}

// Mistakes of the programmer.
const (
	panicNoFunction    = "cc: call of a Func that is not from a Library"
	panicManyArguments = "cc: call with more than MaxArgs arguments"
)
