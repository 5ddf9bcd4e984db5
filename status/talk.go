package status

import (
	"context"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// announcement is what there is to say of a proposal, without what that was made from: very many may wait for a forge
// that does not answer.
type announcement struct {
	request PullRequest
	stage   reconcile.Stage
	line    Line
	mark    string
	comment string   // empty: nothing new
	moved   []string // of which the comment tells
	remarks []Annotation
}

// What comments that wait may take in all, and what each may take when that is used up.
const (
	keptComments = 32 << 20 // bytes
	shortComment = 4 << 10
)

// announce makes the texts of a proposal. The comment is the shorter the more bytes of others wait.
func announce(p reconcile.Proposal, page string, waiting int) announcement {
	a := announcement{request: p.Request, stage: p.Stage, line: ProposalLine(p), mark: ProposalMark(p)}
	if p.Stage == reconcile.Planned {
		room := max(shortComment, min(MaxComment, (keptComments-waiting)/4))
		a.comment, a.moved, a.remarks = ProposalMarkdown(p, page, room), p.Moved, annotations(p)
	}
	return a
}

// talk is what is to be said on a pull request beside the status of its head.
type talk struct {
	head     string
	request  PullRequest
	mark     string
	comment  string       // empty: nothing new
	moved    []string     // of which the comment tells
	at       time.Time    // when it was last written, or tried
	fails    int          // tries that failed one after the other
	remarks  []Annotation // not said yet
	remarked string       // the head of which they were said
}

// propose makes what is announced what should stand: the status of the request's head, and the comment. What was
// pending on an older head is closed.
func (b *book) propose(a announcement) {
	n, l := a.request.Number, a.line
	t := b.requests[n]
	if t == nil {
		t = &talk{}
		b.requests[n] = t
	}
	if t.head != "" && (t.head != l.SHA || a.stage == reconcile.Closed) {
		b.leave(place{t.head, l.Context}, a)
		t.comment, t.remarks = "", nil // which were of the older head
	}
	if a.stage == reconcile.Closed {
		delete(b.requests, n)
		b.forget()
		return
	}
	t.head, t.request, t.mark = l.SHA, a.request, a.mark
	at := place{l.SHA, l.Context}
	if b.want[at].SHA == "" {
		b.order = append(b.order, l.SHA)
	}
	b.want[at] = l
	if a.stage == reconcile.Planned {
		t.comment, t.moved = a.comment, a.moved
		if t.remarked != l.SHA {
			t.remarks = a.remarks
		}
	}
	b.forget()
}

// leave closes what is pending on a head that does not count any more.
func (b *book) leave(at place, a announcement) {
	l, there := b.want[at]
	switch {
	case !there:
	case l.State == StatePending && a.stage == reconcile.Closed:
		l.State, l.Text = StateError, "closed before it was planned"
		b.want[at] = l
	case l.State == StatePending:
		b.want[at] = superseded(l, a.request.Head)
	}
}

// unsaid is the pull request with something to say on it now; where there is none, how long until there is, negative:
// until the next proposal.
func (b *book) unsaid(now time.Time) (*talk, time.Duration) {
	wait := time.Duration(-1)
	var next *talk
	for _, t := range b.requests {
		if t.comment == "" && len(t.remarks) == 0 {
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
	t.comment, t.remarks, t.at, t.remarked, t.fails = "", nil, now, t.head, 0
}

// unheard makes a pull request on which nothing could be said wait for its next turn.
func (b *book) unheard(t *talk, now time.Time) { t.at, t.fails = now, t.fails+1 }

// waiting is how many bytes of comments are not written yet.
func (b *book) waiting() int {
	n := 0
	for _, t := range b.requests {
		n += len(t.comment)
	}
	return n
}

// Propose leaves a proposal to be told on its pull request. An older one of the same request is forgotten. Like Report,
// it never waits for the forge.
func (p *Poster) Propose(proposal reconcile.Proposal) {
	waiting := int(p.waiting.Load())
	p.mu.Lock()
	proposal.Moved = p.unread.add(proposal)
	p.proposals = slices.DeleteFunc(p.proposals, func(old announcement) bool { return old.request.Number == proposal.Request.Number })
	for _, old := range p.proposals {
		waiting += len(old.comment)
	}
	p.proposals = append(p.proposals, announce(proposal, p.page(proposal.Request.Head), waiting))
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
	if t.comment != "" {
		if err := forge.Comment(ctx, t.request.Number, t.mark, t.comment); err != nil {
			return err
		}
		t.comment = ""
		p.mu.Lock()
		p.unread.written(t)
		p.mu.Unlock()
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
