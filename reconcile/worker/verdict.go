package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// answer turns the child's end into a result. A limit is told before whatever else is wrong, since it is the cause.
func (r *run) answer() ([]byte, error) {
	t := r.task
	switch {
	case r.ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", t.Doing, r.ctx.Err())
	case errors.Is(r.over, errWall):
		return nil, r.limit(Time, fmt.Sprintf("took longer than %v", t.Wall))
	case errors.Is(r.over, errOutput):
		return nil, r.limit(Output, fmt.Sprintf("gave more than %s of output", mebibytes(t.Output)))
	case r.cmd.ProcessState == nil:
		return nil, fmt.Errorf("%s: starting a worker: %w", t.Doing, r.err)
	case r.err != nil:
		return nil, r.crash()
	}
	out := r.stdout.data
	if len(out) == 0 {
		return nil, r.broken("the worker said nothing")
	}
	kind, out := out[0], out[1:]
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

// crash says why a child that we did not end is gone.
func (r *run) crash() error {
	t := r.task
	said := string(r.stderr.data)
	memory := fmt.Sprintf("needed more than %s of memory", mebibytes(t.Memory))
	state := r.cmd.ProcessState
	switch killed := signaled(state); {
	case killed && state.UserTime()+state.SystemTime() >= t.CPU*9/10:
		return r.limit(CPU, fmt.Sprintf("needed more than %v of CPU time", t.CPU))
	case killed:
		return r.limit(Memory, "was ended by the system, most likely for lack of memory")
	case state.ExitCode() == exitMemory:
		return r.limit(Memory, memory)
	case strings.Contains(said, "stack overflow"):
		return r.limit(Stack, "went too deep into itself")
	case containsAny(said, "out of memory", "cannot allocate memory", "failed to create new OS thread"):
		return r.limit(Memory, memory)
	}
	return r.broken(firstLine(r.stderr.data))
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

func containsAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
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
