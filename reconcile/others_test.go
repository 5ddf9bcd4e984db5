package reconcile

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// others has a cluster be acted on by another process from now on, or by us.
func (r *rig) others(cluster string, held bool, trials map[ID]Trial) {
	r.fleet.clusters[cluster].edit(func(live *ClusterLive) { live.Held, live.Trials = held, trials })
}

// What fails for whoever acts on a cluster is noted there, and told by everybody; who comes after him goes on counting.
func TestWhatFailedForOthersIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "web")
		acting, r := newRig(it), newRig(it)
		acting.fleet.clusters["eu"].do = func(context.Context, Action) error { return errors.New("no such chart") }
		acting.others("eu", true, map[ID]Trial{})
		acting.start()
		c := acting.fleet.clusters["eu"]
		c.mu.Lock()
		noted := c.noted
		c.mu.Unlock()
		acting.stop()
		if got := noted[it.ID]; got.Err != "no such chart" || got.Count != 1 || got.Digest != Digest(it, nil) {
			t.Fatalf("noted is %+v", noted)
		}
		r.others("eu", false, noted)
		r.start()
		if a := r.action(t, it.ID); a.Reason != BackingOff || r.last(t).Failed[it.ID] == nil || len(r.deedsOf(it.ID)) != 0 {
			t.Errorf("others plan %s (%s) and know of the failure %v", a.Op, a.Reason, r.last(t).Failed[it.ID])
		}
		r.others("eu", false, map[ID]Trial{})
		if a := r.action(t, it.ID); a.Op != OpCreate || r.last(t).Failed[it.ID] != nil {
			t.Errorf("after it is noted no more, others plan %s (%s) and know of the failure %v", a.Op, a.Reason, r.last(t).Failed[it.ID])
		}
		r.others("eu", false, noted)
		r.fleet.clusters["eu"].do = acting.fleet.clusters["eu"].do
		r.others("eu", true, noted)
		time.Sleep(10 * time.Second)
		allQuiet()
		c = r.fleet.clusters["eu"]
		c.mu.Lock()
		defer c.mu.Unlock()
		if got := c.noted[it.ID]; got.Count < 2 {
			t.Errorf("who took over has counted to %d", got.Count)
		}
		go r.stop()
	})
}

// What others may start takes its share of what may be down at a time.
func TestOthersTakeTheirShare(t *testing.T) {
	plan := []Action{todo(OpUpdate, "us", "a"), todo(OpUpdate, "eu", "b")}
	for i := range plan {
		it := testItem(plan[i].ID.Cluster, plan[i].ID.Name)
		plan[i].Want, plan[i].Reason, plan[i].Digest = it, Changed, "now"
		plan[i].Have = Observed{Owner: "acme", State: Deployed, Health: Healthy, Digest: "before", ReadySince: time.Unix(1, 0)}
	}
	p, want, have := stage(plan...)
	want.Rollout.MaxUnavailable = 1
	if got := started(p, want, have); len(got) != 1 || got[0] != "update us/a" {
		t.Fatalf("where both are ours, %v starts", got)
	}
	us := have.Clusters["us"]
	us.Held = false
	have.Clusters["us"] = us
	if got := started(p, want, have); len(got) != 0 {
		t.Errorf("beside what another may start, %v starts", got)
	}
	want.Rollout.MaxUnavailable = 2
	if got := started(p, want, have); len(got) != 1 || got[0] != "update eu/b" {
		t.Errorf("where two may be down, %v starts", got)
	}
}

// What others take away counts in the limit on how much may go.
func TestWhatOthersTakeAwayCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "web")
		it.Release.Deletion = Uninstall
		it.Seal()
		r := newRig(it)
		r.start()
		time.Sleep(time.Minute)
		r.others("eu", false, nil)
		r.want("two", testItem("us", "other"))
		r.poke()
		if a := r.action(t, it.ID); a.Op != OpDelete {
			t.Fatalf("the plan is to %s it (%s: %s)", a.Op, a.Reason, a.Message)
		}
		r.fleet.clusters["eu"].edit(func(live *ClusterLive) { delete(live.Releases, it.ID) })
		gone := r.last(t).Live.Gone
		if len(gone) != 1 || gone[0].Commit != "two" {
			t.Errorf("what is gone: %+v", gone)
		}
		r.stop()
	})
}
