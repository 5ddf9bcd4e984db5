//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs beside the demo until it is ended.
type process struct {
	name   string
	log    string // the file that has what it prints
	cmd    *exec.Cmd
	input  io.Closer     // some programs end when their input does
	exited chan struct{} // closed when it has
}

// start shows a command line and starts it, in the stage's directory. It is in a process group of its own, so
// that Ctrl-C reaches the demo alone, which ends everything in order.
func (st *stage) start(line string) (*process, error) {
	fmt.Fprintf(st.out, "$ %s\n", line)
	name, _, _ := strings.Cut(line, " ")
	log, err := os.Create(st.path(name + ".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := st.command(context.Background(), ".", "exec "+line)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{name: name, log: log.Name(), cmd: cmd, input: input, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // what counts is that it has ended
		close(p.exited)
	}()
	st.processes = append(st.processes, p)
	return p, nil
}

// prints waits until the log has a whole line with the text, and returns what follows the text in it.
func (p *process) prints(ctx context.Context, text string) (string, error) {
	var rest string
	err := p.until(ctx, "prints "+strings.TrimSpace(text), func() (bool, error) {
		log, err := os.ReadFile(p.log)
		_, after, _ := strings.Cut(string(log), text)
		var whole bool
		rest, _, whole = strings.Cut(after, "\n")
		return whole, err
	})
	return rest, err
}

// until waits for something while the process runs. What goes wrong meanwhile is tried again, and told if it
// comes to nothing.
func (p *process) until(ctx context.Context, what string, done func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := done()
		if is {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-p.exited:
			err = errors.Join(fmt.Errorf("%s has ended: %s", p.name, p.cmd.ProcessState), err)
		case <-ctx.Done():
			err = errors.Join(context.Cause(ctx), err)
		}
		return fmt.Errorf("waiting until %s %s: %w", p.name, what, err)
	}
}

// end asks the process to end and waits until it has; one that does not is killed with its group, which is
// an error.
func (p *process) end() error {
	const patience = 30 * time.Second
	_ = p.input.Close()                       // it may be closed already
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.exited
		return fmt.Errorf("%s did not end within %s and was killed", p.name, patience)
	}
}
