package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// attributes puts a process into a session of its own and, when tied, has it killed with its
// starter.
func attributes(tied bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if tied {
		attr.Pdeathsig = syscall.SIGKILL
	}
	return attr
}

// began returns when a process started: the boot, and the clock ticks since. It is empty when there
// is no such process or it has ended and only waits to be collected.
func began(pid int) (string, error) {
	stat, err := stat(pid)
	if err != nil || stat == nil || isGone(pid, stat[state]) {
		return "", err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(boot)) + ":" + stat[start], nil
}

// isGone tells whether a process in that state has ended. Its first thread ends first, and as long
// as others are there it still has its files and ports.
func isGone(pid int, state string) bool {
	if state != "Z" && state != "X" {
		return false
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return err != nil || len(threads) <= 1
}

// paused tells whether a process was stopped by a signal.
func paused(pid int) bool {
	stat, err := stat(pid)
	return err == nil && stat != nil && stat[state] == "T"
}

// The fields of stat.
const state, start = 0, 19

// stat returns what the system says of a process, from the third field on; nil if there is none.
func stat(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// The second field is the program's name in parentheses and may hold anything: count after the
	// last one.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= start {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields after the name, want more than %d",
			pid, len(fields), start)
	}
	return fields, nil
}

// Marked returns the processes whose mark begins with the prefix.
func Marked(prefix string) ([]Record, error) {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	want := []byte(MarkName + "=" + prefix)
	var found []Record
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil {
			continue // gone meanwhile, or another user's
		}
		for entry := range bytes.SplitSeq(environ, []byte{0}) {
			if !bytes.HasPrefix(entry, want) {
				continue
			}
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if record, err := Identify(pid); err == nil {
				found = append(found, record)
			}
			break
		}
	}
	return found, nil
}

// Memory returns how much memory the process takes, in bytes, pages it shares with others counted
// in shares. It is 0 when that cannot be known.
func (r Record) Memory() int64 {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", r.PID))
	if err != nil || !r.Alive() {
		return 0
	}
	for line := range strings.Lines(string(rollup)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "Pss:" {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
