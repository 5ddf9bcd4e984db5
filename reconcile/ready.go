package reconcile

import (
	"math"
	"slices"
)

// workersInAll is how many actions may be at work at once in all clusters together, but for one in each. Each worker
// may do so many in turn before it is looked at again what is next: about as many as small ones get done while the
// loop rests in between.
const workersInAll, workerGoesOn = 32, 8

// Ready picks the actions of a plan that may start now, in order: everything they come after is in place,
// their cluster may be acted on and has a worker free, and not too much of their wave is down. Deletions wait
// until nothing else is left to do in their cluster, and go one at a time. What others may start, in clusters that
// they act on, is counted as if it were down already: they look at the same plan.
//
// Workers are shared out evenly among the clusters that have something to do, at least one to each. What a cluster
// may have does not depend on how many others use of theirs, nor for how long: one that does not answer keeps its
// own workers waiting, and nobody else's.
//
// next are those that may start, in turn, as soon as workers are free: all of them might as well be at work together
// with those that start now.
func Ready(p Plan, want Desired, have Live) (now, next []Action) {
	t := turn{
		want: want, have: have, open: p.open(), busy: inHand(have), giving: p.giving(),
		lost: outages(p, want, have), picked: map[ID]bool{},
	}
	t.share = max(1, workersInAll/max(1, t.atWork(p)))
	now = t.pick(p)
	t.ahead = true
	return now, t.pick(p)
}

// pick picks what may start beside what was picked before.
func (t *turn) pick(p Plan) []Action {
	var out []Action
	for a := range p.each() {
		if !a.Acts() || a.Waits != "" || !t.may(a) {
			continue
		}
		t.take(a)
		if t.have.Clusters[a.ID.Cluster].Held {
			out = append(out, *a)
		}
	}
	return out
}

// turn is what decides whether an action may start, while actions are picked.
type turn struct {
	want   Desired
	have   Live
	open   map[ID]bool
	busy   map[string]int // by cluster
	giving map[string]int // likewise
	share  int            // of the workers in all, for each cluster
	lost   outage
	picked map[ID]bool
	ahead  bool // what a worker does next is picked too, but for deletions
}

// atWork is how many clusters have something in hand, or something to do that does not wait for an earlier wave.
func (t *turn) atWork(p Plan) int {
	names := map[string]bool{}
	for name, n := range t.busy {
		names[name] = n > 0
	}
	for a := range p.each() {
		c := t.have.Clusters[a.ID.Cluster]
		names[a.ID.Cluster] = names[a.ID.Cluster] || a.Acts() && a.Waits == "" && c.Reachable && c.Held
	}
	working := 0
	for _, yes := range names {
		if yes {
			working++
		}
	}
	return working
}

func (t *turn) may(a *Action) bool {
	name := a.ID.Cluster
	c, limit := t.have.Clusters[name], t.want.Clusters[name].MaxConcurrent
	if c.Held {
		limit = min(t.share, limit) // others share out workers of their own
	}
	limit = max(1, limit)
	if t.ahead {
		limit *= workerGoesOn
	}
	switch {
	case t.picked[a.ID]:
		return false
	case !c.Reachable || t.busy[name] >= limit:
		return false
	case takes(a.Op) && (t.giving[name] > 0 || t.busy[name] > 0):
		return false
	case slices.ContainsFunc(a.After, func(id ID) bool { return t.open[id] }):
		return false
	}
	return !t.lowers(a) || !t.lost.full(a)
}

func (t *turn) take(a *Action) {
	t.picked[a.ID] = true
	t.busy[a.ID.Cluster]++
	if t.lowers(a) {
		t.lost.note(a)
	}
}

// lowers says whether an action takes down what serves people.
func (t *turn) lowers(a *Action) bool {
	return (a.rolls() || a.Op == OpRollback) && !a.down(t.have)
}

// Acts says whether the action changes something.
func (a *Action) Acts() bool { return a.Op != OpHold && a.Op != OpKeep }

// inHand counts, by cluster, the releases that are being worked on.
func inHand(have Live) map[string]int {
	out := map[string]int{}
	for name, c := range have.Clusters {
		for _, obs := range c.Releases {
			if obs.State == Locked {
				out[name]++
			}
		}
	}
	return out
}

// giving counts, by cluster, what is left to do but deletions. What waits for an earlier wave may wait for long,
// and is left out.
func (p Plan) giving() map[string]int {
	out := map[string]int{}
	for a := range p.each() {
		if a.Acts() && !takes(a.Op) && a.Waits == "" {
			out[a.ID.Cluster]++
		}
	}
	return out
}

// open is what is not in place yet: installed as declared, and well. What is not part of the plan keeps
// nobody waiting: where a plan is narrowed, nobody looks at it.
func (p Plan) open() map[ID]bool {
	out := map[ID]bool{}
	for a := range p.each() {
		out[a.ID] = a.Op != OpKeep || a.Reason == HasFailed
	}
	return out
}

// stuck are the actions that do not start before somebody has ended a hold or a failure that they come
// after.
func (p Plan) stuck() map[ID]bool {
	out := map[ID]bool{}
	for a := range p.each() {
		ended := a.Op == OpHold && (a.Class != Progress || a.Reason == BackingOff) || a.Op == OpKeep && a.Reason == HasFailed
		out[a.ID] = ended
	}
	for again := true; again; {
		again = false
		dead := p.deadWave(out)
		for a := range p.each() {
			behind := a.Waits != "" && dead < a.Wave
			if !out[a.ID] && (behind || slices.ContainsFunc(a.After, func(id ID) bool { return out[id] })) {
				out[a.ID], again = true, true
			}
		}
	}
	return out
}

// deadWave is the first wave that does not become Ready before somebody has ended something.
func (p Plan) deadWave(stuck map[ID]bool) int {
	first := math.MaxInt
	for a := range p.each() {
		if a.staged() && stuck[a.ID] {
			first = min(first, a.Wave)
		}
	}
	return first
}
