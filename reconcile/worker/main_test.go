//go:build unix

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Main(funcs())
	if len(os.Args) > 1 && os.Args[1] == "parent" {
		parent()
	}
	goleak.VerifyTestMain(m)
}

// parent is a process that tests start to end it: it runs a worker that sleeps, or, after its own
// file is gone, one that answers.
func parent() {
	task := Task{Name: "sleep"}
	if os.Args[2] == "without file" {
		task.Name = "echo"
		_ = os.Remove(os.Args[0])
	}
	out, err := new(Pool).Run(context.Background(), task, []byte("hi"))
	fmt.Println(string(out), err)
	os.Exit(0)
}

// funcs are what the children of these tests do.
func funcs() map[string]Func {
	return map[string]Func{
		"echo":    func(in []byte) ([]byte, error) { return in, nil },
		"fail":    func([]byte) ([]byte, error) { return nil, errors.New("a.cue:1:1: wrong") },
		"detail":  func([]byte) ([]byte, error) { return nil, mistakes{{"a.cue", 3}, {"b.cue", 4}} },
		"eat":     eat,
		"gulp":    func([]byte) ([]byte, error) { return make([]byte, 12<<30)[:1], nil },
		"flood":   flood,
		"threads": threads,
		"spin":    func([]byte) ([]byte, error) { return spin() },
		"sleep":   func([]byte) ([]byte, error) { time.Sleep(time.Hour); return nil, nil },
		"nap":     func([]byte) ([]byte, error) { time.Sleep(200 * time.Millisecond); return nil, nil },
		"deep":    func([]byte) ([]byte, error) { return []byte{byte(deep(0))}, nil },
		"panic":   func([]byte) ([]byte, error) { panic("oh\x1b[2J no\nand more") },
		"nil":     func([]byte) ([]byte, error) { var t *Task; return []byte(t.Name), nil },
		"exit":    func([]byte) ([]byte, error) { os.Exit(0); return nil, nil },
		"garbage": func([]byte) ([]byte, error) { _, _ = syscall.Write(1, []byte("x")); os.Exit(0); return nil, nil },
		"kill":    func([]byte) ([]byte, error) { return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL) },
		"print":   func([]byte) ([]byte, error) { fmt.Println("a word: out of memory"); return []byte("answer"), nil },
		"babble":  babble,
		"long":    func([]byte) ([]byte, error) { return make([]byte, 100<<20), nil },
		"probe":   probe,
		"cue":     evaluate,
	}
}

// mistakes is an error with content.
type mistakes []struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

func (m mistakes) Error() string { return fmt.Sprint(len(m), " mistakes") }

func eat([]byte) ([]byte, error) {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
		if len(all) == math.MaxInt { // so that all is used
			return all[0], nil
		}
	}
}

// flood takes a lot at once and uses it, and nothing more.
func flood([]byte) ([]byte, error) {
	debug.SetGCPercent(-1)
	b := make([]byte, 1<<30)
	for n := range 1 << 36 {
		b[n%len(b)]++
	}
	return b[:1], nil
}

func threads([]byte) ([]byte, error) {
	stop := make(chan struct{})
	for {
		go func() {
			buf := make([]byte, 64<<10)
			<-stop
			_ = buf
		}()
	}
}

func spin() ([]byte, error) {
	for n := 0; ; n++ {
		if n < 0 {
			return nil, nil
		}
	}
}

//go:noinline
func deep(n int) int {
	if n < 0 {
		return 0
	}
	return deep(n+1) + 1
}

func babble([]byte) ([]byte, error) {
	b := make([]byte, 1<<16)
	for {
		fmt.Println(string(b))
	}
}

// seen is what a probe finds in its process.
type seen struct {
	Env         []string
	Dir         string
	Descriptors []int
	Can         []string // what it could do of what it should not
}

func probe([]byte) ([]byte, error) {
	s := seen{Env: os.Environ(), Descriptors: []int{}, Can: []string{}}
	s.Dir, _ = os.Getwd()
	for fd := range 64 {
		var st syscall.Stat_t
		// Go's own poller has an epoll and an event descriptor, which lead nowhere.
		if syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT != 0 {
			s.Descriptors = append(s.Descriptors, fd)
		}
	}
	for name, try := range map[string]func() error{
		"read a file":  func() error { _, err := os.ReadFile("/etc/hostname"); return err },
		"list files":   func() error { _, err := os.ReadDir("/"); return err },
		"write a file": func() error { return os.WriteFile("/tmp/reconcile-worker-test", nil, 0o600) },
		"remove a file": func() error {
			err := os.Remove("/tmp/reconcile-worker-test-none")
			if errors.Is(err, os.ErrNotExist) { // it was looked for, and is not there
				return errors.New("no such file")
			}
			return err
		},
		"dial TCP": func() error {
			_, err := net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
			return refusedIsSuccess(err)
		},
		"dial UDP":    func() error { _, err := net.Dial("udp", "127.0.0.1:53"); return err },
		"dial unix":   func() error { _, err := net.Dial("unix", "/nonexistent"); return refusedIsSuccess(err) },
		"listen":      func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
		"run":         func() error { return exec.Command("/bin/true").Run() },
		"see a proxy": func() error { return emptyIsError(os.Getenv("HTTPS_PROXY")) },
	} {
		if try() == nil {
			s.Can = append(s.Can, name)
		}
	}
	return json.Marshal(s)
}

// refusedIsSuccess counts an answer from outside, even a refusal, as having got there.
func refusedIsSuccess(err error) error {
	if err != nil && (strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "no such file")) {
		return nil
	}
	return err
}

func emptyIsError(text string) error {
	if text == "" {
		return errors.New("empty")
	}
	return nil
}

// evaluate is what the evaluation of declarations comes down to.
func evaluate(in []byte) ([]byte, error) {
	v := cuecontext.New().CompileBytes(in, cue.Filename("a.cue"))
	if err := v.Validate(cue.Concrete(true)); err != nil {
		return nil, err
	}
	return v.MarshalJSON()
}
