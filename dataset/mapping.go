package dataset

import (
	"fmt"
	"io/fs"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"
)

// Mapping is a file that is mapped into memory, from where it is read when it is needed, and is kept as long as there is room. What
// lies in it may be used, not changed, as long as the Mapping can be reached: then the file is let go.
//
// Files change. Of one that is replaced by another of the same name ([Replace] does so) a Mapping has the old content. One that is
// written to has new values where old ones were, and one that is cut short has nothing there: looking at it then ends the process,
// except within [Mapping.Guard]. [Mapping.Intact] reports both, to be asked after whatever was made of the values.
type Mapping struct {
	source  string
	held    held
	size    int64
	time    time.Time
	cleanup goruntime.Cleanup
	fault   atomic.Int64 // where reading has failed, a byte of the file counted from 1; 0 for nowhere
}

// held is what a Mapping has of the system.
type held struct {
	file   *os.File
	memory []byte
}

// release gives it back.
func (h held) release() {
	_ = unmap(h.memory) // it fails of what is no mapping alone
	_ = h.file.Close()  // it was only read
}

// newMapping maps a file, which is the Mapping's from then on, or returns nil where the system does not.
func newMapping(file *os.File, info fs.FileInfo, source string) *Mapping {
	memory, err := mapped(file, info.Size())
	if err != nil {
		return nil
	}
	m := &Mapping{source: source, held: held{file, memory}, size: info.Size(), time: info.ModTime()}
	m.cleanup = goruntime.AddCleanup(m, held.release, m.held)
	return m
}

// close lets the file go before the garbage collector does.
func (m *Mapping) close() {
	m.cleanup.Stop()
	m.held.release()
}

// Intact reports whether the file is as it was when it was mapped. The error wraps [ErrCutShort] where there is less of it,
// [ErrChanged] where something else became of it, or what the system says of a part that cannot be read.
func (m *Mapping) Intact() error {
	info, err := m.held.file.Stat()
	switch {
	case err != nil:
		return &Error{Source: m.source, Err: err}
	case info.Size() < m.size:
		return &Error{Source: m.source, Err: fmt.Errorf("%w: %d bytes are left of %d", ErrCutShort, info.Size(), m.size)}
	case info.Size() != m.size || !info.ModTime().Equal(m.time):
		return &Error{Source: m.source, Err: ErrChanged}
	}
	fault := m.fault.Load()
	if fault == 0 {
		return nil
	}
	at := fault - 1
	if _, err := m.held.file.ReadAt(make([]byte, 1), at); err != nil {
		return &Error{Source: m.source, Err: fmt.Errorf("byte %d: %w", at, err)}
	}
	return &Error{Source: m.source, Err: fmt.Errorf("%w: byte %d could not be read for a time", ErrChanged, at)}
}

// Guard calls read, which looks at values. Where some are not there to be looked at, read does not come to its end, and [Mapping.Intact]
// has an error from then on. What read starts on other goroutines, or calls in other languages, is not guarded.
func (m *Mapping) Guard(read func()) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			at, ok := m.faultOf(reason)
			if !ok {
				panic(reason)
			}
			m.fault.CompareAndSwap(0, at+1)
		}
		goruntime.KeepAlive(m)
	}()
	read()
}

// faultOf returns at which byte of the file a panic says that memory could not be read.
func (m *Mapping) faultOf(reason any) (int64, bool) {
	fault, ok := reason.(interface {
		error
		Addr() uintptr
	})
	if !ok {
		return 0, false
	}
	at := fault.Addr() - uintptr(unsafe.Pointer(unsafe.SliceData(m.held.memory)))
	return int64(at), at < uintptr(len(m.held.memory))
}
