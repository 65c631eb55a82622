package main

import (
	"os"
	"strings"
	"testing"
)

func Example() {
	if err := os.Chdir("../.."); err != nil { // where the README's reader is
		panic(err)
	}
	main()
	// Output:
	// log-likelihood -1130.266 after 9 iterations
	// weights [0.64 0.36], means [4.3 80.0 2.0 54.5]
}

// TestREADME holds the program in README.md against the one that is compiled and run here.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const fence = "\n```go\n"
	_, block, found := strings.Cut(string(readme), fence)
	block, _, closed := strings.Cut(block, "```\n")
	if !found || !closed {
		t.Fatalf("README.md has no program between %q and the end of its block", fence)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if _, program, _ := strings.Cut(string(program), "\n"); program != block {
		t.Errorf("README.md's program is not that of examples/geyser/main.go, less its first line:\n%s", block)
	}
}
