package reconcile

import "slices"

// Ready picks the actions of a plan that may start now, given what is in hand already: everything they
// come after is in place, their cluster may be acted on and has a worker free, and deletions wait until
// nothing else is left to do in their cluster.
func Ready(p Plan, want Desired, have Live) []Action {
	var out []Action
	t := tallyOf(p)
	for _, a := range p.Actions {
		c := have.Clusters[a.ID.Cluster]
		limit := max(1, want.Clusters[a.ID.Cluster].MaxConcurrent)
		takes := rank(a) > 0
		switch {
		case !a.Acts() || !c.Reachable || !c.Held || t.busy[a.ID.Cluster] >= limit:
			continue
		case takes && (t.giving[a.ID.Cluster] > 0 || t.busy[a.ID.Cluster] > 0):
			continue
		case slices.ContainsFunc(a.After, func(id ID) bool { return t.open[id] }):
			continue
		}
		t.busy[a.ID.Cluster]++
		out = append(out, a)
	}
	return out
}

// Acts says whether the action changes something.
func (a Action) Acts() bool { return a.Op != OpHold && a.Op != OpKeep }

// tally counts what a plan has going on.
type tally struct {
	busy   map[string]int // by cluster: releases that are being worked on
	giving map[string]int // by cluster: actions that are no deletions
	open   map[ID]bool    // what is not in place yet
}

func tallyOf(p Plan) tally {
	t := tally{busy: map[string]int{}, giving: map[string]int{}, open: map[ID]bool{}}
	for _, a := range p.Actions {
		t.open[a.ID] = a.Op != OpKeep
		switch {
		case a.Reason == IsLocked:
			t.busy[a.ID.Cluster]++
		case a.Acts() && rank(a) == 0:
			t.giving[a.ID.Cluster]++
		}
	}
	return t
}
