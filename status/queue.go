package status

import (
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// queueStates are where an action can be that has something to do: waiting for a worker, for what comes before it or
// for its wave, or in hand.
var queueStates = []string{"waiting", "working"}

// queued is an action in the queue of its cluster.
type queued struct {
	id    reconcile.ID
	state string
}

// queueState says where in the queue an action is; empty: it has nothing to do, or is held.
func queueState(a reconcile.Action) string {
	switch {
	case a.Acts():
		return "waiting"
	case a.Op == reconcile.OpHold && a.Reason == reconcile.IsLocked:
		return "working"
	}
	return ""
}

// watchQueue notes since when each action is where it is.
func (m *Metrics) watchQueue(r reconcile.Report) {
	next := map[queued]time.Time{}
	for _, a := range r.Plan.Actions {
		state := queueState(a)
		if state == "" {
			continue
		}
		key := queued{a.ID, state}
		since, there := m.queue[key]
		if !there {
			since = r.Live.At
		}
		next[key] = since
	}
	m.queue = next // replaced, never edited: a scrape may be reading it
}

// collectQueue tells how much each cluster has to do, and for how long the oldest of it has been where it is.
func collectQueue(gauge func(string, float64, ...string), clusters []reconcile.ClusterState, queue map[queued]time.Time) {
	type place struct{ cluster, state string }
	count, oldest := map[place]int{}, map[place]time.Duration{}
	for key, since := range queue {
		at := place{key.id.Cluster, key.state}
		count[at]++
		oldest[at] = max(oldest[at], time.Since(since))
	}
	for _, c := range clusters {
		for _, state := range queueStates {
			at := place{c.Name, state}
			gauge("queue_actions", float64(count[at]), c.Name, state)
			gauge("queue_oldest_seconds", oldest[at].Seconds(), c.Name, state)
		}
	}
}

// again says whether the same was tried before, and failed.
func again(a reconcile.Action) bool { return a.Have.Tries > 0 && a.Have.Tried == a.Digest }
