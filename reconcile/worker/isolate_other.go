//go:build !linux && !darwin

package worker

import (
	"os"
	"os/exec"
)

// ownProgram is this program.
func ownProgram() string {
	exe, _ := os.Executable() // where it is not known, starting says so
	return exe
}

// isolate does nothing: the child is killed alone.
func isolate(*exec.Cmd, bool) {}

// Landlock is the version of the kernel's Landlock: this system has none.
func Landlock() int { return 0 }

// confine sets the limits of this process, the child: memory; its time is watched by itself and the
// parent.
func confine(t Task) error {
	go watch(t.Memory)
	return nil
}

// keepDescriptors has nothing to do: nothing is passed on here unless it is named.
func keepDescriptors() {}

// killed says whether the child was killed, which cannot be told here.
func killed(*os.ProcessState) bool { return false }
