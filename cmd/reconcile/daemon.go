package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"

	"golang.org/x/term"
	"k8s.io/klog/v2"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/pull"
	"github.com/workspace-providers/reconcile/reconcile/watch"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/notify"
	"github.com/workspace-providers/reconcile/status/page"
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
	web := &status.Web{Metrics: registry, Shown: p.shownOf, Repository: p.place}
	web.Front = page.New(web, ctx.Done())
	poster := p.poster(metrics)
	planner := p.planner(metrics, poster, web)
	notifier := p.notifier(metrics)
	audit := p.audit()
	p.tell(metrics, web, p.teller(io), poster, planner, notifier)
	p.note(audit)
	p.trace()
	p.loop.Interval, p.loop.Once = p.interval, p.once
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

	tellers := []interface{ Run(context.Context) }{poster}
	if planner != nil {
		tellers = append(tellers, planner)
	}
	if notifier != nil {
		tellers = append(tellers, notifier)
	}
	if audit != nil {
		tellers = append(tellers, audit)
	}
	defer beside(ctx, tellers)()

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

// beside lets those who tell others work until the returned function is called, which waits for their last words.
func beside(ctx context.Context, tellers []interface{ Run(context.Context) }) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	for _, t := range tellers {
		tasks.Go(func() { t.Run(ctx) })
	}
	return func() { cancel(); tasks.Wait() }
}

// tell makes the loop tell everybody what goes on; planner and notifier may be nil.
func (p *parts) tell(metrics *status.Metrics, web *status.Web, teller reconcile.Reporter, poster *status.Poster,
	planner *pull.Planner, notifier *notify.Notifier,
) {
	p.source.Fetched = metrics.Fetched
	p.loop.Reporters = []reconcile.Reporter{metrics, web, teller, &pools{fleet: p.fleet}}
	if p.provider == "" { // one provider alone says nothing of a commit
		p.loop.Reporters = append(p.loop.Reporters, poster)
	}
	if planner != nil {
		p.loop.Reporters = append(p.loop.Reporters, planner)
	}
	if notifier != nil {
		p.loop.Reporters = append(p.loop.Reporters, notifier)
	}
	p.loop.Done = func(o reconcile.Outcome) {
		metrics.Done(o)
		web.Done(o)
		if log, is := teller.(*status.Log); is {
			log.Done(o)
		}
	}
}

// audit appends what was done to a file; nil: to none.
func (p *parts) audit() *status.Audit {
	if p.auditLog == "" {
		return nil
	}
	return status.NewAudit(p.auditLog, p.log)
}

// note has an audit log hear of what was done as well.
func (p *parts) note(audit *status.Audit) {
	if audit == nil {
		return
	}
	others := p.loop.Done
	p.loop.Done = func(o reconcile.Outcome) {
		others(o)
		audit.Done(o)
	}
}

// poster posts commit statuses. What is asked for one cluster alone leaves what was said of others before as it
// is.
func (p *parts) poster(metrics *status.Metrics) *status.Poster {
	o := status.PosterOptions{Forge: p.forge, Before: p.before, Page: p.page, Count: metrics.Posted, Log: p.log}
	if p.cluster != "" {
		o.Before = nil
	}
	return status.NewPoster(o)
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
	follow := func(path string, then func()) {
		if path == "" {
			return
		}
		changed := watch.Tree(ctx, path)
		go func() {
			for range changed {
				then()
				poke.give()
			}
		}()
	}
	if p.settings.repo == "" {
		follow(p.dir, func() {})
	}
	follow(p.credentials, p.fleet.Reconnect)
	follow(p.clusters, p.fleet.Reconnect)
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
