package object

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"encoding/binary"
	"testing"
)

// payload stands for the code of the sample objects.
var payload = []byte("code and data of a sample object")

// encode returns the little-endian bytes of the parts, one after another.
func encode(t testing.TB, parts ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		if err := binary.Write(&b, binary.LittleEndian, p); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// sampleELF is the smallest whole ELF shared object for machine, after edit has had its way with the headers.
func sampleELF(t testing.TB, machine elf.Machine, edit func(*elf.Header64, *elf.Prog64)) []byte {
	t.Helper()
	var h elf.Header64
	var p elf.Prog64
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	h.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	h.Type = uint16(elf.ET_DYN)
	h.Machine = uint16(machine)
	h.Version = uint32(elf.EV_CURRENT)
	h.Ehsize = uint16(binary.Size(h))
	h.Phoff = uint64(binary.Size(h))
	h.Phentsize = uint16(binary.Size(p))
	h.Phnum = 1
	p.Type = uint32(elf.PT_LOAD)
	p.Off = uint64(binary.Size(h) + binary.Size(p))
	p.Filesz = uint64(len(payload))
	p.Memsz = p.Filesz
	edit(&h, &p)
	return encode(t, h, p, payload)
}

// sampleMachO is the smallest whole Mach-O dynamic library for cpu, after edit has had its way with the headers.
func sampleMachO(t testing.TB, cpu macho.Cpu, edit func(*macho.FileHeader, *macho.Segment64)) []byte {
	t.Helper()
	var reserved uint32
	h := macho.FileHeader{Magic: macho.Magic64, Cpu: cpu, Type: macho.TypeDylib, Ncmd: 1}
	s := macho.Segment64{Cmd: macho.LoadCmdSegment64, Filesz: uint64(len(payload)), Memsz: uint64(len(payload))}
	copy(s.Name[:], "__TEXT")
	s.Len = uint32(binary.Size(s))
	h.Cmdsz = s.Len
	s.Offset = uint64(binary.Size(h) + binary.Size(reserved) + binary.Size(s))
	edit(&h, &s)
	return encode(t, h, reserved, s, payload)
}
