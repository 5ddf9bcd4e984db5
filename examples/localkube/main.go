// Localkube starts whole Kubernetes control planes on this machine, as processes, with no container
// and nothing downloaded but Go modules. `localkube help` is its manual; the README beside this
// file says what in such a cluster is real.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

//go:embed help.txt
var help string

// streams are where the command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(),
		os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// errUsage is an error about how the command was called.
var errUsage = errors.New("see `localkube help`")

// errNo is the answer "no" of a command that asks something. It says nothing more.
var errNo = errors.New("no")

// run does what the arguments say and returns the exit code: 0 done, 1 error or no, 2 called
// wrongly.
func run(ctx context.Context, args []string, std streams) int {
	err := dispatch(ctx, args, std)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNo):
		return 1
	case errors.Is(err, errUsage):
		fmt.Fprintln(std.err, "localkube:", err)
		return 2
	default:
		fmt.Fprintln(std.err, "localkube:", err)
		return 1
	}
}

func dispatch(ctx context.Context, args []string, std streams) error {
	if len(args) == 0 {
		fmt.Fprint(std.err, help)
		return errUsage
	}
	switch args[0] {
	case "help", "-h", "--help":
		fmt.Fprint(std.out, help)
		return nil
	case "build":
		return buildCommand(ctx, args[1:], std)
	}
	call, err := parse(args[0], args[1:], std)
	if err != nil {
		return err
	}
	switch args[0] {
	case "up":
		return call.up(ctx)
	case "run":
		return call.run(ctx)
	case "down":
		return call.down()
	case "status":
		return call.status(ctx)
	case "kill", "pause", "resume", "restart":
		return call.control(ctx)
	case "user":
		return call.user()
	default:
		return fmt.Errorf("unknown command %q: %w", args[0], errUsage)
	}
}
