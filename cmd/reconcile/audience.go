package main

import (
	"context"
	"sync"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/pull"
	"github.com/workspace-providers/reconcile/status"
)

// audience is everybody who is told what goes on.
type audience struct {
	reporters []reconcile.Reporter                // hear of each look
	doers     []func(reconcile.Outcome)           // hear of each action that was done
	runners   []interface{ Run(context.Context) } // tell others, beside the loop
	planner   *pull.Planner                       // among both; nil: there is none
}

// audience gathers who is told: those who always are, and those who are where that is declared or asked for.
func (p *parts) audience(metrics *status.Metrics, web *status.Web, teller reconcile.Reporter) audience {
	poster := p.poster(metrics)
	all := audience{
		reporters: []reconcile.Reporter{metrics, web, teller, &pools{fleet: p.fleet}},
		doers:     []func(reconcile.Outcome){metrics.Done, web.Done},
		runners:   []interface{ Run(context.Context) }{poster},
	}
	if p.provider == "" { // one provider alone says nothing of a commit
		all.reporters = append(all.reporters, poster)
	}
	if all.planner = p.planner(metrics, poster, web); all.planner != nil {
		all.reporters, all.runners = append(all.reporters, all.planner), append(all.runners, all.planner)
	}
	if notifier := p.notifier(metrics); notifier != nil {
		all.reporters, all.runners = append(all.reporters, notifier), append(all.runners, notifier)
	}
	if log, is := teller.(*status.Log); is {
		all.doers = append(all.doers, log.Done)
	}
	if p.auditLog != "" {
		audit := status.NewAudit(p.auditLog, p.log)
		all.doers, all.runners = append(all.doers, audit.Done), append(all.runners, audit)
	}
	return all
}

// done tells of an action that was done.
func (a audience) done(o reconcile.Outcome) {
	for _, tell := range a.doers {
		tell(o)
	}
}

// begin lets those who tell others work until the returned function is called, which waits for their last words.
func (a audience) begin(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	for _, r := range a.runners {
		tasks.Go(func() { r.Run(ctx) })
	}
	return func() { cancel(); tasks.Wait() }
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
