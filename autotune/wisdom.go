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

	"github.com/gmmspec/gmmspec/variants"
)

// WisdomFormat is the format of a file of wisdom: a line that names it, then a record a line.
const WisdomFormat = "gmmspec-wisdom/1"

// maxLine bounds a line of a file of wisdom, so that a damaged one cannot ask for all memory.
const maxLine = 64 << 10

// maxSize bounds M and D: far more than is ever timed.
const maxSize = 1 << 20

// Wisdom is kept records: of each candidate, problem and environment the last.
type Wisdom struct {
	records map[Question]map[Key]Record
	count   int
}

// NewWisdom returns wisdom of those records.
func NewWisdom(records ...Record) *Wisdom {
	w := &Wisdom{records: map[Question]map[Key]Record{}}
	for _, r := range records {
		w.Add(r)
	}
	return w
}

// Add keeps a record in the place of any earlier one of its key.
func (w *Wisdom) Add(r Record) {
	key := r.Key()
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

// Len returns the number of records.
func (w *Wisdom) Len() int { return w.count }

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

// WriteTo writes the wisdom as text.
func (w *Wisdom) WriteTo(out io.Writer) (int64, error) {
	var b bytes.Buffer
	head, err := json.Marshal(wisdomHead{WisdomFormat})
	if err != nil {
		return 0, err
	}
	b.Write(append(head, '\n'))
	for _, r := range w.Records() {
		line, err := json.Marshal(r)
		if err != nil {
			return 0, fmt.Errorf("autotune: %v: %w", r, err)
		}
		b.Write(append(line, '\n'))
	}
	return b.WriteTo(out)
}

// wisdomHead is the first line.
type wisdomHead struct {
	Format string `json:"format"`
}

// ReadWisdom reads what WriteTo writes, all of it or nothing: an error names the line.
func ReadWisdom(in io.Reader) (*Wisdom, error) {
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

// readObject reads one JSON object with no other fields than v has.
func readObject(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
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
