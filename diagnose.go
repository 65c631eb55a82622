package gmmspec

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gmmspec/gmmspec/runtime/cc/compiler"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/runtime/cuda/nvrtc"
)

// Finding is what [Diagnose] says of one part.
type Finding struct {
	Part string `json:"part"` // "C compiler", "CUDA driver", …
	OK   bool   `json:"ok"`
	// Text is what was found, or why nothing was.
	Text string `json:"text"`
	// Tried lists every place that was looked in, and what came of it.
	Tried []Attempt `json:"tried,omitempty"`
	// Advice says what to install, where that helps.
	Advice string `json:"advice,omitempty"`
}

// Attempt is one place that was looked in.
type Attempt struct {
	Place   string `json:"place"`   // a file, or a command
	Origin  string `json:"origin"`  // why it was tried: "PATH", "environment VIRTUAL_ENV", …
	Outcome string `json:"outcome"` // "usable", or why it is not
}

// usable is the outcome of what can be used.
const usable = "usable"

// Diagnose looks for everything that specialisation can use on this machine, and says what was found, what was not, and every
// place tried.
func Diagnose(options ...Option) ([]Finding, error) {
	s, err := newSettings(1, 1, options)
	if err != nil {
		return nil, err
	}
	w := s.workshop
	return append([]Finding{w.findCompiler(), w.findNVRTC()}, append(w.findDriver(), w.findCache(s.cacheDir))...), nil
}

func (w *workshop) findCompiler() Finding {
	f := Finding{Part: "C compiler"}
	if err := w.loadsC(); err != nil {
		f.Text = err.Error() // which no compiler changes
		return f
	}
	c, err := w.findCC()
	var unavailable *compiler.UnavailableError
	switch {
	case err == nil:
		f.OK, f.Text, f.Tried = true, c.Fingerprint.String(), commands(c.Attempts)
		if err := compilesNothing(context.Background(), c); err != nil {
			f.OK, f.Text = false, fmt.Sprintf("%s compiles nothing: %v", f.Text, err)
			f.Tried[len(f.Tried)-1].Outcome = "compiles nothing"
			f.Advice = "mend it, or name another one in $CC"
		}
	case errors.As(err, &unavailable):
		f.Text, f.Tried = "none", commands(unavailable.Attempts)
		f.Advice = "install gcc or clang, or name one in $CC"
	default:
		f.Text = err.Error()
	}
	return f
}

func (w *workshop) findNVRTC() Finding {
	f := Finding{Part: "NVRTC"}
	c, err := w.openNVRTC()
	var unavailable *nvrtc.UnavailableError
	switch {
	case err == nil:
		major, minor := c.Version()
		f.OK, f.Text, f.Tried = true, fmt.Sprintf("%d.%d at %s, for sm_%d to sm_%d", major, minor, c.Path(), c.Archs()[0], c.Archs()[len(c.Archs())-1]), libraries(c.Attempts())
	case errors.As(err, &unavailable):
		f.Text, f.Tried = "none", libraries(unavailable.Attempts)
		f.Advice = "install the Python package nvidia-cuda-nvrtc or a CUDA toolkit, or name the library in $" + nvrtc.LibraryVariable
		if named(unavailable.Attempts, nvrtc.LibraryVariable) {
			f.Advice = "name the library's file in $" + nvrtc.LibraryVariable + ", or unset it: nothing else is tried while it is set"
		}
	default:
		f.Text = err.Error()
	}
	return f
}

func (w *workshop) findDriver() []Finding {
	f := Finding{Part: "CUDA driver"}
	d, err := w.openCUDA()
	var unavailable *cuda.UnavailableError
	switch {
	case errors.As(err, &unavailable):
		f.Text, f.Tried = "none", libraries(unavailable.Attempts)
		if unavailable.Cause != nil {
			f.Text = unavailable.Cause.Error()
		}
		f.Advice = "an NVIDIA GPU needs its driver, which brings libcuda"
		if named(unavailable.Attempts, cuda.LibraryVariable) {
			f.Advice = "name the driver's library in $" + cuda.LibraryVariable + ", or unset it: nothing else is tried while it is set"
		}
		return []Finding{f}
	case err != nil:
		f.Text = err.Error()
		return []Finding{f}
	}
	f.OK, f.Text, f.Tried = true, fmt.Sprintf("CUDA %v", d.Version()), libraries(d.Attempts())
	findings := []Finding{f}
	all, err := d.Devices()
	if err != nil {
		return append(findings, Finding{Part: "CUDA devices", Text: err.Error()})
	}
	for i, device := range all {
		findings = append(findings, Finding{Part: fmt.Sprintf("cuda:%d", i), OK: true, Text: fmt.Sprintf(
			"%v, %s, %d multiprocessors, %d MiB", device, device.Arch(), device.Multiprocessors, device.MemoryBytes>>20)})
	}
	return findings
}

func (w *workshop) findCache(dir string) Finding {
	f := Finding{Part: "cache"}
	c, err := w.openCache(dir)
	if err != nil {
		f.Text, f.Advice = err.Error(), "set $GMMSPEC_CACHE to a directory that is yours alone; without one every process compiles anew"
		return f
	}
	f.OK, f.Text = true, c.Path()
	return f
}

// commands words what became of compilers.
func commands(attempts []compiler.Attempt) []Attempt {
	words := make([]Attempt, len(attempts))
	for i, a := range attempts {
		words[i] = Attempt{a.Command, a.Origin, outcomeOf(a.Err)}
	}
	return words
}

// libraries words what became of libraries.
func libraries(attempts []cuda.Attempt) []Attempt {
	words := make([]Attempt, len(attempts))
	for i, a := range attempts {
		words[i] = Attempt{a.Path, a.Why, outcomeOf(a.Err)}
	}
	return words
}

func outcomeOf(err error) string {
	if err != nil {
		return err.Error()
	}
	return usable
}

// named reports whether an environment variable named what was tried.
func named(attempts []cuda.Attempt, variable string) bool {
	return slices.ContainsFunc(attempts, func(a cuda.Attempt) bool { return a.Why == "environment "+variable })
}
