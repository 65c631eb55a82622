package object

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"fmt"
)

// check reports as a *FormatError why raw is not a whole shared object for the given system and processor.
func check(raw []byte, goos, goarch string) error {
	var err error
	switch goos {
	case "linux":
		err = checkELF(raw, goarch)
	case "darwin":
		err = checkMachO(raw, goarch)
	default:
		err = fmt.Errorf("compiled C is not loaded on %s", goos)
	}
	if err != nil {
		return &FormatError{Target: goos + "/" + goarch, Reason: err.Error()}
	}
	return nil
}

// checkELF accepts a shared object for goarch of which the section headers and all loaded segments lie inside raw:
// a mapping that reaches past the end of its file raises SIGBUS when it is touched.
func checkELF(raw []byte, goarch string) error {
	f, err := elf.NewFile(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if want, ok := elfMachine(goarch); !ok || f.Machine != want || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("made for %v, %v", f.Machine, f.Class)
	}
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("type is %v, not %v", f.Type, elf.ET_DYN)
	}
	loaded := false
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		loaded = true
		if !inside(p.Off, p.Filesz, raw) {
			return fmt.Errorf("cut short: a segment of %d bytes at %d reaches past %d bytes", p.Filesz, p.Off, len(raw))
		}
	}
	if !loaded {
		return fmt.Errorf("no segment to load")
	}
	return nil
}

// checkMachO accepts a dynamic library or bundle for goarch of which all segments lie inside raw.
func checkMachO(raw []byte, goarch string) error {
	f, err := macho.NewFile(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if want, ok := machoCPU(goarch); !ok || f.Cpu != want {
		return fmt.Errorf("made for %v", f.Cpu)
	}
	if f.Type != macho.TypeDylib && f.Type != macho.TypeBundle {
		return fmt.Errorf("type is %v, not %v or %v", f.Type, macho.TypeDylib, macho.TypeBundle)
	}
	loaded := false
	for _, l := range f.Loads {
		s, ok := l.(*macho.Segment)
		if !ok {
			continue
		}
		loaded = true
		if !inside(s.Offset, s.Filesz, raw) {
			return fmt.Errorf("cut short: segment %s of %d bytes at %d reaches past %d bytes", s.Name, s.Filesz, s.Offset, len(raw))
		}
	}
	if !loaded {
		return fmt.Errorf("no segment to load")
	}
	return nil
}

// elfMachine is the ELF machine of a 64-bit Go architecture.
func elfMachine(goarch string) (elf.Machine, bool) {
	m, ok := map[string]elf.Machine{
		"amd64": elf.EM_X86_64,
		"arm64": elf.EM_AARCH64,
	}[goarch]
	return m, ok
}

// machoCPU is the Mach-O processor type of a 64-bit Go architecture.
func machoCPU(goarch string) (macho.Cpu, bool) {
	c, ok := map[string]macho.Cpu{
		"amd64": macho.CpuAmd64,
		"arm64": macho.CpuArm64,
	}[goarch]
	return c, ok
}

// inside reports whether size bytes at offset lie inside raw, without overflow.
func inside(offset, size uint64, raw []byte) bool {
	n := uint64(len(raw))
	return offset <= n && size <= n-offset
}
