package compiler

import "testing"

func TestCheckTarget(t *testing.T) {
	for _, test := range []struct {
		triple, goos, goarch string
		ok                   bool
	}{
		{"x86_64-linux-gnu", "linux", "amd64", true},
		{"x86_64-pc-linux-gnu", "linux", "amd64", true},
		{"x86_64-unknown-linux-musl", "linux", "amd64", true},
		{"aarch64-redhat-linux", "linux", "arm64", true},
		{"arm64-apple-darwin23.5.0", "darwin", "arm64", true},
		{"x86_64-w64-mingw32", "windows", "amd64", true},
		{"x86_64-pc-windows-msvc", "windows", "amd64", true},
		{"aarch64-linux-gnu", "linux", "amd64", false},
		{"x86_64-w64-mingw32", "linux", "amd64", false},
		{"i686-linux-gnu", "linux", "amd64", false},
		{"arm-linux-gnueabihf", "linux", "arm64", false},
		{"x86_64-linux-gnu", "linux", "riscv64", false},
		{"x86_64-linux-gnu", "plan9", "amd64", false},
		{"x86_64", "linux", "amd64", false},
		{"", "linux", "amd64", false},
	} {
		if err := checkTarget(test.triple, test.goos, test.goarch); (err == nil) != test.ok {
			t.Errorf("%q for %s/%s: error is %v, want success %v", test.triple, test.goos, test.goarch, err, test.ok)
		}
	}
}
