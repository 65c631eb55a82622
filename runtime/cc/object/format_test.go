package object

import (
	"debug/elf"
	"debug/macho"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	elfWith := func(edit func(*elf.Header64, *elf.Prog64)) []byte { return sampleELF(t, elf.EM_X86_64, edit) }
	machoWith := func(edit func(*macho.FileHeader, *macho.Segment64)) []byte {
		return sampleMachO(t, macho.CpuArm64, edit)
	}
	whole := elfWith(func(*elf.Header64, *elf.Prog64) {})
	wholeMachO := machoWith(func(*macho.FileHeader, *macho.Segment64) {})

	for _, test := range []struct {
		name         string
		raw          []byte
		goos, goarch string
		reason       string // part of the expected reason; empty when raw is acceptable
	}{
		{name: "elf", raw: whole, goos: "linux", goarch: "amd64"},
		{
			name: "elf for arm64", goos: "linux", goarch: "arm64",
			raw: sampleELF(t, elf.EM_AARCH64, func(*elf.Header64, *elf.Prog64) {}),
		},
		{name: "macho", raw: wholeMachO, goos: "darwin", goarch: "arm64"},
		{
			name: "macho bundle for amd64", goos: "darwin", goarch: "amd64",
			raw: sampleMachO(t, macho.CpuAmd64, func(h *macho.FileHeader, _ *macho.Segment64) { h.Type = macho.TypeBundle }),
		},

		{name: "empty", goos: "linux", goarch: "amd64", reason: "EOF"},
		{name: "text", raw: []byte("#!/bin/sh\necho not an object"), goos: "linux", goarch: "amd64", reason: "bad magic"},
		{name: "elf on darwin", raw: whole, goos: "darwin", goarch: "amd64", reason: "invalid magic"},
		{name: "macho on linux", raw: wholeMachO, goos: "linux", goarch: "arm64", reason: "bad magic"},
		{name: "elf on windows", raw: whole, goos: "windows", goarch: "amd64", reason: "not loaded on windows"},
		{name: "elf on another processor", raw: whole, goos: "linux", goarch: "arm64", reason: "EM_X86_64"},
		{name: "elf on an unknown processor", raw: whole, goos: "linux", goarch: "mips", reason: "EM_X86_64"},
		{name: "macho on another processor", raw: wholeMachO, goos: "darwin", goarch: "amd64", reason: "CpuArm64"},
		{
			name: "elf program", goos: "linux", goarch: "amd64", reason: "ET_EXEC",
			raw: elfWith(func(h *elf.Header64, _ *elf.Prog64) { h.Type = uint16(elf.ET_EXEC) }),
		},
		{
			name: "macho program", goos: "darwin", goarch: "arm64", reason: "Exec",
			raw: machoWith(func(h *macho.FileHeader, _ *macho.Segment64) { h.Type = macho.TypeExec }),
		},
		{
			name: "elf segment past the end", goos: "linux", goarch: "amd64", reason: "cut short",
			raw: elfWith(func(_ *elf.Header64, p *elf.Prog64) { p.Filesz++ }),
		},
		{
			name: "elf segment beyond all files", goos: "linux", goarch: "amd64", reason: "invalid program header offset",
			raw: elfWith(func(_ *elf.Header64, p *elf.Prog64) { p.Off = math.MaxUint64 }),
		},
		{
			name: "elf section headers past the end", goos: "linux", goarch: "amd64", reason: "EOF",
			raw: elfWith(func(h *elf.Header64, p *elf.Prog64) {
				h.Shoff, h.Shnum, h.Shentsize = p.Off+p.Filesz, 1, 64
			}),
		},
		{
			name: "macho segment past the end", goos: "darwin", goarch: "arm64", reason: "cut short",
			raw: machoWith(func(_ *macho.FileHeader, s *macho.Segment64) { s.Offset++ }),
		},
		{
			name: "elf with nothing to load", goos: "linux", goarch: "amd64", reason: "no segment",
			raw: elfWith(func(_ *elf.Header64, p *elf.Prog64) { p.Type = uint32(elf.PT_NOTE) }),
		},
		{
			name: "macho with nothing to load", goos: "darwin", goarch: "arm64", reason: "no segment",
			raw: machoWith(func(_ *macho.FileHeader, s *macho.Segment64) { s.Cmd = macho.LoadCmd(0x1b) }),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := check(test.raw, test.goos, test.goarch)
			if test.reason == "" {
				if err != nil {
					t.Fatalf("check refuses a whole object: %v", err)
				}
				return
			}
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("check returns %v, want a *FormatError", err)
			}
			if want := test.goos + "/" + test.goarch; format.Target != want {
				t.Errorf("target is %q, want %q", format.Target, want)
			}
			if !strings.Contains(format.Reason, test.reason) {
				t.Errorf("reason is %q, want it to mention %q", format.Reason, test.reason)
			}
		})
	}
}

// FuzzCheck feeds arbitrary bytes to both parsers: they may only refuse.
func FuzzCheck(f *testing.F) {
	f.Add(sampleELF(f, elf.EM_X86_64, func(*elf.Header64, *elf.Prog64) {}))
	f.Add(sampleMachO(f, macho.CpuArm64, func(*macho.FileHeader, *macho.Segment64) {}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, target := range [][2]string{{"linux", "amd64"}, {"darwin", "arm64"}} {
			var format *FormatError
			if err := check(raw, target[0], target[1]); err != nil && !errors.As(err, &format) {
				t.Errorf("check returns %v, want a *FormatError", err)
			}
		}
	})
}
