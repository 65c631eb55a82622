package compiler_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	goruntime "runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeArgument, as the first argument, makes the test binary play a compiler: $CC may carry arguments, so the tests
// need no scripts and no shell. The second argument names the part and the third is for its use.
const fakeArgument = "-fake-compiler"

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == fakeArgument {
		// Unlike os.Exit, this leaves out what the race detector (one second of sleep) and the coverage tool (a message) do at exit.
		syscall.Exit(play(os.Args[2], os.Args[3], os.Args[4:]))
	}
	os.Exit(m.Run())
}

// fake returns the value of $CC that makes the test binary play a part.
func fake(t *testing.T, part, use string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join([]string{self, fakeArgument, part, use}, " ")
}

// noUse fills the place of the third argument for parts that have none.
const noUse = "-"

// play is the whole of a fake compiler; it returns the exit status.
func play(part, use string, args []string) int {
	switch {
	case part == "orphan":
		return waitForever(use)
	case slices.Contains(args, "--version"):
		return playVersion(part, use)
	case slices.Contains(args, "-dumpmachine"):
		fmt.Println(machine(part))
		return 0
	}
	output := args[slices.Index(args, "-o")+1]
	switch part {
	case "hang":
		spawn(use)
		return waitForever(use)
	case "abandon":
		spawn(use)
		return 0
	case "silent":
		return 0
	case "directory":
		return exit(os.Mkdir(output, 0o700))
	case "garbage":
		return exit(os.WriteFile(output, []byte("garbage"), 0o600))
	case "fail":
		fmt.Fprintln(os.Stderr, "reading kernel.c")
		fmt.Fprintln(os.Stderr, "kernel.c:7:1: error: so the part says")
		return 3
	case "talk":
		fmt.Fprint(os.Stderr, strings.Repeat("warning\n", 1<<17))
		return 1
	case "confess":
		dir, err := os.Getwd()
		if err != nil {
			return exit(err)
		}
		info, err := os.Stat(dir)
		if err != nil {
			return exit(err)
		}
		fmt.Printf("dir=%s\nmode=%v\n%s\n", dir, info.Mode(), strings.Join(os.Environ(), "\n"))
		return 1
	}
	fmt.Fprintln(os.Stderr, "unknown part", part)
	return 2
}

// playVersion answers --version.
func playVersion(part, use string) int {
	switch part {
	case "hang-at-once":
		return waitForever(use)
	case "mute":
		return 0
	case "refuse":
		fmt.Fprintln(os.Stderr, "error: not today")
		return 1
	}
	fmt.Println("fake compiler 1.0")
	fmt.Println("a second line")
	return 0
}

// machine answers -dumpmachine for this platform, or for another one.
func machine(part string) string {
	if part == "foreign" {
		return "s390x-ibm-zos"
	}
	cpu := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[goruntime.GOARCH]
	system := map[string]string{"linux": "linux-gnu", "darwin": "apple-darwin", "windows": "w64-mingw32"}[goruntime.GOOS]
	return cpu + "-" + system
}

// spawn starts another process of the compiler, which holds its standard error and lives until it is killed.
func spawn(use string) {
	orphan := exec.Command(os.Args[0], fakeArgument, "orphan", use)
	orphan.Stderr = os.Stderr
	if err := orphan.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// waitForever connects to a listener of the test, which sees the connection break when this process dies.
func waitForever(address string) int {
	if _, err := net.Dial("tcp", address); err != nil {
		return exit(err)
	}
	time.Sleep(time.Hour)
	return 2
}

// exit turns an error into an exit status.
func exit(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}
