// Package specializer turns a decision into text: [Render] takes a [Unit], one variant with everything it leaves open
// decided, and returns [Source]. It is pure: the same unit always gives the same bytes, and nothing is read or written.
package specializer
