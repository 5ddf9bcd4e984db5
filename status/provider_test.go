package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// TestStatusOfARelease is the table of the package documentation, row by row.
func TestStatusOfARelease(t *testing.T) {
	type obs = reconcile.Observed
	const wait, fail = "its objects are coming up", "container envproxy: CrashLoopBackOff"
	for _, test := range []struct {
		name    string
		put     func(*obs) // nil: there is no release
		world   func(*world, reconcile.Item)
		want    string
		message string
		applied bool
	}{
		{"cluster not seen", nil, func(w *world, _ reconcile.Item) { delete(w.Live.Clusters, "eu") },
			"Pending", "cluster eu was not looked at yet", false},
		{"cluster answers and was not looked at", nil, func(w *world, _ reconcile.Item) {
			w.Live.Clusters["eu"] = reconcile.ClusterLive{Reachable: true}
		}, "Pending", "cluster eu was not looked at yet", false},
		{"cluster unreachable", func(*obs) {}, func(w *world, _ reconcile.Item) { w.lose("eu") },
			"Error", "cluster eu cannot be reached: dial tcp 10.0.0.1:6443: connect: connection refused", false},
		{"cluster unreachable since the start", nil, func(w *world, _ reconcile.Item) {
			w.Live.Clusters["eu"] = reconcile.ClusterLive{Err: "x509: certificate has expired"}
		}, "Error", "cluster eu cannot be reached: x509: certificate has expired", false},
		{"last attempt failed, nothing there", nil, func(w *world, it reconcile.Item) {
			w.Failed[it.ID] = errImage
			w.put(it, func(o *obs) { *o = obs{Tried: reconcile.Digest(it, nil)} })
		}, "Error", errImage.Error(), false},
		{"last attempt failed and is tried again now", nil, func(w *world, it reconcile.Item) {
			w.Failed[it.ID] = errImage
			w.put(it, func(o *obs) { *o = obs{Tried: reconcile.Digest(it, nil), State: reconcile.Locked} })
		}, "Error", errImage.Error(), false},
		{"last attempt was with other inputs", func(o *obs) { o.Digest, o.Tried = "old", "other" },
			func(w *world, it reconcile.Item) { w.Failed[it.ID] = errImage },
			"Pending", "the declared change is not applied yet", false},
		{"an older attempt failed, now in sync", func(o *obs) { o.Tried = o.Digest },
			func(w *world, it reconcile.Item) { w.Failed[it.ID] = errImage }, "Ready", "", true},
		{"stored revision unreadable", func(o *obs) { o.State, o.Failure = reconcile.Corrupt, "gzip: invalid header" }, nil,
			"Error", "the stored release cannot be read: gzip: invalid header", false},
		{"wanted was tried and failed", func(o *obs) {
			o.State, o.Attempted, o.Failure, o.Digest = reconcile.Failed, o.Digest, "timed out", "old"
		}, nil, "Error", "timed out", false},
		{"wanted was tried and rolled back", func(o *obs) {
			o.Attempted, o.Failure, o.Digest = o.Digest, "pod: OOMKilled", "old"
		}, nil, "Error", "pod: OOMKilled", false},
		{"not there", nil, nil, "Pending", "not installed yet", false},
		{"somebody else's", func(o *obs) { o.Owner = "" }, nil, "Pending",
			"a release of this name is there already; declare release: adopt: true to take it over", false},
		{"left pending", func(o *obs) { o.State = reconcile.Pending }, nil,
			"Pending", "left unfinished by a process that was stopped; it is taken up again", false},
		{"uninstall not finished", func(o *obs) { o.State = reconcile.Uninstalling }, nil,
			"Pending", "is being uninstalled", false},
		{"first install in hand", func(o *obs) { *o = obs{State: reconcile.Locked} }, nil,
			"Pending", "is being applied", false},
		{"update in hand", func(o *obs) { o.State, o.Digest = reconcile.Locked, "old" }, nil,
			"Pending", "is being applied", false},
		{"repair in hand", func(o *obs) { o.State = reconcile.Locked }, nil, "Ready", "", true},
		{"not wanted inputs", func(o *obs) { o.Digest = "old" }, nil,
			"Pending", "the declared change is not applied yet", false},
		{"failed with other inputs", func(o *obs) { o.State, o.Digest, o.Attempted = reconcile.Failed, "old", "other" }, nil,
			"Pending", "the declared change is not applied yet", false},
		{"wanted, unhealthy", func(o *obs) { o.Health, o.Message = reconcile.Unhealthy, fail }, nil, "Error", fail, true},
		{"wanted, progressing", func(o *obs) { o.Health = reconcile.Progressing }, nil, "Pending", wait, true},
		{"wanted, unseen", func(o *obs) { o.Health = reconcile.HealthUnknown }, nil,
			"Pending", "its objects were not looked at yet", true},
		{"wanted, healthy", func(*obs) {}, nil, "Ready", "", true},
		{"healthy and drifted", func(o *obs) { o.Drift = make([]reconcile.Drift, 2) }, nil,
			"Ready", "2 fields edited by hand, being repaired", true},
		{"healthy, drifted and being repaired", func(o *obs) { o.Drift, o.State = make([]reconcile.Drift, 1), reconcile.Locked }, nil,
			"Ready", "1 field edited by hand, being repaired", true},
		{"healthy and contested", func(o *obs) {
			o.Drift = []reconcile.Drift{{Field: "/a", By: "tool", Contested: true}, {Field: "/b", By: "tool", Contested: true}}
		}, nil, "Ready", "2 fields edited by hand (tool), contested", true},
		{"healthy, policy to be recorded", func(o *obs) { o.Policy = reconcile.Uninstall }, nil, "Ready", "", false},
		{"control characters", func(o *obs) { o.Health, o.Message = reconcile.Unhealthy, "a\x1b[31mb\n\tc\u202e" }, nil,
			"Error", "a [31mb c", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			it := w.want("eu", "frankfurt", "")
			if test.put != nil {
				w.put(it, test.put)
			}
			if test.world != nil {
				test.world(w, it)
			}
			p := w.provider(t, "frankfurt")
			if p.Label() != test.want || p.Message != test.message || p.Applied != test.applied {
				t.Errorf("got %s %q applied %v, want %s %q %v", p.Label(), p.Message, p.Applied,
					test.want, test.message, test.applied)
			}
		})
	}
}

func TestAProviderHasTheWorstStatusOfItsReleases(t *testing.T) {
	w := newWorld()
	w.put(w.want("eu", "frankfurt", "blue"), nil)
	red := w.want("eu", "frankfurt", "red")
	w.put(red, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "pod red: Evicted" })
	w.want("eu", "frankfurt", "white")
	p := w.provider(t, "frankfurt")
	if p.Status != Error || p.Message != "red: pod red: Evicted" || len(p.Releases) != 3 || p.Applied {
		t.Errorf("got %+v", p)
	}
	w.put(red, nil)
	if p = w.provider(t, "frankfurt"); p.Status != Pending || p.Message != "white: not installed yet" {
		t.Errorf("got %+v", p)
	}
}

func TestReadyWithoutEvidenceIsUnverified(t *testing.T) {
	w := newWorld()
	it := w.want("eu", "frankfurt", "")
	w.edit(it.ID, func(it *reconcile.Item) { it.Release.Ready = reconcile.ReadyCheck{} })
	w.put(it, nil)
	if got := w.provider(t, "frankfurt").Label(); got != "Ready (unverified)" {
		t.Errorf("got %s", got)
	}
}

func TestTheBuiltInProviderIsAsItsCluster(t *testing.T) {
	lacking := func(w *world, why string) {
		c := w.Live.Clusters["built-in"]
		c.Lacking = map[string]string{"built-in": why}
		w.Live.Clusters["built-in"] = c
	}
	for _, test := range []struct {
		name    string
		world   func(*world)
		want    string
		message string
	}{
		{"nothing is lacking", func(*world) {}, "Ready (unverified)", ""},
		{"its health path answers", func(w *world) {
			p := w.Want.Providers["built-in"]
			p.Ready.HTTP = "https://example.com/healthz"
			w.Want.Providers["built-in"] = p
		}, "Ready", ""},
		{"something is lacking", func(w *world) { lacking(w, "namespace coder is\nnot there") },
			"Pending", "namespace coder is not there"},
		{"it was not looked at yet", func(w *world) {
			c := w.Live.Clusters["built-in"]
			c.Lacking = nil
			w.Live.Clusters["built-in"] = c
		}, "Pending", "was not looked at yet"},
		{"its cluster is unreachable", func(w *world) { w.lose("built-in") },
			"Error", "cluster built-in cannot be reached: dial tcp 10.0.0.1:6443: connect: connection refused"},
		{"its cluster was not seen", func(w *world) { delete(w.Live.Clusters, "built-in") },
			"Pending", "cluster built-in was not looked at yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			test.world(w)
			if p := w.provider(t, "built-in"); p.Label() != test.want || p.Message != test.message || !p.Applied {
				t.Errorf("got %s %q", p.Label(), p.Message)
			}
		})
	}
}

func TestHoldsStandBesideTheStatus(t *testing.T) {
	w := newWorld()
	it := w.want("eu", "frankfurt", "")
	w.edit(it.ID, func(it *reconcile.Item) { it.Suspended = "maintenance" })
	w.put(it, func(o *reconcile.Observed) { o.Digest = "old" })
	want := w.Want.Providers["frankfurt"]
	want.Cordoned = "full"
	w.Want.Providers["frankfurt"] = want
	p := w.provider(t, "frankfurt")
	holds := []Hold{
		{Reason: reconcile.Cordoned, Class: reconcile.Declared, Message: "full"},
		{Reason: reconcile.Suspended, Class: reconcile.Declared, Would: reconcile.OpUpdate, Message: "maintenance"},
	}
	if diff := cmp.Diff(holds, p.Holds); diff != "" || p.Status != Pending {
		t.Errorf("%s: %s", p.Status, diff)
	}
}

func TestWhatIsNotDeclaredAnyMoreIsListedWhileItIsThere(t *testing.T) {
	w := newWorld()
	it := w.want("eu", "frankfurt", "")
	w.put(it, func(o *reconcile.Observed) { o.Policy = reconcile.Uninstall })
	w.Want.Items = nil
	delete(w.Want.Providers, "frankfurt")
	p := w.provider(t, "frankfurt")
	if p.Declared || p.Status != Pending || p.Message != "not declared any more; is being removed" {
		t.Errorf("got %+v", p)
	}
	w.put(it, func(o *reconcile.Observed) { o.State = reconcile.Locked })
	if p = w.provider(t, "frankfurt"); p.Status != Pending || p.Message != "not declared any more; is being removed" {
		t.Errorf("got %+v", p)
	}
	w.put(it, nil)
	p = w.provider(t, "frankfurt")
	if hold, held := p.held(reconcile.Person); !held || hold.Reason != reconcile.Blocked || p.Status != Ready {
		t.Errorf("got %+v", p)
	}
}

func TestAMoveIsDoneWhenTheOldReleaseIsGone(t *testing.T) {
	w := newWorld()
	old := w.want("eu", "frankfurt", "")
	w.put(old, func(o *reconcile.Observed) { o.Policy = reconcile.Uninstall })
	w.Want.Items = nil
	w.put(w.want("us", "frankfurt", ""), nil)
	p := w.provider(t, "frankfurt")
	if p.Cluster != "us" || p.Applied || p.Status != Pending || p.Releases[0].Cluster != "us" {
		t.Errorf("got %+v", p)
	}
	delete(w.Live.Clusters["eu"].Releases, old.ID)
	if p = w.provider(t, "frankfurt"); !p.Applied || p.Status != Ready {
		t.Errorf("got %+v", p)
	}
}

func TestSinceIsWhenTheStatusCameUp(t *testing.T) {
	w := newWorld()
	it := w.want("eu", "frankfurt", "")
	w.put(it, nil)
	if p := w.provider(t, "frankfurt"); !p.Since.Equal(epoch().Add(-time.Minute)) {
		t.Errorf("ready: %s", p.Since)
	}
	w.put(it, func(o *reconcile.Observed) { o.Health = reconcile.Unhealthy })
	if p := w.provider(t, "frankfurt"); !p.Since.Equal(epoch().Add(-2 * time.Minute)) {
		t.Errorf("unhealthy: %s", p.Since)
	}
	w.lose("eu")
	if p := w.provider(t, "frankfurt"); !p.Since.Equal(epoch()) {
		t.Errorf("unreachable: %s", p.Since)
	}
}
