package autotune

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// shippedFiles is wisdom of devices that the module knows, a file a device's model.
//
//go:embed shipped
var shippedFiles embed.FS

// Shipped returns the wisdom that comes with the module for devices of a model, or nil. It is read once.
func Shipped(model Environment) *Wisdom { return shipped()[model.Model()] }

// shipped reads all files.
//
//nolint:gochecknoglobals // what is embedded does not change
var shipped = sync.OnceValue(func() map[Environment]*Wisdom {
	all := map[Environment]*Wisdom{}
	err := fs.WalkDir(shippedFiles, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".jsonl") {
			return err
		}
		file, err := shippedFiles.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		w, err := ReadWisdom(file)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, r := range w.Records() {
			if all[r.Model()] == nil {
				all[r.Model()] = NewWisdom()
			}
			all[r.Model()].Add(r)
		}
		return nil
	})
	if err != nil {
		panic(err) // a test reads them too
	}
	return all
})
