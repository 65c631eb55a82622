package compiler

import (
	"strings"
	"testing"
)

// Two cores each, shortened from real machines.
const (
	cpuinfoAMD64 = `processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 17
model name	: AMD EPYC
stepping	: 1
cpu MHz		: 2596.148
flags		: fpu sse2 avx2 avx512f fma
bogomips	: 5192.29

processor	: 1
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 17
model name	: AMD EPYC
stepping	: 1
cpu MHz		: 3010.002
flags		: fpu sse2 avx2 avx512f fma
bogomips	: 5192.29
`
	cpuinfoARM64 = `processor	: 0
BogoMIPS	: 38.40
Features	: fp asimd asimdhp sve
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd05

processor	: 1
BogoMIPS	: 38.40
Features	: fp asimd asimdhp sve
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd0b
`
)

// describe is describeProcessor for a text known to be good.
func describe(t *testing.T, goarch, cpuinfo string) string {
	t.Helper()
	id, err := describeProcessor(goarch, cpuinfo)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDescribeProcessor(t *testing.T) {
	for _, test := range []struct {
		goarch, cpuinfo, want string
		same, other           map[string]string // replacements that keep and that change the description
	}{
		{
			goarch: "amd64", cpuinfo: cpuinfoAMD64,
			want: "linux/amd64, vendor_id AuthenticAMD, cpu family 25, model 17, flags sha256 ",
			same: map[string]string{"2596.148": "1500.000", "fpu sse2": "sse2 fpu", "AMD EPYC": "EPYC"},
			other: map[string]string{
				"AuthenticAMD": "GenuineIntel", ": 25": ": 26", "model		: 17": "model		: 1",
				" avx512f": "", "fma": "fma avx512_fp16",
			},
		},
		{
			goarch: "arm64", cpuinfo: cpuinfoARM64,
			want:  "linux/arm64, CPU implementer 0x41, CPU part 0xd05+0xd0b, Features sha256 ",
			same:  map[string]string{"38.40": "50.00", "fp asimd": "asimd fp", "CPU variant	: 0x1": "CPU variant	: 0x2"},
			other: map[string]string{"0x41": "0x61", "0xd0b": "0xd4f", " sve": ""},
		},
	} {
		t.Run(test.goarch, func(t *testing.T) {
			id := describe(t, test.goarch, test.cpuinfo)
			if !strings.HasPrefix(id, test.want) {
				t.Errorf("description is %q, want it to begin with %q", id, test.want)
			}
			for from, to := range test.same {
				if got := describe(t, test.goarch, strings.ReplaceAll(test.cpuinfo, from, to)); got != id {
					t.Errorf("%q for %q changes the description to %q", to, from, got)
				}
			}
			for from, to := range test.other {
				if got := describe(t, test.goarch, strings.ReplaceAll(test.cpuinfo, from, to)); got == id {
					t.Errorf("%q for %q leaves the description as it was", to, from)
				}
			}
		})
	}
}

func TestDescribeProcessorUnknown(t *testing.T) {
	for _, cpuinfo := range []string{"", "no colon", cpuinfoARM64} {
		if id, err := describeProcessor("amd64", cpuinfo); err == nil {
			t.Errorf("%q is described as %q, want an error", cpuinfo, id)
		}
	}
}

func TestProcessorID(t *testing.T) {
	first, err := ProcessorID()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ProcessorID()
	if err != nil {
		t.Fatal(err)
	}
	if first != again || !strings.HasPrefix(first, "linux/") {
		t.Errorf("two calls return %q and %q, want the same and the system's name", first, again)
	}
}
