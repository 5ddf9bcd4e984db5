package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain is a process that keeps a child busy when it is told so.
func TestMain(m *testing.M) {
	switch task := os.Getenv("BENCH_TEST_TASK"); task {
	case "":
		os.Exit(m.Run())
	case "burn":
		for began := burned(); burned()-began < 200*time.Millisecond; {
		}
	default:
		for i := range strings.Count(task, "child") {
			child := exec.Command(os.Args[0], "worker", []string{"render", "evaluate"}[i%2])
			child.Env = append(os.Environ(), "BENCH_TEST_TASK=burn")
			if err := child.Run(); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
		io.Copy(io.Discard, os.Stdin)
		os.Exit(7)
	}
}

// burned is the CPU time of this process.
func burned() time.Duration {
	t, err := cpuOf(os.Getpid())
	if err != nil {
		panic(err)
	}
	return t
}

func helper(t *testing.T, task string) *exec.Cmd {
	t.Helper()
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("needs Linux")
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), "BENCH_TEST_TASK="+task)
	return c
}

func TestChildrenCount(t *testing.T) {
	defer goleak.VerifyNone(t)
	u, err := measure(helper(t, "child child"))
	if err != nil {
		t.Fatal(err)
	}
	if u.CPU < 400*time.Millisecond || u.Wall < 200*time.Millisecond {
		t.Errorf("CPU %v, wall %v, want the 400 ms of both children", u.CPU, u.Wall)
	}
	if u.Renders != 1 {
		t.Errorf("%d rendered, want the first child only", u.Renders)
	}
	if u.Largest < 1<<20 || u.Sum < 1<<20 {
		t.Errorf("memory %d, of all %d, want that of three programs", u.Largest, u.Sum)
	}
	if u.Code != 7 {
		t.Errorf("exit code %d, want 7", u.Code)
	}
}

// What the benchmark takes itself is not its command's, which begins as a part of it.
func TestMemoryIsTheCommands(t *testing.T) {
	own := bytes.Repeat([]byte{1}, 256<<20)
	u, err := measure(helper(t, "child"))
	if err != nil {
		t.Fatal(err)
	}
	if u.Largest > int64(len(own)) || u.Sum > int64(len(own)) {
		t.Errorf("memory %d, of all %d, of small programs", u.Largest, u.Sum)
	}
	runtime.KeepAlive(own)
}

func TestProgramThatIsNotThereIsAnError(t *testing.T) {
	if _, err := measure(exec.Command("/nonexistent")); err == nil {
		t.Error("it was measured")
	}
}

func TestChildrenLeaveATrace(t *testing.T) {
	for task, had := range map[string]bool{"child": true, "none": false} {
		c := helper(t, task)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for { // until it waits for its input, all children gone
			state, err := childFaults(c.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			if !had || state > 0 {
				if (state > 0) != had {
					t.Errorf("%s: %d faults of children", task, state)
				}
				break
			}
		}
		in.Close()
		_ = c.Wait() // exit code 7
	}
}
