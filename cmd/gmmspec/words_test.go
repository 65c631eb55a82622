package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"plain", "missing", "missing"},
		{"package", "dataset: a.csv: line 1: bad", "a.csv: line 1: bad"},
		{"packages", "gmmspec: m.json: mixture: weights: negative", "m.json: weights: negative"},
		{"joined", "gmmspec: first\ndataset: second", "first; second"},
		{"log", "1\n2\n3\n4\n5\n6", "1; 2; 3; 4; …"},
		{"places", "nvrtc: not available:\n\t/opt: none\n\t/usr: none", "nvrtc: not available (gmmspec doctor --verbose lists every place tried)"},
		{"carriage return", "a\rb", "a; b"},
		{"escape", "a\x1b[31mb", "a\ufffd[31mb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := line(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestOneLineJoined(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("fitting a.csv: %w", errors.Join(errors.New("mixture: one"), errors.New("cache: two")))
	if got, want := oneLine(err), "fitting a.csv: one; two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"häufig 1": "häufig 1", "a\tb": `"a\tb"`, "\x1b[2J": `"\x1b[2J"`} {
		if got := printable(name); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestVersionText(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{
		GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"}},
	}
	if got, want := versionOf(info).String(), "gmmspec v1.2.3, go1.26.0, linux/arm64"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	info.Settings = append(info.Settings, debug.BuildSetting{Key: "vcs.revision", Value: "abc"}, debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	if got, want := versionOf(info).String(), "gmmspec v1.2.3, go1.26.0, linux/arm64, commit abc with changes"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
