package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// A Spec says what to start.
type Spec struct {
	Command []string // the program and its arguments
	Env     []string // all of its environment but the mark
	Dir     string   // where it runs
	Log     string   // the file that its output is added to
	Mark    string   // what Marked finds it by
}

// A Process is one that this program started.
type Process struct {
	Record
	done chan struct{}
	end  error // how it ended; read only after done
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// End says how the process ended; call it only when Done is closed.
func (p *Process) End() string {
	if p.end == nil {
		return "exit status 0"
	}
	return p.end.Error()
}

// A Starter starts processes; the zero Starter starts such that outlive this program.
type Starter struct {
	thread chan<- func()
}

// Tied returns a Starter whose processes end with this program, even when it is killed, where the
// system can do that (Linux); elsewhere they end only when this program ends in order.
func Tied() Starter {
	// Linux sends the signal when the thread that started the process ends, so all are started from
	// one that stays: a goroutine that keeps its thread and never returns.
	thread := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range thread {
			call()
		}
	}()
	return Starter{thread: thread}
}

// Tied tells whether the processes end with this program.
func (s Starter) Tied() bool { return s.thread != nil }

// Start starts a process in a session of its own, so that signals from a terminal do not reach it.
func (s Starter) Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(spec.Command[0], spec.Command[1:]...)
	command.Env = append(append([]string{}, spec.Env...), MarkName+"="+spec.Mark)
	command.Dir = spec.Dir
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = attributes(s.Tied())
	if err := s.onThread(command.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Command[0], err)
	}
	record, err := Identify(command.Process.Pid)
	if err != nil { // ended already: keep the number for messages, never alive
		record = Record{PID: command.Process.Pid}
	}
	p := &Process{Record: record, done: make(chan struct{})}
	go func() {
		p.end = command.Wait()
		close(p.done)
	}()
	return p, nil
}

// onThread runs the call on the Starter's thread, if it has one.
func (s Starter) onThread(call func() error) error {
	if s.thread == nil {
		return call()
	}
	result := make(chan error)
	s.thread <- func() { result <- call() }
	return <-result
}
