package reconcile

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stage is a plan and the clusters it is about, eu and us, which may be acted on.
func stage(actions ...Action) (Plan, Desired, Live) {
	up := ClusterLive{Reachable: true, Looked: true, Counted: true, Held: true}
	return Plan{Actions: actions},
		Desired{Clusters: map[string]ClusterWant{"eu": {MaxConcurrent: 2}, "us": {MaxConcurrent: 2}}},
		Live{Clusters: map[string]ClusterLive{"eu": up, "us": up}}
}

// at names the release of a provider: "eu/paris".
func at(cluster, name string) ID {
	return ID{Cluster: cluster, Kind: KindRelease, Namespace: "coder", Name: name}
}

// todo is an action of a plan.
func todo(op Op, cluster, name string, after ...ID) Action {
	return Action{Op: op, ID: at(cluster, name), After: after}
}

// held is a hold of a plan.
func held(reason Reason, cluster, name string) Action {
	return hold(todo(OpUpdate, cluster, name), reason, "")
}

// started names what may start.
func started(p Plan, want Desired, have Live) []string {
	out := []string{}
	now, _ := Ready(p, want, have)
	for _, a := range now {
		out = append(out, string(a.Op)+" "+a.ID.Cluster+"/"+a.ID.Name)
	}
	return out
}

func TestReady(t *testing.T) {
	failed := Action{Op: OpKeep, Reason: HasFailed, ID: at("eu", "base")}
	for _, test := range []struct {
		name string
		plan []Action
		want []string
	}{
		{"as many as there are workers, in order",
			[]Action{todo(OpCreate, "eu", "a"), todo(OpRepair, "eu", "b"), todo(OpUpdate, "eu", "c")},
			[]string{"create eu/a", "repair eu/b"}},
		{"in each cluster",
			[]Action{todo(OpCreate, "eu", "a"), todo(OpCreate, "eu", "b"), todo(OpCreate, "eu", "c"), todo(OpCreate, "us", "d")},
			[]string{"create eu/a", "create eu/b", "create us/d"}},
		{"holds and keeps start nothing",
			[]Action{held(Suspended, "eu", "a"), todo(OpKeep, "eu", "b"), todo(OpAdopt, "eu", "c")},
			[]string{"adopt eu/c"}},
		{"after what is in place",
			[]Action{todo(OpKeep, "us", "base"), todo(OpCreate, "eu", "a", at("us", "base"))},
			[]string{"create eu/a"}},
		{"not after what is still to be done",
			[]Action{todo(OpUpdate, "us", "base"), todo(OpCreate, "eu", "a", at("us", "base"))},
			[]string{"update us/base"}},
		{"not after what is held", []Action{held(Settling, "us", "base"), todo(OpCreate, "eu", "a", at("us", "base"))}, []string{}},
		{"not after what does not work", []Action{failed, todo(OpCreate, "eu", "a", at("eu", "base"))}, []string{}},
		{"after what is not part of the plan", []Action{todo(OpCreate, "eu", "a", at("eu", "base"))}, []string{"create eu/a"}},
		{"deletions one at a time", []Action{todo(OpDelete, "eu", "a"), todo(OpOrphan, "eu", "b"), todo(OpDelete, "us", "c")},
			[]string{"delete eu/a", "delete us/c"}},
		{"deletions last in their cluster", []Action{todo(OpCreate, "eu", "a"), todo(OpDelete, "eu", "b"), todo(OpDelete, "us", "c")},
			[]string{"create eu/a", "delete us/c"}},
		{"deletions after what waits for another cluster",
			[]Action{todo(OpUpdate, "us", "base"), todo(OpCreate, "eu", "a", at("us", "base")), todo(OpDelete, "eu", "b")},
			[]string{"update us/base"}},
		{"a hold keeps no deletion waiting", []Action{held(NotOurs, "eu", "a"), todo(OpDelete, "eu", "b")}, []string{"delete eu/b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, started(stage(test.plan...))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestNothingStartsInAClusterThat(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(c *ClusterLive)
	}{
		{"does not answer", func(c *ClusterLive) { c.Reachable = false }},
		{"somebody else acts on", func(c *ClusterLive) { c.Held = false }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, want, have := stage(todo(OpCreate, "eu", "a"), todo(OpCreate, "us", "b"))
			c := have.Clusters["eu"]
			test.edit(&c)
			have.Clusters["eu"] = c
			if diff := cmp.Diff([]string{"create us/b"}, started(p, want, have)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWorkInHandTakesAWorker(t *testing.T) {
	for _, test := range []struct {
		name string
		hand int
		plan []Action
		want []string
	}{
		{"one of two", 1, []Action{todo(OpCreate, "eu", "a"), todo(OpCreate, "eu", "b")}, []string{"create eu/a"}},
		{"both", 2, []Action{todo(OpCreate, "eu", "a")}, []string{}},
		{"a deletion waits for the cluster to be idle", 1, []Action{todo(OpDelete, "eu", "a")}, []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, want, have := stage(test.plan...)
			c := have.Clusters["eu"]
			c.Releases = map[ID]Observed{}
			for i := range test.hand { // what is in hand need not be part of the plan
				c.Releases[at("eu", string(rune('x'+i)))] = Observed{State: Locked}
			}
			have.Clusters["eu"] = c
			if diff := cmp.Diff(test.want, started(p, want, have)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAClusterWithoutALimitHasOneWorker(t *testing.T) {
	p, _, have := stage(todo(OpCreate, "eu", "a"), todo(OpCreate, "eu", "b"))
	if diff := cmp.Diff([]string{"create eu/a"}, started(p, Desired{}, have)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStuck(t *testing.T) {
	failed := Action{Op: OpKeep, Reason: HasFailed, ID: at("eu", "base")}
	for _, test := range []struct {
		name  string
		base  Action
		stuck bool
	}{
		{"behind a person", held(NotOurs, "eu", "base"), true},
		{"behind a declaration", held(Suspended, "eu", "base"), true},
		{"behind a failure that waits", held(BackingOff, "eu", "base"), true},
		{"behind what does not work", failed, true},
		{"behind what settles", held(Settling, "eu", "base"), false},
		{"behind what is to be done", todo(OpCreate, "eu", "base"), false},
		{"behind what is in place", todo(OpKeep, "eu", "base"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := Plan{Actions: []Action{
				todo(OpCreate, "eu", "last", at("eu", "next")), todo(OpCreate, "eu", "next", at("eu", "base")), test.base,
			}}
			if got := p.stuck()[at("eu", "last")]; got != test.stuck {
				t.Errorf("stuck: %v", got)
			}
		})
	}
}

// crowd is a plan of so many creations in each of so many clusters, in the first of which all workers that are
// declared are at work and do not come back.
func crowd(clusters, each int) (Plan, Desired, Live) {
	p, want, have := Plan{}, Desired{Clusters: map[string]ClusterWant{}}, Live{Clusters: map[string]ClusterLive{}}
	for i := range clusters {
		name := fmt.Sprintf("c%02d", i)
		live := ClusterLive{Reachable: true, Looked: true, Counted: true, Held: true, Releases: map[ID]Observed{}}
		want.Clusters[name] = ClusterWant{MaxConcurrent: 4}
		for n := range each {
			id := fmt.Sprintf("p%d", n)
			if i == 0 && n < 4 {
				live.Releases[at(name, id)] = Observed{State: Locked}
				p.Actions = append(p.Actions, held(IsLocked, name, id))
				continue
			}
			p.Actions = append(p.Actions, todo(OpCreate, name, id))
		}
		have.Clusters[name] = live
	}
	return p, want, have
}

// However many clusters there are and whatever becomes of the workers of one, each of the others has its share of those
// in all, and at least one.
func TestEachClusterHasItsShareOfTheWorkers(t *testing.T) {
	for _, test := range []struct{ clusters, share int }{{1, 0}, {2, 4}, {8, 4}, {10, 3}, {16, 2}, {17, 1}, {60, 1}} {
		p, want, have := crowd(test.clusters, 40)
		got, then := map[string]int{}, map[string]int{}
		now, next := Ready(p, want, have)
		for _, a := range now {
			got[a.ID.Cluster]++
		}
		for _, a := range next {
			then[a.ID.Cluster]++
		}
		if got["c00"] != 0 {
			t.Errorf("%d clusters: the one whose workers do not come back is given %d more", test.clusters, got["c00"])
		}
		for name := range want.Clusters {
			if name != "c00" && got[name] != test.share {
				t.Errorf("%d clusters: %s has %d workers, want %d", test.clusters, name, got[name], test.share)
			}
			if left := test.share * (workerGoesOn - 1); name != "c00" && then[name] != left {
				t.Errorf("%d clusters: %d are next in %s, want %d", test.clusters, then[name], name, left)
			}
		}
	}
}

// Clusters with nothing to do, and those that cannot be acted on, take nothing of what others may have.
func TestWhoHasNothingToDoHasNoShare(t *testing.T) {
	p, want, have := crowd(40, 6)
	for name, c := range have.Clusters {
		c.Held = name < "c08"
		have.Clusters[name] = c
	}
	got := map[string]int{}
	now, _ := Ready(p, want, have)
	for _, a := range now {
		got[a.ID.Cluster]++
	}
	if got["c01"] != 4 || got["c07"] != 4 || got["c08"] != 0 {
		t.Errorf("of 8 clusters that are ours two start %d and %d, and another's starts %d; want 4, 4 and 0", got["c01"], got["c07"], got["c08"])
	}
}
