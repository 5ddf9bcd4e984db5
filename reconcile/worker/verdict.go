package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"
)

// answer turns the child's end into a result. A limit is told before whatever else is wrong, since
// it is the cause.
func (r *run) answer() ([]byte, error) {
	t := r.task
	switch {
	case r.ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", t.Doing, r.ctx.Err())
	case errors.Is(r.over, errWall):
		return nil, r.late(cpuOf(r.cmd.ProcessState))
	case r.cmd.ProcessState == nil:
		return nil, fmt.Errorf("%s: starting a worker: %w", t.Doing, r.err)
	case r.fatal() != nil:
		return nil, r.fatal()
	case errors.Is(r.over, errOutput):
		return nil, r.limit(Output, fmt.Sprintf("gave more than %s of output", mebibytes(t.Output)))
	case r.err != nil:
		return nil, r.broken(firstLine(r.stderr.data))
	}
	return r.decode()
}

// decode reads the answer of a child that came to its end.
func (r *run) decode() ([]byte, error) {
	if len(r.stdout.data) == 0 {
		return nil, r.broken("the worker said nothing")
	}
	kind, out := r.stdout.data[0], r.stdout.data[1:]
	switch kind {
	case answerOK:
		return out, nil
	case answerError:
		m := message{}
		if err := json.Unmarshal(out, &m); err == nil {
			return nil, &Error{Class: Invalid, Message: m.Text, Detail: m.Detail}
		}
	}
	return nil, r.broken("the worker's answer cannot be read")
}

// fatal is the limit that a child died of, if it did. What Go's runtime says is text; there is no
// other way to tell.
func (r *run) fatal() error {
	t, state, said := r.task, r.cmd.ProcessState, string(r.stderr.data)
	if state.Success() {
		return nil
	}
	killed := killed(state) && r.over == nil
	switch {
	case state.ExitCode() == exitCPU, killed && cpuOf(state) > t.CPU/2:
		return r.limit(CPU, fmt.Sprintf("needed more than %v of CPU time", t.CPU))
	case killed:
		return r.limit(Memory, "was ended by the system, most likely for lack of memory")
	case strings.Contains(said, "stack overflow"):
		return r.limit(Stack, "went too deep into itself")
	case state.ExitCode() == exitMemory, outOfMemory(said):
		return r.limit(Memory, fmt.Sprintf("needed more than %s of memory", mebibytes(t.Memory)))
	}
	return nil
}

// late is a child that was not done in time. What it does never waits for anything: one that got little of the CPU
// was kept from it by others, and would have been done on another day.
func (r *run) late(cpu time.Duration) error {
	t := r.task
	if cpu < t.CPU/2 {
		return &Error{Class: Busy, Message: fmt.Sprintf("%s got %v of CPU time within %v: the machine has too much to do; it is tried again",
			t.Doing, cpu.Round(100*time.Millisecond), t.Wall)}
	}
	return r.limit(Time, fmt.Sprintf("took longer than %v", t.Wall))
}

// cpuOf is the CPU time that a child took; none where it did not even start.
func cpuOf(state *os.ProcessState) time.Duration {
	if state == nil {
		return 0
	}
	return state.UserTime() + state.SystemTime()
}

// limit is an error about a limit, with what can be done.
func (r *run) limit(c Class, what string) error {
	return &Error{Class: c, Message: fmt.Sprintf(
		"%s %s: look for values that grow out of each other, loops and very large lists, and make them smaller",
		r.task.Doing, what)}
}

// broken is an error that is most likely this program's own.
func (r *run) broken(what string) error {
	return &Error{Class: Broken, Message: fmt.Sprintf("%s failed: %s: report this with the revision that caused it",
		r.task.Doing, or(what, "the worker ended unexpectedly"))}
}

// outOfMemory recognises how Go's runtime ends when the system gives it no more: with a word, or,
// where it did not expect that, with a fault of its own. Code in Go that goes wrong says "panic"
// instead.
func outOfMemory(said string) bool {
	for _, words := range []string{
		"out of memory", "cannot allocate memory", "failed to create new OS thread", "pthread_create failed",
		"unexpected signal during runtime execution",
	} {
		if strings.Contains(said, words) {
			return true
		}
	}
	return strings.HasPrefix(said, "SIGSEGV")
}

// firstLine is the first line of what a child said, safe to show.
func firstLine(said []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(said), []byte("\n"))
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, string(line[:min(len(line), 200)]))
}

func mebibytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
