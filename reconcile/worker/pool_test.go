//go:build unix

package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const doing = "evaluating the declarations"

// classOf is the class of an error, "" for none.
func classOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	if err != nil {
		return Class("not an Error: " + err.Error())
	}
	return ""
}

// What goes on beside a child begins before it is started and ends after it, however it ends.
func TestBesideChildren(t *testing.T) {
	var began, ended int
	p := Pool{Beside: func() func() {
		began++
		return func() { ended++ }
	}}
	for i, name := range []string{"echo", "fail"} {
		if _, err := p.Run(t.Context(), Task{Name: name, Doing: doing}, []byte("hi")); (name == "fail") != (err != nil) {
			t.Fatal(err)
		}
		if began != i+1 || ended != i+1 {
			t.Errorf("after %s it began %d times and ended %d times", name, began, ended)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Pool{Parallel: 1, Beside: p.Beside}).Run(gone, Task{Name: "echo"}, nil); err == nil || began != ended {
		t.Errorf("after one that was not waited for: %v, it began %d times and ended %d times", err, began, ended)
	}
}

func TestEndsOfChildren(t *testing.T) {
	p := new(Pool)
	for _, c := range []struct {
		name    string
		task    Task
		class   Class
		message string
	}{
		{"echo", Task{}, "", ""},
		{"print", Task{}, "", ""},
		{"fail", Task{}, Invalid, "a.cue:1:1: wrong"},
		{"eat", Task{}, Memory, "needed more than 512 MiB of memory: look for"},
		{"gulp", Task{Memory: 768 << 20}, Memory, "needed more than 768 MiB of memory"},
		{"flood", Task{CPU: 5 * time.Second}, Memory, "needed more than 512 MiB of memory"},
		{"threads", Task{}, Memory, "needed more than 512 MiB of memory"},
		{"spin", Task{CPU: time.Second}, CPU, "needed more than 1s of CPU time"},
		{"sleep", Task{Wall: 300 * time.Millisecond}, Busy, "of CPU time within 300ms: the machine has too much to do"},
		{"deep", Task{}, Stack, "went too deep into itself"},
		{"babble", Task{}, Output, "of output"},
		{"long", Task{}, Output, "gave more than 64 MiB of output"},
		{"panic", Task{}, Broken, "failed: panic: oh\ufffd[2J no: report this"},
		{"nil", Task{}, Broken, "nil pointer dereference"},
		{"exit", Task{}, Broken, "said nothing"},
		{"garbage", Task{}, Broken, "cannot be read"},
		{"kill", Task{}, Memory, "was ended by the system"},
		{"nobody", Task{}, Broken, "no such function"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if raced && c.class == Memory && c.name != "kill" {
				t.Skip("the race detector has memory of its own, and time too")
			}
			t.Parallel()
			c.task.Name, c.task.Doing, c.task.Wall = c.name, doing, or(c.task.Wall, 2*time.Minute)
			out, err := p.Run(t.Context(), c.task, []byte("hi"))
			if got := classOf(err); got != c.class {
				t.Errorf("class %q, want %q: %v", got, c.class, err)
			}
			if err == nil {
				if want := map[string]string{"echo": "hi", "print": "answer"}[c.name]; string(out) != want {
					t.Errorf("output %q, want %q", out, want)
				}
				return
			}
			if !strings.Contains(err.Error(), c.message) {
				t.Errorf("error %q lacks %q", err, c.message)
			}
			if c.class != Invalid && !strings.HasPrefix(err.Error(), doing) {
				t.Errorf("error %q does not say what was done", err)
			}
		})
	}
}

func TestErrorsKeepTheirContent(t *testing.T) {
	_, err := new(Pool).Run(t.Context(), Task{Name: "detail"}, nil)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var got mistakes
	if err := json.Unmarshal(e.Detail, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mistakes{{"a.cue", 3}, {"b.cue", 4}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestChildHasNothing(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
	t.Setenv("RECONCILE_SECRET", "s3cret")
	fd, err := syscall.Dup(0) // as a shell leaves one open: not closed on exec
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	out, err := new(Pool).Run(t.Context(), Task{Name: "probe"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got seen
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := seen{Env: []string{}, Dir: "/", Descriptors: []int{0, 1, 2}, Can: []string{}}
	if got.Env == nil {
		got.Env = []string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLargeInputAndOutput(t *testing.T) {
	in := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	out, err := new(Pool).Run(t.Context(), Task{Name: "echo"}, in)
	if err != nil || !bytes.Equal(in, out) {
		t.Errorf("%d bytes came back of %d: %v", len(out), len(in), err)
	}
	_, err = new(Pool).Run(t.Context(), Task{Name: "echo", Output: int64(len(in))}, in)
	if err != nil {
		t.Errorf("as many bytes as allowed: %v", err)
	}
	_, err = new(Pool).Run(t.Context(), Task{Name: "echo", Output: int64(len(in)) - 1}, in)
	if classOf(err) != Output {
		t.Errorf("one byte more than allowed: %v", err)
	}
	_, err = new(Pool).Run(t.Context(), Task{Name: "exit"}, in) // which reads nothing more
	if classOf(err) != Broken {
		t.Error(err)
	}
}

func TestParentStaysSmall(t *testing.T) {
	p := new(Pool)
	names := []string{"babble"}
	if !raced {
		names = append(names, "eat", "gulp")
	}
	for _, name := range names {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := p.Run(t.Context(), Task{Name: name, Memory: 128 << 20}, nil)
		runtime.ReadMemStats(&after)
		if classOf(err) != Output && classOf(err) != Memory {
			t.Error(err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%s: the parent allocated %d MiB", name, grown>>20)
		}
	}
}

func TestContextEndsTheChild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	start := time.Now()
	_, err := new(Pool).Run(ctx, Task{Name: "sleep", Doing: doing}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if took := time.Since(start); took > 2*time.Second { // what os/exec waits before it kills
		t.Errorf("took %v", took)
	}
	if left := children(os.Getpid()); len(left) > 0 {
		t.Errorf("children are left: %v", left)
	}
}

func TestNoMoreThanParallel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("children are found in /proc")
	}
	p := &Pool{Parallel: 2}
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() { _, _ = p.Run(ctx, Task{Name: "sleep"}, nil) })
	}
	until(t, "two children", func() bool { return len(children(os.Getpid())) == 2 })
	waiting, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := p.Run(waiting, Task{Name: "echo", Doing: doing}, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waiting for a worker") {
		t.Errorf("a third ran, or fails with %v", err)
	}
	cancel()
	busy.Wait()
	if _, err := p.Run(t.Context(), Task{Name: "echo"}, nil); err != nil {
		t.Errorf("after they ended: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	p := &Pool{Parallel: 8}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			in := fmt.Appendf(nil, "input %d", i)
			if out, err := p.Run(t.Context(), Task{Name: "echo"}, in); err != nil || !bytes.Equal(in, out) {
				t.Errorf("%q: %q %v", in, out, err)
			}
		})
	}
	wg.Wait()
}

func TestProgramThatCannotBeStarted(t *testing.T) {
	_, err := (&Pool{Exe: filepath.Join(t.TempDir(), "none")}).Run(t.Context(), Task{Name: "echo", Doing: doing}, nil)
	if err == nil || !strings.Contains(err.Error(), doing+": starting a worker") {
		t.Errorf("got %v", err)
	}
}

// until waits for a condition, for ten seconds at most.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// children lists the processes whose parent is the given one, on Linux.
func children(parent int) []string {
	var found []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		data, _ := os.ReadFile(name)
		_, rest, _ := strings.Cut(string(data), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(parent) {
			found = append(found, filepath.Base(filepath.Dir(name)))
		}
	}
	return found
}

func TestKilledParentLeavesNoOrphan(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("children are found in /proc")
	}
	cmd := exec.Command(os.Args[0], "parent", "sleep")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var kids []string
	until(t, "the parent has a child", func() bool {
		kids = children(cmd.Process.Pid)
		return len(kids) > 0
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	until(t, "the child is gone", func() bool {
		data, err := os.ReadFile("/proc/" + kids[0] + "/stat")
		_, rest, _ := strings.Cut(string(data), ") ")
		return err != nil || strings.HasPrefix(rest, "Z")
	})
}

func TestProgramWhoseFileIsGone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux starts a program whose file is gone")
	}
	twin := filepath.Join(t.TempDir(), "twin")
	copyFile(t, os.Args[0], twin)
	out, err := exec.Command(twin, "parent", "without file").CombinedOutput()
	if err != nil || string(out) != "hi <nil>\n" {
		t.Errorf("%q %v", out, err)
	}
	if _, err := os.Stat(twin); err == nil {
		t.Error("the file is still there")
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkRun(b *testing.B) {
	p := new(Pool)
	for b.Loop() {
		if _, err := p.Run(b.Context(), Task{Name: "echo"}, []byte("hi")); err != nil {
			b.Fatal(err)
		}
	}
}

// Who took much of the CPU time that he may have is late by himself; who got little of it is not.
func TestLate(t *testing.T) {
	t.Parallel()
	r := &run{task: Task{Doing: doing, CPU: 20 * time.Second, Wall: 30 * time.Second}}
	for cpu, want := range map[time.Duration]Class{0: Busy, 9 * time.Second: Busy, 10 * time.Second: Time, 19 * time.Second: Time} {
		if got := classOf(r.late(cpu)); got != want {
			t.Errorf("%v of CPU time: %s, want %s", cpu, got, want)
		}
	}
}
