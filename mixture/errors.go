package mixture

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by a [Device] or [Loaded] that is used after Close.
var ErrClosed = errors.New("mixture: device is closed")

// ParameterError reports a model that is not a mixture: the field it names breaks the rule in Reason.
type ParameterError struct {
	Field  string // as in the model file: "weights", "means", "covariances", …
	Index  int    // the component at fault, -1 for all
	Reason string
}

// Error names the field, the component and the reason.
func (e *ParameterError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("mixture: %s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("mixture: %s: component %d: %s", e.Field, e.Index, e.Reason)
}

// EventError reports an event that no mixture can be fitted to.
type EventError struct {
	Event     int64 // from 0
	Dimension int   // from 0
	Value     float64
}

// Error names the event and the dimension, both counted from 0.
func (e *EventError) Error() string {
	return fmt.Sprintf("mixture: event %d, dimension %d is %v: events must be finite and at most %g in magnitude",
		e.Event, e.Dimension, e.Value, MaxMagnitude)
}

// ShapeError reports arguments whose sizes do not agree.
type ShapeError struct {
	What      string
	Got, Want int
}

// Error names what was measured, and both sizes.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("mixture: %s: got %d, want %d", e.What, e.Got, e.Want)
}
