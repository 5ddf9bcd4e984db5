package reconcile

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"time"
)

// ErrFenced says that another process has the right to act on the cluster. It is not a failure: the
// item is planned anew.
var ErrFenced = errors.New("another process acts on this cluster")

// ErrMoved says that the release is not any more as the plan saw it. It is no failure either.
var ErrMoved = errors.New("the release was changed meanwhile")

// Source knows what is declared.
type Source interface {
	// Latest reads the newest revision. It blocks as long as that takes, within bounds of its own, and
	// says in the target what could not be read. Reading the same revision again costs next to nothing.
	Latest(ctx context.Context) Target
}

// Target is what a source found.
type Target struct {
	Head     Commit          // the newest revision; zero where none could ever be read
	HeadErr  error           // why Head is not in force
	FetchErr error           // why the source cannot be reached now
	Commit   Commit          // the newest valid revision; zero: there is none
	Changed  map[string]bool // providers that Commit changed
	Want     Desired
}

// Fleet knows the clusters.
type Fleet interface {
	// Cluster is the cluster of that name, the same each time. One without credentials is unreachable
	// and says so.
	Cluster(name string) Cluster

	// Use says which clusters matter from now on, and what for.
	Use(want Desired)

	// Clusters are those that matter, by name.
	Clusters() map[string]Cluster

	// Changed receives after something changed in a cluster; many changes may be one receive.
	Changed() <-chan struct{}
}

// Previewer renders what actions would do before any of them is done.
type Previewer interface {
	// Preview renders the actions in one go. What cannot be rendered has its error in its preview. It
	// changes nothing anywhere.
	Preview(ctx context.Context, actions []Action) map[ID]Preview
}

// Preview is what an action would do.
type Preview struct {
	Diff  string // field by field, secrets masked
	Risks []string
	Err   error // why it cannot be done
}

// Outcome is how an action ended.
type Outcome struct {
	Action Action
	Err    error
	Took   time.Duration
}

// Loop brings what there is nearer to what is declared, again and again. Its zero value with Source and
// Fleet works.
type Loop struct {
	Source    Source
	Fleet     Fleet
	Previewer Previewer // nil: nothing is rendered beforehand
	Reporters []Reporter
	Done      func(Outcome)   // called after each action, in the loop; may be nil
	Poke      <-chan struct{} // look at the source now
	Interval  time.Duration   // how often to look at the source anyway; 0: never
	Grace     time.Duration   // how long work in hand may take after the end was asked for
	ReadOnly  bool            // change nothing
	Once      bool            // end when nothing is left to do but holds and failures; with ReadOnly, after one full look
}

// Run works until ctx ends, or, with Once, until nothing is left to do. It returns the last report. What
// is in hand when ctx ends is finished, within Grace.
//
// All state is in this goroutine; sources, previews and actions each run in one of their own and send
// what came out.
func (l *Loop) Run(ctx context.Context) Report {
	r := &running{
		Loop: l, hand: map[ID]Action{}, tries: map[ID]attempt{}, previews: map[previewKey]Preview{},
		targets: make(chan Target), done: make(chan Outcome), previewed: make(chan map[previewKey]Preview),
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r.work = work
	go r.poll(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.drain(stop)
			return r.report
		case r.target = <-r.targets:
			r.known = true
			l.Fleet.Use(r.target.Want)
		case <-l.Fleet.Changed():
		case o := <-r.done:
			r.finish(o)
		case m := <-r.previewed:
			r.keepPreviews(m)
		case <-timer.C:
		}
		timer.Reset(r.step())
		if l.Once && r.settled() {
			return r.report
		}
	}
}

// running is the state of one Run.
type running struct {
	*Loop
	work       context.Context // of what is in hand; outlives the end of Run's by Grace
	target     Target
	known      bool // a target was received
	hand       map[ID]Action
	tries      map[ID]attempt
	previews   map[previewKey]Preview
	previewing bool
	report     Report

	targets   chan Target
	done      chan Outcome
	previewed chan map[previewKey]Preview
}

// attempt remembers failed attempts at an item, so that the next comes later.
type attempt struct {
	digest string
	count  int
	err    error
	next   time.Time
}

// previewKey tells what a preview was made for.
type previewKey struct {
	id       ID
	digest   string
	revision int
}

func keyOf(a Action) previewKey { return previewKey{a.ID, a.Digest, a.Have.Revision} }

// step looks at everything, plans, starts what may start and reports. It returns when to step again
// without an event.
func (r *running) step() time.Duration {
	if !r.known {
		return time.Hour
	}
	live := r.look()
	plan := r.describe(Decide(r.target.Want, live))
	r.preview(plan)
	if !r.ReadOnly {
		for _, a := range Ready(plan, r.target.Want, live) {
			r.start(a)
		}
	}
	r.tell(plan, live)
	return r.next(live.At)
}

// look takes a snapshot of all clusters, with what only this loop knows laid over it.
func (r *running) look() Live {
	live := Live{At: time.Now(), Clusters: map[string]ClusterLive{}}
	for name, c := range r.Fleet.Clusters() {
		live.Clusters[name] = c.Live()
	}
	for id, t := range r.tries {
		r.overlay(live, id, func(obs *Observed) {
			if obs.RetryAsked {
				delete(r.tries, id)
				return
			}
			obs.Tries, obs.Tried, obs.RetryAt, obs.Failure = t.count, t.digest, t.next, t.err.Error()
		})
	}
	for id := range r.hand {
		r.overlay(live, id, func(obs *Observed) { obs.State = Locked })
	}
	return live
}

// overlay edits one observation of a snapshot, which is made where there was none.
func (r *running) overlay(live Live, id ID, edit func(*Observed)) {
	c, known := live.Clusters[id.Cluster]
	if !known {
		return
	}
	c.Releases = maps.Clone(c.Releases)
	if c.Releases == nil {
		c.Releases = map[ID]Observed{}
	}
	obs := c.Releases[id]
	edit(&obs)
	c.Releases[id] = obs
	live.Clusters[id.Cluster] = c
}

// describe lays the previews that are there over the plan.
func (r *running) describe(p Plan) Plan {
	for i, a := range p.Actions {
		if pre, there := r.previews[keyOf(a)]; there && a.Op != OpKeep {
			p.Actions[i].Diff, p.Actions[i].Risks = pre.Diff, pre.Risks
		}
	}
	return p
}

// previewBatch bounds how many actions are rendered by one worker.
const previewBatch = 64

// preview has the next actions that were not rendered yet rendered, unless that is under way.
func (r *running) preview(p Plan) {
	if r.Previewer == nil || r.previewing {
		return
	}
	var batch []Action
	for _, a := range p.Actions {
		if _, there := r.previews[keyOf(a)]; !there && renders(a) && len(batch) < previewBatch {
			batch = append(batch, a)
		}
	}
	if len(batch) == 0 {
		return
	}
	r.previewing = true
	go func() {
		out := map[previewKey]Preview{}
		found := r.Previewer.Preview(r.work, batch)
		for _, a := range batch {
			out[keyOf(a)] = found[a.ID]
		}
		send(r.work, r.previewed, out)
	}()
}

// renders says whether an action, or what it would be, renders a chart.
func renders(a Action) bool {
	op := a.Op
	if op == OpHold {
		op = a.Would
	}
	return op == OpCreate || op == OpUpdate || op == OpAdopt
}

func (r *running) keepPreviews(m map[previewKey]Preview) {
	r.previewing = false
	for key, pre := range m {
		if pre.Err != nil {
			r.failed(key.id, key.digest, pre.Err)
			continue
		}
		r.previews[key] = pre
	}
}

// start begins an action in a goroutine of its own, unless it has to be rendered first.
func (r *running) start(a Action) {
	if _, there := r.previews[keyOf(a)]; r.Previewer != nil && renders(a) && !there {
		return
	}
	r.hand[a.ID] = a
	c := r.Fleet.Cluster(a.ID.Cluster)
	go func() {
		began := time.Now()
		err := c.Do(r.work, a)
		send(r.work, r.done, Outcome{Action: a, Err: err, Took: time.Since(began)})
	}()
}

// send hands v over unless nobody listens any more.
func send[T any](ctx context.Context, to chan<- T, v T) {
	select {
	case to <- v:
	case <-ctx.Done():
	}
}

// finish takes an action out of hand and remembers how it ended.
func (r *running) finish(o Outcome) {
	id := o.Action.ID
	delete(r.hand, id)
	delete(r.previews, keyOf(o.Action))
	switch {
	case o.Err == nil:
		delete(r.tries, id)
	case !errors.Is(o.Err, ErrFenced) && !errors.Is(o.Err, ErrMoved):
		r.failed(id, o.Action.Digest, o.Err)
	}
	if r.Loop.Done != nil {
		r.Loop.Done(o)
	}
}

// failed remembers a failed attempt and when the next may come: after 5 s at first, 5 min at most, a fifth
// more or less so that many do not come back at once.
func (r *running) failed(id ID, digest string, err error) {
	t := r.tries[id]
	if t.digest != digest {
		t = attempt{digest: digest}
	}
	t.count++
	wait := min(5*time.Minute, 5*time.Second<<min(t.count-1, 10))
	t.err, t.next = err, time.Now().Add(time.Duration(float64(wait)*(0.8+0.4*rand.Float64())))
	r.tries[id] = t
}

// tell hands the newest report to everyone.
func (r *running) tell(plan Plan, live Live) {
	t := r.target
	failed := make(map[ID]error, len(r.tries))
	for id, t := range r.tries {
		failed[id] = t.err
	}
	r.report = Report{
		Head: t.Head, HeadErr: t.HeadErr, FetchErr: t.FetchErr, Commit: t.Commit, Changed: t.Changed,
		Want: t.Want, Live: live, Plan: plan, Failed: failed,
	}
	for _, to := range r.Reporters {
		to.Report(r.report)
	}
}

// next is when something is due without an event: the earliest retry.
func (r *running) next(now time.Time) time.Duration {
	wait := time.Hour
	for _, t := range r.tries {
		if t.next.After(now) {
			wait = min(wait, t.next.Sub(now))
		}
	}
	return wait
}

// settled says whether only holds and failures are left.
func (r *running) settled() bool {
	if !r.known || len(r.hand) > 0 || r.previewing {
		return false
	}
	if r.target.Commit.SHA == "" {
		return true
	}
	for _, c := range r.report.Plan.Clusters {
		if live := r.report.Live.Clusters[c.Name]; !live.Reachable && live.Err == "" || live.Reachable && !live.Looked {
			return false
		}
	}
	for _, a := range r.report.Plan.Actions {
		if !r.ReadOnly && (a.Acts() || a.Class == Progress && a.Reason != BackingOff) {
			return false
		}
	}
	return true
}

// poll looks at the source at first, when poked, and every Interval, a tenth more or less.
func (r *running) poll(ctx context.Context) {
	for ctx.Err() == nil {
		send(ctx, r.targets, r.Source.Latest(ctx))
		var tick <-chan time.Time
		if r.Interval > 0 {
			tick = time.After(time.Duration(float64(r.Interval) * (0.9 + 0.2*rand.Float64())))
		}
		select {
		case <-ctx.Done():
		case <-r.Poke:
		case <-tick:
		}
	}
}

// drain waits for what is in hand, for as long as Grace allows, and starts nothing any more.
func (r *running) drain(stop context.CancelFunc) {
	grace := time.NewTimer(r.Grace)
	defer grace.Stop()
	for len(r.hand) > 0 {
		select {
		case o := <-r.done:
			r.finish(o)
		case <-r.previewed:
		case <-grace.C:
			stop()
			return
		}
	}
}
