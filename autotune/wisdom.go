package autotune

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gmmspec/gmmspec/variants"
)

// WisdomFormat is the format of a file of wisdom: a line that names it, then a record a line.
const WisdomFormat = "gmmspec-wisdom/1"

// maxLine bounds a line of a file of wisdom, so that a damaged one cannot ask for all memory.
const maxLine = 64 << 10

// maxReason bounds a record's reason, in bytes: a compiler can say far more than a line holds. JSON writes a byte as six at most.
const maxReason = 4 << 10

// configLetters are what configurations consist of, and mostQuoted is how much of what is none is shown.
const (
	configLetters = "abcdefghijklmnopqrstuvwxyz0123456789=,"
	mostQuoted    = 40
)

// maxSize bounds M and D: far more than is ever timed.
const maxSize = 1 << 20

// Wisdom is kept records: of each candidate, problem and environment the last. The zero value holds none.
type Wisdom struct {
	records map[Question]map[Key]Record
	count   int
}

// NewWisdom returns wisdom of those records.
func NewWisdom(records ...Record) *Wisdom {
	w := &Wisdom{}
	for _, r := range records {
		w.Add(r)
	}
	return w
}

// Add keeps a record in the place of any earlier one of its key. What a reason has past 4 KiB is dropped.
func (w *Wisdom) Add(r Record) {
	r.Reason = clip(r.Reason, maxReason)
	key := r.Key()
	if w.records == nil {
		w.records = map[Question]map[Key]Record{}
	}
	of := w.records[key.Question]
	if of == nil {
		of = map[Key]Record{}
		w.records[key.Question] = of
	}
	if _, ok := of[key]; !ok {
		w.count++
	}
	of[key] = r
}

// clip returns at most the first most bytes of a text, without a part of a character at its end.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Len returns the number of records.
func (w *Wisdom) Len() int {
	if w == nil {
		return 0
	}
	return w.count
}

// Ask returns all records of a question, of whatever environment, in the order of [Wisdom.Records].
func (w *Wisdom) Ask(q Question) []Record {
	all := make([]Record, 0, len(w.records[q]))
	for _, r := range w.records[q] {
		all = append(all, r)
	}
	slices.SortFunc(all, compareRecords)
	return all
}

// Get returns the record of a key.
func (w *Wisdom) Get(k Key) (Record, bool) {
	r, ok := w.records[k.Question][k]
	return r, ok
}

// Records returns all records, sorted by environment, problem, stage and candidate.
func (w *Wisdom) Records() []Record {
	all := make([]Record, 0, w.count)
	for _, of := range w.records {
		for _, r := range of {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, compareRecords)
	return all
}

func compareRecords(a, b Record) int {
	return cmp.Or(
		cmp.Compare(a.Backend, b.Backend), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Arch, b.Arch),
		cmp.Compare(a.Driver, b.Driver), cmp.Compare(a.Compiler, b.Compiler),
		cmp.Compare(a.Problem.Covariance, b.Problem.Covariance), cmp.Compare(a.Problem.Precision, b.Problem.Precision),
		cmp.Compare(a.Problem.String(), b.Problem.String()),
		cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Config, b.Config),
	)
}

// Forget drops the records that match, and returns how many.
func (w *Wisdom) Forget(match func(Record) bool) int {
	if w == nil || match == nil {
		return 0
	}
	forgotten := 0
	for _, of := range w.records {
		for key, r := range of {
			if match(r) {
				delete(of, key)
				forgotten++
			}
		}
	}
	w.count -= forgotten
	return forgotten
}

// WriteTo writes the wisdom as text. A record that [ReadWisdom] would refuse is an error, and nothing is written.
func (w *Wisdom) WriteTo(out io.Writer) (int64, error) {
	var b bytes.Buffer
	head, err := json.Marshal(wisdomHead{WisdomFormat})
	if err != nil {
		return 0, err
	}
	b.Write(append(head, '\n'))
	for _, r := range w.Records() {
		line, err := r.line()
		if err != nil {
			return 0, fmt.Errorf("autotune: %s of %s: %w", label(r.Variant, r.Config), r.Problem, err)
		}
		b.Write(append(line, '\n'))
	}
	return b.WriteTo(out)
}

// line returns the record as a line that can be read.
func (r Record) line() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	line, err := json.Marshal(r)
	if err == nil && len(line) >= maxLine {
		err = fmt.Errorf("a line of %d bytes: want less than %d", len(line), maxLine)
	}
	return line, err
}

// wisdomHead is the first line.
type wisdomHead struct {
	Format string `json:"format"`
}

// ReadWisdom reads what WriteTo writes, all of it or nothing: an error names the line.
func ReadWisdom(in io.Reader) (*Wisdom, error) {
	if in == nil {
		return nil, errors.New("autotune: wisdom: there is nothing to read from")
	}
	w := NewWisdom()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		if err := w.readLine(n, lines.Bytes()); err != nil {
			return nil, fmt.Errorf("autotune: wisdom, line %d: %w", n, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("autotune: wisdom, line %d: longer than %d bytes", n+1, maxLine)
	case err != nil:
		return nil, fmt.Errorf("autotune: wisdom: %w", err)
	case n == 0:
		return nil, errors.New("autotune: wisdom: empty: want the format in its first line")
	}
	return w, nil
}

func (w *Wisdom) readLine(n int, line []byte) error {
	if n == 1 {
		var head wisdomHead
		if err := readObject(line, &head); err != nil {
			return err
		}
		if head.Format != WisdomFormat {
			return fmt.Errorf("format %q: want %q", head.Format, WisdomFormat)
		}
		return nil
	}
	var r Record
	if err := readObject(line, &r); err != nil {
		return err
	}
	if err := r.Validate(); err != nil {
		return err
	}
	if _, twice := w.Get(r.Key()); twice {
		return errors.New("a second record of the same trial")
	}
	w.Add(r)
	return nil
}

// readObject reads one JSON object with no other fields than v has, each at most once and with a value.
func readObject(line []byte, v any) error {
	if !utf8.Valid(line) {
		return errors.New("not UTF-8")
	}
	if err := checkFields(json.NewDecoder(bytes.NewReader(line))); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// fieldLetters are what the names of fields consist of. Package json takes "S" and "ſ" for "s".
const fieldLetters = "abcdefghijklmnopqrstuvwxyz_"

// checkFields reports what package json lets pass: fields that come twice or in other letters, values that are null, and
// whatever follows the object. The objects of wisdom hold objects, and no lists.
func checkFields(d *json.Decoder) error {
	var open []map[string]bool // the fields of each object that is not closed yet
	name := ""                 // of the field whose value is next, "" where a name or an end is
	for first := true; first || len(open) > 0; first = false {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		switch text, _ := token.(string); {
		case token == json.Delim('{'):
			open, name = append(open, map[string]bool{}), ""
		case first:
			return errors.New("want an object")
		case token == json.Delim('}'):
			open = open[:len(open)-1]
		case token == nil || token == json.Delim('['):
			return fmt.Errorf("field %q: want a value, not null or a list", name)
		case name != "":
			name = ""
		case strings.Trim(text, fieldLetters) != "" || text == "":
			return fmt.Errorf("unknown field %q", text)
		case open[len(open)-1][text]:
			return fmt.Errorf("field %q comes twice", text)
		default:
			name = text
			open[len(open)-1][text] = true
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// Validate reports what no trial leaves.
func (r Record) Validate() error {
	if err := r.Problem.Validate(); err != nil {
		return err
	}
	name, err := variants.ParseName(r.Variant)
	if err != nil {
		return err
	}
	switch {
	case r.Backend != variants.CUDA && r.Backend != variants.CC:
		return fmt.Errorf("unknown backend %q", r.Backend)
	case r.Device == "" || r.Arch == "" || r.Compiler == "" || r.Source == "":
		return errors.New("device, arch, compiler and source are needed")
	case r.Problem.Covariance != r.Problem.Covariance.Kernel():
		return fmt.Errorf("covariance type %q has no kernels of its own", r.Problem.Covariance)
	case r.Problem.N < 1:
		return fmt.Errorf("%d events: want at least 1", r.Problem.N)
	case r.Problem.M > maxSize || r.Problem.D > maxSize:
		return fmt.Errorf("%d components of %d dimensions: want at most %d", r.Problem.M, r.Problem.D, maxSize)
	case name.Stage != r.Stage || name.Covariance != r.Problem.Covariance:
		return fmt.Errorf("variant %q for stage %q of %s", r.Variant, r.Stage, r.Problem.Covariance)
	case strings.ContainsFunc(r.Config, func(c rune) bool { return !strings.ContainsRune(configLetters, c) }):
		return fmt.Errorf("configuration %q", clip(r.Config, mostQuoted))
	case !slices.Contains(Outcomes(), r.Outcome):
		return fmt.Errorf("unknown outcome %q", r.Outcome)
	case !(r.Error >= 0) || math.IsInf(r.Error, 0):
		return fmt.Errorf("error %v: want a finite number of at least 0", r.Error)
	}
	return r.validateTimes()
}

func (r Record) validateTimes() error {
	if !r.Timed() {
		if r.Seconds != 0 || r.Low != 0 || r.High != 0 || r.Repeats != 0 {
			return fmt.Errorf("outcome %q with a time", r.Outcome)
		}
		return nil
	}
	if !(r.Low > 0 && r.Low <= r.Seconds && r.Seconds <= r.High) || math.IsInf(r.High, 0) || r.Repeats < 1 {
		return fmt.Errorf("%d times of %v, %v, %v seconds: want low, median and high, above 0", r.Repeats, r.Low, r.Seconds, r.High)
	}
	return nil
}
