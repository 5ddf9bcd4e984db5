package status

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Poster posts the lines of reports as commit statuses. Report never waits: it leaves the report with Run,
// which posts what changed, the newest first, and tries again for as long as it takes.
type Poster struct {
	o    PosterOptions
	book *book         // Run's alone
	bell chan struct{} // there is mail

	mu        sync.Mutex         // guards mail, proposals and unread
	mail      []reconcile.Report // the newest of each revision not taken yet, oldest first
	proposals []announcement     // not taken yet, oldest first
	unread    unread
	waiting   atomic.Int64 // bytes of comments in the book

	hush    time.Time // no comment may be written before; Run's alone
	tries   int       // that failed one after the other; Run's alone
	silence time.Time // nothing may be sent before; Run's alone
	asked   bool      // the forge asked for the silence; Run's alone
}

// PosterOptions say where a Poster posts.
type PosterOptions struct {
	// Forge is asked before each use, so that a change of the declarations counts; nil: there is none (yet), or
	// another replica posts. What is to be posted waits then, and what stands there is read anew later.
	Forge func() Forge

	// Before lists revisions from which one was made, newest first: what an earlier process left pending
	// there is closed. It asks nobody outside; may be nil.
	Before func(sha string) []string

	// Page is where this program's pages are, without a slash at the end; empty, or nil: nowhere.
	Page func() string

	Every   time.Duration              // between two texts of the same state; 10 s when zero
	Timeout time.Duration              // for one call; 15 s when zero
	Count   func(forge, result string) // counts posts by result: "ok", "error", also of the look before; may be nil
	Log     *slog.Logger               // failures and recoveries; may be nil
}

const (
	firstDelay = time.Second
	maxDelay   = 5 * time.Minute
	maxSilence = time.Hour // whatever a forge asks for
	lastWords  = 5 * time.Second
)

// NewPoster makes a Poster; Run makes it post.
func NewPoster(o PosterOptions) *Poster {
	if o.Every == 0 {
		o.Every = 10 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Before == nil {
		o.Before = func(string) []string { return nil }
	}
	if o.Count == nil {
		o.Count = func(string, string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Poster{o: o, book: newBook(o.Every), bell: make(chan struct{}, 1), unread: unread{}}
}

// Report leaves a report to be posted. An older one of the same revisions is forgotten.
func (p *Poster) Report(r reconcile.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.mail) - 1; last >= 0 && sameRevisions(p.mail[last], r) {
		p.mail[last] = r
	} else {
		p.mail = append(p.mail, r)
	}
	if extra := len(p.mail) - keptRevisions; extra > 0 {
		p.mail = p.mail[extra:]
	}
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

func sameRevisions(a, b reconcile.Report) bool {
	return a.Commit.SHA == b.Commit.SHA && a.Head.SHA == b.Head.SHA && (a.HeadErr == nil) == (b.HeadErr == nil)
}

// Run posts until the context ends; then it tries once more, for a moment, so that the last state of a
// program that has finished its work is not lost.
func (p *Poster) Run(ctx context.Context) {
	for {
		wait := p.work(ctx)
		if ctx.Err() != nil {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-p.bell:
		case <-timer.C:
		}
		timer.Stop()
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	p.book.hurry = true
	p.hush = time.Time{}
	if !p.asked {
		p.silence = time.Time{}
	}
	p.work(end)
}

// take moves the mail into the book.
func (p *Poster) take() {
	p.mu.Lock()
	mail, proposals := p.mail, p.proposals
	p.mail, p.proposals = nil, nil
	p.mu.Unlock()
	for _, proposal := range proposals {
		p.book.propose(proposal)
	}
	p.waiting.Store(int64(p.book.waiting()))
	for _, r := range mail {
		began := p.book.commit != ""
		p.book.take(r)
		if !began && p.book.commit != "" {
			p.book.lookBack(p.o.Before(p.book.commit), lineContext(r.Want.Owner))
		}
	}
}

// work posts everything that is due and says how long it can rest if no report comes.
func (p *Poster) work(ctx context.Context) time.Duration {
	p.take()
	for ctx.Err() == nil {
		forge := p.o.Forge()
		if forge == nil {
			p.book.unread()
			return maxDelay // a report comes with each change of the declarations
		}
		if left := time.Until(p.silence); left > 0 {
			return left
		}
		sha, lines, wait := p.book.due(time.Now())
		var err error
		if len(lines) > 0 {
			err = p.send(ctx, forge, sha, lines)
		} else {
			var left time.Duration
			if left, err = p.talk(ctx, forge); left != 0 {
				return restful(shorter(wait, left))
			}
		}
		if ctx.Err() != nil {
			return 0 // it was not the forge that failed
		}
		p.heard(forge, err)
		p.book.forget()
		p.take() // what is newer counts
	}
	return 0
}

// talk says the next thing that is to be said on a pull request. Where there is none now, it says how long until
// there is; a negative wait means until the next proposal.
func (p *Poster) talk(ctx context.Context, forge Forge) (wait time.Duration, err error) {
	requests, can := forge.(Requests)
	if !can {
		return -1, nil
	}
	t, wait := p.book.unsaid(time.Now())
	if t == nil {
		return wait, nil
	}
	if left := time.Until(p.hush); left > 0 {
		return left, nil
	}
	err = p.say(ctx, requests, t)
	if err != nil && ctx.Err() == nil {
		p.o.Count(forge.Name(), "error")
	}
	if errors.Is(err, ErrRefused) {
		p.o.Log.Warn("comment refused", "forge", forge.Name(), "request", t.request.Number,
			"revision", short(t.request.Head), "reason", err.Error())
		err = nil
	}
	if err == nil {
		p.book.said(t, time.Now())
		return 0, nil
	}
	p.book.unheard(t, time.Now())
	if _, asked := errors.AsType[*LaterError](err); asked || ctx.Err() != nil {
		return 0, err
	}
	if t.fails == 1 {
		p.o.Log.Warn("comment cannot be written; trying again", "forge", forge.Name(), "request", t.request.Number,
			"revision", short(t.request.Head), "reason", err.Error())
	}
	p.hush = time.Now().Add(p.o.Every)
	return p.o.Every, nil // it may be this request alone: statuses and other requests go on
}

// send reads what stands on a revision the first time, else posts its lines.
func (p *Poster) send(ctx context.Context, forge Forge, sha string, lines []Line) error {
	ctx, cancel := context.WithTimeout(ctx, p.o.Timeout)
	defer cancel()
	if !p.book.read[sha] {
		stand, err := forge.Posted(ctx, lines[0])
		if err == nil || errors.Is(err, ErrRefused) {
			p.book.found(sha, stand)
			return nil
		}
		p.o.Count(forge.Name(), "error")
		return err
	}
	n, err := forge.Post(ctx, sha, lines)
	for _, l := range lines[:n] {
		p.book.posted(l, time.Now())
		p.o.Count(forge.Name(), "ok")
	}
	if err != nil {
		p.o.Count(forge.Name(), "error")
	}
	if errors.Is(err, ErrRefused) && n < len(lines) {
		l := lines[n]
		p.book.refused[place{l.SHA, l.Context}] = l
		p.o.Log.Warn("commit status refused", "forge", forge.Name(), "revision", short(sha), "context", l.Context,
			"reason", err.Error())
		return nil
	}
	if _, asked := errors.AsType[*LaterError](err); err != nil && !asked {
		delete(p.book.read, sha) // it may have been taken, and the answer lost
	}
	return err
}

// heard draws the conclusion from one call: after a failure there is silence for a while.
func (p *Poster) heard(forge Forge, err error) {
	if err == nil {
		if p.tries > 0 {
			p.o.Log.Info("commit statuses are posted again", "forge", forge.Name())
		}
		p.tries, p.silence, p.asked = 0, time.Time{}, false
		return
	}
	if p.tries == 0 {
		p.o.Log.Warn("commit statuses cannot be posted; trying again", "forge", forge.Name(), "reason", err.Error())
	}
	_, p.asked = errors.AsType[*LaterError](err)
	p.silence = time.Now().Add(delay(err, p.tries))
	p.tries++
}

// delay doubles with each try, and is no less than the forge asks for; with some chance added, so that several
// daemons do not come back at once.
func delay(err error, tries int) time.Duration {
	wait := min(firstDelay<<min(tries, 20), maxDelay)
	if later, is := errors.AsType[*LaterError](err); is {
		wait = max(wait, min(later.After, maxSilence))
	}
	return wait + rand.N(wait/4+1)
}

// restful turns "until the next report" into a long time.
func restful(wait time.Duration) time.Duration {
	if wait < 0 {
		return maxSilence
	}
	return wait
}
