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
// what it does when nothing happens is measured, how fast it puts back what is edited by hand, and what a pass,
// a change and more providers take it.
//
// All of that is measured for several numbers of providers and clusters, where helm takes no part: what a release
// costs it does not depend on how many there are. Clusters beyond the first are further addresses of the same API
// server; see site.go. At last there is a chart of 40 objects with custom resource definitions.
//
// CPU is user and system time of the process and all its children, worker processes included. Memory is
// that of the largest process, and the largest sum over all at a time, in which pages they share count
// once. It needs Linux, and is run from the top of the checkout: `make bench`. With -gate it measures little, and
// fails where a release costs more than it did; see gate.go.
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
	providers, releases, wide, rounds, edits int
	grow                                     []scene
	idle, timeout                            time.Duration
	program, output                          string
	write, check, small                      bool
}

// defaultGrow is measured to see how what a release costs grows with how many there are.
const defaultGrow = "300,1000,100x10,100x50"

// scenes are what everything is measured on: first what is told of in all detail.
func (s settings) scenes() []scene {
	out := append([]scene{{providers: s.providers, clusters: 1, releases: s.releases}}, s.grow...)
	if s.wide > 0 {
		out = append(out, scene{providers: s.wide, clusters: 1, releases: min(s.wide, max(1, s.releases/4)), wide: true})
	}
	return out
}

// parse reads the flags.
func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&s.providers, "n", 100, "providers that reconcile installs")
	f.IntVar(&s.releases, "helm", 20, "releases that helm installs, which takes it longer")
	f.IntVar(&s.wide, "wide", 20, "providers with the chart of 40 objects; 0: none")
	f.Func("grow", "`PROVIDERS[xCLUSTERS],…` that reconcile is measured with too; \"\": none (default "+defaultGrow+")", func(text string) (err error) {
		s.grow, err = parseScenes(text)
		return err
	})
	f.IntVar(&s.rounds, "rounds", 1, "how often everything is measured, each time on a new cluster")
	f.IntVar(&s.edits, "edits", 10, "how many objects are edited by hand")
	f.DurationVar(&s.idle, "idle", 20*time.Second, "how long the daemon is watched while nothing happens")
	f.DurationVar(&s.timeout, "timeout", 2*time.Hour, "how long it may take altogether")
	f.StringVar(&s.program, "program", "bin/reconcile", "the `reconcile` to measure")
	f.StringVar(&s.output, "o", "text", "text or json")
	f.BoolVar(&s.write, "write", false, "write what was measured into the repository")
	f.BoolVar(&s.small, "gate", false, "measure little, and exit 1 if a release costs more than the best that was recorded; with -write, record it")
	f.BoolVar(&s.check, "check", false, "exit 1 if reconcile is not as good as it must be")
	var err error
	if s.grow, err = parseScenes(defaultGrow); err != nil {
		return s, err
	}
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
	if s.small {
		s.idle, s.edits = 3*time.Second, 3
		return errors.Join(s.gate(ctx, out), context.Cause(ctx))
	}
	machine := thisMachine()
	scenes, stopped := s.measureAll(ctx)
	if len(scenes) == 0 {
		return errors.Join(stopped, context.Cause(ctx))
	}
	results := summarize(s, machine, scenes)
	if err := s.tell(results, out); err != nil || stopped != nil {
		return errors.Join(stopped, err, context.Cause(ctx))
	}
	if s.check {
		return check(results, os.Stderr)
	}
	return nil
}

// measureAll measures all scenes. Where it is stopped before that, what was measured so far is told all the same.
func (s settings) measureAll(ctx context.Context) ([]measuredScene, error) {
	var scenes []measuredScene
	for _, sc := range s.scenes() {
		m := measuredScene{scene: sc}
		for i := range s.rounds {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s providers, %d releases of helm\n", i+1, s.rounds, sc, sc.releases)
			r, err := s.round(ctx, sc)
			if err != nil {
				return scenes, err
			}
			m.rounds = append(m.rounds, r)
		}
		scenes = append(scenes, m)
	}
	return scenes, nil
}

// tell writes the results where the flags say.
func (s settings) tell(r results, out io.Writer) error {
	doc, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	doc = append(doc, '\n')
	if s.write {
		if err := r.keep(doc); err != nil {
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

// keep writes the results into the repository: for programs, and as a page with plots.
func (r results) keep(doc []byte) error {
	providers, clusters := r.Overview.plots()
	write := func(name, text string) error { return os.WriteFile(filepath.FromSlash(name), []byte(text), 0o644) }
	return errors.Join(
		write("examples/bench/results.json", string(doc)),
		write("docs/benchmark.md", r.page(providers, clusters)),
		write("docs/benchmark-providers.svg", svg("over the number of providers, in one cluster", providers)),
		write("docs/benchmark-clusters.svg", svg("over the number of clusters, with as many providers", clusters)),
	)
}
