package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// examples returns the command lines of the examples in a command's help and in those of its verbs, the command's own first.
func examples(c *cobra.Command) [][]string {
	var all [][]string
	for line := range strings.Lines(c.Example) {
		all = append(all, strings.Fields(line))
	}
	for _, verb := range c.Commands() {
		all = append(all, examples(verb)...)
	}
	return all
}

// TestHelpExamples: every example in a help is a right use of the command, and those that need neither a compiler, a GPU nor
// minutes do what they say, one after the other in a folder with the data that ship.
func TestHelpExamples(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir+"/testdata/data", os.DirFS("../../testdata/data")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("GMMSPEC_CACHE", dir+"/cache")
	ran := 0
	for _, line := range examples(newRoot()) {
		arguments := line[1:]
		verb, rest, err := newRoot().Find(arguments)
		if err == nil {
			err = verb.ParseFlags(rest)
		}
		if err == nil {
			err = verb.ValidateArgs(verb.Flags().Args())
		}
		if line[0] != "gmmspec" || err != nil {
			t.Errorf("%s: %v", strings.Join(line, " "), err)
			continue
		}
		if !slices.Contains([]string{"train", "score", "predict", "explain", "render", "cache"}, arguments[0]) {
			continue
		}
		var stdout, stderr bytes.Buffer
		if status := run(arguments, strings.NewReader(""), &stdout, &stderr); status != 0 {
			t.Errorf("%s: status %d\n%s", strings.Join(line, " "), status, &stderr)
		}
		ran++
	}
	if ran < 10 {
		t.Errorf("%d examples ran: they are not found", ran)
	}
}
