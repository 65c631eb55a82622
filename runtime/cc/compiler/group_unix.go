//go:build unix

package compiler

import (
	"os/exec"
	"syscall"
)

// ownGroup makes cmd the leader of a process group, and the whole group die when its context ends:
// a compiler driver leaves the work to children that outlive it when it alone is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
