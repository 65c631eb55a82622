package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gmmspec/gmmspec"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const (
	// barWidth leaves room for the words beside the bar on a terminal of 80 columns.
	barWidth = 20
	// barInterval is how often the bar is drawn at most: smooth to the eye, and nothing beside an iteration.
	barInterval = 100 * time.Millisecond
)

// progress shows on a terminal where a fit stands, and is silent elsewhere.
type progress struct {
	bar    *progressbar.ProgressBar // nil for none
	events float64
}

// newProgress returns a display for a fit of n events in at most the given iterations.
func newProgress(w io.Writer, n, iterations int) *progress {
	p := &progress{events: float64(n)}
	if isTerminal(w) {
		p.bar = newBar(w, iterations)
	}
	return p
}

// isTerminal reports whether somebody looks at what is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}

// newBar returns a bar of that many steps.
func newBar(w io.Writer, steps int) *progressbar.ProgressBar {
	return progressbar.NewOptions(max(steps, 1), progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("starting"),
		progressbar.OptionSetWidth(barWidth), progressbar.OptionThrottle(barInterval), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
}

// start shows the display: code is being compiled until the first pass is done.
func (p *progress) start() {
	if p.bar != nil {
		_ = p.bar.RenderBlank()
	}
}

// show draws the fit's state.
func (p *progress) show(state gmmspec.Progress) {
	if p.bar == nil {
		return
	}
	p.bar.Describe(fmt.Sprintf("log-likelihood %.6f an event", state.LogLikelihood/p.events))
	_ = p.bar.Set(state.Iteration) // a terminal that cannot be written to shows nothing
}

// close clears the display.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
