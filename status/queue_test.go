package status

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// What a cluster has to do is counted with how long the oldest of it has been where it is; what is held is not in the
// queue, and what is over leaves it.
func TestTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry, m := newMetrics(t)
		id := func(name string) reconcile.ID {
			return reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "coder", Name: name}
		}
		report := func(actions ...reconcile.Action) {
			m.Report(reconcile.Report{Live: reconcile.Live{At: time.Now()}, Plan: reconcile.Plan{
				Actions: actions, Clusters: []reconcile.ClusterState{{Name: "eu", Reachable: true}},
			}})
		}
		waits := func(name string) reconcile.Action {
			return reconcile.Action{ID: id(name), Op: reconcile.OpUpdate, Reason: reconcile.Changed, Digest: "b"}
		}
		holds := func(name string, reason reconcile.Reason) reconcile.Action {
			return reconcile.Action{ID: id(name), Op: reconcile.OpHold, Reason: reason}
		}
		want := func(lines ...string) {
			t.Helper()
			text := exposition(t, registry)
			for _, line := range lines {
				if !strings.Contains(text, "reconcile_"+line+"\n") {
					t.Errorf("there is no %s in\n%s", line, text)
				}
			}
		}
		report(waits("a"), waits("b"), holds("c", reconcile.Suspended))
		time.Sleep(time.Minute)
		report(waits("a"), holds("b", reconcile.IsLocked), holds("c", reconcile.Suspended), waits("d"))
		time.Sleep(time.Second)
		want(`queue_actions{cluster="eu",state="waiting"} 2`, `queue_actions{cluster="eu",state="working"} 1`,
			`queue_oldest_seconds{cluster="eu",state="waiting"} 61`, `queue_oldest_seconds{cluster="eu",state="working"} 1`)
		failed := waits("a")
		failed.Have.Tries, failed.Have.Tried = 1, "b"
		m.Done(reconcile.Outcome{Action: failed, Err: errors.New("again"), Took: 2 * time.Second})
		m.Done(reconcile.Outcome{Action: waits("b"), Took: 50 * time.Millisecond})
		report()
		want(`queue_actions{cluster="eu",state="waiting"} 0`, `queue_oldest_seconds{cluster="eu",state="working"} 0`,
			`retries_total{cluster="eu"} 1`, `action_duration_seconds_bucket{cluster="eu",le="0.1"} 1`, `action_duration_seconds_count{cluster="eu"} 2`)
	})
}
