package nvrtc

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// library is the file that was opened, as far as the system tells.
type library struct {
	path    string
	size    int64
	modTime time.Time
}

// identify describes the file behind a path, or behind a name that the system's
// loader knows, once it is open.
func (h host) identify(file string) library {
	l := library{path: file}
	if !path.IsAbs(file) {
		for _, mapped := range h.loaded() {
			if strings.HasPrefix(path.Base(mapped.Path), file) {
				l.path = mapped.Path
			}
		}
	}
	if info, err := fs.Stat(h.files, rooted(l.path)); err == nil {
		l.size, l.modTime = info.Size(), info.ModTime()
	}
	return l
}

// Identity describes what tells this compiler from others: its version, of which
// it says two numbers only, and its file. It is made for the key of a cache, and
// readable.
func (c *Compiler) Identity() string {
	l := c.library
	return fmt.Sprintf("NVRTC %d.%d\nlibrary %q, %d bytes, modified %d ns\n", c.major, c.minor, l.path, l.size, l.modTime.UnixNano())
}
