package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	_ "github.com/workspace-providers/reconcile/cmd/reconcile/timerslack" // for all threads, as early as can be
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
)

func main() {
	forgetFiles() // that all packages are made ready is over
	worker.Main(source.Functions())
	leaveHalf()
	room := makeRoom()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	runtime.KeepAlive(room)
	os.Exit(code)
}

// The exit codes.
const (
	exitOK      = 0
	exitError   = 1 // invalid declarations, a cluster that cannot be reached, a failed action
	exitChanges = 2 // --dry-run found changes
	exitHeld    = 3 // holds that need a person
)

// exit ends the program with a code and nothing more to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run runs the command line and returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRoot(&streams{out: out, err: errOut, in: os.Stdin})
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(errOut, "reconcile:", err)
	return exitError
}
