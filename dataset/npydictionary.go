package dataset

import (
	"fmt"
	"strconv"
	"strings"
)

// npyDictionary is the dictionary in the header of a .npy file, such as
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (1797, 64), }
type npyDictionary struct {
	descr   string
	fortran bool
	shape   []uint64
}

// parseNpyDictionary reads the Python literal. It takes the three keys in any order, each once, and nothing else.
func parseNpyDictionary(text string) (npyDictionary, error) {
	var d npyDictionary
	s := literal{text}
	if !s.take("{") {
		return d, s.unexpected("a dictionary")
	}
	seen := make(map[string]bool)
	for !s.take("}") {
		key, err := s.quoted()
		if err != nil {
			return d, err
		}
		if seen[key] {
			return d, fmt.Errorf("%w: the header has %.*q twice", ErrMalformed, maxQuoted, key)
		}
		seen[key] = true
		if !s.take(":") {
			return d, s.unexpected("a colon")
		}
		switch key {
		case "descr":
			d.descr, err = s.elementType()
		case "fortran_order":
			d.fortran, err = s.boolean()
		case "shape":
			d.shape, err = s.tuple()
		default:
			err = fmt.Errorf("%w: the header has the unknown key %.*q", ErrMalformed, maxQuoted, key)
		}
		if err != nil {
			return d, err
		}
		if !s.take(",") && !s.next("}") {
			return d, s.unexpected("a comma")
		}
	}
	if s.skipSpace(); s.rest != "" {
		return d, s.unexpected("nothing more")
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return d, fmt.Errorf("%w: the header lacks %q", ErrMalformed, key)
		}
	}
	return d, nil
}

// literal is the part of a Python literal not read yet.
type literal struct{ rest string }

func (l *literal) skipSpace() { l.rest = strings.TrimLeft(l.rest, " \t\r\n") }

// next reports whether the token comes next.
func (l *literal) next(token string) bool {
	l.skipSpace()
	return strings.HasPrefix(l.rest, token)
}

// take passes over the token if it comes next.
func (l *literal) take(token string) bool {
	found := l.next(token)
	if found {
		l.rest = l.rest[len(token):]
	}
	return found
}

func (l *literal) unexpected(want string) error {
	return fmt.Errorf("%w: the header has %.*q where %s is due", ErrMalformed, maxQuoted, l.rest, want)
}

// quoted reads a string without escapes: no key or type that is read here needs one.
func (l *literal) quoted() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if !l.next(quote) {
			continue
		}
		if text, rest, closed := strings.Cut(l.rest[len(quote):], quote); closed {
			l.rest = rest
			return text, nil
		}
	}
	return "", l.unexpected("a string")
}

// elementType reads the type of plain elements; that of records is a list.
func (l *literal) elementType() (string, error) {
	if l.next("[") {
		return "", fmt.Errorf("%w: an array of records (a structured type)", ErrUnsupported)
	}
	return l.quoted()
}

func (l *literal) boolean() (bool, error) {
	switch {
	case l.take("True"):
		return true, nil
	case l.take("False"):
		return false, nil
	}
	return false, l.unexpected("True or False")
}

// tuple reads numbers in parentheses: (), (3,) and (3, 4) among them. Python 2 may have put an L behind a number.
func (l *literal) tuple() ([]uint64, error) {
	if !l.take("(") {
		return nil, l.unexpected("a tuple")
	}
	var numbers []uint64
	for !l.take(")") {
		l.skipSpace()
		digits := l.rest[:len(l.rest)-len(strings.TrimLeft(l.rest, "0123456789"))]
		number, err := strconv.ParseUint(digits, 10, float64Bits)
		if err != nil {
			return nil, l.unexpected("a size")
		}
		l.rest = l.rest[len(digits):]
		l.take("L")
		numbers = append(numbers, number)
		if !l.take(",") && !l.next(")") {
			return nil, l.unexpected("a comma")
		}
	}
	return numbers, nil
}
