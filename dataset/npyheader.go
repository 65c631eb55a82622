package dataset

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// The layout of a .npy file, from numpy.lib.format: the magic string, one byte each for the major and minor version,
// the length of the dictionary (2 bytes in version 1, 4 in versions 2 and 3, little-endian), the dictionary as the
// text of a Python literal, and the elements with nothing between or after them. Version 3 differs from version 2 in
// the encoding of that text, which does not matter to the types read here.
const (
	npyMagic          = "\x93NUMPY"
	npyVersionBytes   = 2
	npyLengthBytesOne = 2 // the dictionary's length in version 1
	npyLengthBytes    = 4 // and later

	// maxDictionary bounds the dictionary's length: what version 1 can hold. NumPy itself refuses more than 10000.
	maxDictionary = math.MaxUint16

	// The bytes of an element of type f2, f4 and f8.
	halfBytes, floatBytes, doubleBytes = 2, 4, 8
)

// npyHeader is what a .npy file says of itself, found to agree with the file's size.
type npyHeader struct {
	order         binary.ByteOrder
	width         int // bytes an element
	fortran       bool
	rows, columns int
	offset        int64 // of the first element
}

// readNpyHeader reads and checks the header of a file of the given size.
func readNpyHeader(r io.ReaderAt, size int64) (npyHeader, error) {
	text, offset, err := readNpyDictionary(r, size)
	if err != nil {
		return npyHeader{}, err
	}
	dictionary, err := parseNpyDictionary(text)
	if err != nil {
		return npyHeader{}, err
	}
	h := npyHeader{fortran: dictionary.fortran, offset: offset}
	if err := h.setType(dictionary.descr); err != nil {
		return npyHeader{}, err
	}
	if err := h.setShape(dictionary.shape, size-offset); err != nil {
		return npyHeader{}, err
	}
	return h, nil
}

// readNpyDictionary returns the text of the dictionary and the offset of what follows it.
func readNpyDictionary(r io.ReaderAt, size int64) (text string, offset int64, err error) {
	const preamble = len(npyMagic) + npyVersionBytes + npyLengthBytes
	var start [preamble]byte
	if err := readFullAt(r, start[:min(int64(preamble), size)], 0); err != nil {
		return "", 0, err
	}
	if !strings.HasPrefix(string(start[:]), npyMagic) {
		return "", 0, fmt.Errorf("%w: no .npy file: it does not begin with %q", ErrMalformed, npyMagic)
	}
	if size < int64(preamble) {
		return "", 0, fmt.Errorf("%w: cut short: %d bytes do not hold a header", ErrMalformed, size)
	}
	rest := start[len(npyMagic):]
	major, minor, rest := rest[0], rest[1], rest[npyVersionBytes:]
	var length int64
	switch {
	case minor == 0 && major == 1:
		length = int64(binary.LittleEndian.Uint16(rest))
		offset = int64(preamble - npyLengthBytes + npyLengthBytesOne)
	case minor == 0 && (major == 2 || major == 3):
		length = int64(binary.LittleEndian.Uint32(rest))
		offset = int64(preamble)
	default:
		return "", 0, fmt.Errorf("%w: .npy version %d.%d; versions 1.0, 2.0 and 3.0 are", ErrUnsupported, major, minor)
	}
	if length > size-offset {
		return "", 0, fmt.Errorf("%w: cut short: a header of %d bytes in a file of %d", ErrMalformed, length, size)
	}
	if length > maxDictionary {
		return "", 0, fmt.Errorf("%w: a header of %d bytes; at most %d are read", ErrUnsupported, length, maxDictionary)
	}
	dictionary := make([]byte, length)
	if err := readFullAt(r, dictionary, offset); err != nil {
		return "", 0, err
	}
	return string(dictionary), offset + length, nil
}

// setType takes the type of the elements, such as <f4.
func (h *npyHeader) setType(descr string) error {
	widths := map[string]int{"f2": halfBytes, "f4": floatBytes, "f8": doubleBytes}
	order, kind := "", descr
	if descr != "" {
		order, kind = descr[:1], descr[1:]
	}
	width, known := widths[kind]
	switch {
	case known && order == "<":
		h.order = binary.LittleEndian
	case known && order == ">":
		h.order = binary.BigEndian
	default:
		return fmt.Errorf("%w: elements of type %.*q; f2, f4 and f8 are, such as numpy's astype('float32') gives",
			ErrUnsupported, maxQuoted, descr)
	}
	h.width = width
	return nil
}

// setShape takes the array's shape and holds it against the bytes there are behind the header.
func (h *npyHeader) setShape(shape []uint64, payload int64) error {
	if slices.Contains(shape, 0) {
		return fmt.Errorf("%w: the array's shape is %s", ErrEmpty, shapeText(shape))
	}
	var rows, columns uint64
	switch len(shape) {
	case 1:
		rows, columns = shape[0], 1
	case 2:
		rows, columns = shape[0], shape[1]
	default:
		return fmt.Errorf("%w: an array of shape %s; (N, D) and (N,) are", ErrUnsupported, shapeText(shape))
	}
	high, count := bits.Mul64(rows, columns)
	highBytes, need := bits.Mul64(count, uint64(h.width))
	claim := fmt.Sprintf("shape %s of %d bytes each, but %d bytes follow the header", shapeText(shape), h.width, payload)
	if high > 0 || highBytes > 0 || need > uint64(payload) {
		return fmt.Errorf("%w: cut short: %s", ErrMalformed, claim)
	}
	if need < uint64(payload) {
		return fmt.Errorf("%w: %d bytes after the array: %s", ErrMalformed, uint64(payload)-need, claim)
	}
	if need > math.MaxInt/float16Widening {
		return fmt.Errorf("%w: %d bytes are more than this machine addresses", ErrUnsupported, need)
	}
	h.rows, h.columns = int(rows), int(columns)
	return nil
}

// float16Widening is how much larger an array gets in memory: float16 is kept as float32.
const float16Widening = 2

// shapeText writes a shape as Python does.
func shapeText[S int | uint64](shape []S) string {
	if len(shape) == 1 {
		return fmt.Sprintf("(%d,)", shape[0])
	}
	const most = 8 // that are shown
	sizes := make([]string, min(len(shape), most))
	for i := range sizes {
		sizes[i] = fmt.Sprint(shape[i])
	}
	if len(shape) > most {
		sizes = append(sizes, "...")
	}
	return "(" + strings.Join(sizes, ", ") + ")"
}
