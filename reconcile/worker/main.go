package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"syscall"
	"time"
)

// Func is what a worker does: bytes in, bytes out. An error means that the input is wrong; it is
// carried to the parent as text, and as JSON where it has exported content. It sees no files, no
// network and no environment.
type Func func(in []byte) ([]byte, error)

// verb is the first argument of a child.
const verb = "worker"

// The first byte of a child's output.
const (
	answerOK    = 'o'
	answerError = 'e'
)

// How the child ends itself at a limit; Go's own way to crash is 2.
const (
	exitMemory = 3
	exitCPU    = 4
)

// stack is what one goroutine's may grow to. Go's default is 1 GiB, which takes seconds to fill.
const stack = 64 << 20

// growth is how much the heap may grow before garbage is collected, in percent. Go's default is 100: a worker is beside a
// process that has its own memory, and takes less for a fifth more CPU in evaluating a thousand providers.
const growth = 40

// Main runs the function for which this process was started as a worker, and exits. In any other
// process it returns at once. Call it before anything else: what is open or running by then is
// there for the function too.
func Main(funcs map[string]Func) {
	if len(os.Args) != 4 || os.Args[1] != verb {
		return
	}
	if err := work(funcs[os.Args[2]], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		syscall.Exit(1)
	}
	syscall.Exit(0) // and not os.Exit: what else wants to run now, such as the race detector's report, has no files
}

// work gives up what is not needed, then reads the input.
func work(f Func, limits string) error {
	if f == nil {
		return errors.New("no such function")
	}
	var t Task
	if err := json.Unmarshal([]byte(limits), &t); err != nil {
		return err
	}
	answer := os.Stdout
	os.Stdout = os.Stderr                                     // a stray print must not mix with the answer
	time.AfterFunc(t.Wall+time.Second, func() { os.Exit(1) }) // also makes the poller's descriptors while there are any
	os.Clearenv()
	debug.SetMaxStack(stack)
	debug.SetMemoryLimit(t.Memory - t.Memory/8)
	debug.SetGCPercent(growth) // it was off until here, see Pool
	if err := confine(t); err != nil {
		return err
	}
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	out, ferr := f(in)
	if ferr != nil {
		return reply(answer, answerError, encode(ferr))
	}
	return reply(answer, answerOK, out)
}

// reply writes the answer.
func reply(to io.Writer, kind byte, out []byte) error {
	if _, err := to.Write([]byte{kind}); err != nil {
		return err
	}
	_, err := to.Write(out)
	return err
}

// message is an error on its way to the parent.
type message struct {
	Text   string          `json:"text"`
	Detail json.RawMessage `json:"detail,omitempty"`
}

func encode(err error) []byte {
	m := message{Text: err.Error()}
	if detail, jerr := json.Marshal(err); jerr == nil && string(detail) != "{}" {
		m.Detail = detail
	}
	out, jerr := json.Marshal(m)
	if jerr != nil {
		panic(jerr) // text and valid JSON always marshal
	}
	return out
}
