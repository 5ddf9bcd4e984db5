package reconcile

import (
	"errors"
	"maps"
	"time"
)

// hear takes over what others noted of their failures in a cluster that we do not act on. Whoever comes to act on it
// goes on counting from there, and tries at once.
func (r *running) hear(cluster string, c ClusterLive, now time.Time) {
	if c.Trials == nil || r.heard[cluster] && c.Held {
		return
	}
	r.heard[cluster] = c.Held
	maps.DeleteFunc(r.tries, func(id ID, was attempt) bool {
		_, noted := c.Trials[id]
		return id.Cluster == cluster && was.count > 0 && !was.unseen && !noted && !c.Held
	})
	for id, t := range c.Trials {
		was, there := r.tries[id]
		if there && was.digest == t.Digest && was.count >= t.Count && c.Held {
			continue
		}
		was.digest, was.count, was.err, was.next = t.Digest, t.Count, errors.New(t.Err), time.Time{}
		if !c.Held && t.Next.Before(now.Add(longWait)) {
			was.next = t.Next
		}
		r.tries[id] = was
	}
}

// note has others know what failed in the clusters that we act on.
func (r *running) note(live Live) {
	if r.ReadOnly {
		return
	}
	for name, c := range live.Clusters {
		if c.Held && c.Trials != nil {
			r.Fleet.Cluster(name).Note(r.tries.of(name))
		}
	}
}

// of are the failures in one cluster that count still.
func (t attempts) of(cluster string) map[ID]Trial {
	out := map[ID]Trial{}
	for id, was := range t {
		if id.Cluster == cluster && was.count > 0 && was.err != nil {
			out[id] = Trial{Digest: was.digest, Count: was.count, Err: was.err.Error(), Next: was.next}
		}
	}
	return out
}
