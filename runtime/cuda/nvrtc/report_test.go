package nvrtc

import (
	"slices"
	"testing"
)

func TestParseReport(t *testing.T) {
	for _, test := range []struct {
		name, log string
		want      []Entry
	}{
		{name: "empty"},
		{name: "warnings alone", log: "x.cu(1): warning #177-D: variable \"unused\" was declared but never referenced\n"},
		{
			name: "NVRTC 13.0, sm_75",
			log: `ptxas warning : Value of threads per SM for entry spill is out of range. .minnctapersm will be ignored
ptxas info    : 0 bytes gmem, 400 bytes cmem[3]
ptxas info    : Compiling entry function 'calls' for 'sm_75'
ptxas info    : Function properties for calls
ptxas         .     200 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 54 registers, used 0 barriers, 200 bytes cumulative stack size, 364 bytes cmem[0]
ptxas info    : Compile time = 7.588 ms
ptxas info    : Function properties for _Z1fPfi
ptxas         .     8 bytes stack frame, 16 bytes spill stores, 24 bytes spill loads
ptxas info    : Compiling entry function 'spill' for 'sm_75'
ptxas info    : Function properties for spill
ptxas         .     312 bytes stack frame, 368 bytes spill stores, 384 bytes spill loads
ptxas info    : Used 64 registers, used 1 barriers, 312 bytes cumulative stack size, 512 bytes smem, 372 bytes cmem[0], 8 bytes cmem[2]
ptxas info    : Compile time = 15.086 ms
`,
			want: []Entry{
				{Name: "calls", Registers: 54, StackBytes: 200, ConstantBytes: 364},
				{Name: "spill", Registers: 64, StackBytes: 312, SpillStores: 368, SpillLoads: 384, SharedBytes: 512, ConstantBytes: 380, Barriers: 1},
			},
		},
		{
			name: "nvcc 11.8, sm_80",
			log: `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'k' for 'sm_80'
ptxas info    : Function properties for k
    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 10 registers, 512 bytes smem, 364 bytes cmem[0]
`,
			want: []Entry{{Name: "k", Registers: 10, StackBytes: 8, SpillStores: 4, SpillLoads: 12, SharedBytes: 512, ConstantBytes: 364}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := parseReport(test.log); !slices.Equal(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}
