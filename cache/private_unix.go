//go:build unix

package cache

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private returns "" for what belongs to this process's effective user and nobody else may write, and otherwise why not.
func private(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Sprintf("owned by user %d, not by user %d, who asks", stat.Uid, os.Geteuid())
	}
	if info.Mode().Perm()&writableByOthers != 0 {
		return fmt.Sprintf("writable by group or others (%v)", info.Mode())
	}
	return ""
}
