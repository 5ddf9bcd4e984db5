// Command bench measures reconcile beside the helm command line, on a real cluster of its own.
//
// Both get the same chart and the same values and act as users of their own, so that the cluster's audit
// log tells their requests apart. Phase by phase they take turns, so that what else the machine does hits
// both:
//
//	install         nothing is there yet
//	change          one value of every provider is another one
//	nothing to do   everything is as it should be
//	plan            the same, as a dry run
//
// reconcile does each with --once, or --dry-run, for all providers; helm with `helm upgrade --install
// --create-namespace` for one release after the other, and without --wait: reconcile does not wait in Helm
// either, but its wall time includes that everything became Ready. After that reconcile runs as a daemon:
// what it does when nothing happens is measured, and how fast it puts back what is edited by hand.
//
// CPU is user and system time of the process and all its children, worker processes included. Memory is
// that of the largest process, and the largest sum over all at a time, in which pages they share count
// twice. It needs Linux, and is run from the top of the checkout: `make bench`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	providers, releases, rounds, edits int
	idle, timeout                      time.Duration
	program, output                    string
	write, check                       bool
}

// parse reads the flags.
func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&s.providers, "n", 100, "providers that reconcile installs")
	f.IntVar(&s.releases, "helm", 20, "releases that helm installs, which takes it longer")
	f.IntVar(&s.rounds, "rounds", 1, "how often everything is measured, each time on a new cluster")
	f.IntVar(&s.edits, "edits", 10, "how many objects are edited by hand")
	f.DurationVar(&s.idle, "idle", 20*time.Second, "how long the daemon is watched while nothing happens")
	f.DurationVar(&s.timeout, "timeout", time.Hour, "how long it may take altogether")
	f.StringVar(&s.program, "program", "bin/reconcile", "the `reconcile` to measure")
	f.StringVar(&s.output, "o", "text", "text or json")
	f.BoolVar(&s.write, "write", false, "write examples/bench/results.json and results.md")
	f.BoolVar(&s.check, "check", false, "exit 1 if reconcile is not as good as it must be")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.providers < 1 || s.releases < 1 || s.rounds < 1 || s.edits < 1 {
		return s, errors.New("-n, -helm, -rounds and -edits must be 1 or more")
	}
	return s, nil
}

// run measures and tells.
func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errors.New("it took too long; give it more with -timeout"))
	defer cancel()
	machine := thisMachine()
	var rounds []round
	for i := range s.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d: %d providers, %d releases of helm\n",
			i+1, s.rounds, s.providers, s.releases)
		r, err := s.round(ctx)
		if err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		rounds = append(rounds, r)
	}
	results := summarize(s, machine, rounds)
	if err := s.tell(results, out); err != nil {
		return err
	}
	if s.check {
		return check(results, os.Stderr)
	}
	return nil
}

// tell writes the results where the flags say.
func (s settings) tell(r results, out io.Writer) error {
	doc, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	doc = append(doc, '\n')
	if s.write {
		dir := filepath.Join("examples", "bench")
		err := errors.Join(os.WriteFile(filepath.Join(dir, "results.json"), doc, 0o644),
			os.WriteFile(filepath.Join(dir, "results.md"), []byte(r.markdown()), 0o644))
		if err != nil {
			return err
		}
	}
	if s.output == "json" {
		_, err = out.Write(doc)
		return err
	}
	_, err = io.WriteString(out, r.text())
	return err
}
