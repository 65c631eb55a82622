package dl

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

const (
	symbolTag   = "symbol"   // the names to look up, best first, separated by commas
	optionalTag = "optional" // "true": the field may stay nil
)

// ErrNoSymbol reports that a library lacks a function that is needed.
var ErrNoSymbol = errors.New("symbol not found")

// Bind sets every field of *table, a struct of func fields tagged with the
// symbols that may fill them:
//
//	EventElapsedTime func(ms *float32, start, end CUevent) Result `symbol:"cuEventElapsedTime_v2,cuEventElapsedTime"`
//	FuncGetParamInfo func(…) Result                               `symbol:"cuFuncGetParamInfo" optional:"true"`
//
// lookup returns a symbol's address, or 0; register makes a func field call an
// address. Every missing symbol is named in the error, which is ErrNoSymbol,
// and no field has been set then.
func Bind(table any, lookup func(symbol string) uintptr, register func(field any, address uintptr)) error {
	fields := reflect.ValueOf(table).Elem()
	addresses := make([]uintptr, fields.NumField())
	var missing []string
	for i := range addresses {
		tag := fields.Type().Field(i).Tag
		for symbol := range strings.SplitSeq(tag.Get(symbolTag), ",") {
			if addresses[i] = lookup(symbol); addresses[i] != 0 {
				break
			}
		}
		if addresses[i] == 0 && tag.Get(optionalTag) != "true" {
			missing = append(missing, tag.Get(symbolTag))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: %s", ErrNoSymbol, strings.Join(missing, ", "))
	}
	for i, address := range addresses {
		if address != 0 {
			register(fields.Field(i).Addr().Interface(), address)
		}
	}
	return nil
}
