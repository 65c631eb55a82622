package mixture

// Source is what events lie in that is not the program's own memory, and may be taken away or change meanwhile: a file that is mapped
// into memory. It stays as long as events refer to it.
type Source interface {
	// Guard calls read, which looks at numbers of the source, on the goroutine of the caller. Where they are not there any more read
	// does not come to its end, and Intact has an error from then on.
	Guard(read func())
	// Intact reports what has become of the source since events were made of it.
	Intact() error
}

// From returns the same events, whose numbers lie in a source: they are read within its Guard, and whoever has asked them, or a device
// that has them loaded, for anything should ask [Intact] before it is believed. Events that are no [Rows] are returned as they are.
func From(events Events, source Source) Events {
	switch rows := events.(type) {
	case *Rows[float32]:
		return rows.from(source)
	case *Rows[float64]:
		return rows.from(source)
	}
	return events
}

func (r *Rows[T]) from(source Source) *Rows[T] {
	from := *r
	from.source = source
	return &from
}

// Intact reports what has become of events that lie in a [Source]. Of others it is nil.
func Intact(events Events) error { return events.intact() }
