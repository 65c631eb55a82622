package nvrtc

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gmmspec/gmmspec/internal/require"
)

// TestIdentity: another file is another compiler, though its version be the same.
func TestIdentity(t *testing.T) {
	const file, other = "/a/libnvrtc.so.13", "/b/libnvrtc.so.13"
	now := time.Unix(1e9, 5)
	identity := func(name string, size int, modified time.Time) string {
		m := machine{files: fstest.MapFS{rooted(name): &fstest.MapFile{Data: make([]byte, size), ModTime: modified}}}
		return (&Compiler{major: 13, library: m.host().identify(name)}).Identity()
	}
	seen := map[string]bool{}
	for _, one := range []string{
		identity(file, 10, now), identity(file, 11, now), identity(file, 10, now.Add(1)), identity(other, 10, now),
	} {
		if seen[one] {
			t.Errorf("two compilers are %q", one)
		}
		seen[one] = true
	}
	if want := "NVRTC 13.0\nlibrary \"/a/libnvrtc.so.13\", 10 bytes, modified 1000000000000000005 ns\n"; !seen[want] {
		t.Errorf("identities %v: want one that is %q", seen, want)
	}
}

// TestIdentityOfLoaded: a library that the system's loader found by its name is the file that is mapped.
func TestIdentityOfLoaded(t *testing.T) {
	const mapped = "/lib/libnvrtc.so.12.4.127"
	m := machine{files: fstest.MapFS{
		rooted(mapped): &fstest.MapFile{Data: make([]byte, 7)},
		"proc/self/maps": &fstest.MapFile{Data: []byte(
			"7f0-7f1 r-xp 00000000 00:00 1 /lib/libnvrtc.so.11.2.152\n7f2-7f3 r-xp 00000000 00:00 2 " + mapped + "\n")},
	}}
	if l := m.host().identify("libnvrtc.so.12"); l.path != mapped || l.size != 7 {
		t.Errorf("%+v: want %s of 7 bytes", l, mapped)
	}
	if l := m.host().identify("libnvrtc.so.13"); l.path != "libnvrtc.so.13" || l.size != 0 {
		t.Errorf("%+v: want no more than the name", l)
	}
}

// TestIdentityOfTheMachine: the compiler that is here has a file.
func TestIdentityOfTheMachine(t *testing.T) {
	c, err := Open(Options{})
	require.Have(t, "nvrtc", err)
	if c.library.size == 0 || c.library.modTime.IsZero() || !strings.Contains(c.Identity(), c.library.path) {
		t.Errorf("%s", c.Identity())
	}
}
