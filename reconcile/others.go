package reconcile

import (
	"errors"
	"maps"
	"time"
)

// hear takes over what others noted of their failures in a cluster that we do not act on. Whoever comes to act on it
// goes on counting from there.
func (r *running) hear(cluster string, c ClusterLive, now time.Time) {
	if c.Trials == nil || r.heard[cluster] && c.Held {
		return
	}
	r.heard[cluster] = c.Held
	if !c.Held { // what we tried, when it was ours to, is over
		maps.DeleteFunc(r.tries, func(id ID, was attempt) bool {
			_, noted := c.Trials[id]
			return id.Cluster == cluster && was.count > 0 && !was.unseen && !noted
		})
	}
	for id, t := range c.Trials {
		if was := r.tries[id]; !c.Held || was.count == 0 {
			r.tries[id] = was.noted(t, c.Held, now)
		}
	}
}

// noted is an attempt as somebody else noted it. Who is to try again now does so at once.
func (a attempt) noted(t Trial, ours bool, now time.Time) attempt {
	a.digest, a.count, a.err, a.next = t.Digest, t.Count, errors.New(t.Err), time.Time{}
	if !ours && t.Next.Before(now.Add(longWait)) { // else their clock is not ours
		a.next = t.Next
	}
	return a
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

// leave notes what others may be taking away: deletions of the plan in clusters that we do not act on.
func (r *running) leave(p Plan, live Live) {
	for a := range p.each() {
		switch {
		case live.Clusters[a.ID.Cluster].Held, a.Op != OpHold && !takes(a.Op):
			delete(r.leaving, a.ID)
		case takes(a.Op) && a.weighs(r.want):
			r.leaving[a.ID] = *a
		}
	}
}

// miss notes what others took away, for the limit on how much may go: it counts whoever did it.
func (r *running) miss(cluster string, c ClusterLive, now time.Time) {
	if c.Held || !c.Reachable || !c.Looked {
		return
	}
	for id, a := range r.leaving {
		_, there := c.Releases[id]
		if id.Kind == KindAllowlist {
			_, there = c.Admissions[a.Provider].Organizations[a.Organization]
		}
		if id.Cluster == cluster && !there {
			r.gone = append(r.gone, Gone{a.Provider, a.Organization, a.Commit.SHA, now})
			delete(r.leaving, id)
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
