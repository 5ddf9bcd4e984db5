package reconcile

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rig is a loop with a source, a fleet and a previewer in memory, for tests in a bubble of synctest, where
// time stands still while anybody works.
type rig struct {
	*Loop
	source  *memorySource
	fleet   *memoryFleet
	preview *memoryPreviewer
	pokes   chan struct{}
	cancel  context.CancelFunc
	ended   chan Report

	mu      sync.Mutex // guards reports
	reports []Report
}

// newRig has the clusters eu and us, which are empty, and wants these items.
func newRig(items ...Item) *rig {
	f := &memoryFleet{clusters: map[string]*memoryCluster{}, changed: make(chan bool, 1)}
	for _, name := range []string{"eu", "us"} {
		f.clusters[name] = &memoryCluster{fleet: f, comesUp: time.Second, live: ClusterLive{
			Reachable: true, Looked: true, Counted: true, Held: true, Releases: map[ID]Observed{},
		}}
	}
	r := &rig{
		source: &memorySource{}, fleet: f, preview: &memoryPreviewer{},
		pokes: make(chan struct{}, 1), ended: make(chan Report, 1),
	}
	r.Loop = &Loop{Source: r.source, Fleet: f, Reporters: []Reporter{r}, Poke: r.pokes, Grace: time.Minute}
	r.want("one", items...)
	return r
}

// want declares these items in a revision of that name.
func (r *rig) want(sha string, items ...Item) {
	want := newScene().want
	want.Items, want.Commit = items, Commit{SHA: sha}
	want.Clusters = map[string]ClusterWant{"eu": {MaxConcurrent: 4}, "us": {MaxConcurrent: 4}}
	r.source.set(Target{Head: want.Commit, Commit: want.Commit, Want: want})
}

// start runs the loop and waits until it has nothing to do.
func (r *rig) start() {
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	go func() { r.ended <- r.Run(ctx) }()
	allQuiet()
}

// allQuiet waits until what happened had all its effects, as far as time does not bring more: one thing may
// lead to another, and the loop rests between two steps. The time is the bubble's: the rest that was left when something
// happened, and one more for what came of it.
func allQuiet() {
	time.Sleep(2 * shortRest)
	synctest.Wait()
}

// stop ends the loop and returns what it reported last.
func (r *rig) stop() Report {
	r.cancel()
	return <-r.ended
}

// poke has the source looked at, and waits until that had all its effects.
func (r *rig) poke() {
	r.pokes <- struct{}{}
	time.Sleep(spacing)
	allQuiet()
}

// edit changes what a cluster says of a release.
func (r *rig) edit(cluster string, id ID, change func(*Observed)) {
	r.fleet.clusters[cluster].edit(func(live *ClusterLive) {
		obs := live.Releases[id]
		change(&obs)
		live.Releases[id] = obs
	})
}

// Report remembers a report.
func (r *rig) Report(rep Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, rep)
}

// last is the newest report.
func (r *rig) last(t *testing.T) Report {
	t.Helper()
	allQuiet()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reports) == 0 {
		t.Fatal("nothing was reported")
	}
	return r.reports[len(r.reports)-1]
}

// reported counts the reports.
func (r *rig) reported() int {
	allQuiet()
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.reports)
}

// action is what the newest plan has for a release.
func (r *rig) action(t *testing.T, id ID) Action {
	t.Helper()
	for _, a := range r.last(t).Plan.Actions {
		if a.ID == id {
			return a
		}
	}
	return Action{}
}

// deedsOf is what was begun on a release.
func (r *rig) deedsOf(id ID) []deed {
	var out []deed
	for _, d := range r.begun(id.Cluster) {
		if d.ID == id {
			out = append(out, d)
		}
	}
	return out
}

// begun is what was begun in a cluster.
func (r *rig) begun(cluster string) []deed {
	allQuiet()
	c := r.fleet.clusters[cluster]
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deeds
}

// memorySource has one target.
type memorySource struct {
	mu      sync.Mutex // guards what follows
	target  Target
	looks   []time.Time
	blocks  time.Duration // for how long a look takes
	strange map[string]bool
}

func (s *memorySource) set(t Target) { s.edit(func(s *memorySource) { s.target = t }) }

// edit changes or reads the source.
func (s *memorySource) edit(change func(s *memorySource)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// looked tells when it was looked at.
func (s *memorySource) looked() (out []time.Time) {
	s.edit(func(s *memorySource) { out = s.looks })
	return out
}

func (s *memorySource) Latest(ctx context.Context) Target {
	s.mu.Lock()
	s.looks = append(s.looks, time.Now())
	blocks := s.blocks
	s.mu.Unlock()
	select {
	case <-time.After(blocks):
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.target
}

func (s *memorySource) Descends(_, from string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.strange[from]
}

// memoryFleet is some clusters in memory.
type memoryFleet struct {
	used     []Desired                 // in order
	clusters map[string]*memoryCluster // never edited
	changed  chan bool
}

// Use is called by the loop alone.
func (f *memoryFleet) Use(want Desired) { f.used = append(f.used, want) }

// Inside is of no use where nothing is real.
func (f *memoryFleet) Inside(AccessURL, string) {}

func (f *memoryFleet) Cluster(name string) Cluster { return f.clusters[name] }
func (f *memoryFleet) Changed() <-chan bool        { return f.changed }

func (f *memoryFleet) Clusters() map[string]Cluster {
	out := map[string]Cluster{}
	for name, c := range f.clusters {
		out[name] = c
	}
	return out
}

func (f *memoryFleet) wake(soon bool) {
	select {
	case f.changed <- soon:
	default:
	}
}

// memoryCluster is a cluster in which actions take no time and work, unless do says otherwise.
type memoryCluster struct {
	fleet   *memoryFleet
	do      func(ctx context.Context, a Action) error // nil: it works
	comesUp time.Duration                             // until what was applied is healthy

	mu    sync.Mutex // guards what follows
	live  ClusterLive
	deeds []deed
	noted map[ID]Trial
}

// deed is an action that was begun.
type deed struct {
	Action
	at time.Time
}

func (c *memoryCluster) Want([]Item) {}

func (c *memoryCluster) Note(trials map[ID]Trial) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted = trials
}

func (c *memoryCluster) Live() ClusterLive {
	c.mu.Lock()
	defer c.mu.Unlock()
	live := c.live
	live.Releases = maps.Clone(live.Releases)
	return live
}

// edit changes what the cluster holds by hand, and tells.
func (c *memoryCluster) edit(change func(live *ClusterLive)) {
	c.turn(change)
	c.fleet.wake(true)
}

func (c *memoryCluster) turn(change func(live *ClusterLive)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.live)
}

func (c *memoryCluster) Do(ctx context.Context, a Action) error {
	c.mu.Lock()
	c.deeds = append(c.deeds, deed{a, time.Now()})
	c.mu.Unlock()
	if c.do != nil {
		if err := c.do(ctx, a); err != nil {
			return err
		}
	}
	c.turn(func(live *ClusterLive) { effect(live.Releases, a, "acme") })
	c.fleet.wake(false)
	time.AfterFunc(c.comesUp, func() {
		c.turn(func(live *ClusterLive) {
			if obs, there := live.Releases[a.ID]; there {
				obs.Health, obs.ReadySince, obs.Survived = Healthy, time.Now(), true
				live.Releases[a.ID] = obs
			}
		})
		c.fleet.wake(false)
	})
	return nil
}

// memoryPreviewer shows every action as its digest.
type memoryPreviewer struct {
	fails func(a Action) error               // nil: nothing does
	takes func(cluster string) time.Duration // nil: no time

	mu      sync.Mutex // guards batches
	batches [][]Action
}

func (p *memoryPreviewer) Preview(ctx context.Context, actions []Action) map[ID]Preview {
	p.mu.Lock()
	p.batches = append(p.batches, actions)
	p.mu.Unlock()
	if p.takes != nil {
		select {
		case <-time.After(p.takes(actions[0].ID.Cluster)):
		case <-ctx.Done():
		}
	}
	out := map[ID]Preview{}
	for _, a := range actions {
		out[a.ID] = Preview{Diff: "diff of " + a.Digest}
		if p.fails != nil && p.fails(a) != nil {
			out[a.ID] = Preview{Err: p.fails(a)}
		}
	}
	return out
}

// rendered are the batches so far.
func (p *memoryPreviewer) rendered() [][]Action {
	allQuiet()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.batches
}
