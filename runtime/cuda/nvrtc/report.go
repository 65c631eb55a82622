package nvrtc

import (
	"fmt"
	"strings"
)

// Entry is what the assembler reports of one kernel. Functions that a kernel calls
// and that were not inlined are not counted in it.
type Entry struct {
	Name          string // unmangled for an extern "C" kernel
	Registers     int    // of 32 bits, a thread
	StackBytes    int    // a thread: spills, and arrays that are indexed
	SpillStores   int    // bytes a thread writes for want of registers, each instruction counted once
	SpillLoads    int    // bytes it reads back
	SharedBytes   int    // static, a block
	ConstantBytes int    // parameters included where they are reported
	Barriers      int
}

// Entry returns the report of one kernel.
func (r *Result) Entry(name string) (Entry, bool) {
	for _, e := range r.Entries {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// parseReport reads the log of --ptxas-options=-v, which for a kernel is
//
//	ptxas info    : Compiling entry function 'estep' for 'sm_90a'
//	ptxas info    : Function properties for estep
//	ptxas         .     824 bytes stack frame, 1116 bytes spill stores, 1144 bytes spill loads
//	ptxas info    : Used 32 registers, used 1 barriers, 512 bytes smem, 364 bytes cmem[0]
//
// and for a function that was not inlined the two lines in the middle. Before
// NVRTC 13 the third begins with blanks.
func parseReport(log string) []Entry {
	var entries []Entry
	function := "" // whose properties come next
	for line := range strings.Lines(log) {
		message := strings.TrimSpace(line)
		for _, mark := range []string{"ptxas info", ":", "ptxas", "."} {
			message = strings.TrimSpace(strings.TrimPrefix(message, mark))
		}
		if name, ok := strings.CutPrefix(message, "Compiling entry function '"); ok {
			name, _, _ = strings.Cut(name, "'")
			entries = append(entries, Entry{Name: name})
			continue
		}
		if name, ok := strings.CutPrefix(message, "Function properties for "); ok {
			function = name
			continue
		}
		if len(entries) == 0 {
			continue
		}
		switch entry := &entries[len(entries)-1]; {
		case strings.Contains(message, "bytes stack frame"):
			if function == entry.Name {
				entry.read(message)
			}
		case strings.HasPrefix(message, "Used "):
			entry.read(message)
		}
	}
	return entries
}

// read takes the quantities of one line of the report.
func (e *Entry) read(message string) {
	for part := range strings.SplitSeq(message, ",") {
		part = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(part)), "used ")
		var n int
		if _, err := fmt.Sscanf(part, "%d", &n); err != nil {
			continue
		}
		switch _, unit, _ := strings.Cut(part, " "); {
		case unit == "registers":
			e.Registers = n
		case unit == "barriers":
			e.Barriers = n
		case unit == "bytes stack frame":
			e.StackBytes = n
		case unit == "bytes spill stores":
			e.SpillStores = n
		case unit == "bytes spill loads":
			e.SpillLoads = n
		case unit == "bytes smem":
			e.SharedBytes = n
		case strings.HasPrefix(unit, "bytes cmem["):
			e.ConstantBytes += n
		}
	}
}
