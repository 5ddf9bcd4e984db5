package reconcile

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// step looks at everything, starts what may start, and reports. It returns when to step again without an
// event.
func (r *running) step(ctx context.Context) time.Duration {
	if !r.known {
		return time.Hour
	}
	r.next = nil // it was found for another world
	live, plan := r.plan()
	if ctx.Err() == nil {
		r.begin(plan, live)
		r.preview(ctx, plan, live.At)
	}
	r.leave(plan, live)
	r.note(live)
	r.tell(plan, live)
	return min(r.tries.due(live.At), r.countsUntil(live.At), r.endsIn(live), plan.due(live.At))
}

// due is how long it is until time alone lets some action go on, an hour at most.
func (p Plan) due(now time.Time) time.Duration {
	wait := time.Hour
	for a := range p.each() {
		if left := a.Due.Sub(now); !a.Due.IsZero() && left > 0 {
			wait = min(wait, left)
		}
	}
	return wait
}

// plan looks at everything and decides. Before any revision was valid there is nothing to decide.
func (r *running) plan() (Live, Plan) {
	live := r.look()
	if r.target.Commit.SHA == "" {
		return live, Plan{}
	}
	r.resolve(live)
	plan := Decide(r.want, live)
	r.watchURLs(plan)
	r.tries.forget(plan, live.At)
	r.describe(plan)
	return live, plan
}

// watchURLs has both URLs looked at while the access URL changes, and the new one from inside the clusters too.
func (r *running) watchURLs(p Plan) {
	var urls []string
	to := ""
	if p.URL != nil {
		urls, to = []string{p.URL.From, p.URL.To}, p.URL.To
	}
	if r.URLs != nil {
		r.URLs.Watch(r.want.AccessURL, urls...)
	}
	r.Fleet.Inside(r.want.AccessURL, to)
}

// look takes a snapshot of all clusters, with what only this loop knows laid over it.
func (r *running) look() Live {
	live := Live{At: time.Now(), Clusters: map[string]ClusterLive{}}
	for name, c := range r.Fleet.Clusters() {
		seen := c.Live()
		r.hear(name, seen, live.At)
		r.miss(name, seen, live.At)
		live.Clusters[name] = r.lay(name, seen, live.At)
	}
	r.gone = slices.DeleteFunc(r.gone, func(g Gone) bool {
		return g.Commit != r.target.Commit.SHA && live.At.Sub(g.At) >= limitWindow
	})
	live.Gone = slices.Clone(r.gone)
	if r.URLs != nil {
		live.URLs = r.URLs.Live()
	}
	return live
}

// lay puts over a cluster's snapshot what was tried and did not work, what is in hand, and, of what is not
// wanted any more, what was last changed by a revision that the one in force was not made from.
func (r *running) lay(cluster string, c ClusterLive, now time.Time) ClusterLive {
	c.Releases = maps.Clone(c.Releases)
	if c.Releases == nil {
		c.Releases = map[ID]Observed{}
	}
	edit := func(id ID, change func(*Observed)) {
		if id.Cluster == cluster {
			obs := c.Releases[id]
			change(&obs)
			c.Releases[id] = obs
		}
	}
	for id, obs := range c.Releases {
		if !r.wanted[id] && obs.Commit != "" {
			edit(id, func(obs *Observed) { obs.Stray = !r.descendsFrom(obs.Commit) })
		}
	}
	c.Admissions = maps.Clone(c.Admissions)
	for provider, live := range c.Admissions {
		if live.Commit != "" {
			live.Stray = !r.descendsFrom(live.Commit)
			c.Admissions[provider] = live
		}
	}
	for id := range r.tries {
		edit(id, func(obs *Observed) { r.tries.lay(id, obs, c.Well, now) })
	}
	for id := range r.hand {
		if id.Cluster == cluster {
			lock(c.Releases, id)
		}
	}
	return c
}

// descendsFrom says whether the revision in force was made from another; the source is asked once.
func (r *running) descendsFrom(sha string) bool {
	yes, known := r.descends[sha]
	if !known {
		yes = r.Source.Descends(r.target.Commit.SHA, sha)
		r.descends[sha] = yes
	}
	return yes
}

// begin starts what may start, and has the plan show it as the next one will: deciding once more for that
// would cost as much as all the rest.
func (r *running) begin(p Plan, live Live) {
	now, next := Ready(p, r.want, live)
	early := func(a Action) bool { return r.ReadOnly || !r.shown(&a) || r.tries.resting(&a, live.At) }
	for _, a := range slices.DeleteFunc(now, early) {
		r.start(a)
	}
	r.next = slices.DeleteFunc(next, early)
	for a := range p.each() {
		if _, begun := r.hand[a.ID]; begun && a.Acts() {
			a.Op, a.Have.State = "", Locked
			*a = hold(*a, IsLocked, workedOn)
			lock(live.Clusters[a.ID.Cluster].Releases, a.ID)
		}
	}
}

// lock notes that something is in hand, a release or what guards one.
func lock(releases map[ID]Observed, id ID) {
	obs := releases[id]
	obs.State = Locked
	releases[id] = obs
}

// countsUntil is how long it is until a deletion counts no more in the limit, an hour at most.
func (r *running) countsUntil(now time.Time) time.Duration {
	wait := limitWindow
	for _, g := range r.gone {
		if left := limitWindow - now.Sub(g.At); left > 0 {
			wait = min(wait, left)
		}
	}
	return wait
}

// endsIn is how long it is until an organization's grant or a freeze ends, an hour at most.
func (r *running) endsIn(live Live) time.Duration {
	wait := time.Hour
	until := func(t time.Time) {
		if left := t.Sub(live.At); left > 0 {
			wait = min(wait, left)
		}
	}
	for _, p := range r.want.Providers {
		for _, t := range p.Until {
			until(t)
		}
	}
	for _, c := range live.Clusters {
		for _, f := range c.Freezes {
			until(f.Until)
		}
	}
	return wait
}

// tell hands the newest report to everyone.
func (r *running) tell(plan Plan, live Live) {
	failed := map[ID]error{}
	for a := range plan.each() {
		if err := r.tries.failure(a); err != nil {
			failed[a.ID] = err
		}
	}
	t := r.target
	r.report = Report{
		Head: t.Head, HeadErr: t.HeadErr, FetchErr: t.FetchErr, Commit: t.Commit, Changed: t.Changed,
		Want: r.want, Live: live, Plan: plan, Failed: failed, shared: new(sync.Map),
	}
	for _, to := range r.Reporters {
		to.Report(r.report)
	}
}

// settled says whether only holds and failures are left.
func (r *running) settled() bool {
	if !r.known || len(r.hand) > 0 || len(r.previewing) > 0 {
		return false
	}
	if unseen(r.report.Plan, r.report.Live) != "" || r.report.Plan.URL.looking() {
		return false
	}
	for _, c := range r.report.Live.Clusters {
		if c.Reachable && c.Noting {
			return false
		}
	}
	stuck := r.report.Plan.stuck()
	return r.ReadOnly || !slices.ContainsFunc(r.report.Plan.Actions, func(a Action) bool {
		return !stuck[a.ID] && a.Op != OpKeep
	})
}
