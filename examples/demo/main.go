//go:build unix

// Demo shows reconcile at work, on two Kubernetes clusters of its own: `make demo`.
//
// It starts the clusters built-in and eu, makes a git repository of this repository's declarations, runs the
// daemon on it, shows how the providers become Ready and what stands on the commit, and stays, so that one can
// try things, until Ctrl-C. With --exit it pushes a change instead, sees it Ready, and ends: exit code 0 if
// all of it came true, else 1.
//
// Whatever happens in it happens in one temporary directory, which is removed at the end with everything that
// was started. Nothing outside is written, no kubeconfig and no git configuration of the user is read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	// SIGPIPE and SIGHUP too: whoever watches may go away, and everything is removed all the same.
	ctx, stop := signal.NotifyContext(context.Background(),
		os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run plays the demo and returns the exit code.
func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(out)
	exit := flags.Bool("exit", false, "push a change, see it Ready, and end")
	root := flags.String("root", ".", "`directory` of the repository")
	bound := flags.Duration("timeout", 5*time.Minute, "how long it may take, without what you try yourself")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	st, err := newStage(*root, out)
	if err != nil {
		fmt.Fprintln(out, "demo:", err)
		return 1
	}
	err = play(ctx, st, script{exit: *exit, bound: *bound})
	switch {
	case err != nil && ctx.Err() != nil:
		st.say("demo: interrupted")
	case err != nil:
		st.say("demo: %v", err)
		st.showLogs()
	}
	if err = errors.Join(err, st.end()); err != nil {
		return 1
	}
	return 0
}
