//go:build linux || darwin

package worker

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// confine sets the limits of this process, the child. Descriptors come last: from then on nothing can be opened.
func confine(t Task) error {
	limits := []struct {
		name string
		what int
		max  uint64
	}{
		{"cpu", unix.RLIMIT_CPU, uint64((t.CPU + time.Second - 1) / time.Second)},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"core", unix.RLIMIT_CORE, 0},
		{"data", unix.RLIMIT_DATA, uint64(t.Memory)},
		{"descriptors", unix.RLIMIT_NOFILE, 0},
	}
	for _, l := range limits {
		if l.what == unix.RLIMIT_DATA && (raced || runtime.GOOS != "linux") {
			go watch(t.Memory) // the race detector maps more than any limit, and other systems count otherwise
			continue
		}
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: l.max, Max: l.max}); err != nil {
			return fmt.Errorf("limiting %s: %w", l.name, err)
		}
	}
	return nil
}

// signaled says whether the child was killed.
func signaled(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGXCPU)
}
