package isolate

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gmmspec/gmmspec/internal/require"
)

const (
	// need is what a test that is isolated in namespaces requires.
	need = "namespaces"

	// What this user is called in the namespace: the superuser may mount there, and an ordinary user is bound by permissions.
	// Files that are this user's outside are so inside.
	superuser = 0
	ordinary  = 1000
)

// WithMounts is [Alone] in a process that may mount disks.
func WithMounts(t *testing.T) bool {
	t.Helper()
	return inside(t, superuser, syscall.CLONE_NEWNS)
}

// WithoutPrivileges is [Alone] in a process that permissions bind.
func WithoutPrivileges(t *testing.T) bool {
	t.Helper()
	return inside(t, ordinary, 0)
}

func inside(t *testing.T, user int, namespaces uintptr) bool {
	t.Helper()
	alone, err := again(t, &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | namespaces,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getegid(), Size: 1}},
	})
	require.Have(t, need, err)
	return alone
}

// Disk is a file system of its own, as small as a test wants it.
type Disk struct {
	Path   string
	filler string
}

// Mount mounts a disk with room for the given number of pages of data and of files; 0 sets no limit. The test must run with
// mounts.
func Mount(t *testing.T, pages, files int) *Disk {
	t.Helper()
	d := &Disk{Path: filepath.Join(t.TempDir(), "disk")}
	d.filler = filepath.Join(d.Path, "filler")
	if err := os.Mkdir(d.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	limits := fmt.Sprintf("mode=0700,size=%d,nr_inodes=%d", pages*os.Getpagesize(), files)
	require.Have(t, need, syscall.Mount("tmpfs", d.Path, "tmpfs", 0, limits))
	t.Cleanup(func() {
		if err := syscall.Unmount(d.Path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Fill leaves room for a number of pages on the disk, and for no more.
func (d *Disk) Fill(t *testing.T, left int) {
	t.Helper()
	d.Empty(t)
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.Path, &s); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.filler, make([]byte, (int(s.Bfree)-left)*os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Empty takes away what Fill put there.
func (d *Disk) Empty(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(d.filler); err != nil {
		t.Fatal(err)
	}
}

// Protect has the disk refuse every change, or no longer.
func (d *Disk) Protect(t *testing.T, readOnly bool) {
	t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	if readOnly {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("", d.Path, "", flags, ""); err != nil {
		t.Fatal(err)
	}
}
