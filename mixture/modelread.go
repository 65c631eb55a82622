package mixture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// ReadModel reads a model file and validates what it says: see [Parameters.Validate]. Errors name the field, and the
// component where one is at fault: a *[ParameterError] for what the model says, and for what is no JSON a plain error with
// the place. Memory is taken in proportion to the file, whatever sizes it claims.
func ReadModel(r io.Reader) (*ModelFile, error) {
	fields, err := readObject(r)
	if err != nil {
		return nil, fmt.Errorf("mixture: model file: %w", err)
	}
	format, err := fields.text("format")
	if err != nil {
		return nil, err
	}
	if format != ModelFormat {
		return nil, &ParameterError{Field: "format", Index: -1, Reason: fmt.Sprintf("%q: want %q", clip(format), ModelFormat)}
	}
	p := new(Parameters)
	if p.M, err = fields.size("components"); err != nil {
		return nil, err
	}
	if p.D, err = fields.size("dimensions"); err != nil {
		return nil, err
	}
	kind, err := fields.text("covariance_type")
	if err != nil {
		return nil, err
	}
	if p.Covariance, err = ParseCovariance(kind); err != nil {
		return nil, &ParameterError{Field: "covariance_type", Index: -1, Reason: fmt.Sprintf("%q is not full, diag, tied or spherical", clip(kind))}
	}
	if p.Weights, err = fields.numbers("weights", []int{p.M}, false); err != nil {
		return nil, err
	}
	if p.Means, err = fields.numbers("means", []int{p.M, p.D}, false); err != nil {
		return nil, err
	}
	if p.Covariances, err = fields.numbers("covariances", p.covarianceShape(), p.Covariance == Tied); err != nil {
		return nil, err
	}
	training, err := fields.training()
	if err != nil {
		return nil, err
	}
	if err := fields.known(); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return &ModelFile{Parameters: p, Training: training}, nil
}

// fields is a model file's JSON object: values are map[string]any, []any, json.Number, string, bool and nil. Its methods take
// fields out, and say what is wrong with them.
type fields map[string]any

// take returns the field, which must be there.
func (f fields) take(field string) (any, error) {
	v, ok := f[field]
	if !ok {
		return nil, &ParameterError{Field: field, Index: -1, Reason: "missing from the model file"}
	}
	delete(f, field)
	return v, nil
}

func (f fields) text(field string) (string, error) {
	v, err := f.take(field)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", &ParameterError{Field: field, Index: -1, Reason: describe(v) + ": want a string"}
	}
	return s, nil
}

func (f fields) size(field string) (int, error) {
	v, err := f.take(field)
	if err != nil {
		return 0, err
	}
	number, _ := v.(json.Number)
	n, err := strconv.Atoi(number.String())
	if err != nil || n < 1 {
		return 0, &ParameterError{Field: field, Index: -1, Reason: describe(v) + ": want an integer of at least 1"}
	}
	return n, nil
}

// numbers returns the numbers of nested arrays of the shape given. Unless all components share them, the first index is the
// component.
func (f fields) numbers(field string, shape []int, shared bool) ([]float64, error) {
	v, err := f.take(field)
	if err != nil {
		return nil, err
	}
	t := &table{field: field, shared: shared}
	err = t.read(v, shape)
	return t.flat, err
}

// table is nested arrays of numbers under way to one slice.
type table struct {
	field  string
	shared bool
	flat   []float64
	at     []int // indices of what is being read
}

func (t *table) read(v any, shape []int) error {
	if len(shape) == 0 {
		return t.number(v)
	}
	rows, ok := v.([]any)
	if !ok {
		return t.wrong(fmt.Sprintf("%s: want an array of %d", describe(v), shape[0]))
	}
	if len(rows) != shape[0] {
		return t.wrong(fmt.Sprintf("an array of %d: want %d", len(rows), shape[0]))
	}
	for i, row := range rows {
		t.at = append(t.at, i)
		if err := t.read(row, shape[1:]); err != nil {
			return err
		}
		t.at = t.at[:len(t.at)-1]
	}
	return nil
}

func (t *table) number(v any) error {
	number, ok := v.(json.Number)
	if !ok {
		return t.wrong(describe(v) + ": want a number")
	}
	value, err := number.Float64()
	if err != nil {
		return t.wrong(clip(number.String()) + " does not fit a float64")
	}
	t.flat = append(t.flat, value)
	return nil
}

func (t *table) wrong(reason string) error {
	e := &ParameterError{Field: t.field, Index: -1}
	at := t.at
	if !t.shared && len(at) > 0 {
		e.Index, at = at[0], at[1:]
	}
	if len(at) > 0 {
		e.Reason = "entry "
		for _, i := range at {
			e.Reason += fmt.Sprintf("[%d]", i)
		}
		e.Reason += ": "
	}
	e.Reason += reason
	return e
}

// training returns the training record, or nil where there is none.
func (f fields) training() (*TrainingRecord, error) {
	v, ok := f["training"]
	if !ok {
		return nil, nil
	}
	delete(f, "training")
	if _, ok := v.(map[string]any); !ok {
		return nil, &ParameterError{Field: "training", Index: -1, Reason: describe(v) + ": want an object"}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("mixture: model file: training: %w", err)
	}
	record := new(TrainingRecord)
	if err := json.Unmarshal(text, record); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, &ParameterError{
				Field: "training." + wrong.Field, Index: -1, Reason: fmt.Sprintf("%s: want %v", wrong.Value, wrong.Type),
			}
		}
		return nil, fmt.Errorf("mixture: model file: training: %w", err)
	}
	if len(record.Variants) == 0 {
		record.Variants = nil
	}
	return record, nil
}

// known reports a field that is left.
func (f fields) known() error {
	unknown := ""
	for field := range f {
		if unknown == "" || field < unknown {
			unknown = field
		}
	}
	if len(f) == 0 {
		return nil
	}
	return &ParameterError{Field: strconv.Quote(clip(unknown)), Index: -1, Reason: "no field of a " + ModelFormat + " file"}
}

// describe names a JSON value.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case json.Number:
		return clip(v.String())
	case string:
		return strconv.Quote(clip(v))
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "an array"
	}
	return "an object"
}

// clip returns as much of a text of the file's as is shown.
func clip(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

// readObject reads r, which must hold one JSON object in which no name comes twice.
func readObject(r io.Reader) (fields, error) {
	p := &jsonParser{decoder: json.NewDecoder(r)}
	p.decoder.UseNumber()
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: want an object", describe(v))
	}
	switch _, err := p.decoder.Token(); {
	case err == nil:
		return nil, errors.New("something follows the model")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("after the model: %w", err)
	}
	return object, nil
}

// jsonDepth bounds how deep arrays and objects lie in one another: a model needs 4, and what lies deeper has to be a field
// of a training record that is not known.
const jsonDepth = 64

// jsonParser reads JSON values token by token, so that its errors can name the place, and a name that comes twice is seen.
type jsonParser struct {
	decoder *json.Decoder
	path    []jsonStep
}

// jsonStep is one step down: into a field, or where index is not negative into an array.
type jsonStep struct {
	field string
	index int
}

// value reads the value at the current place. After an error the place is left as it is.
func (p *jsonParser) value() (any, error) {
	if len(p.path) > jsonDepth {
		return nil, p.wrong(errors.New("too deep"))
	}
	token, err := p.decoder.Token()
	if err != nil {
		return nil, p.wrong(err)
	}
	switch token {
	case json.Delim('{'):
		return p.object()
	case json.Delim('['):
		return p.array()
	}
	return token, nil
}

func (p *jsonParser) object() (any, error) {
	object := make(map[string]any)
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return nil, p.wrong(err)
		}
		field := fmt.Sprint(token)
		p.path = append(p.path, jsonStep{field: field, index: -1})
		if _, twice := object[field]; twice {
			return nil, p.wrong(errors.New("comes twice"))
		}
		if object[field], err = p.value(); err != nil {
			return nil, err
		}
		p.path = p.path[:len(p.path)-1]
	}
	return object, p.end()
}

func (p *jsonParser) array() (any, error) {
	array := []any{}
	for p.decoder.More() {
		p.path = append(p.path, jsonStep{index: len(array)})
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		array = append(array, v)
		p.path = p.path[:len(p.path)-1]
	}
	return array, p.end()
}

// end reads the bracket that ends an object or array.
func (p *jsonParser) end() error {
	if _, err := p.decoder.Token(); err != nil {
		return p.wrong(err)
	}
	return nil
}

// wrong words an error at the current place.
func (p *jsonParser) wrong(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if p.decoder.InputOffset() == 0 {
			return errors.New("empty")
		}
		err = errors.New("the file ends too early")
	}
	place := ""
	for i, step := range p.path {
		switch {
		case step.index >= 0:
			place += fmt.Sprintf("[%d]", step.index)
		case i > 0:
			place += "." + step.field
		default:
			place += step.field
		}
	}
	if place == "" {
		return err
	}
	return fmt.Errorf("%s: %w", place, err)
}
