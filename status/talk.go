package status

import (
	"context"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// talk is what is to be said on a pull request beside the status of its head.
type talk struct {
	head     string
	request  PullRequest
	mark     string
	comment  func(page string, max int) string // nil: nothing new
	at       time.Time                         // when it was last written, or tried
	fails    int                               // tries that failed one after the other
	remarks  []Annotation                      // not said yet
	remarked string                            // the head of which they were said
}

// propose makes what a proposal says what should stand: the status of the request's head, and the comment. What was
// pending on an older head is closed.
func (b *book) propose(p reconcile.Proposal) {
	n := p.Request.Number
	t := b.requests[n]
	if t == nil {
		t = &talk{}
		b.requests[n] = t
	}
	l := ProposalLine(p)
	if t.head != "" && (t.head != l.SHA || p.Stage == reconcile.Closed) {
		b.leave(place{t.head, l.Context}, p)
		t.comment, t.remarks = nil, nil // which were of the older head
	}
	if p.Stage == reconcile.Closed {
		delete(b.requests, n)
		b.forget()
		return
	}
	t.head, t.request, t.mark = l.SHA, p.Request, ProposalMark(p)
	at := place{l.SHA, l.Context}
	if b.want[at].SHA == "" {
		b.order = append(b.order, l.SHA)
	}
	b.want[at] = l
	if p.Stage == reconcile.Planned {
		t.comment = func(page string, max int) string { return ProposalMarkdown(p, page, max) }
		if t.remarked != l.SHA {
			t.remarks = annotations(p)
		}
	}
	b.forget()
}

// leave closes what is pending on a head that does not count any more.
func (b *book) leave(at place, p reconcile.Proposal) {
	l, there := b.want[at]
	switch {
	case !there:
	case l.State == StatePending && p.Stage == reconcile.Closed:
		l.State, l.Text = StateError, "closed before it was planned"
		b.want[at] = l
	case l.State == StatePending:
		b.want[at] = superseded(l, p.Request.Head)
	}
}

// unsaid is the pull request with something to say on it now; where there is none, how long until there is, negative:
// until the next proposal.
func (b *book) unsaid(now time.Time) (*talk, time.Duration) {
	wait := time.Duration(-1)
	var next *talk
	for _, t := range b.requests {
		if t.comment == nil && len(t.remarks) == 0 {
			continue
		}
		left := t.at.Add(b.every).Sub(now)
		if t.fails > 0 {
			left = t.at.Add(delay(nil, t.fails)).Sub(now)
		}
		if left > 0 && !b.hurry {
			wait = shorter(wait, left)
			continue
		}
		if next == nil || t.request.Number < next.request.Number {
			next = t
		}
	}
	if next != nil {
		wait = 0
	}
	return next, wait
}

// said forgets what was said, or what nobody will take.
func (b *book) said(t *talk, now time.Time) {
	t.comment, t.remarks, t.at, t.remarked, t.fails = nil, nil, now, t.head, 0
}

// unheard makes a pull request on which nothing could be said wait for its next turn.
func (b *book) unheard(t *talk, now time.Time) { t.at, t.fails = now, t.fails+1 }

// Propose leaves a proposal to be told on its pull request. An older one of the same request is forgotten. Like Report,
// it never waits.
func (p *Poster) Propose(proposal reconcile.Proposal) {
	p.mu.Lock()
	p.proposals = append(slices.DeleteFunc(p.proposals, func(old reconcile.Proposal) bool {
		return old.Request.Number == proposal.Request.Number
	}), proposal)
	p.mu.Unlock()
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// say writes the comment and the remarks of a pull request.
func (p *Poster) say(ctx context.Context, forge Requests, t *talk) error {
	ctx, cancel := context.WithTimeout(ctx, p.o.Timeout)
	defer cancel()
	if t.comment != nil {
		text := t.comment(p.page(t.head), forge.MaxComment())
		if err := forge.Comment(ctx, t.request.Number, t.mark, text); err != nil {
			return err
		}
		t.comment = nil
		p.o.Count(forge.Name(), "ok")
	}
	if len(t.remarks) == 0 {
		return nil
	}
	err := forge.Annotate(ctx, t.request, t.mark, t.remarks)
	if err == nil {
		p.o.Count(forge.Name(), "ok")
	}
	return err
}

// page is where a revision is told of in full; empty: nowhere.
func (p *Poster) page(sha string) string {
	if p.o.Page == nil || p.o.Page() == "" {
		return ""
	}
	return p.o.Page() + "/revisions/" + sha
}
