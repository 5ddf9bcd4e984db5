package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Task is a kind of work: which function, and how much it may use. Zero limits are the defaults,
// fit for CUE; rendering with Helm needs 768 MiB.
type Task struct {
	Name   string        `json:"-"` // of the function, as main gives it to Main
	Doing  string        `json:"-"` // begins messages: "evaluating the declarations"
	Memory int64         // bytes of data; default 512 MiB
	CPU    time.Duration // default 20s, in whole seconds
	Wall   time.Duration // default 3m: that a machine which has much to do can give the CPU time
	Output int64         `json:"-"` // bytes; default 64 MiB
}

// withDefaults fills in what is not given.
func (t Task) withDefaults() Task {
	t.Memory = or(t.Memory, 512<<20)
	t.CPU = or(t.CPU, 20*time.Second)
	t.Wall = or(t.Wall, 3*time.Minute)
	t.Output = or(t.Output, 64<<20)
	t.Doing = or(t.Doing, t.Name)
	return t
}

func or[T comparable](given, otherwise T) T {
	var zero T
	if given == zero {
		return otherwise
	}
	return given
}

// Pool runs functions in child processes, some at a time. The zero value works.
type Pool struct {
	Exe      string              // the program; default: this one, also when its file has been replaced
	Parallel int                 // children at a time; default: as many as this container may use CPUs, rounded up
	Beside   func() (end func()) // called before each child is started, and its end after it; may be nil

	once  sync.Once
	slots chan struct{} // one is taken for each child; who waits longest is next
}

// parallel is how many children may run at a time.
func (p *Pool) parallel() int { return or(p.Parallel, cpus()) }

// Run gives input to a function in a child process and returns its output. It waits for its turn.
// The error is an *Error, or says that ctx ended or that no child could be started.
func (p *Pool) Run(ctx context.Context, t Task, in []byte) ([]byte, error) {
	t = t.withDefaults()
	p.once.Do(func() {
		p.slots = make(chan struct{}, p.parallel())
		keepDescriptors()
	})
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: waiting for a worker: %w", t.Doing, context.Cause(ctx))
	}
	if p.Beside != nil {
		defer p.Beside()()
	}
	r := start(ctx, t, job{exe: or(p.Exe, ownProgram()), in: in, locked: true})
	if r.cmd.Process == nil && errors.Is(r.err, fs.ErrPermission) && ctx.Err() == nil {
		r = start(ctx, t, job{exe: or(p.Exe, ownProgram()), in: in}) // its libraries are where we did not expect them
	}
	return r.answer()
}

// job is what a child is started with.
type job struct {
	exe    string
	in     []byte
	locked bool // without files and TCP, by Landlock
}

// run is one child and its end.
type run struct {
	task   Task
	ctx    context.Context // the caller's
	cmd    *exec.Cmd
	stdout limited
	stderr limited
	err    error // of cmd
	over   error // why we ended it
}

// start runs a child to its end, on a thread of its own: the thread gives up rights that the child
// inherits, the child dies with it, and nothing else runs on it before or after.
func start(ctx context.Context, t Task, j job) *run {
	r := &run{task: t, ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, so that the thread ends with the goroutine
		r.exec(j)
	}()
	<-done
	return r
}

// What we end a child for.
var (
	errWall   = errors.New("wall time")
	errOutput = errors.New("output")
)

// maxSaid is how much a child may print beside its answer.
const maxSaid = 256 << 10

func (r *run) exec(j job) {
	limits, err := json.Marshal(r.task)
	if err != nil {
		panic(err) // numbers always marshal
	}
	timed, cancel := context.WithTimeoutCause(r.ctx, r.task.Wall, errWall)
	defer cancel()
	ctx, end := context.WithCancelCause(timed)
	defer end(nil)
	full := func() { end(errOutput) }
	r.stdout = limited{left: r.task.Output + 1, full: full} // and the byte that says which answer it is
	r.stderr = limited{left: maxSaid, full: full}
	r.cmd = exec.CommandContext(ctx, j.exe, verb, r.task.Name, string(limits))
	// No megabytes of text, no stacks for 64 threads, and no garbage collected before there is a limit to it.
	r.cmd.Env = []string{"GOTRACEBACK=none", "GOMAXPROCS=1", "GOGC=off"}
	r.cmd.Dir = "/"
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = bytes.NewReader(j.in), &r.stdout, &r.stderr
	r.cmd.WaitDelay = 2 * time.Second
	isolate(r.cmd, j.locked)
	r.err = r.cmd.Run()
	r.over = context.Cause(ctx)
}

// limited keeps what is written to it, up to a number of bytes, then says so and drops the rest.
type limited struct {
	data []byte
	left int64
	full func()
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(int64(len(p)), l.left)
	if n < int64(len(p)) {
		l.full()
	}
	l.left -= n
	l.data = append(l.data, p[:n]...)
	return len(p), nil
}
