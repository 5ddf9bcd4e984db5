package pull

import (
	"cmp"
	"context"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/source"
)

// next is the request whose turn it is: of those without a plan, that of the author whose turn was longest ago; when
// all have one and something was reported, each is held against that once in a round. Nil: there is nothing to do.
func (r *running) next(now time.Time) *request {
	if q := r.first(func(q *request) bool { return q.dirty && !now.Before(q.retryAt) }); q != nil {
		return q
	}
	if r.moved && !now.Before(r.round) {
		r.moved, r.spent = false, 0
		for _, q := range r.open {
			q.checked = false
		}
	}
	return r.first(func(q *request) bool {
		return !q.checked && !q.dirty && !q.landed && q.shown.holds()
	})
}

// first is the one of some whose turn comes first.
func (r *running) first(of func(*request) bool) *request {
	var best *request
	for _, q := range r.open {
		if of(q) && (best == nil || r.before(q, best)) {
			best = q
		}
	}
	return best
}

// before says whose turn comes first.
func (r *running) before(a, b *request) bool {
	return cmp.Or(cmp.Compare(r.served[a.Author], r.served[b.Author]), cmp.Compare(a.Number, b.Number)) < 0
}

// lookAgain makes the next look come soon. What changed during one that is under way may not be in it.
func (r *running) lookAgain() {
	r.poked, r.lookAt = r.looking, r.lastLook.Add(distance)
}

// look is what a forge and its repository said.
type look struct {
	all    []reconcile.PullRequest
	failed map[string]error // by ref: why its head cannot be read
	err    error
}

// lookSoon starts the next look when it is time.
func (r *running) lookSoon(ctx context.Context) {
	if r.looking || time.Now().Before(r.lookAt) || r.newest() == nil {
		return
	}
	forge := r.Forge()
	if forge == nil {
		r.take(look{})
		return
	}
	r.looking, r.lastLook = true, time.Now()
	hopeless := r.hopeless()
	r.tasks.Go(func() {
		l := r.look(ctx, forge, hopeless)
		select {
		case r.looked <- l:
		case <-ctx.Done():
		}
	})
}

// hopeless are the heads that will never be readable, such as too large ones, and why: asking for them again would cost
// what they cost, each time, and the branch itself cannot be fetched meanwhile.
func (r *running) hopeless() map[string]error {
	out := map[string]error{}
	for _, q := range r.open {
		if q.missing != nil && source.Invalid(q.missing) {
			out[q.Head] = q.missing
		}
	}
	return out
}

// look asks the forge for what is open, and the repository for their heads.
func (p *Planner) look(ctx context.Context, forge Forge, hopeless map[string]error) (l look) {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	all, more, err := forge.Open(ctx, maxOpen)
	if err != nil {
		return look{err: err}
	}
	if more {
		p.Log.Warn("there are more open pull requests than are looked at", "looked at", len(all))
	}
	refs := map[string]string{}
	for _, q := range all {
		if p.Branch != "" && q.Base != p.Branch {
			continue
		}
		l.all = append(l.all, q)
		if p.refuses(q) == nil && hopeless[q.Head] == nil {
			refs[q.Ref] = q.Head
		}
	}
	l.failed, l.err = p.Repo.Bring(ctx, refs)
	for _, q := range l.all {
		if err := hopeless[q.Head]; err != nil && l.err == nil {
			l.failed[q.Ref] = err
		}
	}
	return l
}

// refuses says why no plan is made of a request; nil: one is.
func (p *Planner) refuses(q reconcile.PullRequest) error {
	rule := "members"
	if declared := p.Force().Config.Deployment.PullRequests; declared != nil && declared.Plan != "" {
		rule = declared.Plan
	}
	switch {
	case rule == "none":
		return errNobody
	case rule != "all" && !q.Member:
		return errStranger
	}
	return nil
}

// take makes what a look found what is open.
func (r *running) take(l look) {
	r.looking = false
	if l.err != nil {
		if r.fails == 0 {
			r.Log.Warn("pull requests cannot be looked at; trying again", "reason", l.err.Error())
		}
		r.lookAt = time.Now().Add(min(longRest, time.Second<<min(r.fails, 10)))
		r.fails++
		return
	}
	r.fails, r.moved = 0, true // charts may have moved, and no report says so
	r.lookAt = time.Now().Add(r.Interval)
	if r.poked {
		r.lookAgain()
	}
	open := make(map[int]*request, len(l.all))
	authors := map[string]bool{}
	for _, q := range l.all {
		open[q.Number] = r.meet(q, l.failed[q.Ref])
		authors[q.Author] = true
	}
	for number, q := range r.open {
		if open[number] == nil {
			r.Tell(reconcile.Proposal{Request: q.PullRequest, Stage: reconcile.Closed, At: time.Now()})
		}
	}
	for author := range r.served {
		if !authors[author] {
			delete(r.served, author)
		}
	}
	r.open = open
	if j := r.busy; j != nil && (open[j.Number] == nil || open[j.Number].Head != j.Head) {
		j.cancel()
	}
}

// meet is a request as it is now: as it was known, if its head is still the same.
func (r *running) meet(now reconcile.PullRequest, missing error) *request {
	q := r.open[now.Number]
	refused := r.refuses(now)
	if q == nil || q.Head != now.Head || (q.shown.stage == reconcile.Unplanned) != (refused != nil) {
		q = &request{dirty: refused == nil}
		if refused != nil {
			q.shown = shown{stage: reconcile.Unplanned}
			if refused != errNobody {
				r.Tell(reconcile.Proposal{Request: now, Stage: reconcile.Unplanned, Err: refused, At: time.Now()})
			}
		}
	}
	if missing == nil && q.missing != nil {
		q.retryAt = time.Time{}
	}
	q.PullRequest, q.missing = now, missing
	return q
}
