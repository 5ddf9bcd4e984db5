package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"

	"golang.org/x/term"
	"k8s.io/klog/v2"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/webhook"
)

// run is `reconcile` itself: the daemon, --once and --dry-run.
func (s *settings) run(ctx context.Context, io *streams) error {
	log := s.logger(io)
	klog.SetSlogLogger(slog.New(onlyTrouble{log.Handler()}))
	if s.dryRun {
		return s.plan(ctx, io)
	}
	p, err := s.assemble(ctx, log, s.readOnly)
	if err != nil {
		return err
	}
	defer p.close()
	return p.work(ctx, io)
}

// logger writes to err.
func (s *settings) logger(io *streams) *slog.Logger {
	if s.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(io.err, nil))
	}
	return slog.New(slog.NewTextHandler(io.err, nil))
}

// onlyTrouble passes on warnings and errors of Kubernetes' libraries, which are chatty otherwise.
type onlyTrouble struct{ slog.Handler }

// Enabled says no to what is less than a warning.
func (h onlyTrouble) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// work runs the loop with everybody who is told about it, until it is done or stopped.
func (p *parts) work(ctx context.Context, io *streams) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics, err := status.NewMetrics(registry, build())
	if err != nil {
		return err
	}
	web := &status.Web{Metrics: registry, Shown: p.shownOf, Repository: p.place, Objects: p.objects}
	if err := p.guard(ctx, web); err != nil {
		return err
	}
	p.source.Fetched, metrics.PageEnds = metrics.Fetched, p.certificate.ends
	all := p.audience(metrics, web, p.teller(io))
	p.loop.Reporters, p.loop.Done = all.reporters, all.done
	p.trace(all.planner)
	p.loop.Interval, p.loop.Once = p.interval, p.once
	p.loop.Calm = giveBack
	p.loop.Poke = p.poke
	p.follow(ctx, p.poke)
	p.greet()
	stop, err := p.serve(web, webhook.New(webhook.Options{
		Credentials: p.credentialFiles(), Count: metrics.Webhook, Log: p.log,
		Poke: func() { p.lookNow(); p.fleet.Poke() },
	}))
	if err != nil {
		return err
	}
	defer stop()

	defer all.begin(ctx)()

	if p.once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.timeout, errTimeout)
		defer cancel()
	}
	r := p.loop.Run(ctx)
	if !p.once {
		return nil
	}
	return p.outcome(ctx, r, io)
}

// greet logs what runs on what.
func (p *parts) greet() {
	if p.once {
		return
	}
	from := []any{"directory", p.dir}
	if p.settings.repo != "" {
		from = []any{"repository", bare(p.settings.repo), "ref", p.ref, "path", p.path}
	}
	p.log.Info("starting", append([]any{"version", build().Version, "read-only", p.readOnly}, from...)...)
}

// bare is a remote without what may be credentials.
func bare(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.User == nil {
		return remote
	}
	u.User = nil
	return u.String()
}

var errTimeout = errors.New("there was not enough time; give more with --timeout")

// teller shows people what goes on: on a terminal as a table that moves, else as lines of a log.
func (p *parts) teller(io *streams) reconcile.Reporter {
	if f, is := io.err.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		return status.NewProgress(f)
	}
	if p.once {
		return status.NewProgress(io.err)
	}
	return status.NewLog(p.log)
}

// hint says that the source may have changed. It has one place: hints that nobody took yet are one.
type hint chan struct{}

// give never waits.
func (h hint) give() {
	select {
	case h <- struct{}{}:
	default:
	}
}

// follow gives a hint when files change that decide something: a directory of declarations, and credentials.
func (p *parts) follow(ctx context.Context, poke hint) {
	if p.settings.repo == "" {
		follow(ctx, p.dir, poke.give)
	}
	for _, dir := range []string{p.credentials, p.clusters} {
		follow(ctx, dir, func() { p.fleet.Reconnect(); poke.give() })
	}
}

// outcome is how --once ends.
func (p *parts) outcome(ctx context.Context, r reconcile.Report, io *streams) error {
	err := problems(r, io)
	if cause := context.Cause(ctx); cause != nil {
		fmt.Fprintln(io.err, cause)
		err = exit(exitError)
	}
	if _, werr := fmt.Fprint(io.out, status.Table(status.Providers(r))); werr != nil {
		return werr
	}
	for _, prov := range status.Providers(r) {
		if prov.Status == status.Error {
			err = exit(exitError)
		}
	}
	if err != nil || len(r.Failed) > 0 {
		return exit(exitError)
	}
	if held := verdict(r.Plan); held == exit(exitHeld) {
		return held
	}
	return nil
}
