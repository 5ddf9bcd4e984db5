package pull

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a planner with a forge, a repository and an evaluation in memory, in a bubble of its own time. What merging
// gives is what the head holds. The real ones are tried together in the tests of the command.
type desk struct {
	t       *testing.T
	planner *Planner
	stop    func()
	poke    chan struct{}

	mu         sync.Mutex
	open       []reconcile.PullRequest
	forgeErr   error
	missing    map[string]error
	trees      map[string]string // declarations, by hash
	told       []reconcile.Proposal
	evaluated  []string
	slow       map[string]bool // declarations that take for ever
	broken     error           // of the machine that evaluates
	cancelled  int
	unrendered error         // why no chart can be rendered
	lost       bool          // what was brought is gone until it is brought again
	rendering  time.Duration // how long some actions take that are rendered at once
	asked      int           // heads that were asked for
	force      source.Revision
	live       reconcile.Live
}

const first = `
package providers

deployment: {name: "acme", accessURL: "https://coder.example.com", defaults: chart: path: "charts/demo"}
clusters: eu: {}
organizations: blue: {}
`

func newDesk(t *testing.T) *desk {
	d := &desk{
		t: t, poke: make(chan struct{}, 1), trees: map[string]string{"base": first}, missing: map[string]error{},
		slow: map[string]bool{},
		live: reconcile.Live{At: time.Now(), Clusters: map[string]reconcile.ClusterLive{}},
	}
	for _, name := range []string{"eu", "built-in"} {
		d.live.Clusters[name] = reconcile.ClusterLive{Reachable: true, Looked: true, Held: true, Counted: true}
	}
	reader := source.Reader{Origin: d, Evaluate: d.evaluate, Resolver: charts.NewStore(charts.Config{})}
	d.planner = &Planner{
		Forge: func() Forge { return d }, Repo: d, Branch: "main", Reader: &reader, Force: func() source.Revision { return d.force },
		Previewer: d, Tell: d.tell, Poke: d.poke, Interval: time.Minute, Log: slog.New(slog.DiscardHandler),
	}
	d.merge("base")
	d.evaluated = nil
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.planner.Run(ctx)
	}()
	synctest.Wait() // for its first look
	d.stop = func() {
		cancel()
		<-ended
	}
	return d
}

// merge makes a commit the newest of the branch, and what is in force.
func (d *desk) merge(sha string) {
	d.t.Helper()
	reader := source.Reader{Origin: d, Evaluate: d.evaluate, Resolver: charts.NewStore(charts.Config{})}
	rev, err := reader.Read(d.t.Context(), reconcile.Commit{SHA: sha}, source.Revision{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.force = rev
	d.report()
}

// report tells the planner what is live.
func (d *desk) report() {
	d.mu.Lock()
	live := d.live
	live.Clusters = map[string]reconcile.ClusterLive{}
	for name, c := range d.live.Clusters {
		live.Clusters[name] = c
	}
	d.mu.Unlock()
	d.planner.Report(reconcile.Report{
		Head: d.force.Commit, Commit: d.force.Commit, Want: d.force.Want, Live: live, Plan: reconcile.Decide(d.force.Want, live),
	})
}

// request opens a pull request, or moves its head.
func (d *desk) request(number int, author, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	head := fmt.Sprintf("h%d-%d", number, len(d.trees))
	d.trees[head] = first + text
	d.open = slices.DeleteFunc(d.open, func(q reconcile.PullRequest) bool { return q.Number == number })
	d.open = append(d.open, reconcile.PullRequest{
		Number: number, Author: author, Head: head, Ref: "refs/pull/" + head, Base: "main", Member: author != "stranger",
	})
}

// look makes the planner look at the forge, and waits until nothing happens any more.
func (d *desk) look() {
	d.poke <- struct{}{}
	d.wait()
}

// wait lets time pass until nothing happens any more.
func (d *desk) wait() {
	synctest.Wait()
	time.Sleep(20 * time.Second)
	synctest.Wait()
}

// says is what was told since the last time.
func (d *desk) says(want ...string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var got []string
	for _, p := range d.told {
		text := fmt.Sprintf("%d %s", p.Request.Number, p.Stage)
		switch {
		case p.Err != nil:
			text += ": " + strings.SplitN(p.Err.Error(), ":", 2)[0]
		case p.Stage == reconcile.Planned:
			created := 0
			for _, a := range p.Plan.Actions {
				if a.Op == reconcile.OpCreate && a.ID.Kind == reconcile.KindRelease {
					created++
				}
			}
			text += fmt.Sprintf(": %d to create", created)
		}
		if len(p.Moved) > 0 {
			text += ", moved: " + strings.Join(p.Moved, "; ")
		}
		got = append(got, text)
	}
	d.told = nil
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("-want +got:\n%s", diff)
	}
}

// locked changes the desk.
func (d *desk) locked(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *desk) tell(p reconcile.Proposal) { d.locked(func() { d.told = append(d.told, p) }) }

func (d *desk) Open(context.Context, int) ([]reconcile.PullRequest, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.open), false, d.forgeErr
}

func (d *desk) Bring(_ context.Context, refs map[string]string) (map[string]error, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	failed := map[string]error{}
	d.lost = false
	for ref := range refs {
		d.asked++
		if err := d.missing[ref]; err != nil {
			failed[ref] = err
		}
	}
	return failed, nil
}

func (d *desk) Merge(base, head string) (git.Commit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost {
		return git.Commit{}, fmt.Errorf("%w: it is not in what was fetched", git.ErrNoRef)
	}
	if strings.Contains(d.trees[head], "conflict") {
		return git.Commit{}, &git.ConflictError{Files: []string{"a.cue"}}
	}
	if base == head {
		return git.Commit{Hash: base}, nil // it has it already
	}
	merged := base + "+" + head
	d.trees[merged] = d.trees[head]
	return git.Commit{Hash: merged}, nil
}

func (d *desk) evaluate(ctx context.Context, tree fs.FS) (schema.Config, error) {
	text, err := fs.ReadFile(tree, "a.cue")
	if err != nil {
		return schema.Config{}, err
	}
	d.mu.Lock()
	added := strings.TrimPrefix(string(text), first)
	d.evaluated = append(d.evaluated, added)
	slow, broken := d.slow[added], d.broken
	d.mu.Unlock()
	if broken != nil {
		return schema.Config{}, broken
	}
	if slow {
		<-ctx.Done()
		d.locked(func() { d.cancelled++ })
		return schema.Config{}, ctx.Err()
	}
	return schema.Load(tree)
}

func (d *desk) Preview(ctx context.Context, all []reconcile.Action) map[reconcile.ID]reconcile.Preview {
	d.mu.Lock()
	takes, out := d.rendering, map[reconcile.ID]reconcile.Preview{}
	for _, a := range all {
		out[a.ID] = reconcile.Preview{Diff: "new", Err: d.unrendered}
	}
	d.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	return out
}

func (d *desk) Head(context.Context) (reconcile.Commit, error)    { return reconcile.Commit{}, nil }
func (d *desk) Ancestors(string, int) ([]reconcile.Commit, error) { return nil, nil }
func (d *desk) Descends(string, string) (bool, error)             { return true, nil }
func (d *desk) Declarations(sha string) (fs.FS, error)            { return d.tree(sha), nil }
func (d *desk) Charts(sha string) (fs.FS, error)                  { return d.tree(sha), nil }

func (d *desk) Key(sha string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return "tree of " + d.trees[sha], nil
}

func (d *desk) tree(sha string) fs.FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fstest.MapFS{
		"a.cue":                        {Data: []byte(d.trees[sha])},
		"charts/demo/Chart.yaml":       {Data: []byte("apiVersion: v2\nname: demo\nversion: 1.0.0\n")},
		"charts/demo/templates/a.yaml": {Data: []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n")},
	}
}

// in runs a test in a bubble of its own time.
func in(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		defer d.stop()
		test(t, d)
	})
}

const paris, rome = `providers: paris: cluster: "eu"` + "\n", `providers: rome: cluster: "eu"` + "\n"

func TestTheLifeOfAPullRequest(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.wait()
		d.says()
		d.request(7, "ada", paris)
		d.look()
		d.says("7 planning", "7 planned: 1 to create")
		d.look()
		d.report()
		d.wait()
		d.says() // nothing moved
		if len(d.evaluated) != 1 {
			t.Errorf("evaluated %q", d.evaluated)
		}

		d.request(7, "ada", paris+rome)
		d.look()
		d.says("7 planning", "7 planned: 2 to create")

		d.release("somebody", 3)
		d.report()
		d.wait()
		d.says("7 planned: 1 to create, moved: eu/Release/coder/paris: revision 0 → 3, owner nobody → somebody, create → hold, not ours")

		d.locked(func() { d.trees["next"] = first + "organizations: red: {}\n" })
		d.merge("next")
		d.wait()
		d.says("7 planned: 1 to create, moved: what would be merged: base+h7 → next+h7")

		d.locked(func() { d.open = nil })
		d.look()
		d.says("7 closed")
	})
}

// release puts a release of paris into the cluster, of somebody's making.
func (d *desk) release(owner string, revision int) {
	d.locked(func() {
		id := reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "coder", Name: "paris"}
		c := d.live.Clusters["eu"]
		c.Releases = map[reconcile.ID]reconcile.Observed{id: {Owner: owner, State: reconcile.Deployed, Revision: revision}}
		d.live.Clusters["eu"] = c
	})
}

// A request that was merged, which the forge has not said yet, keeps the plan that was agreed to: what is left to do of
// it meanwhile is less with every action.
func TestWhatWasMergedKeepsItsPlan(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.request(7, "ada", paris+rome)
		d.look()
		d.says("7 planning", "7 planned: 2 to create")
		d.merge(d.open[0].Head)
		d.wait()
		d.release("acme", 1)
		d.report()
		d.wait()
		d.says()
		d.locked(func() { d.open = nil })
		d.look()
		d.says("7 closed")
	})
}

// What is left to do of what was merged is no plan of a request that changes nothing: it would stand in for the one that
// was agreed to.
func TestARequestThatChangesNothingShowsNothing(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.request(7, "ada", paris)
		d.request(8, "ada", "")
		memory := NewMemory("")
		d.planner.Tell = func(p reconcile.Proposal) {
			d.tell(p)
			if err := memory.Show(p); err != nil {
				t.Error(err)
			}
		}
		d.look()
		key, _ := d.Key("base")
		if s, there := memory.Shown(key); there {
			t.Errorf("request %d showed what is in force", s.Request)
		}
		d.locked(func() { d.trees["next"] = first + paris })
		d.merge("next")
		d.request(9, "mallory", paris) // the same as "next"
		d.look()
		key, _ = d.Key("next")
		if s, _ := memory.Shown(key); s.Request != 7 {
			t.Errorf("request %d stands for what request 7 showed", s.Request)
		}
	})
}

// What strangers open and close again is forgotten by everybody who was told of it.
func TestTheEndOfWhatIsNotPlannedIsTold(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.request(1, "stranger", paris)
		d.look()
		d.locked(func() { d.told, d.open = nil, nil })
		d.look()
		d.says("1 closed")
	})
}

// Each time costs what it costs, and the branch itself cannot be fetched meanwhile.
func TestATooLargeHeadIsAskedForOnce(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.request(1, "mallory", paris)
		d.locked(func() { d.missing[d.open[0].Ref] = fmt.Errorf("%w: 600 MiB", git.ErrTooLarge) })
		d.look()
		d.says("1 planning", "1 planned: too large")
		time.Sleep(time.Hour)
		d.locked(func() {
			if d.asked != 1 {
				t.Errorf("asked for %d times", d.asked)
			}
			clear(d.missing)
		})
		d.says()
		d.request(1, "mallory", paris)
		d.look()
		d.says("1 planning", "1 planned: 1 to create")
	})
}

// resolver finds charts as somebody wants.
type resolver func() (reconcile.Chart, error)

func (r resolver) Resolve(context.Context, charts.Request) (reconcile.Chart, error) { return r() }

// What a version names may become another chart, and what could not be read may be there later; no report says so.
func TestChartsAreLookedForAgain(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		digest, gone := "sha256:a", errors.New("the registry does not answer")
		d.planner.Reader.Resolver = resolver(func() (c reconcile.Chart, err error) {
			d.locked(func() { c, err = reconcile.Chart{Name: "demo", Version: "1.0.0", Digest: digest}, gone })
			return c, err
		})
		d.request(7, "ada", paris)
		d.look()
		d.says("7 planning", "7 planned: 0 to create")
		d.locked(func() { gone = nil })
		time.Sleep(5 * time.Minute)
		d.says("7 planned: 1 to create, moved: eu/Release/coder/paris: hold → create")
		d.locked(func() { digest = "sha256:b" })
		time.Sleep(5 * time.Minute)
		d.says("7 planned: 1 to create, moved: eu/Release/coder/paris: what it is to become")
		d.locked(func() { gone = errors.New("the registry does not answer") })
		time.Sleep(5 * time.Minute)
		d.says()
		if len(d.evaluated) != 1 {
			t.Errorf("evaluated %q", d.evaluated)
		}
	})
}

func TestWhatFailedIsTriedAgain(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.locked(func() { d.unrendered = errors.New("the cluster does not answer") })
		d.request(7, "ada", paris)
		d.look()
		time.Sleep(5 * time.Minute)
		d.locked(func() {
			if n := len(d.told); n != 2 || len(d.told[1].Failed) != 1 {
				t.Errorf("told %d times: %+v", n, d.told[n-1].Failed)
			}
			d.told, d.unrendered = nil, nil
		})
		time.Sleep(5 * time.Minute)
		d.locked(func() {
			if len(d.told) != 1 || len(d.told[0].Failed) != 0 {
				t.Errorf("told %d times", len(d.told))
			}
		})
	})
}

func TestWhatCannotBePlannedSaysWhy(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.request(1, "ada", "providers: {") // no CUE
		d.request(2, "ada", "// conflict")
		d.request(3, "stranger", paris)
		d.request(4, "ada", paris)
		d.request(5, "ada", paris)
		d.locked(func() {
			d.open[4].Base = "release"
			d.missing[d.open[3].Ref] = fmt.Errorf("%w: 600 MiB", git.ErrTooLarge)
		})
		d.look()
		d.says("3 unplanned: who opened it may not push to the repository; somebody who may can push the branch there, or declare deployment.pullRequests.plan",
			"1 planning", "1 planned: a.cue", "2 planning", "2 planned: cannot be merged", "4 planning", "4 planned: too large")

		d.force.Config.Deployment.PullRequests = &schema.PullRequests{Plan: "all"}
		d.look()
		d.says("3 planning", "3 planned: 1 to create")
		d.force.Config.Deployment.PullRequests = &schema.PullRequests{Plan: "none"}
		d.look()
		d.says() // as if nobody looked
	})
}

func TestWhatSaysNothingOfARequestIsTriedAgain(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.request(1, "ada", paris)
		d.locked(func() { d.forgeErr = errors.New("500") })
		d.look()
		d.says()
		d.locked(func() { d.forgeErr, d.missing[d.open[0].Ref] = nil, errors.New("connection refused") })
		time.Sleep(time.Hour)
		d.says("1 planning")
		d.locked(func() { clear(d.missing); d.broken = errors.New("no child could be started") })
		time.Sleep(time.Hour)
		d.says()
		d.locked(func() { d.broken = nil })
		time.Sleep(time.Hour)
		d.says("1 planned: 1 to create")
	})
}

// Who opens many waits for himself.
func TestTurnsAreByAuthor(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.locked(func() { d.slow["// slow\n"] = true })
		for n := 1; n <= 300; n++ {
			d.request(n, "mallory", "// slow\n")
		}
		d.poke <- struct{}{}
		synctest.Wait()
		d.request(301, "ada", paris)
		d.poke <- struct{}{}
		time.Sleep(2 * working)
		synctest.Wait()
		d.says("1 planning", "301 planning", "301 planned: 1 to create", "2 planning")
	})
}

func TestAnOlderHeadIsGivenUp(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		d.locked(func() { d.slow["// slow\n"] = true })
		d.request(1, "ada", "// slow\n")
		d.look()
		d.says("1 planning")
		d.request(1, "ada", paris)
		d.look()
		d.says("1 planning", "1 planned: 1 to create")
		if d.cancelled != 1 {
			t.Errorf("%d evaluations were ended", d.cancelled)
		}
		d.request(2, "ada", "// slow\n")
		d.look()
		d.locked(func() { d.open = d.open[:1] })
		d.look()
		d.says("2 planning", "2 closed")
		if d.cancelled != 2 {
			t.Errorf("%d evaluations were ended", d.cancelled)
		}
	})
}

// Of each request the newest plan is kept, whatever others open, and of closed ones for some time.
func TestMemoryIsKeptBetweenStarts(t *testing.T) {
	dir := t.TempDir() + "/pulls"
	m := NewMemory(dir)
	at := time.Date(2026, 10, 9, 14, 2, 0, 0, time.UTC)
	show := func(number int, key string, stage reconcile.Stage) {
		t.Helper()
		at = at.Add(time.Second)
		p := reconcile.Proposal{Request: reconcile.PullRequest{Number: number}, Stage: stage, Key: key, At: at}
		if err := m.Show(p); err != nil {
			t.Fatal(err)
		}
	}
	show(7, "older", reconcile.Planned)
	show(7, "newer", reconcile.Planned)
	for n := range keptClosed + 10 {
		show(100+n, fmt.Sprint("tree/", n), reconcile.Planned)
	}
	for n := range keptClosed + 10 {
		show(100+n, "", reconcile.Closed)
	}
	if err := m.Show(reconcile.Proposal{Stage: reconcile.Planned, Key: "wrong", Err: errors.New("no")}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Memory{m, NewMemory(dir)} {
		for key, want := range map[string]bool{
			"older": false, "newer": true, "tree/9": false, "tree/10": true, fmt.Sprint("tree/", keptClosed+9): true, "wrong": false, "": false,
		} {
			if s, there := m.Shown(key); there != want || there && s.Key != key {
				t.Errorf("%s: %v %+v", key, there, s)
			}
		}
	}
	for n := range keptPlans + 10 {
		show(1000+n, fmt.Sprint("open/", n), reconcile.Planned)
	}
	if n := len(m.all); n != keptPlans {
		t.Errorf("%d are kept", n)
	}
}

// A plan may take longer than a turn, on a slow cluster or for very many providers: it goes on where it was.
func TestALongPlanTakesSeveralTurns(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		var many strings.Builder
		for n := range 100 {
			fmt.Fprintf(&many, "providers: p%d: cluster: \"eu\"\n", n)
		}
		d.locked(func() { d.rendering = 2 * working / 3 })
		d.request(1, "mallory", many.String())
		d.look()
		d.request(2, "ada", paris)
		d.poke <- struct{}{}
		time.Sleep(10 * working)
		synctest.Wait()
		d.says("1 planning", "2 planning", "2 planned: 1 to create", "1 planned: 100 to create")
		d.locked(func() { d.trees["next"] = first + "organizations: red: {}\n" })
		d.merge("next")
		time.Sleep(time.Minute)
		synctest.Wait()
		d.locked(func() {
			for _, p := range d.told { // nothing that was rendered is rendered again
				if len(p.Moved) != 1 || p.Plan.Actions[len(p.Plan.Actions)-1].Diff == "" {
					t.Errorf("moved %q, %+v", p.Moved, p.Plan.Actions[len(p.Plan.Actions)-1])
				}
			}
			if len(d.told) != 2 {
				t.Errorf("told %d times", len(d.told))
			}
		})
	})
}

// What plans were made from is forgotten when it is too much; they hold all the same until something moves.
func TestTooManyFactsAreForgotten(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		large := paris + fmt.Sprintf("_text: %q\n", strings.Repeat("x", keptFacts/3/64))
		for n := range 64 {
			large += fmt.Sprintf("providers: paris%d: {cluster: \"eu\", values: text: _text}\n", n)
		}
		d.request(1, "ada", large)
		d.request(2, "ada", large)
		d.look()
		d.says("1 planning", "1 planned: 65 to create", "2 planning", "2 planned: 65 to create")
		d.report()
		time.Sleep(time.Hour)
		d.says()
		d.release("somebody", 3)
		d.report()
		time.Sleep(time.Hour)
		d.says("1 planned: 64 to create, moved: "+forgotten,
			"2 planned: 64 to create, moved: "+forgotten)
	})
}

// What was brought goes when the cache of the repository is replaced, and is brought again at once.
func TestAHeadThatIsLostIsBroughtAgain(t *testing.T) {
	in(t, func(t *testing.T, d *desk) {
		for n := range 20 { // however often
			d.locked(func() {
				d.trees["next"] = first + fmt.Sprintf("organizations: o%d: {}\n", n)
				d.lost = true
			})
			d.request(7, "ada", paris)
			d.merge("next")
			time.Sleep(2 * time.Second)
			synctest.Wait()
			d.locked(func() {
				if len(d.told) == 0 || d.told[len(d.told)-1].Stage != reconcile.Planned {
					t.Errorf("round %d: %d told", n, len(d.told))
				}
				d.told = nil
			})
			d.locked(func() { d.trees["base"] = first })
			d.merge("base")
			d.wait()
			d.locked(func() { d.told = nil })
		}
	})
}
