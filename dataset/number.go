package dataset

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	float32Bits = 32
	float64Bits = 64

	// maxQuoted bounds the characters of the input repeated in an error.
	maxQuoted = 40

	// otherSeparators are what other programs put between fields.
	otherSeparators = ";\t"
)

// Number is a type of value that can be written: scores and responsibilities are of a floating-point type, labels are
// integers.
type Number interface{ float32 | float64 | int64 }

// parseValue reads a trimmed field as a finite number of at most limit in magnitude, or as NaN where missing values are allowed.
func parseValue(text string, allowMissing bool, limit float64) (float64, error) {
	if text == "" {
		if allowMissing {
			return math.NaN(), nil
		}
		return 0, fmt.Errorf("%w: the field is empty", ErrMissing)
	}
	value, err := parseNumber(text)
	switch {
	case math.IsInf(value, 0): // written as an infinity, or out of range
		return 0, fmt.Errorf("%w: %.*q", ErrNotFinite, maxQuoted, text)
	case err != nil && strings.ContainsAny(text, otherSeparators):
		return 0, fmt.Errorf("%w: %.*q: commas separate fields, and nothing else", ErrNotNumber, maxQuoted, text)
	case err != nil:
		return 0, fmt.Errorf("%w: %.*q", ErrNotNumber, maxQuoted, text)
	case math.Abs(value) > limit:
		return 0, fmt.Errorf("%w: %.*q: want at most %g in magnitude", ErrTooLarge, maxQuoted, text, limit)
	case math.IsNaN(value) && !allowMissing:
		return 0, fmt.Errorf("%w: %.*q", ErrMissing, maxQuoted, text)
	}
	return value, nil
}

// parseNumber is strconv.ParseFloat without what only Go takes for a number: "1_000", "0x1p3".
func parseNumber(text string) (float64, error) {
	if strings.ContainsAny(text, "_xX") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, float64Bits)
}

// isNumber reports whether the text is a number, be it NaN, infinite or out of range.
func isNumber(text string) bool {
	_, err := parseNumber(text)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// appendNumber writes the shortest text that reads back as the same value of the same type.
func appendNumber[T Number](text []byte, value T) []byte {
	switch v := any(value).(type) {
	case float32:
		return strconv.AppendFloat(text, float64(v), 'g', -1, float32Bits)
	case float64:
		return strconv.AppendFloat(text, v, 'g', -1, float64Bits)
	default:
		return strconv.AppendInt(text, int64(value), 10)
	}
}
