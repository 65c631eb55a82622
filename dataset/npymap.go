package dataset

import (
	"encoding/binary"
	"unsafe"
)

const (
	// leastMapped is the size in bytes from which on a file is mapped. Less is half of what a fit may take beside its data, and once it
	// is read it is of no matter what becomes of the file.
	leastMapped = 32 << 20
	// leastSelected is the share of an array's columns from which on it is mapped: a page in memory holds all of them.
	leastSelected = 0.5
)

// asInMemory reports whether the selected values lie in the file as they would in memory, or as an unbroken range of longer rows.
func (a *npyArray) asInMemory() bool {
	if a.fortran || a.width == halfBytes || a.offset%int64(a.width) != 0 {
		return false
	}
	one := []byte{1, 0}
	if binary.NativeEndian.Uint16(one) != a.order.Uint16(one) {
		return false
	}
	for i, column := range a.selected {
		if column != a.selected[0]+i {
			return false
		}
	}
	return float64(len(a.selected)) >= leastSelected*float64(a.columns)
}

// view checks the values where they lie. The mapping is let go unless they are all right.
func (a *npyArray) view(m *Mapping) (*Table, error) {
	t := &Table{Rows: a.rows, Columns: len(a.selected), Stride: a.columns, Source: a.source, Mapping: m}
	var err error
	if a.width == floatBytes {
		t.Float32, err = viewRows[float32](a, m)
	} else {
		t.Float64, err = viewRows[float64](a, m)
	}
	if changed := m.Intact(); changed != nil { // whatever is wrong with the values, it is no fault of theirs
		err = changed
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return t, nil
}

// viewRows returns the values from the first to the last that is selected.
func viewRows[T float32 | float64](a *npyArray, m *Mapping) (values []T, err error) {
	first, width := a.selected[0], len(a.selected)
	at := &m.held.memory[a.offset+int64(first*a.width)]
	values = unsafe.Slice((*T)(unsafe.Pointer(at)), (a.rows-1)*a.columns+width)
	m.Guard(func() {
		for row := range a.rows {
			for j, value := range values[row*a.columns:][:width] {
				if err = check(a, value, row, first+j); err != nil {
					return
				}
			}
		}
	})
	return values, err
}
