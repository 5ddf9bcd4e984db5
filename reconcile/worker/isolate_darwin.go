package worker

import (
	"os"
	"os/exec"
	"syscall"
)

// ownProgram is this program.
func ownProgram() string {
	exe, _ := os.Executable() // where it is not known, starting says so
	return exe
}

// isolate makes the child its own process group.
func isolate(cmd *exec.Cmd, _ bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// Landlock is the version of the kernel's Landlock: this system has none.
func Landlock() int { return 0 }
