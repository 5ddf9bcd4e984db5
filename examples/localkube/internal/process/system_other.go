//go:build unix && !linux

package process

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// attributes puts a process into a session of its own. This system cannot tie it to its starter.
func attributes(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true}
}

// began returns when a process started, to the second, as ps says it. It is empty when there is no
// such process or it has ended and only waits to be collected.
func began(pid int) (string, error) {
	state, start, err := stat(pid)
	if strings.HasPrefix(state, "Z") {
		return "", err
	}
	return start, err
}

// paused tells whether a process was stopped by a signal.
func paused(pid int) bool {
	state, _, err := stat(pid)
	return err == nil && strings.HasPrefix(state, "T")
}

// stat returns what ps says of a process, nothing if there is none.
func stat(pid int) (state, start string, err error) {
	out, err := exec.Command("ps", "-o", "state=,lstart=", "-p", strconv.Itoa(pid)).Output()
	var none *exec.ExitError
	if errors.As(err, &none) {
		return "", "", nil
	}
	state, start, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return state, strings.TrimSpace(start), err
}

// Marked finds nothing here: other processes' environments cannot be read. Records must do.
func Marked(string) ([]Record, error) { return nil, nil }

// Memory is not known on this system.
func (Record) Memory() int64 { return 0 }
