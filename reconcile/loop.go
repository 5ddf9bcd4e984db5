package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrFenced says that another process has the right to act on the cluster. It is not a failure: the
// item is planned anew.
var ErrFenced = errors.New("another process acts on this cluster")

// ErrBusy says that a cluster did not answer, or was too busy to. That is a failure, of the cluster alone: as soon
// as it answers, the same is tried again.
var ErrBusy = errors.New("the cluster does not answer in time")

// ErrFrozen says that somebody stopped it in the middle. It is no failure: it goes on when it may.
var ErrFrozen = errors.New("it is frozen")

// ErrMoved says that the release is not any more as the plan saw it. It is no failure either.
var ErrMoved = errors.New("the release was changed meanwhile")

// Loop brings what there is nearer to what is declared, again and again. Its zero value with Source and
// Fleet works.
type Loop struct {
	Source    Source
	Fleet     Fleet
	Previewer Previewer // nil: nothing is rendered beforehand
	URLs      URLs      // nil: no change of the access URL gets anywhere
	Reporters []Reporter
	Done      func(Outcome)   // called after each action, in the loop; may be nil
	Calm      func()          // called beside the loop when nothing went on for two seconds after work, once a minute at most; may be nil
	Poke      <-chan struct{} // look at the source now, or a second after the last look
	Interval  time.Duration   // how often to look at the source anyway; 0: never
	Grace     time.Duration   // how long work in hand may take after the end was asked for
	ReadOnly  bool            // change nothing
	Once      bool            // end when nothing is left to do but holds and failures; with ReadOnly, after one full look
}

// Run works until ctx ends, or, with Once, until nothing is left to do. It returns the last report. What
// is in hand when ctx ends is finished, within Grace; nothing is begun any more.
//
// All state is in this goroutine; the source, previews and actions each run in one of their own and send
// what came out. They end soon after Run does, but for an action that does not within Grace.
func (l *Loop) Run(ctx context.Context) Report {
	ctx, end := context.WithCancel(ctx)
	defer end()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r := newRunning(l, work)
	go r.poll(ctx)
	answers := l.answers()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer r.calm.Stop()
	for {
		select {
		case <-ctx.Done():
			r.drain(ctx)
			return r.report
		case t := <-r.targets:
			r.take(t)
		case soon := <-l.Fleet.Changed():
			r.hurry(soon)
		case <-answers:
		case o := <-r.done:
			r.finish(o)
			r.goOn(ctx, o)
		case p := <-r.previewed:
			r.keep(p)
		case <-r.calm.C:
			r.relax()
			continue
		case <-timer.C:
			began := time.Now()
			timer.Reset(r.step(ctx))
			if l.Once && r.settled() {
				return r.report
			}
			r.pause(began)
			r.calm.Reset(calmAfter)
			continue
		}
		timer.Reset(time.Until(r.rested)) // what else comes until then is looked at together with this
	}
}

// answers tells that it is known more of the access URL.
func (l *Loop) answers() <-chan struct{} {
	if l.URLs == nil {
		return nil
	}
	return l.URLs.Changed()
}

// running is the state of one Run.
type running struct {
	*Loop
	work       context.Context // of actions; outlives the end of Run's by Grace
	target     Target
	known      bool            // a target was received
	soonest    time.Time       // when the next step may be
	rested     time.Time       // and when it is, if anything happened
	calm       *time.Timer     // ends when nothing has happened for a while
	relaxed    time.Time       // when it was calm last
	worked     bool            // since then
	want       Desired         // what target wants, said of what is there
	kept       map[int]ID      // how that differs from what target says
	wanted     map[ID]bool     // the items of want
	descends   map[string]bool // by revision: whether target.Commit was made from it
	hand       map[ID]Action
	next       []Action // what the last step found that may begin as soon as workers are free
	tries      attempts
	gone       []Gone
	leaving    map[ID]Action // what others may be taking away
	previews   Rehearsal
	previewing map[string]bool // by cluster
	heard      map[string]bool // by cluster whose trials were taken over: whether we acted on it then
	report     Report

	targets   chan Target
	done      chan Outcome
	previewed chan previewed
}

func newRunning(l *Loop, work context.Context) *running {
	return &running{
		Loop: l, work: work, descends: map[string]bool{}, hand: map[ID]Action{}, tries: attempts{},
		previews: Rehearsal{}, previewing: map[string]bool{}, heard: map[string]bool{}, leaving: map[ID]Action{},
		targets: make(chan Target), done: make(chan Outcome), previewed: make(chan previewed),
		calm: time.NewTimer(calmEvery), worked: true,
	}
}

// spacing is how long the source is left alone after a look, however often somebody pokes.
const spacing = time.Second

// poll looks at the source at first, when poked, and every Interval, a tenth more or less.
func (r *running) poll(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-r.Poke: // the look that begins now is what it asks for
		default:
		}
		send(ctx, r.targets, r.Source.Latest(ctx))
		r.idle(ctx)
	}
}

// idle waits for the next look. Pokes that come too early are one when it is time.
func (r *running) idle(ctx context.Context) {
	var tick <-chan time.Time
	if r.Interval > 0 {
		tick = time.After(jitter(r.Interval, 0.1))
	}
	select {
	case <-ctx.Done():
		return
	case <-tick:
		return
	case <-time.After(spacing):
	}
	select {
	case <-ctx.Done():
	case <-r.Poke:
	case <-tick:
	}
}

// send hands v over unless nobody listens any more.
func send[T any](ctx context.Context, to chan<- T, v T) {
	select {
	case to <- v:
	case <-ctx.Done():
	}
}

// take makes t what is wanted from now on. What was pushed does not wait until the loop has rested.
func (r *running) take(t Target) {
	if t.Commit.SHA != r.target.Commit.SHA {
		r.descends, r.rested, r.next, r.worked = map[string]bool{}, time.Time{}, nil, true
	}
	r.target, r.known, r.kept = t, true, nil
	r.use(t.Want)
}

// resolve notes which releases renamed providers keep.
func (r *running) resolve(live Live) {
	if kept := r.target.Want.kept(live); !maps.Equal(kept, r.kept) {
		r.kept = kept
		r.use(r.target.Want.rename(kept))
	}
}

// use makes all clusters be looked at for what is wanted.
func (r *running) use(want Desired) {
	r.want, r.wanted = want, make(map[ID]bool, len(want.Items))
	for _, it := range want.Items {
		r.wanted[it.ID] = true
	}
	if r.target.Commit.SHA != "" {
		r.Fleet.Use(want)
	}
}

// start begins an action in a goroutine of its own.
func (r *running) start(a Action) {
	r.hand[a.ID] = a
	c := r.Fleet.Cluster(a.ID.Cluster)
	go func() {
		began := time.Now()
		err := do(r.work, c, a)
		send(r.work, r.done, Outcome{Action: a, Err: err, Took: time.Since(began)})
	}()
}

// do carries out an action. Where Helm panics on what one release gives it, that release has failed, and
// nobody else is any the worse.
func do(ctx context.Context, c Cluster, a Action) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s %s: panic: %v; this is a bug, please report it", a.Op, a.ID, p)
		}
	}()
	return c.Do(ctx, a)
}

// render has a batch of actions in one cluster rendered in a goroutine of its own.
func (r *running) render(ctx context.Context, cluster string, batch []Action) {
	r.previewing[cluster] = true
	go func() {
		send(ctx, r.previewed, previewed{cluster, batch, r.Previewer.Preview(ctx, batch)})
	}()
}

// finish takes an action out of hand and remembers how it ended. When it was the last one, all workers would rest with
// the loop: it does not.
func (r *running) finish(o Outcome) {
	a, now := &o.Action, time.Now()
	r.worked = true
	if delete(r.hand, a.ID); len(r.hand) == 0 {
		r.rested = time.Time{}
	}
	switch {
	case o.Stopped():
		r.tries.outrun(a, now)
	case o.Err != nil:
		r.tries.failed(a, o.Err, now)
	default:
		r.tries.worked(a, now)
		if takes(a.Op) && a.weighs(r.want) {
			r.gone = append(r.gone, Gone{a.Provider, a.Organization, a.Commit.SHA, now})
		}
	}
	if r.Loop.Done != nil {
		r.Loop.Done(o)
	}
}

// goOn has the worker that is free now begin what is next in its cluster, so that it need not rest with the loop. When
// anything failed, what that means for the rest is decided first.
func (r *running) goOn(ctx context.Context, o Outcome) {
	at := slices.IndexFunc(r.next, func(a Action) bool { return a.ID.Cluster == o.Action.ID.Cluster })
	switch {
	case o.Err != nil || ctx.Err() != nil:
		r.next = nil
		r.hurry(true)
	case at < 0:
		r.hurry(true)
	default:
		r.start(r.next[at])
		r.next = slices.Delete(r.next, at, at+1)
	}
}

// drain waits for what is in hand, for as long as Grace allows, and tells how it ended.
func (r *running) drain(ctx context.Context) {
	grace := time.NewTimer(r.Grace)
	defer grace.Stop()
	for len(r.hand) > 0 {
		select {
		case o := <-r.done:
			r.finish(o)
			r.step(ctx)
		case <-grace.C:
			return
		}
	}
}
