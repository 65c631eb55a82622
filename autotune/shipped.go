package autotune

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
)

// shippedFiles is wisdom of devices that the module knows, a file a device's model.
//
//go:embed shipped
var shippedFiles embed.FS

// Shipped returns the wisdom that comes with the module for problems of d dimensions on devices of a model, or nil. It is read when it
// is first asked for, and no more of it than that: all of it takes a tenth of a second.
func Shipped(model Environment, d int) *Wisdom {
	model = model.Model()
	for _, f := range shippedModels() {
		if f.model == model {
			return f.of(d)
		}
	}
	return nil
}

// shippedFile is the wisdom of one model.
type shippedFile struct {
	name  string
	text  []byte
	model Environment

	mu   sync.Mutex
	read map[int]*Wisdom // by dimensions
}

// shippedModels lists the files, of each of which the first record is read: it names the model.
//
//nolint:gochecknoglobals // what is embedded does not change
var shippedModels = sync.OnceValue(func() []*shippedFile {
	const folder = "shipped"
	entries, err := shippedFiles.ReadDir(folder)
	if err != nil {
		panic(err) // a test reads them too
	}
	var files []*shippedFile
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".jsonl") {
			continue
		}
		f := &shippedFile{name: e.Name(), read: map[int]*Wisdom{}}
		if f.text, err = shippedFiles.ReadFile(path.Join(folder, e.Name())); err == nil {
			_, records, _ := bytes.Cut(f.text, []byte("\n"))
			var first Record
			err = json.NewDecoder(bytes.NewReader(records)).Decode(&first)
			f.model = first.Model()
		}
		if err != nil {
			panic(fmt.Errorf("autotune: %s: %w", e.Name(), err))
		}
		files = append(files, f)
	}
	return files
})

// of returns the records of problems of d dimensions.
func (f *shippedFile) of(d int) *Wisdom {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w, ok := f.read[d]; ok {
		return w
	}
	var wanted bytes.Buffer
	field := fmt.Appendf(nil, `"dimensions":%d,`, d)
	lines := bufio.NewReader(bytes.NewReader(f.text))
	for first := true; ; first = false {
		line, err := lines.ReadBytes('\n')
		if first || bytes.Contains(line, field) {
			wanted.Write(line)
		}
		if err == io.EOF {
			break
		}
	}
	w, err := ReadWisdom(&wanted)
	if err != nil {
		panic(fmt.Errorf("autotune: %s: %w", f.name, err))
	}
	f.read[d] = w
	return w
}
