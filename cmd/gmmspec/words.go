package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// maxLines is how many lines of an error or a warning are shown: the rest is a compiler's.
const maxLines = 4

// oneLine words an error.
func oneLine(err error) string { return line(err.Error()) }

// line puts a message on one line, without the names of the packages that it came through. A list of the places that a
// library was looked for in is doctor's to show.
func line(text string) string {
	if before, _, list := strings.Cut(text, ":\n\t"); list {
		text = before + " (gmmspec doctor --verbose lists every place tried)"
	}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > maxLines {
		lines = append(lines[:maxLines:maxLines], "…")
	}
	for i, l := range lines {
		lines[i] = unprefixed(strings.TrimSpace(l))
	}
	return strings.Map(visible, strings.Join(lines, "; "))
}

// unprefixed drops the names of packages from the front of a message and of the messages that it wraps.
func unprefixed(text string) string {
	for _, name := range []string{"gmmspec", "dataset", "mixture", "variants", "specializer", "autotune", "cache", "compiler"} {
		text = strings.TrimPrefix(text, name+": ")
		text = strings.ReplaceAll(text, ": "+name+": ", ": ")
	}
	return text
}

// visible replaces what a terminal could take for something else.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// printable quotes a name, of a file or from one, that a terminal could take for something else.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// warn prints warnings for people, a line each.
func warn(w io.Writer, warnings []string) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "gmmspec: warning: %s\n", line(warning))
	}
}
