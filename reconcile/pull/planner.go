package pull

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/source"
)

// Forge lists pull requests.
type Forge interface {
	// Open lists the open ones, those that changed last first, at most max of them; more says that there are more.
	Open(ctx context.Context, max int) (all []reconcile.PullRequest, more bool, err error)
}

// Repo is the repository that the requests are for.
type Repo interface {
	// Bring makes the commits that refs name readable, each of which should be the given one. The error of one
	// says why it is not, and spoils no other; err is about all of them.
	Bring(ctx context.Context, refs map[string]string) (failed map[string]error, err error)

	// Merge is the commit that merging head into base gives.
	Merge(base, head string) (git.Commit, error)
}

// Planner plans pull requests. All fields but those that say otherwise are needed.
type Planner struct {
	Forge     func() Forge // asked before each look, so that declarations count; nil: there is none
	Repo      Repo
	Branch    string // requests for other branches are not looked at; empty: all are
	Reader    *source.Reader
	Force     func() source.Revision // what is in force
	Previewer reconcile.Previewer
	Tell      func(reconcile.Proposal) // told of everything new; must not block
	Around    Around                   // called around each try to make a plan; may be nil
	Poke      <-chan struct{}          // look at the forge now; may be nil
	Interval  time.Duration            // how often to look at the forge anyway
	Log       *slog.Logger

	mu     sync.Mutex        // guards report
	report *reconcile.Report // the newest
	bell   chan struct{}     // there is a report
	once   sync.Once
}

// Around is told that a plan is being made, or one that was shown held against what is live. The plan is made with the
// context that it returns, and ended is called when that is over: with what is new, nothing for a plan that still holds,
// or with why nothing can be said now.
type Around func(context.Context, reconcile.PullRequest) (work context.Context, ended func(news *reconcile.Proposal, failed error))

const (
	maxOpen  = 1000             // requests that are looked at
	distance = time.Second      // between two looks, however often somebody pokes
	looking  = 2 * time.Minute  // for one look at the forge and its refs
	working  = 3 * time.Minute  // for one turn: a plan that takes longer goes on at the next
	pause    = 2 * time.Second  // between two rounds in which plans are held against what is live
	longRest = 10 * time.Minute // after a forge that failed again and again
)

// Why a request has no plan.
var (
	errNobody   = errors.New("deployment.pullRequests.plan is \"none\"")
	errStranger = errors.New("who opened it may not push to the repository; somebody who may can push the branch " +
		"there, or declare deployment.pullRequests.plan: \"all\"")
)

func (p *Planner) ring() chan struct{} {
	p.once.Do(func() { p.bell = make(chan struct{}, 1) })
	return p.bell
}

// Report takes what is live from a report. It does not block.
func (p *Planner) Report(r reconcile.Report) {
	p.mu.Lock()
	p.report = &r
	p.mu.Unlock()
	select {
	case p.ring() <- struct{}{}:
	default:
	}
}

func (p *Planner) newest() *reconcile.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report
}

// Run plans until ctx ends. All state is in this goroutine; looks and plans each run in one of their own.
func (p *Planner) Run(ctx context.Context) {
	r := &running{
		Planner: p, open: map[int]*request{}, served: map[string]int{},
		looked: make(chan look), done: make(chan outcome),
	}
	defer r.tasks.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.lookSoon(ctx)
		r.begin(ctx)
		timer.Reset(r.rest())
		select {
		case <-ctx.Done():
			return
		case <-p.ring():
			r.notice()
		case <-p.Poke:
			r.lookAgain()
		case l := <-r.looked:
			r.take(l)
		case o := <-r.done:
			r.finish(ctx, o)
		case <-timer.C:
		}
	}
}

// running is the state of one Run.
type running struct {
	*Planner
	open     map[int]*request // by number
	served   map[string]int   // when each author's turn was last, as a count
	turn     int
	base     string        // the newest commit of the branch
	lookAt   time.Time     // not before; zero: now
	poked    bool          // during the look under way
	lastLook time.Time     // when the last look began
	fails    int           // looks that failed one after the other
	moved    bool          // something was reported since the last round began
	round    time.Time     // when the next round may begin
	spent    time.Duration // in this round

	looking bool
	busy    *job
	tasks   sync.WaitGroup
	looked  chan look
	done    chan outcome
}

// request is a pull request and how far its planning is.
type request struct {
	reconcile.PullRequest
	missing error // why its head cannot be read
	dirty   bool  // there is no plan of this head with this base
	checked bool  // in this round
	retryAt time.Time
	fails   int  // that say nothing of the request, one after the other
	told    bool // that it is being planned
	landed  bool // it is merged, and the forge has not said so yet
	shown   shown
	facts   *facts // nil: forgotten
}

// notice takes from the newest report what the branch is now.
func (r *running) notice() {
	report := r.newest()
	r.moved = true
	if report.Head.SHA == r.base {
		return
	}
	r.base = report.Head.SHA
	if r.busy != nil {
		r.busy.cancel() // it is for a base that is not any more
	}
	for _, q := range r.open {
		q.dirty, q.fails, q.retryAt = true, 0, time.Time{}
	}
	r.lookAgain() // what was merged is not open any more
}

// ready says whether there is something to plan against.
func (r *running) ready() bool {
	report := r.newest()
	return report != nil && report.Seen() && r.base != ""
}

// rest is how long nothing happens if nobody says so.
func (r *running) rest() time.Duration {
	wait := time.Until(r.lookAt)
	if r.looking || r.newest() == nil { // then something else wakes us
		wait = time.Hour
	}
	if r.busy != nil || !r.ready() {
		return max(wait, 10*time.Millisecond)
	}
	if r.moved {
		wait = min(wait, time.Until(r.round))
	}
	for _, q := range r.open {
		if q.dirty {
			wait = min(wait, time.Until(q.retryAt))
		}
	}
	return max(wait, 10*time.Millisecond)
}

// begin starts the next plan, if none is being made and there is something to make one of.
func (r *running) begin(ctx context.Context) {
	if r.busy != nil || !r.ready() {
		return
	}
	q := r.next(time.Now())
	if q == nil {
		return
	}
	report := r.newest()
	r.turn++
	r.served[q.Author] = r.turn
	if q.dirty && q.shown.stage != reconcile.Planned && !q.told {
		q.told = true
		r.Tell(reconcile.Proposal{Request: q.PullRequest, Stage: reconcile.Planning, Base: report.Head, Before: report.Want, At: time.Now()})
	}
	work, cancel := context.WithTimeout(ctx, working)
	j := &job{request: *q, report: *report, began: time.Now(), cancel: cancel}
	r.busy = j
	r.tasks.Go(func() {
		defer cancel()
		o := r.around(work, j)
		select {
		case r.done <- o:
		case <-ctx.Done():
		}
	})
}

// finish takes what came of a job, unless it was made for what is not any more.
func (r *running) finish(ctx context.Context, o outcome) {
	j := r.busy
	r.busy = nil
	q, open := r.open[j.Number]
	if !open || q.Head != j.Head || r.base != j.report.Head.SHA || ctx.Err() != nil {
		return
	}
	q.checked = true
	if o.failed != nil {
		r.again(q, o)
		return
	}
	q.dirty, q.landed, q.fails, q.retryAt = false, o.landed, 0, time.Time{}
	if o.landed {
		return
	}
	if o.proposal != nil {
		q.shown = shownOf(*o.proposal)
		r.Tell(*o.proposal)
	}
	if o.proposal != nil || q.facts != nil {
		q.facts = o.facts
		r.forget()
	}
	if !j.dirty {
		r.spent += time.Since(j.began)
		r.round = time.Now().Add(min(longRest, max(pause, 10*r.spent)))
	}
}

// again has a request planned another time, since what failed says nothing of it: at its next turn if that came further
// than the last, and later else.
func (r *running) again(q *request, o outcome) {
	q.dirty = true // nothing that was shown is known to hold
	if further := o.facts != nil && len(o.facts.rehearsed) > q.rehearsed(); further {
		if q.facts == nil {
			q.facts = &facts{}
		}
		q.facts.rehearsed, q.fails, q.retryAt = o.facts.rehearsed, 0, time.Time{}
		return
	}
	if errors.Is(o.failed, git.ErrNoRef) { // the cache was replaced: the next look brings the head again
		q.missing, q.retryAt = o.failed, time.Now().Add(r.Interval)
		r.lookAgain()
		return
	}
	q.fails++
	q.retryAt = time.Now().Add(min(longRest, time.Second<<min(q.fails, 10)))
	r.Log.Warn("pull request cannot be planned now; trying again", "request", q.Number,
		"revision", fmt.Sprintf("%.7s", q.Head), "reason", o.failed.Error())
}
