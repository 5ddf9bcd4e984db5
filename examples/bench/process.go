package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what one process with all its children took.
type usage struct {
	CPU, Wall time.Duration
	Largest   int64 // bytes: the most that one of them had
	Sum       int64 // bytes: the most that all had at a time, what they share once
	Renders   int   // workers that rendered charts
	Out       string
	Code      int
}

// measure runs a command to its end. An exit code is no error.
func measure(c *exec.Cmd) (usage, error) {
	var out, complaints bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaints
	began := time.Now()
	if err := c.Start(); err != nil {
		return usage{}, err
	}
	watched, stop := watch(c.Process.Pid)
	err := c.Wait()
	wall := time.Since(began)
	stop()
	seen := <-watched
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || c.ProcessState.ExitCode() < 0 {
		return usage{}, fmt.Errorf("%s: %w\n%s", c.Args[0], err, complaints.Bytes())
	}
	return usage{ // CPU is that of the children, too, that it waited for
		CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime(), Wall: wall,
		Largest: seen.largest, Sum: seen.sum, Renders: len(seen.renders),
		Out: out.String() + complaints.String(), Code: c.ProcessState.ExitCode(),
	}, nil
}

// sighting is what was seen of a process and its children while they ran.
type sighting struct {
	sum     int64 // bytes
	largest int64 // bytes: what rusage says is never less than what the benchmark itself had when it started the command
	renders map[int]bool
}

// look is how often processes are looked at. A worker takes longer to start, and is largest at its end.
const look = 25 * time.Millisecond

// watch looks at a process and its children until it is stopped.
func watch(pid int) (<-chan sighting, context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	out := make(chan sighting, 1)
	go func() {
		seen := sighting{renders: map[int]bool{}}
		for tick := time.NewTicker(look); ; {
			sum := int64(0)
			for _, p := range family(pid) {
				sum += share(p)
				seen.largest = max(seen.largest, statusOf(p, "VmHWM"))
				if task := workerTask(p); task == "render" {
					seen.renders[p] = true
				}
			}
			seen.sum = max(seen.sum, sum)
			select {
			case <-ctx.Done():
				tick.Stop()
				out <- seen
				return
			case <-tick.C:
			}
		}
	}()
	return out, stop
}

// family is a process with its children and theirs, but for those that have not begun a program of their own yet: what
// they have is their parent's memory.
func family(pid int) []int {
	out := []int{pid}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is well formed
	for _, name := range threads {
		for _, child := range strings.Fields(readFile(name)) {
			if p, err := strconv.Atoi(child); err == nil && commandOf(p) != commandOf(pid) {
				out = append(out, family(p)...)
			}
		}
	}
	return out
}

// share is how much memory a process has, in bytes, each page by its share where processes share it; 0 where it
// is gone.
func share(pid int) int64 {
	return kilobytes(readFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid)), "Pss")
}

// workerTask is what a worker process of reconcile does; empty where the process is none.
func workerTask(pid int) string {
	args := strings.Split(commandOf(pid), "\x00")
	if len(args) < 3 || args[1] != "worker" {
		return ""
	}
	return args[2]
}

// commandOf is what a process was called with, each word ended by a zero.
func commandOf(pid int) string { return readFile(fmt.Sprintf("/proc/%d/cmdline", pid)) }

// readFile reads a file of a process; nothing where the process is gone.
func readFile(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(text)
}

// cpuOf is the CPU time of a running process, without its children, to the nanosecond.
func cpuOf(pid int) (time.Duration, error) {
	const schedClock = 2 // of a whole process, as clock_getcpuclockid makes it of a process id
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &t); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// childFaults counts the page faults of all children that have ended: whoever had a child has more of
// them afterwards.
func childFaults(pid int) (int, error) {
	_, fields, found := strings.Cut(readFile(fmt.Sprintf("/proc/%d/stat", pid)), ") ")
	words := strings.Fields(fields)
	if !found || len(words) < 9 {
		return 0, fmt.Errorf("process %d is gone", pid)
	}
	return strconv.Atoi(words[8])
}

// statusOf is a line of /proc/PID/status that counts kB, in bytes.
func statusOf(pid int, name string) int64 {
	return kilobytes(readFile(fmt.Sprintf("/proc/%d/status", pid)), name)
}

// kilobytes finds a line that counts kB, and is in bytes.
func kilobytes(text, name string) int64 {
	for line := range strings.Lines(text) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			n, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64) // the kernel writes numbers
			return n << 10
		}
	}
	return 0
}
