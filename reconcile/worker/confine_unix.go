//go:build linux || darwin

package worker

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// confine sets the limits of this process, the child. Descriptors come last: from then on nothing
// can be opened.
func confine(t Task) error {
	cpu := uint64((t.CPU + time.Second - 1) / time.Second)
	tired := make(chan os.Signal, 1)
	signal.Notify(tired, syscall.SIGXCPU)
	go func() {
		<-tired
		syscall.Exit(exitCPU)
	}()
	limits := []struct {
		name      string
		what      int
		soft, max uint64
	}{
		{"cpu", unix.RLIMIT_CPU, cpu, cpu + 2}, // soft: the signal above; hard: the kernel kills
		{"file size", unix.RLIMIT_FSIZE, 0, 0},
		{"core", unix.RLIMIT_CORE, 0, 0},
		{"data", unix.RLIMIT_DATA, uint64(t.Memory), uint64(t.Memory)},
		{"descriptors", unix.RLIMIT_NOFILE, 0, 0},
	}
	for _, l := range limits {
		if l.what == unix.RLIMIT_DATA && (raced || runtime.GOOS != "linux") {
			continue // the race detector maps more than any limit, and other systems count otherwise
		}
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: l.soft, Max: l.max}); err != nil {
			return fmt.Errorf("limiting %s: %w", l.name, err)
		}
	}
	go watch(t.Memory)
	return nil
}

// keepDescriptors stops descriptors that this program was itself started with, such as a shell's,
// from being passed on; those that Go opens never are.
func keepDescriptors() {
	for fd := 3; fd < 1024; fd++ {
		syscall.CloseOnExec(fd) // one that is not open is no harm
	}
}

// killed says whether the child was killed.
func killed(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
