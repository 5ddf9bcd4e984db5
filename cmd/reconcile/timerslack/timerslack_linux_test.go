package timerslack

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// tell has this program say what its first thread has, and what it was started with.
const tell = "tell"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == tell {
		_, marked := os.LookupEnv(again)
		fmt.Println(has(), os.Args[1:], marked)
		return
	}
	os.Exit(m.Run())
}

// has is the slack of this thread, in nanoseconds.
func has() int {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		panic(err)
	}
	return ns
}

// All threads have it, since those that the runtime started first do.
func TestThreadsHaveIt(t *testing.T) {
	var all, there sync.WaitGroup
	there.Add(8)
	for range 8 {
		all.Go(func() {
			runtime.LockOSThread() // never unlocked, so that it is a thread for each
			there.Done()
			there.Wait()
			if ns := has(); ns != slack {
				t.Errorf("a thread has %d ns", ns)
			}
		})
	}
	all.Wait()
}

// A program that is started with the kernel's own slack starts itself once more, with the same arguments, and says
// nothing of that to what it starts; one that was started so goes on, whatever it got.
func TestStartsItselfOnce(t *testing.T) {
	const kernels = 50_000
	for _, c := range []struct {
		env  []string
		want string
	}{
		{nil, fmt.Sprintf("%d [%s a b c] false", slack, tell)},
		{[]string{again + "=1"}, fmt.Sprintf("%d [%s a b c] false", kernels, tell)},
	} {
		said := make(chan string)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with what it has
			if err := unix.Prctl(unix.PR_SET_TIMERSLACK, kernels, 0, 0, 0); err != nil {
				t.Error(err)
			}
			cmd := exec.Command(os.Args[0], tell, "a b", "c")
			cmd.Env = append(os.Environ(), c.env...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Error(err)
			}
			said <- strings.TrimSpace(string(out))
		}()
		if got := <-said; got != c.want {
			t.Errorf("with %q it says %q, want %q", c.env, got, c.want)
		}
	}
}
